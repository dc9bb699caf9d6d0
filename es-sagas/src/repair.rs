//! What operators see and do. Everything that they do is an event with who and why.

use super::{
    EventSkipped, ParkedWhy, SagaError, SagaEvent, SagaState, Sagas, Verb,
    commit::{append_of, decide_unheld, info_for, put_row},
    load::{decode, load, may_pass, row_of},
    names::{UNREADABLE, category, stream_of},
    runner::Core,
};
use es_runtime::{
    AppendId, EventId, ExpectedVersion, Metadata, Position, ReadLimit, StreamId, StreamRange,
    Timestamp,
};
use es_runtime::{Commit, CommitError, CursorMove, WorkFilter, WorkItem, WorkQueue, WorkStatus};

/// One saga in full, for operators.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SagaView {
    /// Its stream.
    pub instance: StreamId,
    /// Its row, `None` when there is none.
    pub row: Option<WorkItem>,
    /// Where it stands.
    pub state: SagaState,
    /// Everything that happened, in order, with the time.
    pub history: Vec<(Timestamp, SagaEvent)>,
    /// Where it stands as a Mermaid flowchart, `None` when this program does not know its definition.
    pub mermaid: Option<String>,
}

impl<S: WorkQueue> Sagas<S> {
    /// The rows of sagas: of one name or of all that are registered, with one status or with any.
    /// 1,000 at most; go on after the last one.
    ///
    /// # Errors
    /// [`SagaError::Read`] when the store cannot be read.
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn list(
        &self,
        saga: Option<&str>,
        status: Option<WorkStatus>,
        after: Option<StreamId>,
    ) -> Result<Vec<WorkItem>, SagaError> {
        let sagas = saga.map_or_else(|| self.core.categories(), |saga| vec![category(saga)]);
        let mut filter = WorkFilter::of(sagas);
        filter.status = status;
        filter.after = after;
        Ok(self.core.store.work_items(&filter).await?)
    }

    /// One saga in full.
    ///
    /// # Errors
    /// [`SagaError::NotNow`] when there is no such saga, or it is a process manager, [`SagaError::Load`] or [`SagaError::Read`]
    /// when it cannot be read.
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn show(&self, saga: &str, id: &str) -> Result<SagaView, SagaError> {
        let store = &self.core.store;
        let instance = stream_of(saga, id)?;
        if self.core.manager(instance.aggregate()).is_some() {
            return Err(SagaError::NotNow {
                instance,
                reason: "it is a process manager; `show_process` shows it".to_owned(),
            });
        }
        let mut history = Vec::new();
        let mut state = SagaState::default();
        let mut after = 0;
        loop {
            let range = StreamRange::forward(after);
            let page = store
                .read_stream(&instance, range, ReadLimit::default())
                .await?;
            let Some(last) = page.last() else { break };
            after = last.version;
            for recorded in &page {
                let event = decode(recorded)?;
                state.apply(&event);
                history.push((recorded.recorded_at, event));
            }
        }
        let Some(started) = &state.started else {
            return Err(SagaError::NotNow {
                instance,
                reason: "there is no such saga".to_owned(),
            });
        };
        let kind = self
            .core
            .pinned(instance.aggregate(), started.version, &started.hash);
        let mermaid = kind.map(|kind| super::mermaid::diagram(kind.info(), Some(&state)));
        let row = row_of(store, &instance).await?;
        Ok(SagaView {
            instance,
            row,
            state,
            history,
            mermaid,
        })
    }

    /// Begins a saga without an event. The request's id makes it repeatable; a second start of one saga
    /// under another id is a no-op.
    ///
    /// # Errors
    /// [`SagaError`]; its [`outcome`](SagaError::outcome) says whether something was written.
    ///
    /// # Cancel safety
    /// It has begun or not, never half. Ask again under the same id.
    pub async fn begin<T: super::Saga>(
        &self,
        start: super::Start<T>,
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
        decide_unheld(&self.core, &instance, Some(request), &metadata, |draft| {
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
            return super::process::repair(core, manager, &instance, &verb, by, reason).await;
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
        decide_unheld(core, &instance, once, &metadata, |draft| {
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

    /// A saga's definition as a Mermaid flowchart, `None` when it is not registered.
    pub fn mermaid(&self, saga: &str) -> Option<String> {
        let kind = self.core.newest(&category(saga))?;
        Some(super::mermaid::diagram(kind.info(), None))
    }
}

/// Sagas that were parked because no program knew their definition, or could read their stream, go on when
/// this one does.
pub(crate) async fn resume_known<S: WorkQueue>(core: &Core<S>) -> Result<(), SagaError> {
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
                    super::process::resume(core, manager, &row.instance).await?;
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
            let resumed = decide_unheld(core, &row.instance, None, &metadata, |draft| {
                let why = draft.state.parked.as_ref().map(|(why, _)| why);
                if matches!(why, Some(ParkedWhy::UnknownDefinition {})) && draft.info.known {
                    let by = core.owner.as_str();
                    let verb = Verb::Resume {};
                    let repaired = draft.repair(&verb, by, "this program knows its definition");
                    // Nothing of it can be rejected here; if it were, it would stay parked.
                    let _ = repaired;
                }
                Ok(())
            })
            .await;
            // The store cannot be asked; otherwise this one stays parked, and the others go on.
            if let Err(
                error @ (SagaError::Read(_) | SagaError::Storage(_) | SagaError::Commit(_)),
            ) = resumed
            {
                return Err(error);
            }
        }
    }
}

/// Gives a row that says that its stream cannot be read the words of the stream again, if it can be read now.
async fn read_again<S: WorkQueue>(core: &Core<S>, instance: &StreamId) -> Result<(), SagaError> {
    let loaded = match load(&core.store, instance).await {
        Ok(loaded) => loaded,
        Err(error) if may_pass(&error) => return Err(error.into()),
        Err(_) => return Ok(()),
    };
    let Some(info) = info_for(core, instance, &loaded) else {
        return Ok(());
    };
    let (space, now) = (core.space().await?, core.store.now().await?);
    let row = loaded.draft(instance, &info, &space, now).row();
    put_row(core, instance, loaded.version, row).await
}
