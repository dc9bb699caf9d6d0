//! What is stored in the stream of a saga. These are wire format, like the events of users: their
//! names and shapes never change, a new shape is a new version.

mod process;

pub(crate) use process::STEPPED;
pub use process::{ProcessCause, ProcessOutcome, Stepped};

use crate::key::{Key, StepDirection};
use es_runtime::{
    Codec, CodecError, DecodeError, Decoded, EventId, EventSet, EventType, StoredPayload, Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Makes the set out of its members. The derive cannot be used here: it is a feature, this is not.
macro_rules! saga_events {
    ($($(#[$doc:meta])* $name:ident = $stored:literal { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        /// Everything that can stand in the stream of a saga.
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

/// Decodes one event of the runtime, of version 1.
pub(crate) fn decode_event<T: serde::de::DeserializeOwned>(
    name: &'static str,
    stored: StoredPayload<'_>,
) -> Result<T, DecodeError> {
    let version = stored.schema_version;
    match version {
        0 => return Err(DecodeError::InvalidVersion { name }),
        1 => {}
        newer => {
            return Err(DecodeError::NewerVersion {
                name,
                stored: newer,
                known: 1,
            });
        }
    }
    let codec = Codec::from_content_type(stored.content_type).ok_or_else(|| {
        DecodeError::UnknownContentType {
            name,
            content_type: stored.content_type.to_owned(),
        }
    })?;
    codec
        .decode(stored.bytes)
        .map_err(|source| DecodeError::Payload {
            name,
            version,
            source,
        })
}

saga_events! {
    /// The saga began.
    Started = "saga.started" {
        /// The version of the definition by which it runs to its end.
        version: u32,
        /// The hash of that definition.
        hash: String,
        /// What it is about.
        input: Value,
        /// When it is undone unless it is through.
        deadline: Option<Timestamp>,
    }
    /// A step, or its undo, is about to be called: stored before the call, so that a call whose
    /// outcome is lost is known to be possible.
    StepScheduled = "saga.step_scheduled" {
        /// The step.
        step: String,
        /// Whether it is done or undone.
        to: StepDirection,
        /// The key of the effect.
        key: Key,
    }
    /// A step was done.
    StepSucceeded = "saga.step_succeeded" {
        /// The step.
        step: String,
        /// Which attempt it was.
        attempt: u32,
        /// What it gave, for later steps and for its undo.
        output: Value,
    }
    /// A call did not work.
    StepFailed = "saga.step_failed" {
        /// The step.
        step: String,
        /// Whether it was done or undone.
        to: StepDirection,
        /// Which attempt it was.
        attempt: u32,
        /// What it said.
        error: String,
        /// What follows.
        verdict: Verdict,
    }
    /// The process that had the saga died or was leased up: a call was cut off, or not begun.
    StepInterrupted = "saga.step_interrupted" {
        /// The step.
        step: String,
        /// Whether it was done or undone.
        to: StepDirection,
        /// How often that happened to this call.
        times: u32,
        /// When it is called again.
        at: Timestamp,
    }
    /// From here on everything that was done, or may have been, is undone in reverse order.
    UnwindStarted = "saga.unwind_started" {
        /// Why.
        why: Failure,
    }
    /// A step was undone.
    StepUndone = "saga.step_undone" {
        /// The step.
        step: String,
        /// Which attempt it was.
        attempt: u32,
    }
    /// A step that was undone, or never done, turned out to have been done after all. It is undone
    /// once more.
    LateSuccess = "saga.late_success" {
        /// The step.
        step: String,
        /// What it gave.
        output: Value,
    }
    /// An event asks for everything to be undone, and the program that read it does not know the saga's
    /// definition: one that does carries it out.
    CancelRequested = "saga.cancel_requested" {
        /// The event.
        event: EventId,
        /// Its stored name.
        name: String,
    }
    /// An operator had the input go on behind an event that could not be read. It stands in a stream of
    /// the input, `saga-input/<saga>`, not in that of an instance.
    EventSkipped = "saga.event_skipped" {
        /// The event.
        event: EventId,
        /// Its stored name.
        name: String,
        /// Who did it.
        by: String,
        /// Why.
        reason: String,
    }
    /// An input came that has nothing to say any more.
    InputIgnored = "saga.input_ignored" {
        /// The event.
        event: EventId,
        /// Its stored name.
        name: String,
        /// Why it says nothing.
        why: String,
    }
    /// The saga cannot go on by itself.
    Parked = "saga.parked" {
        /// Why.
        why: ParkedWhy,
        /// In words.
        message: String,
    }
    /// An operator stepped in.
    Repaired = "saga.repaired" {
        /// What was done.
        verb: Verb,
        /// Who did it.
        by: String,
        /// Why.
        reason: String,
    }
    /// Everything was done.
    Completed = "saga.completed" {}
    /// Everything was undone.
    Compensated = "saga.compensated" {}
}

/// What follows from a failed attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is", deny_unknown_fields)]
pub enum Verdict {
    /// It is tried again.
    Retry {
        /// Not before this.
        at: Timestamp,
    },
    /// It did not happen.
    DidNotHappen {},
    /// Nobody knows whether it happened, and there is no attempt left.
    Unknown {},
}

/// Why a saga is undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// What brought it about.
    pub cause: Cause,
    /// The step that failed, or that was on its way then.
    pub step: Option<String>,
    /// In words.
    pub message: String,
}

/// What brought a failure about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// A step said no, or could not be done.
    Step,
    /// The saga took too long.
    Deadline,
    /// An event cancelled it.
    Cancelled,
    /// An operator decided so.
    Operator,
}

/// Why a saga waits for an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is", deny_unknown_fields)]
#[non_exhaustive]
pub enum ParkedWhy {
    /// An undo used up its attempts.
    UndoExhausted {
        /// The step.
        step: String,
    },
    /// A step behind the pivot, or the pivot with an unknown outcome, used up its attempts or said no:
    /// there is no way back.
    PastPivot {
        /// The step.
        step: String,
    },
    /// An aggregate rejected the command at the end.
    EndRejected {
        /// `completed` or `compensated`.
        step: String,
    },
    /// This program has no definition of this version and hash.
    UnknownDefinition {},
    /// What is stored does not fit the definition.
    Unreadable {},
}

/// What an operator did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is", deny_unknown_fields)]
#[non_exhaustive]
pub enum Verb {
    /// What failed is tried again, with all of its attempts.
    Retry {},
    /// A step, or its undo, counts as done without being called.
    Skip {
        /// The step.
        step: String,
    },
    /// A step counts as done and gave this.
    CompleteWith {
        /// The step.
        step: String,
        /// Its output.
        output: Value,
    },
    /// Everything is undone.
    Unwind {},
    /// Nothing more is done or undone.
    Abandon {},
    /// The program knows the definition again.
    Resume {},
}

impl Verb {
    /// Its name, as operators write it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Retry {} => "retry",
            Self::Skip { .. } => "skip-step",
            Self::CompleteWith { .. } => "complete-with",
            Self::Unwind {} => "unwind",
            Self::Abandon {} => "abandon",
            Self::Resume {} => "resume",
        }
    }
}
