//! The event that the runtime writes into the stream of a process manager, before its own events.

use super::payload::{CHANGED, decode_event};
use es_runtime::{Codec, EventId, NewEvent, RecordedEvent, StoredPayload, StreamId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The stored name of [`Stepped`].
pub(crate) const STEPPED: &str = "process.stepped";

/// An input of a process manager was processed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stepped {
    /// The input.
    pub cause: ProcessCause,
    /// The outcome.
    pub outcome: ProcessOutcome,
    /// Timers that were set, with the time at which they fire, or cancelled (`None`).
    pub timers: BTreeMap<String, Option<Timestamp>>,
    /// Those of the set timers that [`timer_at`](crate::Reactions::timer_at) set. They do not begin anew when a wrong clock is
    /// corrected.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub timers_at: BTreeSet<String>,
    /// The streams of the aggregates that received commands.
    pub commands: Vec<String>,
    /// The rejection that it reacted to instead of the input.
    pub rejected: Option<String>,
    /// Whether the instance ended.
    pub ended: bool,
}

impl Stepped {
    /// The stored name of the event. The payload is this type as JSON.
    pub const NAME: &'static str = STEPPED;

    pub(crate) fn new(cause: ProcessCause, outcome: ProcessOutcome) -> Self {
        Self {
            cause,
            outcome,
            timers: BTreeMap::new(),
            timers_at: BTreeSet::new(),
            commands: Vec::new(),
            rejected: None,
            ended: false,
        }
    }
}

/// A record as it is stored, proven to be read back as the same record.
pub(crate) fn stored_step(step: &Stepped) -> Result<NewEvent, String> {
    let payload = Codec::Json.encode(step).map_err(|e| e.to_string())?;
    let stored = NewEvent::json(STEPPED, 1, payload);
    let bytes = StoredPayload::new(1, &stored.content_type, &stored.payload);
    match decode_event::<Stepped>(STEPPED, bytes) {
        Ok(read) if read == *step => Ok(stored),
        Ok(_) => Err(CHANGED.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// An input of a process manager.
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
        /// The id half of its stream.
        of: String,
        /// Its number in the stream.
        version: u64,
    },
    /// A timer that fired.
    Timer {
        /// Its name.
        name: String,
        /// The time for which it was set.
        at: Timestamp,
    },
    /// Timers that were set while the clock was ahead begin anew.
    Clock {},
    /// A repair by an operator.
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
    pub(crate) fn event_address(&self) -> Option<(StreamId, u64)> {
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

    /// The stored name of the event, the name of the timer, the name of the repair, or `clock`.
    pub fn name(&self) -> &str {
        match self {
            Self::Event { name, .. } | Self::Timer { name, .. } => name,
            Self::Operator { verb, .. } => verb,
            Self::Clock {} => "clock",
        }
    }
}

/// The outcome of an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is", deny_unknown_fields)]
#[non_exhaustive]
pub enum ProcessOutcome {
    /// The process manager reacted to it.
    Reacted {},
    /// The input waits, because the instance is parked at an earlier one.
    Waits {},
    /// The input came after the end.
    TooLate {},
    /// The process manager could not react to the input. The instance waits for an operator.
    Parked {
        /// Why.
        why: String,
    },
    /// An operator repaired the instance.
    Repaired {},
}
