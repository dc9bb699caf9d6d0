//! Repairs of process managers.

use super::{
    kind::Manager,
    run::append_of,
    state::{SKIP, load},
};
use crate::{
    engine::{
        commit::{MAX_ATTEMPTS, contended, may_decide_again, pause_after},
        core::Core,
        load::is_transient,
        unreadable::abandon_unreadable,
    },
    error::SagaError,
    log::{ProcessCause, ProcessOutcome, Stepped, Verb},
};
use es_runtime::{Commit, CommitStore, Metadata, StreamId, WorkChange, WorkQueue};

/// Carries out a repair.
pub(crate) async fn repair(
    core: &Core,
    manager: &dyn Manager,
    instance: &StreamId,
    verb: &Verb,
    by: &str,
    reason: &str,
) -> Result<(), SagaError> {
    let reject = |reason: String| SagaError::NotNow {
        instance: instance.clone(),
        reason,
    };
    let mut attempt = 0;
    loop {
        attempt += 1;
        let loaded = match load(&core.store, manager, instance).await {
            Err(error) if *verb == (Verb::Abandon {}) && !is_transient(&error) => {
                let step = repaired(verb, by, reason);
                let append = append_of(instance, 0, &step, Metadata::new().with_user(by))?;
                return abandon_unreadable(core, append, reason).await;
            }
            loaded => loaded?,
        };
        let mut state = loaded.state;
        if loaded.version == 0 || state.ended {
            return Err(reject(
                "there is no such instance, or it has ended".to_owned(),
            ));
        }
        match (verb, state.waiting.front()) {
            (Verb::Retry {} | Verb::Skip { .. }, _) if state.parked.is_none() => {
                return Err(reject("it is not parked".to_owned()));
            }
            (Verb::Retry {} | Verb::Abandon {} | Verb::TakeOver {}, _) => {}
            (Verb::Skip { step }, Some(first)) if first.name() == step => {}
            (Verb::Skip { step }, first) => {
                let at = first.map_or("nothing", ProcessCause::name);
                return Err(reject(format!("it is parked at `{at}`, not at `{step}`")));
            }
            (other, _) => {
                let name = other.name();
                return Err(reject(format!(
                    "`{name}` does not apply to process managers"
                )));
            }
        }
        let mut step = repaired(verb, by, reason);
        let now = core.store.now().await?;
        if *verb == (Verb::TakeOver {}) {
            step.timers = state.corrected_timers(now);
        }
        debug_assert_eq!(step.cause.name() == SKIP, matches!(verb, Verb::Skip { .. }));
        state.apply(&step);
        let metadata: Metadata = loaded.metadata.with_user(by);
        let mut row = state.row(instance, now);
        row.release = *verb == (Verb::TakeOver {});
        let commit = Commit::new()
            .append(append_of(instance, loaded.version, &step, metadata)?)
            .work(row);
        match core.store.commit(commit).await {
            Ok(_) => return Ok(()),
            Err(error) if may_decide_again(&error) && attempt < MAX_ATTEMPTS => {
                pause_after(&error, attempt).await;
            }
            Err(error) => return Err(contended(instance, attempt, error)),
        }
    }
}

/// The record of a repair.
fn repaired(verb: &Verb, by: &str, reason: &str) -> Stepped {
    let cause = ProcessCause::Operator {
        verb: verb.name().to_owned(),
        by: by.to_owned(),
        reason: reason.to_owned(),
    };
    let mut step = Stepped::new(cause, ProcessOutcome::Repaired {});
    step.ended = matches!(verb, Verb::Abandon {});
    step
}

/// The version of the stream of an instance, with the work item that belongs to its state.
pub(crate) async fn row_of_state(
    core: &Core,
    manager: &dyn Manager,
    instance: &StreamId,
) -> Result<(u64, WorkChange), SagaError> {
    let loaded = load(&core.store, manager, instance).await?;
    let now = core.store.now().await?;
    Ok((loaded.version, loaded.state.row(instance, now)))
}
