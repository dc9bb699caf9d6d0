//! What can go wrong in a store, and whether the write took effect.

use super::InvalidAppend;
use crate::{AppendId, EventId, ExpectedVersion, Position, StreamId};
use std::fmt;

/// Whether a failed write took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Nothing was written. It is safe to try again.
    NotApplied,
    /// It was written; the error happened afterwards.
    Applied,
    /// It may or may not have been written. Ask with the append id, or repeat the request under the
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
    /// The stream is not at the expected version: another writer was first.
    #[error("stream {stream} is at version {actual}, not at {expected}; nothing was written")]
    Conflict {
        /// The stream.
        stream: StreamId,
        /// What the writer expected.
        expected: ExpectedVersion,
        /// The version that the stream has.
        actual: u64,
    },
    /// The stream has already seen this append id with other events.
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
    /// An event with this id is already stored.
    #[error("event id {event_id} is already stored; nothing was written to stream {stream}")]
    DuplicateEventId {
        /// The stream of the append that was refused.
        stream: StreamId,
        /// The id.
        event_id: EventId,
    },
    /// The append breaks a bound.
    #[error("{reason}; nothing was written to stream {stream}")]
    Invalid {
        /// The stream.
        stream: StreamId,
        /// Which bound.
        #[source]
        reason: InvalidAppend,
    },
    /// A projection that runs inside appends could not handle an event.
    #[error(
        "projection `{projection}` refused an event of stream {stream}: {error}; nothing was \
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
            | Self::DuplicateEventId { .. }
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
        /// What is wrong with it, without quoting it.
        what: String,
    },
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// The database underneath failed.
#[derive(Debug, thiserror::Error)]
#[error("{kind}: {message}")]
#[non_exhaustive]
pub struct StorageError {
    /// What to do about it.
    pub kind: StorageErrorKind,
    /// The database's own words.
    pub message: String,
    /// The driver's error, where there is one.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StorageError {
    /// An error without a driver's error behind it.
    pub fn new(kind: StorageErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// With the driver's error.
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
        }
    }
}

/// What kind of failure it was, so that a caller can choose what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StorageErrorKind {
    /// No space is left. Free some, then try again.
    Full,
    /// The database may only be read here.
    ReadOnly,
    /// Another process holds the database for too long. Try again later.
    Busy,
    /// The server does not answer, or the connection to it broke. Try again later.
    Unreachable,
    /// The store was closed, or its worker ended.
    Closed,
    /// The file or a table is damaged, or not a database of this kind.
    Corrupt,
    /// The database is newer than this program, or its library is too old.
    Version,
    /// The store's tables are not there, and it was told not to make them.
    Missing,
    /// It cannot be opened, such as a missing folder or missing rights.
    CannotOpen,
    /// The store does not do this kind of thing.
    Unsupported,
    /// Anything else.
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
