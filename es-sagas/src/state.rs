//! The state of one saga, folded from its stream.
//!
//! The fold needs no definition, so a program can show and park a saga that it cannot run.

use crate::{
    key::{Key, StepDirection},
    log::{Failure, ParkedWhy, SagaEvent, Started, Verb, Verdict},
    names::{COMPENSATED, COMPLETED},
};
use es_runtime::{EventId, Timestamp};
use serde_json::Value;

/// The state of one saga.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SagaState {
    /// The start, `None` before it.
    pub started: Option<Started>,
    /// Whether the saga goes forward, is undone, or has ended.
    pub phase: Phase,
    /// The steps that were started, in that order.
    pub steps: Vec<StepState>,
    /// The call that comes next or is in progress.
    pub pending: Option<Pending>,
    /// Why the saga is undone.
    pub failure: Option<Failure>,
    /// Why the saga is parked, with a text for operators.
    pub parked: Option<(ParkedWhy, String)>,
    /// The event that cancelled the saga, with its name, until a program that has the definition carries out
    /// the cancellation.
    pub cancel_requested: Option<(EventId, String)>,
    /// How many calls were scheduled.
    pub(crate) calls: u64,
    /// When the deadline was set.
    pub(crate) started_at: Option<Timestamp>,
    /// When the time of the pending call was set.
    pub(crate) pending_at: Option<Timestamp>,
    /// Whether the command that follows the last undo was sent.
    pub(crate) compensated_command_sent: bool,
}

/// Whether a saga goes forward, is undone, or has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Its steps run one after the other.
    #[default]
    Running,
    /// Its steps are undone in reverse order.
    Unwinding,
    /// All steps are done.
    Completed,
    /// Everything is undone.
    Compensated,
    /// An operator ended it.
    Abandoned,
}

impl Phase {
    /// Whether the saga has ended.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Compensated | Self::Abandoned)
    }
}

/// One step that was started.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StepState {
    /// The name of the step.
    pub name: String,
    /// The idempotency key of the step.
    pub key: Key,
    /// The status of the step.
    pub status: StepStatus,
    /// The output, if it is known.
    pub output: Option<Value>,
    /// Whether the step must be undone again, because it succeeded while its undo was pending.
    pub(crate) again: bool,
}

/// The status of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StepStatus {
    /// The step was called, or is about to be.
    Scheduled,
    /// The step succeeded.
    Done,
    /// The effect did not happen.
    DidNotHappen,
    /// The outcome is unknown.
    Unknown,
    /// An operator skipped the step.
    Skipped,
    /// The step was undone.
    Undone,
    /// The undo used up its attempts.
    Stuck,
}

impl StepStatus {
    /// Whether the step has to be undone when the saga is undone, if it has an undo.
    pub const fn may_have_happened(self) -> bool {
        matches!(self, Self::Scheduled | Self::Done | Self::Unknown)
    }
}

/// A call that comes next or is in progress.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Pending {
    /// The step.
    pub step: String,
    /// Whether the step is done or undone.
    pub to: StepDirection,
    /// The idempotency key.
    pub key: Key,
    /// The number of the call in the saga. An undo that is scheduled again is another call.
    pub(crate) number: u64,
    /// How often the call failed.
    pub failures: u32,
    /// How often the call was interrupted by the death of a process.
    pub interruptions: u32,
    /// The earliest time of the call, `None` for at once.
    pub not_before: Option<Timestamp>,
}

impl Pending {
    /// Whether this is the call of that step in that direction.
    pub(crate) fn is(&self, step: &str, to: StepDirection) -> bool {
        self.step == step && self.to == to
    }
}

impl SagaState {
    /// The state of a step that was started.
    pub fn step(&self, name: &str) -> Option<&StepState> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// The phase as text, as the work item shows it.
    pub fn phase_text(&self) -> String {
        match (self.phase, &self.pending) {
            (Phase::Completed, _) => "completed".to_owned(),
            (Phase::Compensated, _) => "compensated".to_owned(),
            (Phase::Abandoned, _) => "abandoned".to_owned(),
            (_, Some(pending)) if pending.step == COMPLETED => "completing".to_owned(),
            (_, Some(pending)) if pending.step == COMPENSATED => "compensating".to_owned(),
            (_, Some(pending)) => match pending.to {
                StepDirection::Do => pending.step.clone(),
                StepDirection::Undo => format!("undo {}", pending.step),
            },
            (Phase::Running, None) => "running".to_owned(),
            (Phase::Unwinding, None) => "unwinding".to_owned(),
        }
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&mut StepState)) {
        if let Some(step) = self.steps.iter_mut().find(|step| step.name == name) {
            change(step);
        }
    }

    fn no_longer_pending(&mut self, step: &str, to: StepDirection) {
        if self.pending.as_ref().is_some_and(|p| p.is(step, to)) {
            self.pending = None;
        }
    }

    /// Applies one event of the stream that was recorded at this time.
    pub(crate) fn apply_recorded(&mut self, event: &SagaEvent, at: Timestamp) {
        self.apply(event);
        match event {
            SagaEvent::Started(_) => self.started_at = Some(at),
            SagaEvent::StepFailed(_) | SagaEvent::StepInterrupted(_) => self.pending_at = Some(at),
            SagaEvent::ClockCorrected(_) => {
                self.started_at = Some(at);
                self.pending_at = Some(at);
            }
            _ => {}
        }
    }

    /// Applies one event of the stream.
    pub fn apply(&mut self, event: &SagaEvent) {
        match event {
            SagaEvent::Started(started) => self.started = Some(started.clone()),
            SagaEvent::StepScheduled(scheduled) => {
                let step = &scheduled.step;
                if scheduled.to == StepDirection::Do && self.step(step).is_none() {
                    self.steps.push(StepState {
                        name: step.clone(),
                        key: scheduled.key,
                        status: StepStatus::Scheduled,
                        output: None,
                        again: false,
                    });
                }
                self.calls = self.calls.saturating_add(1);
                self.pending = Some(Pending {
                    step: step.clone(),
                    to: scheduled.to,
                    key: scheduled.key,
                    number: self.calls,
                    failures: 0,
                    interruptions: 0,
                    not_before: None,
                });
            }
            SagaEvent::StepSucceeded(done) => {
                self.change(&done.step, |step| {
                    step.status = StepStatus::Done;
                    step.output = Some(done.output.clone());
                });
                self.no_longer_pending(&done.step, StepDirection::Do);
                let parked = self.parked.as_ref().map(|(why, _)| why);
                if matches!(parked, Some(ParkedWhy::PastPivot { step }) if *step == done.step) {
                    self.parked = None;
                }
            }
            SagaEvent::StepFailed(failed) => self.failed(failed),
            SagaEvent::StepInterrupted(cut) => {
                if let Some(pending) = &mut self.pending {
                    if pending.is(&cut.step, cut.to) {
                        pending.interruptions = cut.times;
                        pending.not_before = Some(cut.at);
                    }
                }
            }
            SagaEvent::CancelRequested(requested) => {
                self.cancel_requested = Some((requested.event, requested.name.clone()));
            }
            SagaEvent::UnwindStarted(unwind) => {
                self.phase = Phase::Unwinding;
                self.cancel_requested = None;
                self.failure = Some(unwind.why.clone());
                self.parked = None;
                self.pending = None;
                for step in &mut self.steps {
                    if step.status == StepStatus::Scheduled {
                        step.status = StepStatus::Unknown;
                    }
                }
            }
            SagaEvent::StepUndone(undone) => {
                self.change(&undone.step, |step| {
                    step.status = if step.again {
                        StepStatus::Done
                    } else {
                        StepStatus::Undone
                    };
                    step.again = false;
                });
                self.no_longer_pending(&undone.step, StepDirection::Undo);
            }
            SagaEvent::LateSuccess(late) => self.late(late),
            SagaEvent::InputIgnored(ignored) => {
                let requested = self.cancel_requested.as_ref();
                if requested.is_some_and(|(event, _)| *event == ignored.event) {
                    self.cancel_requested = None;
                }
            }
            SagaEvent::Parked(parked) => {
                self.parked = Some((parked.why.clone(), parked.message.clone()));
            }
            // They concern inputs, not an instance.
            SagaEvent::EventSkipped(_) | SagaEvent::InputParked(_) | SagaEvent::InputRetried(_) => {
            }
            SagaEvent::Repaired(repaired) => self.repaired(&repaired.verb),
            SagaEvent::ClockCorrected(corrected) => {
                (self.started_at, self.pending_at) = (None, None);
                if let (Some(started), Some(at)) = (&mut self.started, corrected.deadline) {
                    started.deadline = Some(at);
                }
                if let (Some(pending), Some(at)) = (&mut self.pending, corrected.not_before) {
                    pending.not_before = Some(at);
                }
            }
            SagaEvent::Completed(_) => self.end(Phase::Completed),
            SagaEvent::Compensated(_) => {
                self.compensated_command_sent = true;
                self.end(Phase::Compensated);
            }
        }
    }

    fn end(&mut self, phase: Phase) {
        self.phase = phase;
        self.cancel_requested = None;
        self.pending = None;
        self.parked = None;
        self.steps.retain(|step| step.name != COMPENSATED);
    }

    fn late(&mut self, late: &crate::log::LateSuccess) {
        let undo_pending = self.pending.as_ref();
        let undo_pending = undo_pending.is_some_and(|p| p.is(&late.step, StepDirection::Undo));
        self.change(&late.step, |step| {
            step.status = StepStatus::Done;
            step.output = Some(late.output.clone());
            step.again = undo_pending;
        });
        if self.phase == Phase::Compensated {
            self.phase = Phase::Unwinding;
        }
        // The command at the end has to wait for the undo.
        self.no_longer_pending(COMPENSATED, StepDirection::Do);
        if matches!(self.parked, Some((ParkedWhy::EndRejected { .. }, _))) {
            self.parked = None;
        }
    }

    fn failed(&mut self, failed: &crate::log::StepFailed) {
        let status = match (failed.to, &failed.verdict) {
            (_, Verdict::Retry { .. }) => None,
            (StepDirection::Do, Verdict::DidNotHappen {}) => Some(StepStatus::DidNotHappen),
            (StepDirection::Do, Verdict::Unknown {}) => Some(StepStatus::Unknown),
            (StepDirection::Undo, _) => Some(StepStatus::Stuck),
        };
        if let Some(status) = status {
            self.change(&failed.step, |step| step.status = status);
        }
        if failed.to == StepDirection::Do && status == Some(StepStatus::DidNotHappen) {
            self.no_longer_pending(&failed.step, StepDirection::Undo);
        }
        if let Some(pending) = &mut self.pending {
            if pending.is(&failed.step, failed.to) {
                pending.failures = failed.attempt;
                pending.not_before = match failed.verdict {
                    Verdict::Retry { at } => Some(at),
                    _ => None,
                };
            }
        }
    }

    fn repaired(&mut self, verb: &Verb) {
        if *verb != (Verb::TakeOver {}) {
            self.parked = None;
        }
        match verb {
            Verb::Retry {} => {
                if let Some(pending) = &mut self.pending {
                    pending.failures = 0;
                    pending.interruptions = 0;
                    pending.not_before = None;
                }
                let pending = self.pending.clone();
                for step in &mut self.steps {
                    match step.status {
                        StepStatus::Stuck if step.output.is_some() => {
                            step.status = StepStatus::Done;
                        }
                        StepStatus::Stuck => step.status = StepStatus::Unknown,
                        StepStatus::DidNotHappen | StepStatus::Unknown
                            if pending
                                .as_ref()
                                .is_some_and(|p| p.is(&step.name, StepDirection::Do)) =>
                        {
                            step.status = StepStatus::Scheduled;
                        }
                        _ => {}
                    }
                }
            }
            Verb::Skip { step: name } => {
                let undoing = self.phase == Phase::Unwinding;
                self.change(name, |step| {
                    step.again = false;
                    step.status = if undoing {
                        StepStatus::Undone
                    } else {
                        StepStatus::Skipped
                    };
                });
                self.no_longer_pending(name, StepDirection::Do);
                self.no_longer_pending(name, StepDirection::Undo);
            }
            Verb::CompleteWith { step: name, output } => {
                self.change(name, |step| {
                    step.status = StepStatus::Done;
                    step.output = Some(output.clone());
                });
                self.no_longer_pending(name, StepDirection::Do);
            }
            Verb::Abandon {} => self.end(Phase::Abandoned),
            Verb::Unwind {} | Verb::TakeOver {} | Verb::Resume {} => {}
        }
    }
}
