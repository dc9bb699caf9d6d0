//! Instances whose stream this program cannot read.

use super::{commit::released, core::Core, load::row_of};
use crate::{error::SagaError, names::UNREADABLE};
use es_runtime::{
    Claimed, Commit, CommitError, LoadError, StreamId, WorkChange, WorkQueue, WorkStatus,
};

/// The work item of an instance whose stream cannot be read. Only the work item says that it is parked.
pub(crate) async fn unreadable_row<S: WorkQueue>(
    core: &Core<S>,
    instance: &StreamId,
    why: &LoadError,
) -> Result<WorkChange, SagaError> {
    let row = row_of(&core.store, instance).await?;
    let definition = row.map(|row| row.definition);
    let mut row = WorkChange::new(instance.clone(), definition.unwrap_or_default());
    row.status = WorkStatus::Parked;
    UNREADABLE.clone_into(&mut row.phase);
    row.reason = Some(why.to_string());
    Ok(row)
}

/// Parks an instance whose stream cannot be read, by its work item alone.
pub(crate) async fn park_unreadable<S: WorkQueue>(
    core: &Core<S>,
    claimed: &Claimed,
    error: LoadError,
) -> Result<(), SagaError> {
    let mut row = unreadable_row(core, &claimed.instance, &error).await?;
    row.epoch = Some(claimed.epoch);
    match core.store.commit(Commit::new().work(released(row))).await {
        Ok(_) | Err(CommitError::Fenced { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
