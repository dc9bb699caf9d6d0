//! Works on an instance that is due: timers that fired, and inputs that waited for an operator.

use super::{
    kind::Manager,
    run::{Input, RejectedCommit, append_of as step_of, decide},
    state::load,
};
use crate::{
    engine::{
        commit::{MAX_ATTEMPTS, append_of, contended, may_decide_again, pause_after, released},
        core::{Core, Stop},
        load::is_transient,
        unreadable::park_unreadable,
    },
    error::SagaError,
    log::{ProcessCause, ProcessOutcome, Stepped},
    trace,
};
use es_runtime::{Claimed, Commit, CommitError, CommitStore, WorkQueue};

/// Works on an instance until nothing is due, and releases it.
pub(crate) async fn work_on(
    core: &Core,
    manager: &dyn Manager,
    claimed: Claimed,
    stop: &Stop,
) -> Result<(), SagaError> {
    let instance = &claimed.instance;
    let mut attempt = 0;
    let mut rejected_commit: Option<RejectedCommit> = None;
    let mut did = false;
    loop {
        attempt += 1;
        let loaded = match load(&core.store, manager, instance).await {
            Ok(loaded) => loaded,
            Err(error) if is_transient(&error) => return Err(error.into()),
            Err(unreadable) => return park_unreadable(core, &claimed, unreadable).await,
        };
        let now = core.store.now().await?;
        let due = loaded.state.due(now).filter(|_| !stop.is_requested());
        let (appends, mut row) = match &due {
            Some(due) => {
                let input = Input::Due(due.clone());
                let decided = decide(
                    &core.store,
                    manager,
                    instance,
                    &input,
                    now,
                    &[],
                    rejected_commit.as_ref(),
                );
                // Another worker was first: load again.
                let decided = trace::due(instance.aggregate(), &loaded.metadata, decided);
                let Some(decided) = decided.await? else {
                    continue;
                };
                (decided.appends, decided.row)
            }
            None if loaded.version == 0 => return Ok(()),
            // It was time to look again at timers that were set while the clock was ahead.
            None if !did && !loaded.state.corrected_timers(now).is_empty() => {
                did = true;
                let mut state = loaded.state;
                let mut record = Stepped::new(ProcessCause::Clock {}, ProcessOutcome::Reacted {});
                record.timers = state.corrected_timers(now);
                state.apply(&record);
                let append = step_of(instance, loaded.version, &record, loaded.metadata)?;
                let mut row = state.row(instance, now);
                row.epoch = Some(claimed.epoch);
                let commit = Commit::new().append(append).work(row);
                match core.store.commit(commit).await {
                    Err(CommitError::Fenced { .. }) => return Ok(()),
                    Err(error) if !may_decide_again(&error) => return Err(error.into()),
                    _ => continue,
                }
            }
            // The commit compares the version, so an input that came meanwhile is not overwritten.
            None => (
                vec![append_of(
                    instance,
                    loaded.version,
                    &[],
                    loaded.metadata,
                    None,
                )?],
                released(loaded.state.row(instance, now)),
            ),
        };
        row.epoch = Some(claimed.epoch);
        let mut commit = Commit::new().work(row);
        commit.appends = appends;
        match core.store.commit(commit).await {
            Ok(_) if due.is_none() => return Ok(()),
            Ok(_) => (attempt, rejected_commit, did) = (0, None, true),
            // Another worker has the lease.
            Err(CommitError::Fenced { .. }) => return Ok(()),
            Err(error) if may_decide_again(&error) && attempt < MAX_ATTEMPTS => {
                pause_after(&error, attempt).await;
            }
            Err(error) => match RejectedCommit::after(&error, rejected_commit.as_ref()) {
                None => return Err(contended(instance, attempt, error)),
                again => rejected_commit = again,
            },
        }
    }
}
