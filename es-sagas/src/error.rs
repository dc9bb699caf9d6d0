//! What goes wrong in the runner, and what its caller can do about it.

use crate::definition::InvalidDefinition;
use es_runtime::{
    CommitError, InvalidStreamId, LoadError, Outcome, Position, ReadError, StorageError, StreamId,
};

/// Why sagas could not be run, begun or repaired.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SagaError {
    /// A definition is wrong. Nothing was run.
    #[error(transparent)]
    Definition(#[from] InvalidDefinition),
    /// The id cannot be one. Nothing was written.
    #[error(transparent)]
    Id(#[from] InvalidStreamId),
    /// The saga is not registered with this runner. Nothing was written.
    #[error("saga `{saga}` is not registered with this runner; nothing was written")]
    NotRegistered {
        /// The saga's name.
        saga: String,
    },
    /// What the saga is about cannot be stored. Nothing was written.
    #[error("what saga `{saga}` is about cannot be stored: {reason}; nothing was written")]
    Input {
        /// The saga's name.
        saga: String,
        /// Why not.
        reason: String,
    },
    /// An event that starts or cancels sagas cannot be read, or its function panicked. The input of
    /// this saga stands still at it until a program that can read it runs.
    #[error("saga `{saga}` cannot read the event at position {position}: {reason}")]
    Event {
        /// The saga's name.
        saga: String,
        /// Where the event stands.
        position: Position,
        /// What is wrong.
        reason: String,
    },
    /// The stream of a saga cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The store could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The commit was not done; see [`CommitError::outcome`].
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// Others changed the saga in each of several attempts. Nothing was written.
    #[error(
        "others changed {instance} in each of {attempts} attempts; nothing was written; try again"
    )]
    Contended {
        /// The stream of the saga.
        instance: StreamId,
        /// How often it was tried.
        attempts: u32,
    },
    /// The saga cannot be repaired in this way now. Nothing was written.
    #[error("{instance}: {reason}; nothing was written")]
    NotNow {
        /// The stream of the saga.
        instance: StreamId,
        /// Why not.
        reason: String,
    },
}

impl SagaError {
    /// Whether something was written.
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Commit(error) => error.outcome(),
            _ => Outcome::NotApplied,
        }
    }
}
