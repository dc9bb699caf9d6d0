//! Errors of loads and commands, and whether something was written.

use crate::{
    AppendError, CodecError, DecodeError, InvalidStreamId, NotAnId, Outcome, Position, ReadError,
    StreamId,
};

/// Why an aggregate could not be loaded. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The id is no valid stream id.
    #[error(transparent)]
    StreamId(#[from] InvalidStreamId),
    /// The id of a stream is none of this aggregate.
    #[error(transparent)]
    NotAnId(#[from] NotAnId),
    /// The store could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// This program cannot decode a stored event.
    #[error("stream {stream}, version {version} (position {position}): {source}")]
    Decode {
        /// The stream.
        stream: StreamId,
        /// The version of the event.
        version: u64,
        /// The position of the event.
        position: Position,
        /// The error of decoding.
        source: DecodeError,
    },
    /// An event of the stream is missing.
    #[error("stream {stream} goes from version {version} to version {next}: events are missing")]
    Gap {
        /// The stream.
        stream: StreamId,
        /// The last version before the gap.
        version: u64,
        /// The first version after the gap.
        next: u64,
    },
    /// Decoding or applying an event panicked. The panic hook received the message of the panic.
    #[error("stream {stream}: decoding or applying version {version} (`{event}`) panicked")]
    Panicked {
        /// The stream.
        stream: StreamId,
        /// The version of the event.
        version: u64,
        /// The stored name of the event.
        event: String,
    },
}

/// Why a command was not executed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecuteError<E> {
    /// The aggregate rejected the command. Nothing was written.
    #[error(transparent)]
    Rejected(E),
    /// Another writer was first in every attempt. Nothing was written.
    #[error(
        "another writer was first on stream {stream} in each of {attempts} attempts (it is at \
         version {actual} now); nothing was written; try again later"
    )]
    Conflict {
        /// The stream.
        stream: StreamId,
        /// The number of attempts.
        attempts: u32,
        /// The version of the stream at the last attempt.
        actual: u64,
    },
    /// The aggregate is not at the version of [`expect_version`](crate::Execute::expect_version). Nothing was
    /// written.
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
    /// The aggregate could not be loaded. Nothing was written.
    #[error("{0}; nothing was written")]
    Load(#[source] LoadError),
    /// The codec of the aggregate cannot encode an event. Nothing was written.
    #[error("event `{event}` for stream {stream} cannot be encoded: {source}; nothing was written")]
    Encode {
        /// The stream.
        stream: StreamId,
        /// The stored name of the event.
        event: &'static str,
        /// The error of the codec.
        source: CodecError,
    },
    /// An event could be encoded but not decoded again, such as a NaN in JSON. Nothing was written.
    #[error(
        "event `{event}` for stream {stream} could not be read again once stored: {source}; \
         nothing was written"
    )]
    Unreadable {
        /// The stream.
        stream: StreamId,
        /// The stored name of the event.
        event: &'static str,
        /// The error of decoding.
        source: DecodeError,
    },
    /// The handler panicked, or applying its events. Nothing was written. The panic hook received the
    /// message of the panic.
    #[error("deciding a command on stream {stream} panicked; nothing was written")]
    Panicked {
        /// The stream.
        stream: StreamId,
    },
    /// The store could not append the events. [`AppendError::outcome`] says whether it did.
    #[error(transparent)]
    Append(AppendError),
    /// The command took effect when it was first sent, but its result cannot be read.
    #[error("the command took effect before, but its result cannot be read: {0}")]
    Repeated(#[source] LoadError),
}

impl<E> ExecuteError<E> {
    /// Whether the write took effect.
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Append(error) => error.outcome(),
            Self::Repeated(_) => Outcome::Applied,
            Self::Rejected(_)
            | Self::Conflict { .. }
            | Self::VersionMismatch { .. }
            | Self::Load(_)
            | Self::Encode { .. }
            | Self::Unreadable { .. }
            | Self::Panicked { .. } => Outcome::NotApplied,
        }
    }

    /// The error of the aggregate, if it rejected the command.
    pub const fn rejection(&self) -> Option<&E> {
        match self {
            Self::Rejected(error) => Some(error),
            _ => None,
        }
    }
}
