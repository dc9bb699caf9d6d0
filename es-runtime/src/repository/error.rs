//! Why a load or a command failed, and whether anything was written.

use crate::{
    AppendError, CodecError, DecodeError, InvalidStreamId, Outcome, Position, ReadError, StreamId,
};

/// Why an aggregate could not be loaded. Nothing was written, nothing was skipped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The id does not make a stream id.
    #[error(transparent)]
    StreamId(#[from] InvalidStreamId),
    /// The store could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A stored event is not one that this program can read.
    #[error("stream {stream}, version {version} (position {position}): {source}")]
    Decode {
        /// The stream.
        stream: StreamId,
        /// The version of the event.
        version: u64,
        /// The position of the event.
        position: Position,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// The stream has a hole: an event is missing.
    #[error("stream {stream} goes from version {version} to version {next}: events are missing")]
    Gap {
        /// The stream.
        stream: StreamId,
        /// The last version before the hole.
        version: u64,
        /// The first version after it.
        next: u64,
    },
    /// Decoding or applying an event panicked. The panic's own message went to the panic hook.
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
    /// Other writers were first, in every attempt. Nothing was written.
    #[error(
        "another writer was first on stream {stream} in each of {attempts} attempts (it is at \
         version {actual} now); nothing was written; try again later"
    )]
    Conflict {
        /// The stream.
        stream: StreamId,
        /// How often the command was decided.
        attempts: u32,
        /// The version of the stream at the last attempt.
        actual: u64,
    },
    /// The aggregate could not be loaded. Nothing was written.
    #[error("{0}; nothing was written")]
    Load(#[source] LoadError),
    /// A decided event has no form in the aggregate's codec. Nothing was written.
    #[error("event `{event}` for stream {stream} cannot be encoded: {source}; nothing was written")]
    Encode {
        /// The stream.
        stream: StreamId,
        /// The stored name of the event.
        event: &'static str,
        /// Why not.
        source: CodecError,
    },
    /// A decided event could be written but not be read again, such as a NaN in JSON. Nothing was
    /// written.
    #[error(
        "event `{event}` for stream {stream} could not be read again once stored: {source}; \
         nothing was written"
    )]
    Unreadable {
        /// The stream.
        stream: StreamId,
        /// The stored name of the event.
        event: &'static str,
        /// What reading it back says.
        source: DecodeError,
    },
    /// The handler, or applying what it decided, panicked. Nothing was written. The panic's own
    /// message went to the panic hook.
    #[error("deciding a command on stream {stream} panicked; nothing was written")]
    Panicked {
        /// The stream.
        stream: StreamId,
    },
    /// The store did not take the events; see [`AppendError::outcome`].
    #[error(transparent)]
    Append(AppendError),
    /// The command took effect when it was sent first, but that result cannot be read.
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
            | Self::Load(_)
            | Self::Encode { .. }
            | Self::Unreadable { .. }
            | Self::Panicked { .. } => Outcome::NotApplied,
        }
    }

    /// The aggregate's own rejection, if it was one.
    pub const fn rejection(&self) -> Option<&E> {
        match self {
            Self::Rejected(error) => Some(error),
            _ => None,
        }
    }
}
