//! The stored events of sagas and process managers.
//!
//! Use it to read the history of an instance ([`SagaView::history`](crate::SagaView::history),
//! [`ProcessView::history`](crate::ProcessView::history)) or to project these events. Applications write none
//! of them.
//!
//! The events are a wire format, like your own events. Their names and shapes never change. A new shape gets
//! a new version.
//!
//! ```
//! use es_sagas::log::{SagaEvent, Verdict};
//!
//! /// How often a saga was retried.
//! fn retries(history: &[SagaEvent]) -> usize {
//!     let retried = |event: &&SagaEvent| match event {
//!         SagaEvent::StepFailed(failed) => matches!(failed.verdict, Verdict::Retry { .. }),
//!         _ => false,
//!     };
//!     history.iter().filter(retried).count()
//! }
//! # assert_eq!(retries(&[]), 0);
//! ```

mod payload;
mod process;

pub(crate) use payload::{CHANGED, cut, decode_event};
pub use process::{ProcessCause, ProcessOutcome, Stepped};
pub(crate) use process::{STEPPED, stored_step};

use crate::key::{Key, StepDirection};
use es_runtime::{
    Codec, CodecError, DecodeError, Decoded, EventId, EventSet, EventType, NewEvent, StoredPayload,
    Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Makes the event set. The derive is an optional feature, so it cannot be used here.
macro_rules! saga_events {
    ($($(#[$doc:meta])* $name:ident = $stored:literal { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        /// An event in the stream of a saga.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum SagaEvent {
            $($(#[$doc])* $name($name),)*
        }

        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $name {
                $($(#[$field_doc])* pub $field: $type,)*
            }

            impl From<$name> for SagaEvent {
                fn from(event: $name) -> Self {
                    Self::$name(event)
                }
            }
        )*

        impl EventSet for SagaEvent {
            const TYPES: &'static [EventType] = &[$(EventType { name: $stored, version: 1 },)*];

            fn event_type(&self) -> EventType {
                let name = match self {
                    $(Self::$name(_) => $stored,)*
                };
                EventType { name, version: 1 }
            }

            fn encode(&self, codec: Codec) -> Result<Vec<u8>, CodecError> {
                match self {
                    $(Self::$name(event) => codec.encode(event),)*
                }
            }

            fn decode(
                name: &str,
                stored: StoredPayload<'_>,
            ) -> Result<Decoded<Self>, DecodeError> {
                match name {
                    $($stored => decode_event::<$name>($stored, stored).map(|event| Decoded::One(event.into())),)*
                    _ => Err(DecodeError::unknown_event(name, stored)),
                }
            }
        }
    };
}

/// An event of the runtime as it is stored, proven to be read back as the same event.
pub(crate) fn stored(event: &SagaEvent) -> Result<NewEvent, String> {
    let kind = event.event_type();
    let payload = event.encode(Codec::Json).map_err(|e| e.to_string())?;
    let stored = NewEvent::json(kind.name, kind.version, payload);
    let bytes = StoredPayload::new(kind.version, &stored.content_type, &stored.payload);
    match SagaEvent::decode(kind.name, bytes) {
        Ok(Decoded::One(read)) if read == *event => Ok(stored),
        Ok(_) => Err(CHANGED.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

saga_events! {
    /// The saga started.
    Started = "saga.started" {
        /// The version of the definition by which it runs until its end.
        version: u32,
        /// The hash of that definition.
        hash: String,
        /// The data of the saga.
        input: Value,
        /// The time at which the saga is undone if it has not reached its pivot.
        deadline: Option<Timestamp>,
    }
    /// A step or its undo is about to be called. This is stored before the call, so that after a crash it is
    /// known that the call may have happened.
    StepScheduled = "saga.step_scheduled" {
        /// The step.
        step: String,
        /// Whether the step is done or undone.
        to: StepDirection,
        /// The idempotency key.
        key: Key,
    }
    /// A step succeeded.
    StepSucceeded = "saga.step_succeeded" {
        /// The step.
        step: String,
        /// The number of the attempt.
        attempt: u32,
        /// The output, for later steps and for the undo.
        output: Value,
    }
    /// A call failed.
    StepFailed = "saga.step_failed" {
        /// The step.
        step: String,
        /// Whether the step or its undo was called.
        to: StepDirection,
        /// The number of the attempt.
        attempt: u32,
        /// The text of the error.
        error: String,
        /// What follows from the failure.
        verdict: Verdict,
    }
    /// The lease of the process that worked on the saga expired: a call was interrupted, or not started.
    StepInterrupted = "saga.step_interrupted" {
        /// The step.
        step: String,
        /// Whether the step or its undo was called.
        to: StepDirection,
        /// How often this call was interrupted.
        times: u32,
        /// When the call is made again.
        at: Timestamp,
    }
    /// From here on, every step that was done, or may have been done, is undone in reverse order.
    UnwindStarted = "saga.unwind_started" {
        /// Why.
        why: Failure,
    }
    /// A step was undone.
    StepUndone = "saga.step_undone" {
        /// The step.
        step: String,
        /// The number of the attempt.
        attempt: u32,
    }
    /// A step that counts as undone or as never done, or whose undo is in progress, turned out to have succeeded. It is
    /// undone again.
    LateSuccess = "saga.late_success" {
        /// The step.
        step: String,
        /// The output.
        output: Value,
    }
    /// An event cancels the saga, and the program that read it does not have the saga's definition. A program
    /// that has it carries out the cancellation.
    CancelRequested = "saga.cancel_requested" {
        /// The event.
        event: EventId,
        /// Its stored name.
        name: String,
    }
    /// An event could not be taken, because the function that says which instance it is for failed, or because
    /// the store rejects what follows from it. It waits for an operator, and the events after it go on. This is
    /// stored in a stream of its own, `saga-input:<saga>/<position>`.
    InputParked = "saga.input_parked" {
        /// The event.
        event: EventId,
        /// Its stored name.
        name: String,
        /// The aggregate half of its stream.
        aggregate: String,
        /// The id half of its stream.
        of: String,
        /// Its number in the stream.
        version: u64,
        /// Why it could not be taken.
        reason: String,
    }
    /// An operator had a parked event taken. This is stored in the stream of the parked event.
    InputRetried = "saga.input_retried" {
        /// The event.
        event: EventId,
        /// Its stored name.
        name: String,
        /// Who the operator is.
        by: String,
        /// Why.
        reason: String,
    }
    /// An operator skipped an event that could not be read or taken. This is stored in the stream of the parked
    /// event, or in `saga-input/<saga>` when the event blocked the input.
    EventSkipped = "saga.event_skipped" {
        /// The event.
        event: EventId,
        /// Its stored name.
        name: String,
        /// Who the operator is.
        by: String,
        /// Why.
        reason: String,
    }
    /// An input came too late or again, and changes nothing.
    InputIgnored = "saga.input_ignored" {
        /// The event.
        event: EventId,
        /// Its stored name.
        name: String,
        /// Why it changes nothing.
        why: String,
    }
    /// The saga waits for an operator.
    Parked = "saga.parked" {
        /// Why.
        why: ParkedWhy,
        /// The reason as text.
        message: String,
    }
    /// An operator repaired the saga.
    Repaired = "saga.repaired" {
        /// What the operator did.
        verb: Verb,
        /// Who the operator is.
        by: String,
        /// Why.
        reason: String,
    }
    /// Times that were set while the clock was ahead begin anew.
    ClockCorrected = "saga.clock_corrected" {
        /// The new deadline, `None` when it was right.
        deadline: Option<Timestamp>,
        /// The new earliest time of the next call, `None` when it was right.
        not_before: Option<Timestamp>,
    }
    /// All steps are done.
    Completed = "saga.completed" {}
    /// Everything is undone.
    Compensated = "saga.compensated" {}
}

/// What follows from a failed attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is", deny_unknown_fields)]
#[non_exhaustive]
pub enum Verdict {
    /// The call is retried.
    Retry {
        /// The earliest time of the next attempt.
        at: Timestamp,
    },
    /// The effect did not happen.
    DidNotHappen {},
    /// The outcome is unknown, and no attempt is left.
    Unknown {},
}

/// Why a saga is undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The cause.
    pub cause: Cause,
    /// The step that failed, or that was in progress.
    pub step: Option<String>,
    /// The reason as text.
    pub message: String,
}

/// The cause of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// A step failed.
    Step,
    /// The deadline passed.
    Deadline,
    /// An event cancelled it.
    Cancelled,
    /// An operator asked for it.
    Operator,
}

/// Why a saga is parked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is", deny_unknown_fields)]
#[non_exhaustive]
pub enum ParkedWhy {
    /// An undo used up its attempts.
    UndoExhausted {
        /// The step.
        step: String,
    },
    /// A step after the pivot failed, or the pivot failed with an unknown outcome. Nothing can be undone any
    /// more.
    PastPivot {
        /// The step.
        step: String,
    },
    /// An aggregate rejected the command at the end.
    EndRejected {
        /// `completed` or `compensated`.
        step: String,
    },
    /// The program does not have the definition of this version and hash.
    UnknownDefinition {},
    /// The stored data does not fit the definition.
    Unreadable {},
}

/// What an operator does to an instance: see [`Sagas::repair`](crate::Sagas::repair).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is", deny_unknown_fields)]
#[non_exhaustive]
pub enum Verb {
    /// Retries what failed, with a fresh number of attempts.
    Retry {},
    /// Counts a step or its undo as done, without a call.
    Skip {
        /// The step.
        step: String,
    },
    /// Counts a step as done, with this output.
    CompleteWith {
        /// The step.
        step: String,
        /// Its output.
        output: Value,
    },
    /// Undoes everything.
    Unwind {},
    /// Ends the saga as it is. Nothing more is done or undone.
    Abandon {},
    /// Takes the instance from the worker that has it: ends its lease, and lets times that were set while the
    /// clock was ahead begin anew. The next worker fences the old one.
    TakeOver {},
    /// Resumes a saga whose definition a program has again. Only the runner uses it.
    Resume {},
}

/// The name of [`Verb::TakeOver`].
pub(crate) const TAKE_OVER: &str = "take-over";

impl Verb {
    /// The name that operators type.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Retry {} => "retry",
            Self::Skip { .. } => "skip-step",
            Self::CompleteWith { .. } => "complete-with",
            Self::Unwind {} => "unwind",
            Self::Abandon {} => "abandon",
            Self::TakeOver {} => TAKE_OVER,
            Self::Resume {} => "resume",
        }
    }
}
