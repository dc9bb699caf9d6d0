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
use es_runtime::{Metadata, StreamId, WorkFilter, WorkQueue, WorkStatus};

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
            if let Some(manager) = core.manager(category) {
                if row.phase == UNREADABLE {
                    process::resume(core, manager, &row.instance).await?;
                }
                continue;
            }
            if core.pinned(category, version, hash).is_none() {
                continue;
            }
            if row.phase == UNREADABLE {
                read_again(core, &row.instance).await?;
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

/// Writes a work item anew and ends its lease, if the stream can be read.
pub(super) async fn read_again(core: &Core, instance: &StreamId) -> Result<(), SagaError> {
    let loaded = match load(&core.store, instance).await {
        Ok(loaded) => loaded,
        Err(error) if is_transient(&error) => return Err(error.into()),
        Err(_) => return Ok(()),
    };
    let Some(info) = info_for(core, instance, &loaded) else {
        return Ok(());
    };
    let (space, now) = (core.space().await?, core.store.now().await?);
    let row = loaded.draft(instance, &info, &space, now).row();
    put_row(core, instance, loaded.version, released(row)).await
}
