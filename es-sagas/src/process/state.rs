//! Where an instance of a process manager stands, apart from the user's own state: timers, inputs
//! that wait, whether it is parked or has ended.

use super::kind::{Instance, Manager};
use crate::{
    definition::Info,
    engine::load::replay,
    log::{self, ProcessCause, ProcessOutcome, STEPPED, Stepped},
};
use es_runtime::{
    LoadError, Metadata, RecordedEvent, StreamId, Timestamp, WorkChange, WorkQueue, WorkStatus,
};
use std::collections::{BTreeMap, VecDeque};

/// Where an instance stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessState {
    /// The timers that run, with when they run out.
    pub timers: BTreeMap<String, Timestamp>,
    /// Inputs that wait, in order; the first one is what it is parked at.
    pub waiting: VecDeque<ProcessCause>,
    /// Why it waits for an operator.
    pub parked: Option<String>,
    /// Whether it has ended.
    pub ended: bool,
}

impl ProcessState {
    /// Folds one record into it.
    pub(crate) fn apply(&mut self, step: &Stepped) {
        if let ProcessCause::Timer { name, at } = &step.cause {
            if self.timers.get(name) == Some(at) {
                self.timers.remove(name);
            }
        }
        let is_first = self.waiting.front() == Some(&step.cause);
        match &step.outcome {
            ProcessOutcome::Reacted {} => {
                if is_first {
                    self.waiting.pop_front();
                }
            }
            ProcessOutcome::Waits {} => self.waiting.push_back(step.cause.clone()),
            ProcessOutcome::Parked { why } => {
                if !is_first {
                    self.waiting.push_back(step.cause.clone());
                }
                self.parked = Some(why.clone());
            }
            ProcessOutcome::TooLate {} => {}
            ProcessOutcome::Repaired {} => {
                self.parked = None;
                if step.cause.name() == SKIP {
                    self.waiting.pop_front();
                }
            }
        }
        for (name, at) in &step.timers {
            match at {
                Some(at) => self.timers.insert(name.clone(), *at),
                None => self.timers.remove(name),
            };
        }
        if step.ended {
            self.timers.clear();
            self.waiting.clear();
            self.parked = None;
            self.ended = true;
        }
    }

    /// What is to be done at this time without an input from outside.
    pub(super) fn due(&self, now: Timestamp) -> Option<ProcessCause> {
        if self.ended || self.parked.is_some() {
            return None;
        }
        if let Some(first) = self.waiting.front() {
            return Some(first.clone());
        }
        let first = self.timers.iter().min_by_key(|(_, at)| **at)?;
        (*first.1 <= now).then(|| ProcessCause::Timer {
            name: first.0.clone(),
            at: *first.1,
        })
    }

    /// The row that goes with it.
    pub(super) fn row(&self, instance: &StreamId, now: Timestamp) -> WorkChange {
        let mut row = WorkChange::new(instance.clone(), Info::definition_of(1, "process"));
        (row.status, row.phase) = if self.ended {
            (WorkStatus::Done, "ended".to_owned())
        } else if let Some(why) = &self.parked {
            row.reason = Some(why.clone());
            let at = self.waiting.front().map_or("", ProcessCause::name);
            (WorkStatus::Parked, format!("parked at {at}"))
        } else {
            row.due_at = if self.waiting.is_empty() {
                self.timers.values().min().copied()
            } else {
                Some(now)
            };
            (WorkStatus::Running, "waiting".to_owned())
        };
        row
    }
}

/// The verb that takes away what an instance is parked at.
pub(super) const SKIP: &str = "skip-step";

/// An instance as its stream has it.
pub(super) struct LoadedProcess {
    pub(super) state: ProcessState,
    /// The user's state, or why it cannot be built.
    pub(super) user: Result<Box<dyn Instance>, String>,
    pub(super) version: u64,
    /// For what follows from it without an event from outside.
    pub(super) metadata: Metadata,
}

/// Reads the whole stream. What the user's part of it cannot do is kept, so that inputs can still be
/// recorded and the instance be parked.
pub(super) async fn load<S: WorkQueue>(
    store: &S,
    manager: &dyn Manager,
    instance: &StreamId,
) -> Result<LoadedProcess, LoadError> {
    let mut state = ProcessState::default();
    let mut user = Ok(manager.instance());
    let each = |event: &RecordedEvent| {
        if *event.name == *STEPPED {
            state.apply(&decode_step(event)?);
        } else if let Ok(instance) = &mut user {
            if let Err(why) = instance.apply(event) {
                let version = event.version;
                user = Err(format!("event {version} of its own stream: {why}"));
            }
        }
        Ok(())
    };
    let (version, metadata) = replay(store, instance, each).await?;
    Ok(LoadedProcess {
        state,
        user,
        version,
        metadata,
    })
}

/// One record of the runtime.
pub(crate) fn decode_step(event: &RecordedEvent) -> Result<Stepped, LoadError> {
    let decoded = log::decode_event(STEPPED, event.stored_payload());
    decoded.map_err(|source| LoadError::Decode {
        stream: event.stream.clone(),
        version: event.version,
        position: event.position,
        source,
    })
}
