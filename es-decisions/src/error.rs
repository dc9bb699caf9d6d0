//! Why a decision was not carried out, and whether something was written.

use es_runtime::{CommitError, InvalidAppendId, LoadError, Outcome, StreamId, TagQueryEmpty};

/// Why a decision was not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecisionError<E> {
    /// The decision was rejected, on states that all it read had at one moment. Nothing was written.
    #[error(transparent)]
    Rejected(E),
    /// Other writers were first in every attempt. Nothing was written.
    #[error(
        "other writers were first in each of {attempts} attempts, at last on stream {stream}; nothing was \
         written; try again later"
    )]
    Conflict {
        /// The stream that changed last.
        stream: StreamId,
        /// The number of attempts.
        attempts: u32,
    },
    /// Other writers were first in every attempt: they stored events that a fold of the decision is made of. Nothing
    /// was written.
    #[error(
        "other writers were first in each of {attempts} attempts, at last with an event of fold `{fold}`; nothing was \
         written; try again later"
    )]
    FoldConflict {
        /// The name of the fold that changed last.
        fold: &'static str,
        /// The number of attempts.
        attempts: u32,
    },
    /// The decision stores an event that none of its own reads sees, so two of these decisions at once would not see
    /// each other. Nothing was written.
    #[error(
        "the decision emits `{event}` with tags that none of its reads has, so no other decision like it would be \
         noticed; nothing was written; read a fold by one of these tags, or write `emits(blind(..))`"
    )]
    Unseen {
        /// The stored name of the event.
        event: &'static str,
    },
    /// The decision stores an event without a tag that names its stream. Nothing was written.
    #[error(
        "event `{event}` has no tag that names the stream to write it to; nothing was written; write `#[tag]` on a \
         field with exactly one value"
    )]
    NoHome {
        /// The stored name of the event.
        event: &'static str,
    },
    /// An event with tags cannot be encoded, read again or applied by what reads it. Nothing was written.
    #[error("event `{event}`: {what}; nothing was written")]
    Event {
        /// The stored name of the event.
        event: &'static str,
        /// What failed.
        what: String,
    },
    /// A fold cannot apply the events of the decision. Nothing was written.
    #[error("fold `{fold}`: {what}; nothing was written")]
    Fold {
        /// The name of the fold.
        fold: &'static str,
        /// What failed.
        what: String,
    },
    /// A fold is made of no events. Nothing was read or written.
    #[error("fold `{fold}`: {source}; nothing was written")]
    NoEvents {
        /// The name of the fold.
        fold: &'static str,
        /// Its query is empty.
        source: TagQueryEmpty,
    },
    /// The decision reads the same aggregate twice. Nothing was read or written.
    #[error(
        "the decision reads stream {stream} twice; nothing was written; give it two different ids"
    )]
    SameStream {
        /// The stream.
        stream: StreamId,
    },
    /// An aggregate is not at the version that [`expect_version`](crate::Execute::expect_version) names. Nothing
    /// was written.
    #[error(
        "stream {stream} is at version {actual}, not at {expected} as the caller expects; nothing was written"
    )]
    VersionMismatch {
        /// The stream.
        stream: StreamId,
        /// The version that the caller expects.
        expected: u64,
        /// The version that it has.
        actual: u64,
    },
    /// The decision emits events on an aggregate that it does not read, or expects a version of it. Nothing was
    /// written.
    #[error(
        "the decision does not read stream {stream}; nothing was written; add it to `reads(..)`"
    )]
    NotRead {
        /// The stream.
        stream: StreamId,
    },
    /// The decision emits events on one aggregate in two lists. Nothing was written.
    #[error(
        "the decision calls `on` twice for stream {stream}; nothing was written; collect its events with a \
         `Recorder`, so that the second handler sees the events of the first"
    )]
    EmittedTwice {
        /// The stream.
        stream: StreamId,
    },
    /// An aggregate could not be loaded. Nothing was written.
    #[error("{0}; nothing was written")]
    Load(#[source] LoadError),
    /// An event cannot be encoded, read again or applied. Nothing was written.
    #[error("stream {stream}: {what}; nothing was written")]
    Events {
        /// The stream.
        stream: StreamId,
        /// What failed.
        what: String,
    },
    /// Deciding panicked. Nothing was written. The panic hook received the message of the panic.
    #[error("decision `{decision}` panicked; nothing was written")]
    Panicked {
        /// The name of the decision.
        decision: &'static str,
    },
    /// The append id was already used by a request with another fingerprint. Nothing was written.
    #[error(
        "the append id was used on stream {stream} for another request; nothing was written; use a new id for a new request"
    )]
    OtherRequest {
        /// The stream.
        stream: StreamId,
    },
    /// The append id is too long together with the name of the decision. Nothing was written.
    #[error("{0}; nothing was written")]
    AppendId(#[source] InvalidAppendId),
    /// The store could not commit. [`CommitError::outcome`] says whether it did.
    #[error(transparent)]
    Commit(CommitError),
    /// The decision took effect when it was first sent, but its result cannot be read.
    #[error("the decision took effect before, but its result cannot be read: {0}")]
    Repeated(#[source] LoadError),
}

impl<E> DecisionError<E> {
    /// Whether the write took effect.
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Commit(error) => error.outcome(),
            Self::Repeated(_) => Outcome::Applied,
            _ => Outcome::NotApplied,
        }
    }

    /// Whether other writers were first in every attempt, so that a later one may succeed.
    pub const fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. } | Self::FoldConflict { .. })
    }

    /// The error of the decision, if it was rejected.
    pub const fn rejection(&self) -> Option<&E> {
        match self {
            Self::Rejected(error) => Some(error),
            _ => None,
        }
    }
}
