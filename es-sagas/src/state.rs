//! The state of one saga, folded from its stream. It needs no definition, so that a program can show
//! and park what it cannot run.

use crate::{
    key::{Key, StepDirection},
    log::{Failure, ParkedWhy, SagaEvent, Started, Verb, Verdict},
    names::{COMPENSATED, COMPLETED},
};
use es_runtime::{EventId, Timestamp};
use serde_json::Value;

/// Where one saga stands.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SagaState {
    /// How it began, `None` before that.
    pub started: Option<Started>,
    /// Whether it goes forward, back, or has ended.
    pub phase: Phase,
    /// The steps that were begun, in that order.
    pub steps: Vec<StepState>,
    /// The call that comes next or is on its way.
    pub pending: Option<Pending>,
    /// Why it is undone.
    pub failure: Option<Failure>,
    /// Why it waits for an operator, with words.
    pub parked: Option<(ParkedWhy, String)>,
    /// The event that asked for everything to be undone, with its name, while that waits for a program
    /// that knows the definition.
    pub cancel_requested: Option<(EventId, String)>,
    /// Whether the command at the end of an unwinding was carried out.
    pub(crate) compensated_command_sent: bool,
}

/// Whether a saga goes forward, back, or has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Its steps are done one after the other.
    #[default]
    Running,
    /// What was done is undone in reverse order.
    Unwinding,
    /// Everything was done.
    Completed,
    /// Everything was undone.
    Compensated,
    /// An operator ended it.
    Abandoned,
}

impl Phase {
    /// Whether nothing more happens by itself.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Compensated | Self::Abandoned)
    }
}

/// One step that was begun.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StepState {
    /// Its name.
    pub name: String,
    /// The key of its effect.
    pub key: Key,
    /// What is known of it.
    pub status: StepStatus,
    /// What it gave, where that is known.
    pub output: Option<Value>,
    /// Whether it must be undone once more, since it was done after its undo had begun.
    pub(crate) again: bool,
}

/// What is known of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StepStatus {
    /// It is being done.
    Scheduled,
    /// It was done.
    Done,
    /// It is known not to have happened.
    DidNotHappen,
    /// It may have happened.
    Unknown,
    /// An operator skipped it.
    Skipped,
    /// It was undone.
    Undone,
    /// Its undo used up its attempts.
    Stuck,
}

impl StepStatus {
    /// Whether an unwinding has to undo it, if it can be undone.
    pub const fn may_have_happened(self) -> bool {
        matches!(self, Self::Scheduled | Self::Done | Self::Unknown)
    }
}

/// A call that comes next or is on its way.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Pending {
    /// The step.
    pub step: String,
    /// Whether it is done or undone.
    pub to: StepDirection,
    /// The key of the effect.
    pub key: Key,
    /// How often it has failed.
    pub failures: u32,
    /// How often it was cut off by the death of a process, or before it began.
    pub interruptions: u32,
    /// Not before this, `None` for at once.
    pub not_before: Option<Timestamp>,
}

impl Pending {
    /// Whether it is this call.
    pub(crate) fn is(&self, step: &str, to: StepDirection) -> bool {
        self.step == step && self.to == to
    }
}

impl SagaState {
    /// The state of a step that was begun.
    pub fn step(&self, name: &str) -> Option<&StepState> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// What stands in the row, in a word or two.
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

    /// Takes one event of the stream.
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
                self.pending = Some(Pending {
                    step: step.clone(),
                    to: scheduled.to,
                    key: scheduled.key,
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
            SagaEvent::CancelRequested(asked) => {
                self.cancel_requested = Some((asked.event, asked.name.clone()));
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
                let asked = self.cancel_requested.as_ref();
                if asked.is_some_and(|(event, _)| *event == ignored.event) {
                    self.cancel_requested = None;
                }
            }
            SagaEvent::Parked(parked) => {
                self.parked = Some((parked.why.clone(), parked.message.clone()));
            }
            SagaEvent::EventSkipped(_) => {}
            SagaEvent::Repaired(repaired) => self.repaired(&repaired.verb),
            SagaEvent::Completed(_) => self.ended(Phase::Completed),
            SagaEvent::Compensated(_) => {
                self.compensated_command_sent = true;
                self.ended(Phase::Compensated);
            }
        }
    }

    fn ended(&mut self, phase: Phase) {
        self.phase = phase;
        self.cancel_requested = None;
        self.pending = None;
        self.parked = None;
        self.steps.retain(|step| step.name != COMPENSATED);
    }

    fn late(&mut self, late: &crate::log::LateSuccess) {
        let underway = self.pending.as_ref();
        let underway = underway.is_some_and(|p| p.is(&late.step, StepDirection::Undo));
        self.change(&late.step, |step| {
            step.status = StepStatus::Done;
            step.output = Some(late.output.clone());
            step.again = underway;
        });
        if self.phase == Phase::Compensated {
            self.phase = Phase::Unwinding;
        }
        // What is said at the end has to wait for the undo.
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
        self.parked = None;
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
            Verb::Abandon {} => self.ended(Phase::Abandoned),
            Verb::Unwind {} | Verb::Resume {} => {}
        }
    }
}
