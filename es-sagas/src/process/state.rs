//! The runtime's state of an instance of a process manager: timers, waiting inputs, parked, ended.

use super::kind::{Instance, Manager};
use crate::{
    clock::{corrected, look_at},
    definition::Info,
    engine::load::replay,
    log::{self, ProcessCause, ProcessOutcome, STEPPED, Stepped, TAKE_OVER},
};
use es_runtime::{
    AnyStore, LoadError, Metadata, RecordedEvent, StreamId, Timestamp, WorkChange, WorkStatus,
};
use std::collections::{BTreeMap, VecDeque};

/// The runtime's state of an instance of a process manager, apart from its own state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessState {
    /// The timers that are set, with the time at which they fire.
    pub timers: BTreeMap<String, Timestamp>,
    /// The inputs that wait, in order. The instance is parked at the first one.
    pub waiting: VecDeque<ProcessCause>,
    /// Why the instance is parked.
    pub parked: Option<String>,
    /// Whether the instance has ended.
    pub ended: bool,
    /// When the timers were set that count from then.
    pub(crate) timers_set: BTreeMap<String, Timestamp>,
}

impl ProcessState {
    /// Applies one record that was recorded at this time.
    pub(crate) fn apply_recorded(&mut self, step: &Stepped, at: Timestamp) {
        self.apply(step);
        let counted = step.timers.keys();
        let counted = counted.filter(|name| !step.timers_at.contains(*name));
        self.timers_set
            .extend(counted.map(|name| (name.clone(), at)));
    }

    /// The timers that were set while the clock was ahead, with the times at which they fire when they begin
    /// anew.
    pub(super) fn corrected_timers(&self, now: Timestamp) -> BTreeMap<String, Option<Timestamp>> {
        let timers = self.timers.iter().filter_map(|(name, at)| {
            let set = self.timers_set.get(name).copied();
            let at = corrected(Some(*at), set, now)?;
            Some((name.clone(), Some(at)))
        });
        timers.collect()
    }

    /// When to look at the timers first.
    fn next_timer(&self, now: Timestamp) -> Option<Timestamp> {
        let timers = self.timers.iter();
        timers
            .map(|(name, at)| look_at(*at, self.timers_set.get(name).copied(), now))
            .min()
    }

    /// Applies one record.
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
                if step.cause.name() != TAKE_OVER {
                    self.parked = None;
                }
                if step.cause.name() == SKIP {
                    self.waiting.pop_front();
                }
            }
        }
        for (name, at) in &step.timers {
            // Until it is recorded, it is not known when it was set.
            self.timers_set.remove(name);
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

    /// The waiting input or the timer that is due at this time.
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

    /// The work item that belongs to the state.
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
                self.next_timer(now)
            } else {
                Some(now)
            };
            (WorkStatus::Running, "waiting".to_owned())
        };
        row
    }
}

/// The repair that skips the input at which an instance is parked.
pub(super) const SKIP: &str = "skip-step";

/// An instance, loaded from its stream.
pub(super) struct LoadedProcess {
    pub(super) state: ProcessState,
    /// The user's state, or why it cannot be built.
    pub(super) user: Result<Box<dyn Instance>, String>,
    pub(super) version: u64,
    /// The metadata of events that follow without an input event.
    pub(super) metadata: Metadata,
}

/// Loads the whole stream. A failure of the user's code is kept as a value, so that inputs can still be
/// recorded and the instance can be parked.
pub(super) async fn load(
    store: &AnyStore,
    manager: &dyn Manager,
    instance: &StreamId,
) -> Result<LoadedProcess, LoadError> {
    let mut state = ProcessState::default();
    let mut user = Ok(manager.instance());
    let each = |event: &RecordedEvent| {
        if *event.name == *STEPPED {
            state.apply_recorded(&decode_step(event)?, event.recorded_at);
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
