//! Instances whose stream this program cannot read.

use super::{commit::released, core::Core, load::row_of};
use crate::{
    error::SagaError,
    names::{ABANDONED, UNREADABLE},
};
use es_runtime::{
    Append, Claimed, Commit, CommitError, CommitStore, ExpectedVersion, LoadError, StreamId,
    WorkChange, WorkStatus,
};

/// The work item of an instance whose stream cannot be read. Only the work item says that it is parked.
pub(crate) async fn unreadable_row(
    core: &Core,
    instance: &StreamId,
    why: &LoadError,
) -> Result<WorkChange, SagaError> {
    let known = row_of(&core.store, instance).await?;
    let definition = known.as_ref().map(|known| known.definition.clone());
    let mut row = WorkChange::new(instance.clone(), definition.unwrap_or_default());
    match known {
        // An operator abandoned it.
        Some(ended) if ended.status == WorkStatus::Done => {
            row.status = ended.status;
            row.phase = ended.phase;
            row.reason = ended.reason;
        }
        _ => {
            row.status = WorkStatus::Parked;
            UNREADABLE.clone_into(&mut row.phase);
            row.reason = Some(why.to_string());
        }
    }
    Ok(row)
}

/// Ends an instance whose stream cannot be read, as an operator asks. `append` is the record of that. A program
/// that can read the stream finds the record.
pub(crate) async fn abandon_unreadable(
    core: &Core,
    mut append: Append,
    reason: &str,
) -> Result<(), SagaError> {
    let instance = append.stream.clone();
    let known = row_of(&core.store, &instance).await?;
    if known
        .as_ref()
        .is_some_and(|known| known.status == WorkStatus::Done)
    {
        return Err(SagaError::NotNow {
            instance,
            reason: "it has ended".to_owned(),
        });
    }
    let definition = known.map(|known| known.definition).unwrap_or_default();
    let mut row = WorkChange::new(instance, definition);
    row.status = WorkStatus::Done;
    ABANDONED.clone_into(&mut row.phase);
    row.reason = Some(reason.to_owned());
    append.expected = ExpectedVersion::Any;
    core.store
        .commit(Commit::new().append(append).work(released(row)))
        .await?;
    Ok(())
}

/// Parks an instance whose stream cannot be read, by its work item alone.
pub(crate) async fn park_unreadable(
    core: &Core,
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
