//! The one event that the runtime writes into the stream of a process manager, in front of its own.
//! It is wire format: its name and shape never change, a new shape is a new version.

use es_runtime::{EventId, RecordedEvent, StreamId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The stored name of [`Stepped`].
pub(crate) const STEPPED: &str = "process.stepped";

/// An input was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stepped {
    /// What brought it about.
    pub cause: ProcessCause,
    /// What became of it.
    pub outcome: ProcessOutcome,
    /// Timers that were set, with when they run out, or cancelled.
    pub timers: BTreeMap<String, Option<Timestamp>>,
    /// The aggregates that were commanded.
    pub commands: Vec<String>,
    /// The rejection that it reacted to instead of the input.
    pub rejected: Option<String>,
    /// Whether it ended with this.
    pub ended: bool,
}

impl Stepped {
    /// The name that its events are stored under; the payload is this type as JSON.
    pub const NAME: &'static str = STEPPED;

    pub(crate) fn new(cause: ProcessCause, outcome: ProcessOutcome) -> Self {
        Self {
            cause,
            outcome,
            timers: BTreeMap::new(),
            commands: Vec::new(),
            rejected: None,
            ended: false,
        }
    }
}

/// What brings a process manager to do something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is", deny_unknown_fields)]
#[non_exhaustive]
pub enum ProcessCause {
    /// An event of another stream.
    Event {
        /// Its id.
        id: EventId,
        /// Its stored name.
        name: String,
        /// The aggregate half of its stream.
        aggregate: String,
        /// The other half.
        of: String,
        /// Its number in the stream.
        version: u64,
    },
    /// A timer that ran out.
    Timer {
        /// Its name.
        name: String,
        /// When it was to run out.
        at: Timestamp,
    },
    /// An operator.
    Operator {
        /// The name of the verb.
        verb: String,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
}

impl ProcessCause {
    pub(crate) fn event(event: &RecordedEvent) -> Self {
        Self::Event {
            id: event.event_id,
            name: event.name.to_string(),
            aggregate: event.stream.aggregate().to_owned(),
            of: event.stream.id().to_owned(),
            version: event.version,
        }
    }

    /// The stream of the event and its number there.
    pub(crate) fn place(&self) -> Option<(StreamId, u64)> {
        match self {
            Self::Event {
                aggregate,
                of,
                version,
                ..
            } => Some((StreamId::new(aggregate, of).ok()?, *version)),
            _ => None,
        }
    }

    /// What operators call it: the stored name of the event, or the name of the timer.
    pub fn name(&self) -> &str {
        match self {
            Self::Event { name, .. } | Self::Timer { name, .. } => name,
            Self::Operator { verb, .. } => verb,
        }
    }
}

/// What becomes of an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is", deny_unknown_fields)]
#[non_exhaustive]
pub enum ProcessOutcome {
    /// The process manager reacted to it.
    Reacted {},
    /// It waits behind one that the instance is parked at.
    Waits {},
    /// It came after the end.
    TooLate {},
    /// It could not be reacted to; the instance waits for an operator.
    Parked {
        /// Why.
        why: String,
    },
    /// An operator stepped in.
    Repaired {},
}
