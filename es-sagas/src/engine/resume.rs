//! Resumes sagas that another program parked and that this program can run.

use super::{
    commit::{decide_without_lease, info_for, put_row, released},
    core::Core,
    load::{is_transient, load},
};
use crate::{
    error::SagaError,
    log::{ParkedWhy, Verb},
    names::UNREADABLE,
    process,
};
use es_runtime::{Metadata, StreamId, WorkChange, WorkFilter, WorkQueue, WorkStatus};

/// Resumes sagas that were parked because a program did not have their definition or could not read their
/// stream, if this program can.
pub(crate) async fn resume_known(core: &Core) -> Result<(), SagaError> {
    let mut filter = WorkFilter::of(core.categories());
    filter.status = Some(WorkStatus::Parked);
    loop {
        let rows = core.store.work_items(&filter).await?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        filter.after = Some(last.instance.clone());
        for row in &rows {
            let Some((version, hash)) = row.definition.split_once(':') else {
                continue;
            };
            let category = row.instance.aggregate();
            let version = version.parse().unwrap_or(0);
            let is_manager = core.manager(category).is_some();
            if !is_manager && core.pinned(category, version, hash).is_none() {
                continue;
            }
            if row.phase == UNREADABLE {
                read_again(core, &row.instance).await?;
                continue;
            }
            // Only sagas are parked for their definition.
            if is_manager {
                continue;
            }
            let metadata = Metadata::new();
            let resumed = decide_without_lease(core, &row.instance, None, &metadata, |draft| {
                let why = draft.state.parked.as_ref().map(|(why, _)| why);
                if matches!(why, Some(ParkedWhy::UnknownDefinition {})) && draft.info.known {
                    let by = core.owner.as_str();
                    let verb = Verb::Resume {};
                    let repaired = draft.repair(&verb, by, "this program has its definition");
                    // A rejected repair leaves the saga parked.
                    let _ = repaired;
                }
                Ok(())
            })
            .await;
            // Only a failure of the store ends the loop. Otherwise this saga stays parked.
            if let Err(
                error @ (SagaError::Read(_) | SagaError::Storage(_) | SagaError::Commit(_)),
            ) = resumed
            {
                return Err(error);
            }
        }
    }
}

/// The version of the stream of an instance, with the work item that belongs to its state. `None` where no definition of
/// this program says what a saga that has not started is.
pub(crate) async fn row_of_state(
    core: &Core,
    instance: &StreamId,
) -> Result<Option<(u64, WorkChange)>, SagaError> {
    if let Some(manager) = core.manager(instance.aggregate()) {
        let found = process::row_of_state(core, manager, instance).await?;
        return Ok(Some(found));
    }
    let loaded = load(&core.store, instance).await?;
    let Some(info) = info_for(core, instance, &loaded) else {
        return Ok(None);
    };
    let (space, now) = (core.space().await?, core.store.now().await?);
    let row = loaded.draft(instance, &info, &space, now).row();
    Ok(Some((loaded.version, row)))
}

/// Writes a work item anew and ends its lease, if the stream can be read.
pub(super) async fn read_again(core: &Core, instance: &StreamId) -> Result<(), SagaError> {
    match row_of_state(core, instance).await {
        Ok(Some((version, row))) => put_row(core, instance, version, released(row)).await,
        Ok(None) => Ok(()),
        Err(SagaError::Load(error)) if !is_transient(&error) => Ok(()),
        Err(error) => Err(error),
    }
}
