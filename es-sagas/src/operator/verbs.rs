//! Starts and repairs by operators.

use crate::{
    definition::{Saga, Start, proven},
    engine::{
        Sagas,
        commit::{append_of, decide_without_lease},
        core::{BoxFuture, Core},
        load::{is_transient, load},
        unreadable::abandon_unreadable,
    },
    error::SagaError,
    log::{Repaired, SagaEvent, Verb},
    names::stream_of,
    process,
};
use es_runtime::{AppendId, EventId, Metadata, StreamId, WorkItem, WorkStatus};
use serde_json::Value;

impl Sagas {
    /// Starts a saga without an event.
    ///
    /// The id of the request makes the call repeatable. A second start of the same saga with another request id
    /// changes nothing.
    ///
    /// # Errors
    /// [`SagaError`]; its [`outcome`](SagaError::outcome) says whether something was written.
    ///
    /// # Cancel safety
    /// The saga has started or not. Call again with the same request id.
    pub async fn begin<T: Saga>(
        &self,
        start: Start<T>,
        request: AppendId,
        metadata: Metadata,
    ) -> Result<(), SagaError> {
        self.check()?;
        let instance = stream_of(T::NAME, &start.id)?;
        let input = proven(&start.saga).map_err(|reason| SagaError::Input {
            saga: T::NAME.to_owned(),
            reason,
        })?;
        begin(&self.core, T::NAME, instance, input, request, metadata).await
    }

    /// Repairs an instance. `by` is the operator, and `reason` is the reason. Both are stored.
    ///
    /// - [`Verb::Retry`] retries what failed, with a fresh number of attempts.
    /// - [`Verb::Skip`] counts the current step or undo as done, without a call.
    /// - [`Verb::CompleteWith`] counts the current step as done, with this output.
    /// - [`Verb::Unwind`] undoes everything. It is not possible after the pivot.
    /// - [`Verb::Abandon`] ends the saga as it is.
    /// - [`Verb::TakeOver`] ends the lease of its worker, and lets times that were set while the clock was ahead
    ///   begin anew.
    ///
    /// An instance whose stream cannot be read can only be abandoned.
    ///
    /// For a process manager, `Retry` reacts again to the input at which it is parked, `Skip` skips that input,
    /// `Abandon` ends the instance, and `TakeOver` does the same as for a saga.
    ///
    /// # Errors
    /// [`SagaError::NotNow`] when the repair is not possible in the current state, [`SagaError::Load`] when the
    /// stream cannot be read and the verb is not `Abandon`. For other errors, [`outcome`](SagaError::outcome) says
    /// whether something was written.
    ///
    /// # Cancel safety
    /// The repair is stored or not. [`show`](Sagas::show) tells which.
    pub async fn repair(
        &self,
        saga: &str,
        id: &str,
        verb: Verb,
        by: &str,
        reason: &str,
    ) -> Result<(), SagaError> {
        self.check()?;
        let instance = stream_of(saga, id)?;
        repair(&self.core, instance, verb, by, reason).await
    }

    /// Retries all parked sagas of a name that `choose` selects, and returns how many. Sagas that cannot be
    /// retried now are left out.
    ///
    /// # Errors
    /// [`SagaError`] for the first failure of the store. The sagas before it are retried.
    ///
    /// # Cancel safety
    /// Some of the sagas may be retried.
    pub async fn retry_all(
        &self,
        saga: &str,
        by: &str,
        reason: &str,
        mut choose: impl FnMut(&WorkItem) -> bool,
    ) -> Result<u64, SagaError> {
        let mut count = 0;
        let mut after = None;
        loop {
            let rows = self
                .list(Some(saga), Some(WorkStatus::Parked), after)
                .await?;
            let Some(last) = rows.last() else {
                return Ok(count);
            };
            after = Some(last.instance.clone());
            for row in rows.iter().filter(|row| choose(row)) {
                let verb = Verb::Retry {};
                let id = row.instance.id();
                match self.repair(saga, id, verb, by, reason).await {
                    Ok(()) => count += 1,
                    Err(SagaError::NotNow { .. } | SagaError::Load(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
}

/// Starts an instance with this input.
fn begin<'a>(
    core: &'a Core,
    name: &'static str,
    instance: StreamId,
    input: Value,
    request: AppendId,
    metadata: Metadata,
) -> BoxFuture<'a, Result<(), SagaError>> {
    Box::pin(async move {
        if core.live(instance.aggregate()).is_none() {
            let known = core.newest(instance.aggregate()).is_some();
            return Err(if known {
                SagaError::NotNow {
                    instance,
                    reason: "its definition is frozen, so it starts no new sagas".to_owned(),
                }
            } else {
                SagaError::NotRegistered {
                    saga: name.to_owned(),
                }
            });
        }
        decide_without_lease(core, &instance, Some(request), &metadata, |draft| {
            draft.start(input.clone(), None);
            Ok(())
        })
        .await
    })
}

/// Repairs an instance of a saga or a process manager.
fn repair<'a>(
    core: &'a Core,
    instance: StreamId,
    verb: Verb,
    by: &'a str,
    reason: &'a str,
) -> BoxFuture<'a, Result<(), SagaError>> {
    Box::pin(async move {
        if let Some(manager) = core.manager(instance.aggregate()) {
            return process::repair(core, manager, &instance, &verb, by, reason).await;
        }
        if let Verb::CompleteWith { step, output } = &verb {
            let loaded = load(&core.store, &instance).await?;
            let started = loaded.state.started.as_ref();
            let definition =
                started.and_then(|s| core.pinned(instance.aggregate(), s.version, &s.hash));
            if let Some(definition) = definition {
                let fits = definition.check_output(step, output);
                fits.map_err(|why| SagaError::NotNow {
                    instance: instance.clone(),
                    reason: format!("the value does not fit the output type of the step: {why}"),
                })?;
            }
        }
        if matches!(verb, Verb::Resume {}) {
            return Err(SagaError::NotNow {
                instance,
                reason: "`resume` is only for the runner; use `retry`".to_owned(),
            });
        }
        let metadata = Metadata::new().with_user(by);
        // When the response to a commit is lost, this id finds it, and the repair is not decided again.
        let once = Some(AppendId::from(EventId::new()));
        let done = decide_without_lease(core, &instance, once.clone(), &metadata, |draft| {
            let decided = draft.repair(&verb, by, reason);
            decided.map_err(|reason| SagaError::NotNow {
                instance: instance.clone(),
                reason,
            })
        })
        .await;
        match done {
            // Whether it is a saga at all is known only for a saga that is registered.
            Err(SagaError::Load(error))
                if verb == (Verb::Abandon {})
                    && !is_transient(&error)
                    && core.newest(instance.aggregate()).is_some() =>
            {
                let record = SagaEvent::from(Repaired {
                    verb,
                    by: by.to_owned(),
                    reason: reason.to_owned(),
                });
                let append = append_of(&instance, 0, &[record], metadata, once)?;
                abandon_unreadable(core, append, reason).await
            }
            done => done,
        }
    })
}
