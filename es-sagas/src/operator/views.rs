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

/// One instance of a process manager in full, for operators.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProcessView {
    /// Its stream; its own events stand there too.
    pub instance: StreamId,
    /// Its row, `None` when there is none.
    pub row: Option<WorkItem>,
    /// Where it stands, apart from its own state.
    pub state: ProcessState,
    /// Every input and what became of it, in order, with the time.
    pub history: Vec<(Timestamp, Stepped)>,
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
        let mermaid = kind.map(|kind| diagram(kind.info(), Some(&state)));
        let row = row_of(store, &instance).await?;
        Ok(SagaView {
            instance,
            row,
            state,
            history,
            mermaid,
        })
    }

    /// A saga's definition as a Mermaid flowchart, `None` when it is not registered.
    pub fn mermaid(&self, saga: &str) -> Option<String> {
        let kind = self.core.newest(&category(saga))?;
        Some(diagram(kind.info(), None))
    }

    /// One instance of a process manager in full. Its rows are in [`list`](Sagas::list), and
    /// [`repair`](Sagas::repair) knows `Retry`, `Skip` and `Abandon` for it.
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
