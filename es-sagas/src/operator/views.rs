//! What operators see of sagas and process managers.

use crate::{
    definition::diagram,
    engine::{
        Sagas,
        load::{decode, row_of},
    },
    error::SagaError,
    log::{STEPPED, SagaEvent, Stepped},
    names::{category, inputs_of, stream_of},
    process::{ProcessState, decode_step},
    state::SagaState,
};
use es_runtime::{
    EventStore, ReadLimit, StreamId, StreamRange, Timestamp, WorkFilter, WorkItem, WorkQueue,
    WorkStatus,
};
use std::ops::Deref;

/// One saga with its history, for operators.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SagaView {
    /// The stream of the saga.
    pub instance: StreamId,
    /// The work item, `None` when there is none.
    pub row: Option<WorkItem>,
    /// The current state.
    pub state: SagaState,
    /// All events in order, with the time at which they were recorded.
    pub history: Vec<(Timestamp, SagaEvent)>,
    /// A Mermaid flowchart of the progress, `None` when this program does not have the definition.
    pub mermaid: Option<String>,
}

/// One instance of a process manager with its history, for operators.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProcessView {
    /// The stream of the instance. It also has the events of the process manager itself.
    pub instance: StreamId,
    /// The work item, `None` when there is none.
    pub row: Option<WorkItem>,
    /// The current state, apart from the state of the process manager itself.
    pub state: ProcessState,
    /// All inputs with their outcome, in order, with the time at which they were recorded.
    pub history: Vec<(Timestamp, Stepped)>,
}

/// A page of work items. It is used like a slice of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkPage {
    /// The work items, ordered by saga and id.
    pub items: Vec<WorkItem>,
    /// The last instance of the page when there are more, `None` otherwise. It is the `after` of the next page.
    pub next: Option<StreamId>,
}

impl Deref for WorkPage {
    type Target = [WorkItem];

    fn deref(&self) -> &[WorkItem] {
        &self.items
    }
}

impl IntoIterator for WorkPage {
    type Item = WorkItem;
    type IntoIter = std::vec::IntoIter<WorkItem>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a> IntoIterator for &'a WorkPage {
    type Item = &'a WorkItem;
    type IntoIter = std::slice::Iter<'a, WorkItem>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

/// How many instances there are, by status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkCounts {
    /// Instances that continue, now or later.
    pub running: u64,
    /// Instances that wait for an operator.
    pub parked: u64,
    /// Instances that have ended.
    pub done: u64,
    /// Input events that wait for an operator: see [`Sagas::parked_inputs`].
    pub parked_inputs: u64,
}

impl Sagas {
    /// Lists the work items of sagas: of one name or of all registered sagas, with one status or any.
    ///
    /// It returns at most 1,000. When there are more, [`next`](WorkPage::next) is set. Pass it as `after` to get
    /// the next ones.
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
    ) -> Result<WorkPage, SagaError> {
        const MOST: usize = 1_000;
        let sagas = saga.map_or_else(|| self.core.categories(), |saga| vec![category(saga)]);
        let mut filter = WorkFilter::of(sagas);
        filter.status = status;
        filter.after = after;
        // One more tells whether there are more.
        filter.at_most = MOST + 1;
        let mut items = self.core.store.work_items(&filter).await?;
        let more = items.len() > MOST;
        items.truncate(MOST);
        let last = items.last().filter(|_| more);
        let next = last.map(|last| last.instance.clone());
        Ok(WorkPage { items, next })
    }

    /// How many instances there are by status, and how many parked input events: of one saga or process manager,
    /// or of all registered ones.
    ///
    /// # Errors
    /// [`SagaError::Read`] when the store cannot be read.
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn counts(&self, saga: Option<&str>) -> Result<WorkCounts, SagaError> {
        let sagas = saga.map_or_else(|| self.core.categories(), |saga| vec![category(saga)]);
        let mut counts = WorkCounts::default();
        if sagas.is_empty() {
            return Ok(counts);
        }
        let inputs: Vec<_> = sagas.iter().map(|saga| inputs_of(saga)).collect();
        let all = [sagas, inputs.clone()].concat();
        for (aggregate, status, count) in self.core.store.work_counts(all).await? {
            match status {
                WorkStatus::Parked if inputs.contains(&aggregate) => counts.parked_inputs += count,
                _ if inputs.contains(&aggregate) => {}
                WorkStatus::Running => counts.running += count,
                WorkStatus::Parked => counts.parked += count,
                WorkStatus::Done => counts.done += count,
                _ => {}
            }
        }
        Ok(counts)
    }

    /// Shows one saga with its history.
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
                reason: "it is a process manager; use `show_process`".to_owned(),
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
        let definition = self
            .core
            .pinned(instance.aggregate(), started.version, &started.hash);
        let mermaid = definition.map(|definition| diagram(definition.info(), Some(&state)));
        let row = row_of(store, &instance).await?;
        Ok(SagaView {
            instance,
            row,
            state,
            history,
            mermaid,
        })
    }

    /// A Mermaid flowchart of the definition of a saga, `None` when the saga is not registered.
    pub fn mermaid(&self, saga: &str) -> Option<String> {
        let definition = self.core.newest(&category(saga))?;
        Some(diagram(definition.info(), None))
    }

    /// Shows one instance of a process manager with its history. [`list`](Sagas::list) lists the instances, and
    /// [`repair`](Sagas::repair) accepts `Retry`, `Skip` and `Abandon` for them.
    ///
    /// # Errors
    /// [`SagaError::NotNow`] when there is no such instance, [`SagaError::Load`] or
    /// [`SagaError::Read`] when it cannot be read.
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn show_process(&self, name: &str, id: &str) -> Result<ProcessView, SagaError> {
        let store = &self.core.store;
        let instance = stream_of(name, id)?;
        let mut view = ProcessView {
            instance: instance.clone(),
            row: None,
            state: ProcessState::default(),
            history: Vec::new(),
        };
        let mut after = 0;
        loop {
            let range = StreamRange::forward(after);
            let page = store
                .read_stream(&instance, range, ReadLimit::default())
                .await?;
            let Some(last) = page.last() else { break };
            after = last.version;
            for recorded in page.iter().filter(|event| *event.name == *STEPPED) {
                let step = decode_step(recorded)?;
                view.state.apply(&step);
                view.history.push((recorded.recorded_at, step));
            }
        }
        if view.history.is_empty() {
            return Err(SagaError::NotNow {
                instance,
                reason: "there is no such instance of a process manager".to_owned(),
            });
        }
        view.row = row_of(store, &instance).await?;
        Ok(view)
    }
}
