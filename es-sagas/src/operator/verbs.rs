//! What operators see and do. Everything that they do is an event with who and why.

use crate::{
    definition::{Saga, Start},
    engine::{
        Sagas,
        commit::{append_of, decide_without_lease},
        load::load,
    },
    error::SagaError,
    log::{EventSkipped, SagaEvent, Verb},
    names::{category, stream_of},
    process,
};
use es_runtime::{
    AppendId, Commit, CommitError, CursorMove, EventId, ExpectedVersion, Metadata, Position,
    ReadLimit, StreamId, WorkItem, WorkQueue, WorkStatus,
};

impl<S: WorkQueue> Sagas<S> {
    /// Begins a saga without an event. The request's id makes it repeatable; a second start of one saga
    /// under another id is a no-op.
    ///
    /// # Errors
    /// [`SagaError`]; its [`outcome`](SagaError::outcome) says whether something was written.
    ///
    /// # Cancel safety
    /// It has begun or not, never half. Ask again under the same id.
    pub async fn begin<T: Saga>(
        &self,
        start: Start<T>,
        request: AppendId,
        metadata: Metadata,
    ) -> Result<(), SagaError> {
        self.check()?;
        let instance = stream_of(T::NAME, &start.id)?;
        let input = serde_json::to_value(&start.saga).map_err(|e| SagaError::Input {
            saga: T::NAME.to_owned(),
            reason: e.to_string(),
        })?;
        if self.core.live(instance.aggregate()).is_none() {
            let known = self.core.newest(instance.aggregate()).is_some();
            return Err(if known {
                SagaError::NotNow {
                    instance,
                    reason: "its definition is frozen: it starts nothing any more".to_owned(),
                }
            } else {
                SagaError::NotRegistered {
                    saga: T::NAME.to_owned(),
                }
            });
        }
        decide_without_lease(&self.core, &instance, Some(request), &metadata, |draft| {
            draft.start(input.clone(), None);
            Ok(())
        })
        .await
    }

    /// An operator steps in: `by` says who, `reason` why; both are stored.
    ///
    /// - [`Verb::Retry`]: what failed is tried again, with all of its attempts.
    /// - [`Verb::Skip`]: the step, or the undo, that it is at counts as done without a call.
    /// - [`Verb::CompleteWith`]: the step that it is at counts as done, with this output.
    /// - [`Verb::Unwind`]: everything is undone; not past the pivot.
    /// - [`Verb::Abandon`]: it ends as it is.
    ///
    /// Of a process manager, `Retry` reacts again to the input that it is parked at, `Skip` goes on
    /// without it, and `Abandon` ends it.
    ///
    /// # Errors
    /// [`SagaError::NotNow`] when that cannot be done with it now. Otherwise [`SagaError`]; its
    /// [`outcome`](SagaError::outcome) says whether something was written.
    ///
    /// # Cancel safety
    /// It is done or not, never half; [`show`](Sagas::show) says.
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
        let core = &self.core;
        if let Some(manager) = core.manager(instance.aggregate()) {
            return process::repair(core, manager, &instance, &verb, by, reason).await;
        }
        if let Verb::CompleteWith { step, output } = &verb {
            let loaded = load(&core.store, &instance).await?;
            let started = loaded.state.started.as_ref();
            let kind = started.and_then(|s| core.pinned(instance.aggregate(), s.version, &s.hash));
            if let Some(kind) = kind {
                let fits = kind.check_output(step, output);
                fits.map_err(|why| SagaError::NotNow {
                    instance: instance.clone(),
                    reason: format!("the value does not fit the step's output: {why}"),
                })?;
            }
        }
        if matches!(verb, Verb::Resume {}) {
            return Err(SagaError::NotNow {
                instance,
                reason: "`resume` is the runner's own word; say `retry`".to_owned(),
            });
        }
        let metadata = Metadata::new().with_user(by);
        // Where the answer of a commit is lost it is found by this, and not decided once more.
        let once = Some(AppendId::from(EventId::new()));
        decide_without_lease(core, &instance, once, &metadata, |draft| {
            let decided = draft.repair(&verb, by, reason);
            decided.map_err(|reason| SagaError::NotNow {
                instance: instance.clone(),
                reason,
            })
        })
        .await
    }

    /// Tries all parked sagas of a name again that `choose` picks. Gives how many it were; those that
    /// cannot be tried again now are passed over.
    ///
    /// # Errors
    /// [`SagaError`] for the first one at which the store fails; those before it go on.
    ///
    /// # Cancel safety
    /// Some of them may have been done.
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

    /// Has the input of a saga, or of a process manager, go on behind the event that it stands at: one that
    /// cannot be read ([`SagaError::Event`], [`stalled`](Sagas::stalled)). What the event would have brought
    /// about does not happen. Who and why is stored in the stream `saga-input/<saga>`.
    ///
    /// # Errors
    /// [`SagaError::NotNow`] when that is not the next event of its input. Otherwise [`SagaError`]; its
    /// [`outcome`](SagaError::outcome) says whether something was written.
    ///
    /// # Cancel safety
    /// It is done or not, never half.
    pub async fn skip_event(
        &self,
        saga: &str,
        position: Position,
        by: &str,
        reason: &str,
    ) -> Result<(), SagaError> {
        self.check()?;
        let (core, category) = (&self.core, category(saga));
        let record = StreamId::new("saga-input", saga)?;
        let filter = match (core.manager(&category), core.newest(&category)) {
            (Some(manager), _) => manager.filter(),
            (None, Some(kind)) => kind.filter(),
            (None, None) => {
                return Err(SagaError::NotRegistered {
                    saga: saga.to_owned(),
                });
            }
        };
        let cursor = core.store.cursor(&category).await?;
        let from = cursor.unwrap_or(Position::START);
        let page = core.store.read_feed(from, &filter, ReadLimit::events(1));
        let next = page.await?.events.into_iter().next();
        let not_now = |reason: String| SagaError::NotNow {
            instance: record.clone(),
            reason,
        };
        let event = match next {
            Some(event) if event.position == position => event,
            Some(other) => {
                return Err(not_now(format!(
                    "the next event is that at {}",
                    other.position
                )));
            }
            None => return Err(not_now("there is no event to come".to_owned())),
        };
        let skipped = SagaEvent::from(EventSkipped {
            event: event.event_id,
            name: event.name.to_string(),
            by: by.to_owned(),
            reason: reason.to_owned(),
        });
        let metadata = Metadata::following(&event).with_user(by);
        let mut append = append_of(&record, 0, &[skipped], metadata, None)?;
        append.expected = ExpectedVersion::Any;
        let commit = Commit::new()
            .append(append)
            .cursor(CursorMove::new(category, cursor, position));
        match core.store.commit(commit).await {
            Ok(_) => Ok(()),
            Err(CommitError::CursorMoved { .. }) => {
                Err(not_now("its input went on meanwhile".to_owned()))
            }
            Err(error) => Err(error.into()),
        }
    }
}
