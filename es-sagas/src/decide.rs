//! Decisions on the state of one saga: which events follow from an input, an outcome or a repair.
//!
//! The functions are pure. They use no clock and no I/O.

use crate::{
    clock::{corrected, look_at},
    definition::{Fail, Info, StepInfo, StepRetry},
    key::{Key, StepDirection},
    log::{
        CancelRequested, Cause, ClockCorrected, Compensated, Completed, Failure, InputIgnored,
        LateSuccess, Parked, ParkedWhy, Repaired, SagaEvent, Started, StepFailed, StepInterrupted,
        StepScheduled, StepSucceeded, StepUndone, UnwindStarted, Verb, Verdict,
    },
    names::{COMPENSATED, COMPLETED},
    outline::StepAction,
    state::{Pending, Phase, SagaState, StepState, StepStatus},
};
use es_runtime::{EventId, StreamId, Timestamp, WorkChange, WorkStatus};
use serde_json::Value;

/// The new state, and the events that lead to it.
pub(crate) struct Draft<'a> {
    pub(crate) state: SagaState,
    pub(crate) events: Vec<SagaEvent>,
    pub(crate) instance: &'a StreamId,
    pub(crate) info: &'a Info,
    pub(crate) space: &'a str,
    pub(crate) now: Timestamp,
    /// Whether the lease ends.
    pub(crate) release: bool,
}

impl Draft<'_> {
    pub(crate) fn push(&mut self, event: impl Into<SagaEvent>) {
        let event = event.into();
        self.state.apply(&event);
        self.events.push(event);
    }

    /// Starts the saga, unless it has started.
    pub(crate) fn start(&mut self, input: Value, event: Option<(EventId, &str)>) {
        if self.state.started.is_some() {
            return self.ignore(event, "the saga has started before");
        }
        self.push(Started {
            version: self.info.version,
            hash: self.info.hash.clone(),
            input,
            deadline: self.info.deadline.map(|time| self.now.after(time)),
        });
        self.schedule_next();
    }

    /// An event cancels the saga.
    pub(crate) fn cancel(&mut self, event: EventId, name: &str) {
        let late = match self.state.phase {
            // Only a program that has the definition knows whether the saga can be undone.
            Phase::Running if !self.info.known => {
                return self.push(CancelRequested {
                    event,
                    name: name.to_owned(),
                });
            }
            Phase::Running if self.is_past_pivot() => {
                "it has reached its pivot and only goes forward"
            }
            Phase::Running => {
                let step = self.state.pending.as_ref().map(|p| p.step.clone());
                self.push(UnwindStarted {
                    why: Failure {
                        cause: Cause::Cancelled,
                        step,
                        message: format!("event `{name}` cancelled it"),
                    },
                });
                return self.schedule_next();
            }
            Phase::Unwinding => "it is already being undone",
            Phase::Completed | Phase::Compensated | Phase::Abandoned => "it has ended",
        };
        self.ignore(Some((event, name)), late);
        if self.info.known {
            self.schedule_next();
        }
    }

    pub(crate) fn ignore(&mut self, event: Option<(EventId, &str)>, why: &str) {
        if let Some((event, name)) = event {
            self.push(InputIgnored {
                event,
                name: name.to_owned(),
                why: why.to_owned(),
            });
        }
    }

    /// Whether the saga can no longer be undone. That is so from the start of the pivot, because the pivot may
    /// have happened. Only a fatal failure of the pivot makes the saga undoable again.
    pub(crate) fn is_past_pivot(&self) -> bool {
        self.info
            .steps
            .iter()
            .filter(|step| step.pivot)
            .any(|step| {
                self.state.step(step.name).is_some_and(|step| {
                    self.may_have_happened(step) || step.status == StepStatus::Skipped
                })
            })
    }

    fn is_command(&self, step: &str) -> bool {
        self.info.step(step).is_some_and(StepInfo::is_command)
    }

    /// Whether the step has to be undone. A command and its success are one transaction, so the outcome of a
    /// command is never unknown.
    fn may_have_happened(&self, step: &StepState) -> bool {
        if self.is_command(&step.name) {
            step.status == StepStatus::Done
        } else {
            step.status.may_have_happened()
        }
    }

    /// The deadline, while it applies.
    fn deadline(&self) -> Option<Timestamp> {
        let counts = self.state.phase == Phase::Running && !self.is_past_pivot();
        let started = self.state.started.as_ref().filter(|_| counts)?;
        started.deadline
    }

    /// The time until the deadline, `None` without one.
    pub(crate) fn time_left(&self) -> Option<std::time::Duration> {
        Some(self.deadline()?.since(self.now))
    }

    /// Undoes the saga when its deadline has passed.
    pub(crate) fn check_deadline(&mut self) {
        if self.state.parked.is_none() && self.deadline().is_some_and(|at| at <= self.now) {
            let step = self.state.pending.as_ref().map(|p| p.step.clone());
            self.push(UnwindStarted {
                why: Failure {
                    cause: Cause::Deadline,
                    step,
                    message: "the saga did not finish before its deadline".to_owned(),
                },
            });
        }
        self.schedule_next();
    }

    /// Schedules the next call, unless one is pending.
    pub(crate) fn schedule_next(&mut self) {
        let state = &self.state;
        let begun = state.started.is_some() && self.info.known;
        if !begun || state.parked.is_some() || state.phase.is_ended() {
            return;
        }
        if let Some((event, name)) = state.cancel_requested.clone() {
            return self.cancel(event, &name);
        }
        if state.pending.is_none() {
            self.next();
        }
    }

    fn next(&mut self) {
        match self.state.phase {
            Phase::Running => {
                let steps = &self.info.steps;
                match steps.iter().find(|s| self.state.step(s.name).is_none()) {
                    Some(step) => self.schedule(step.name, StepDirection::Do),
                    None if self.info.completed => self.schedule(COMPLETED, StepDirection::Do),
                    None => self.push(Completed {}),
                }
            }
            Phase::Unwinding => match self.next_to_undo() {
                Some(step) => self.schedule(step, StepDirection::Undo),
                None => self.finish_unwind(),
            },
            Phase::Completed | Phase::Compensated | Phase::Abandoned => {}
        }
    }

    /// The newest step that may have happened and can be undone.
    fn next_to_undo(&self) -> Option<&'static str> {
        let newest_first = self.state.steps.iter().rev();
        newest_first
            .filter(|step| self.may_have_happened(step))
            .find_map(|step| self.info.step(&step.name).filter(|info| info.has_undo()))
            .map(|info| info.name)
    }

    fn finish_unwind(&mut self) {
        let stuck = self.state.steps.iter();
        let stuck = stuck.rev().find(|step| step.status == StepStatus::Stuck);
        if let Some(step) = stuck.map(|step| step.name.clone()) {
            return self.park_undo(step);
        }
        if self.info.compensated && !self.state.compensated_command_sent {
            self.schedule(COMPENSATED, StepDirection::Do);
        } else {
            self.push(Compensated {});
        }
    }

    fn park_undo(&mut self, step: String) {
        let message = format!("the undo of `{step}` used up its attempts");
        let why = ParkedWhy::UndoExhausted { step };
        self.push(Parked { why, message });
    }

    fn schedule(&mut self, step: &'static str, to: StepDirection) {
        self.push(StepScheduled {
            step: step.to_owned(),
            to,
            key: Key::derive(self.space, self.instance, step, to),
        });
    }

    /// Records the outcome of the call with this number.
    pub(crate) fn outcome(
        &mut self,
        (number, step, to): (u64, &str, StepDirection),
        result: &Result<Value, Fail>,
    ) {
        let pending = self.state.pending.as_ref();
        let expected = pending.is_some_and(|p| p.number == number);
        let attempt = pending.map_or(1, |p| p.failures.saturating_add(1));
        match (to, result) {
            (StepDirection::Do, Ok(output)) if expected => self.succeeded(step, attempt, output),
            (StepDirection::Do, Ok(output)) => {
                // The saga began to be undone during the call. The undo gets the output.
                let status = self.state.step(step).map(|step| step.status);
                if status == Some(StepStatus::Unknown) {
                    self.succeeded(step, attempt, output);
                } else {
                    self.late(step, output);
                }
            }
            (StepDirection::Do, Err(fail)) if expected => self.failed(step, attempt, fail),
            (StepDirection::Do, Err(fail)) => {
                let status = self.state.step(step).map(|step| step.status);
                let unwinding = self.state.phase == Phase::Unwinding;
                if fail.is_fatal() && unwinding && status == Some(StepStatus::Unknown) {
                    self.push(StepFailed {
                        step: step.to_owned(),
                        to,
                        attempt,
                        error: fail.message().to_owned(),
                        verdict: Verdict::DidNotHappen {},
                    });
                }
            }
            (StepDirection::Undo, Ok(_)) if expected => self.push(StepUndone {
                step: step.to_owned(),
                attempt,
            }),
            (StepDirection::Undo, Err(fail)) if expected => self.undo_failed(step, attempt, fail),
            (StepDirection::Undo, _) => {}
        }
        self.schedule_next();
    }

    fn succeeded(&mut self, step: &str, attempt: u32, output: &Value) {
        self.push(StepSucceeded {
            step: step.to_owned(),
            attempt,
            output: output.clone(),
        });
    }

    /// A worker that lost its lease during a call reports that the call succeeded.
    pub(crate) fn late(&mut self, step: &str, output: &Value) {
        let Some(known) = self.state.step(step) else {
            return;
        };
        let pending = self.state.pending.as_ref();
        if let Some(pending) = pending.filter(|p| p.is(step, StepDirection::Do)) {
            let attempt = pending.failures.saturating_add(1);
            self.succeeded(step, attempt, output);
            return self.schedule_next();
        }
        let unwound = matches!(
            known.status,
            StepStatus::Undone | StepStatus::DidNotHappen | StepStatus::Stuck
        ) || (known.status.may_have_happened()
            && self.state.phase == Phase::Unwinding
            && (known.output.is_none() || self.may_be_in_its_undo(step)));
        let undone = matches!(self.state.phase, Phase::Unwinding | Phase::Compensated);
        if unwound && undone && self.info.step(step).is_some_and(StepInfo::has_undo) {
            self.push(LateSuccess {
                step: step.to_owned(),
                output: output.clone(),
            });
            self.schedule_next();
        }
    }

    /// Whether a call of this step's undo may have been made that is not recorded. A command is recorded with its effect.
    fn may_be_in_its_undo(&self, step: &str) -> bool {
        let pending = self.state.pending.as_ref();
        let undo = self.info.step(step).and_then(|info| info.undo);
        pending.is_some_and(|p| p.is(step, StepDirection::Undo))
            && matches!(undo, Some(StepAction::Call))
    }

    /// The lease of the previous worker expired, so the pending call may have been made.
    pub(crate) fn interrupted(&mut self) {
        let pending = self.state.pending.clone();
        let begun = |p: &Pending| p.not_before.is_none_or(|at| at <= self.now);
        let Some(pending) = pending.filter(begun) else {
            return;
        };
        let Pending { step, to, key, .. } = pending;
        let times = pending.interruptions.saturating_add(1);
        let pause = self.retry(&step, to).pause_after_interruption(times, key);
        self.push(StepInterrupted {
            step: step.clone(),
            to,
            times,
            at: self.now.after(pause.unwrap_or_default()),
        });
        if pause.is_none() {
            let attempt = pending.failures.saturating_add(1);
            let message = format!("its process died {times} times during the call");
            match to {
                StepDirection::Do => self.step_failed(&step, attempt, message, Verdict::Unknown {}),
                StepDirection::Undo => {
                    self.undo_attempt_failed(&step, attempt, message, Verdict::Unknown {});
                }
            }
            self.schedule_next();
        }
    }

    /// The retry policy of a call.
    fn retry(&self, step: &str, to: StepDirection) -> StepRetry {
        match (self.info.step(step), to) {
            (Some(step), StepDirection::Do) => step.retry,
            (Some(step), StepDirection::Undo) => step.undo_retry,
            (None, StepDirection::Do) => self.info.retry,
            (None, StepDirection::Undo) => self.info.undo_retry,
        }
    }

    fn failed(&mut self, step: &str, attempt: u32, fail: &Fail) {
        let verdict = self.verdict(step, StepDirection::Do, attempt, fail);
        self.step_failed(step, attempt, fail.message().to_owned(), verdict);
    }

    fn step_failed(&mut self, step: &str, attempt: u32, message: String, verdict: Verdict) {
        let verdict = match verdict {
            Verdict::Unknown {} if self.is_command(step) => Verdict::DidNotHappen {},
            other => other,
        };
        let retried = matches!(verdict, Verdict::Retry { .. });
        let unknown = matches!(verdict, Verdict::Unknown {});
        self.push(StepFailed {
            step: step.to_owned(),
            to: StepDirection::Do,
            attempt,
            error: message.clone(),
            verdict,
        });
        if retried {
            return;
        }
        let Some(info) = self.info.step(step) else {
            let step = step.to_owned();
            let why = ParkedWhy::EndRejected { step };
            return self.push(Parked { why, message });
        };
        if self.is_past_pivot() || (info.pivot && unknown) {
            let step = step.to_owned();
            let why = ParkedWhy::PastPivot { step };
            return self.push(Parked { why, message });
        }
        self.push(UnwindStarted {
            why: Failure {
                cause: Cause::Step,
                step: Some(step.to_owned()),
                message,
            },
        });
    }

    fn undo_failed(&mut self, step: &str, attempt: u32, fail: &Fail) {
        let verdict = match self.verdict(step, StepDirection::Undo, attempt, fail) {
            // A fatal undo has not undone the step. An operator has to decide whether a retry helps.
            Verdict::DidNotHappen {} => Verdict::Unknown {},
            other => other,
        };
        self.undo_attempt_failed(step, attempt, fail.message().to_owned(), verdict);
    }

    fn undo_attempt_failed(&mut self, step: &str, attempt: u32, error: String, verdict: Verdict) {
        let exhausted = verdict == Verdict::Unknown {};
        self.push(StepFailed {
            step: step.to_owned(),
            to: StepDirection::Undo,
            attempt,
            error,
            verdict,
        });
        if !exhausted {
            return;
        }
        if self.info.continue_others {
            self.next();
        } else {
            self.park_undo(step.to_owned());
        }
    }

    fn verdict(&self, step: &str, to: StepDirection, attempt: u32, fail: &Fail) -> Verdict {
        if fail.is_fatal() {
            return Verdict::DidNotHappen {};
        }
        let key = Key::derive(self.space, self.instance, step, to);
        match self.retry(step, to).pause(attempt, key) {
            Some(pause) => Verdict::Retry {
                at: self.now.after(pause.max(fail.pause().unwrap_or_default())),
            },
            None => Verdict::Unknown {},
        }
    }

    /// The command at the end was sent, or the definition has none.
    pub(crate) fn end_reached(&mut self, step: &str) {
        if self.state.pending.as_ref().is_some_and(|p| p.step == step) {
            match step {
                COMPLETED => self.push(Completed {}),
                _ => self.push(Compensated {}),
            }
        }
        self.schedule_next();
    }

    /// Parks the saga, because this program cannot run it.
    pub(crate) fn park(&mut self, why: ParkedWhy, message: String) {
        if self.state.parked.is_none() && !self.state.phase.is_ended() {
            self.push(Parked { why, message });
        }
    }

    /// Carries out a repair, or says why it is not possible.
    pub(crate) fn repair(&mut self, verb: &Verb, by: &str, reason: &str) -> Result<(), String> {
        let state = &self.state;
        let pending = state.pending.as_ref();
        let done = state.phase.is_ended();
        match verb {
            _ if state.started.is_none() => return Err("there is no such saga".to_owned()),
            Verb::Abandon {} | Verb::TakeOver {} if !done => {}
            _ if done => return Err(format!("it has ended: {}", state.phase_text())),
            _ if !self.info.known => {
                return Err("this program does not have its definition".to_owned());
            }
            Verb::Retry {} if state.parked.is_none() && pending.is_none() => {
                return Err("it has nothing to retry".to_owned());
            }
            Verb::Skip { step } => {
                let stuck = state.step(step).map(|step| step.status);
                let stuck = stuck == Some(StepStatus::Stuck);
                if !stuck && pending.is_none_or(|p| p.step != *step) {
                    return Err(format!("`{step}` is not its current step"));
                }
            }
            Verb::CompleteWith { step, .. }
                if pending.is_none_or(|p| !p.is(step, StepDirection::Do)) =>
            {
                return Err(format!("`{step}` is not the step in progress"));
            }
            Verb::Unwind {} if state.phase == Phase::Unwinding => {
                return Err("it is already being undone".to_owned());
            }
            Verb::Unwind {} if self.pivot_is_done() => {
                return Err("it has reached its pivot and only goes forward".to_owned());
            }
            _ => {}
        }
        self.push(Repaired {
            verb: verb.clone(),
            by: by.to_owned(),
            reason: reason.to_owned(),
        });
        match verb {
            Verb::Unwind {} => {
                let step = self.state.pending.as_ref().map(|p| p.step.clone());
                self.push(UnwindStarted {
                    why: Failure {
                        cause: Cause::Operator,
                        step,
                        message: reason.to_owned(),
                    },
                });
            }
            Verb::TakeOver {} => {
                self.release = true;
                self.correct_clock();
            }
            // Only the command at the end is skipped, not the end.
            Verb::Skip { step } if step == COMPLETED => self.push(Completed {}),
            Verb::Skip { step } if step == COMPENSATED => self.push(Compensated {}),
            _ => {}
        }
        self.schedule_next();
        Ok(())
    }

    fn pivot_is_done(&self) -> bool {
        let pivots = self.info.steps.iter().filter(|step| step.pivot);
        let mut pivots = pivots.filter_map(|step| self.state.step(step.name));
        pivots.any(|step| step.status == StepStatus::Done)
    }

    /// The work item that belongs to the state.
    pub(crate) fn row(&self) -> WorkChange {
        let state = &self.state;
        let definition = state.started.as_ref().map_or_else(
            || self.info.definition(),
            |started| Info::definition_of(started.version, &started.hash),
        );
        let mut row = WorkChange::new(self.instance.clone(), definition);
        row.phase = state.phase_text();
        row.release = self.release;
        if let Some((_, message)) = &state.parked {
            row.status = WorkStatus::Parked;
            row.reason = Some(message.clone());
        } else if state.phase.is_ended() {
            row.status = WorkStatus::Done;
            row.reason = state.failure.as_ref().map(|why| why.message.clone());
        } else {
            row.reason = state.failure.as_ref().map(|why| why.message.clone());
            let next = state.pending.as_ref().and_then(|p| p.not_before);
            let next = match (&state.cancel_requested, next) {
                (None, Some(at)) => look_at(at, state.pending_at, self.now),
                _ => self.now,
            };
            let deadline = self
                .deadline()
                .map(|at| look_at(at, state.started_at, self.now));
            row.due_at = Some(deadline.map_or(next, |deadline| deadline.min(next)));
        }
        row
    }

    /// Lets times that were set while the clock was ahead begin anew.
    pub(crate) fn correct_clock(&mut self) {
        let state = &self.state;
        let not_before = state.pending.as_ref().and_then(|p| p.not_before);
        let corrected = ClockCorrected {
            deadline: corrected(self.deadline(), state.started_at, self.now),
            not_before: corrected(not_before, state.pending_at, self.now),
        };
        if corrected.deadline.is_some() || corrected.not_before.is_some() {
            self.push(corrected);
        }
    }

    /// Whether there is something to do now.
    pub(crate) fn is_due(&self) -> bool {
        self.row().is_due(self.now)
    }

    /// The definition of the pending step.
    pub(crate) fn pending_info(&self) -> Option<&StepInfo> {
        self.info.step(&self.state.pending.as_ref()?.step)
    }
}
