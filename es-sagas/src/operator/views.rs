//! What operators see of sagas and process managers.

use crate::{
    definition::diagram,
    engine::{
        Sagas,
        load::{decode, row_of},
    },
    error::SagaError,
    log::{STEPPED, SagaEvent, Stepped},
    names::{category, stream_of},
    process::{ProcessState, decode_step},
    state::SagaState,
};
use es_runtime::{
    ReadLimit, StreamId, StreamRange, Timestamp, WorkFilter, WorkItem, WorkQueue, WorkStatus,
};

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

impl<S: WorkQueue> Sagas<S> {
    /// Lists the work items of sagas: of one name or of all registered sagas, with one status or any.
    ///
    /// It returns at most 1,000. Pass the last instance as `after` to get the next ones.
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
