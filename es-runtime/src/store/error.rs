//! Errors of stores, and whether a failed write took effect.

use super::InvalidAppend;
use crate::{AppendId, EventId, ExpectedVersion, Position, StreamId};
use std::fmt;

/// Whether a failed write took effect.
///
/// The enum is exhaustive on purpose: a caller must decide what to do in each of the three cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Nothing was written. The request can be retried.
    NotApplied,
    /// The write took effect. The error happened afterwards.
    Applied,
    /// It is unknown whether the write took effect. Look for the append id, or repeat the request with the
    /// same append id.
    Unknown,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotApplied => "nothing was written",
            Self::Applied => "the write took effect",
            Self::Unknown => "it is unknown whether the write took effect",
        })
    }
}

/// Why an append failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The stream is not at the expected version, because another writer was first.
    #[error("stream {stream} is at version {actual}, not at {expected}; nothing was written")]
    Conflict {
        /// The stream.
        stream: StreamId,
        /// The version that the writer expected.
        expected: ExpectedVersion,
        /// The version that the stream has.
        actual: u64,
    },
    /// The append id was already used on this stream, with other events.
    #[error(
        "append id `{append_id}` was used on stream {stream} for other events, up to version \
         {version}; nothing was written; use a new id for a new request"
    )]
    IdReused {
        /// The stream.
        stream: StreamId,
        /// The id.
        append_id: AppendId,
        /// The version of the stream after the first append with this id.
        version: u64,
    },
    /// The append id was already used on this stream by a request with another fingerprint.
    #[error(
        "append id `{append_id}` was used on stream {stream} for another request, up to version \
         {version}; nothing was written; use a new id for a new request"
    )]
    OtherRequest {
        /// The stream.
        stream: StreamId,
        /// The id.
        append_id: AppendId,
        /// The version of the stream after the first append with this id.
        version: u64,
    },
    /// An event with this id is already stored.
    #[error("event id {event_id} is already stored; nothing was written to stream {stream}")]
    DuplicateEventId {
        /// The stream of the append that failed.
        stream: StreamId,
        /// The id.
        event_id: EventId,
    },
    /// The append breaks a bound.
    #[error("{reason}; nothing was written to stream {stream}")]
    Invalid {
        /// The stream.
        stream: StreamId,
        /// The bound.
        #[source]
        reason: InvalidAppend,
    },
    /// Another stream has the unique value that an event claims, or it is reserved for that stream.
    #[error(
        "stream {holder} has the value that stream {stream} claims by the rule `{rule}`; nothing was \
         written; choose another value, or release it on {holder} first"
    )]
    Taken {
        /// The stream of the append that failed.
        stream: StreamId,
        /// The rule.
        rule: String,
        /// The stream that has the value.
        holder: StreamId,
    },
    /// The event has no word on a unique value although the rule is on for events of its name: the program
    /// that writes it does not know the rule.
    #[error(
        "the rule `{rule}` is on for event `{event}`, and this program does not know it; nothing was written to \
         stream {stream}; use the release of the program that has the rule"
    )]
    UniqueRuleUnknown {
        /// The stream of the append that failed.
        stream: StreamId,
        /// The rule.
        rule: String,
        /// The stored name of the event.
        event: String,
    },
    /// The kind of tags is on for events of this name, and the event says nothing of it: the program that writes it
    /// does not know the kind.
    #[error(
        "tags of kind `{kind}` are recorded for event `{event}`, and this program does not know the kind; nothing was \
         written to stream {stream}; use the release of the program that has it"
    )]
    TagKindUnknown {
        /// The stream of the append that failed.
        stream: StreamId,
        /// The kind.
        kind: String,
        /// The stored name of the event.
        event: String,
    },
    /// An inline projection could not handle an event.
    #[error(
        "projection `{projection}` failed on an event of stream {stream}: {error}; nothing was \
         written"
    )]
    Projection {
        /// The stream.
        stream: StreamId,
        /// The projection.
        projection: &'static str,
        /// The error that its handler returned.
        #[source]
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database failed.
    #[error("append to stream {stream}: {error}; {outcome}")]
    Storage {
        /// The stream.
        stream: StreamId,
        /// Whether something was written.
        outcome: Outcome,
        /// What failed.
        #[source]
        error: StorageError,
    },
}

impl AppendError {
    /// Whether the write took effect.
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Storage { outcome, .. } => *outcome,
            Self::Conflict { .. }
            | Self::IdReused { .. }
            | Self::OtherRequest { .. }
            | Self::DuplicateEventId { .. }
            | Self::Taken { .. }
            | Self::UniqueRuleUnknown { .. }
            | Self::TagKindUnknown { .. }
            | Self::Projection { .. }
            | Self::Invalid { .. } => Outcome::NotApplied,
        }
    }
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// A stored row is damaged.
    #[error(
        "the row at position {position} (stream {stream}, version {version}) is damaged: {what}"
    )]
    Corrupt {
        /// The stream.
        stream: StreamId,
        /// The version in the stream.
        version: u64,
        /// The position.
        position: Position,
        /// The damage, without a quote of the row.
        what: String,
    },
    /// Tags of this kind are not recorded for all stored events of this name, so the answer could lack some.
    #[error(
        "tags of kind `{kind}` are recorded up to position {reached} of {head} for event `{event}`; turn them on with \
         `turn_on_tags` of es-decisions"
    )]
    TagsNotReady {
        /// The stored name of the event.
        event: String,
        /// The kind.
        kind: String,
        /// Where turning it on has come to.
        reached: Position,
        /// The newest position.
        head: Position,
    },
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// The database failed.
#[derive(Debug, thiserror::Error)]
#[error("{kind}: {message}")]
#[non_exhaustive]
pub struct StorageError {
    /// The kind of failure.
    pub kind: StorageErrorKind,
    /// The message of the database.
    pub message: String,
    /// The error of the driver, where there is one.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StorageError {
    /// An error without a source.
    pub fn new(kind: StorageErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// With the error of the driver as the source.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl From<ReadError> for StorageError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Storage(error) => error,
            corrupt @ ReadError::Corrupt { .. } => {
                Self::new(StorageErrorKind::Corrupt, corrupt.to_string())
            }
            other => Self::new(StorageErrorKind::Other, other.to_string()),
        }
    }
}

/// The kind of a storage failure. Callers choose by it what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StorageErrorKind {
    /// No space is left. Free some, then retry.
    Full,
    /// The database is read-only here.
    ReadOnly,
    /// Another process locked the database for too long. Retry later.
    Busy,
    /// The server does not answer, or the connection broke. Retry later.
    Unreachable,
    /// The store was closed, or its worker ended.
    Closed,
    /// The file or a table is damaged, or it is not a database of this kind.
    Corrupt,
    /// The database is newer than this program, or its library is too old.
    Version,
    /// The tables of the store are missing, and its options do not allow to create them.
    Missing,
    /// The database cannot be opened, for example because of a missing folder or missing rights.
    CannotOpen,
    /// The store does not support the operation.
    Unsupported,
    /// Any other failure.
    Other,
}

impl StorageErrorKind {
    /// Whether the error is transient and the request may be retried.
    ///
    /// ```
    /// use es_runtime::StorageErrorKind;
    ///
    /// assert!(StorageErrorKind::Busy.is_transient());
    /// assert!(!StorageErrorKind::Corrupt.is_transient());
    /// ```
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Unreachable | Self::Busy | Self::Full)
    }
}

impl fmt::Display for StorageErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "no space is left for the database",
            Self::ReadOnly => "the database is read-only",
            Self::Busy => "the database is busy",
            Self::Unreachable => "the database cannot be reached",
            Self::Closed => "the store is closed",
            Self::Corrupt => "the database is damaged",
            Self::Version => "the database does not fit this program",
            Self::Missing => "the store's tables are missing",
            Self::CannotOpen => "the database cannot be opened",
            Self::Unsupported => "the store does not support this",
            Self::Other => "the database failed",
        })
    }
}
