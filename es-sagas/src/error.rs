//! The error of everything that runs, shows or repairs sagas.

use crate::definition::InvalidDefinition;
use es_runtime::{
    CommitError, InvalidStreamId, LoadError, Outcome, Position, ReadError, StorageError, StreamId,
};

/// The error of [`Sagas`](crate::Sagas): a saga could not be started, run, shown or repaired.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SagaError {
    /// A definition has a mistake. Nothing was run.
    #[error(transparent)]
    Definition(#[from] InvalidDefinition),
    /// The name or the id is not valid. Nothing was written.
    #[error(transparent)]
    Id(#[from] InvalidStreamId),
    /// The saga is not registered with this runner. Nothing was written.
    #[error("saga `{saga}` is not registered with this runner; nothing was written")]
    NotRegistered {
        /// The saga's name.
        saga: String,
    },
    /// The data of the saga cannot be stored. Nothing was written.
    #[error("the data of saga `{saga}` cannot be stored: {reason}; nothing was written")]
    Input {
        /// The saga's name.
        saga: String,
        /// Why not.
        reason: String,
    },
    /// An event of the runtime would not be read back as it was written. Nothing was written.
    #[error("event `{event}` of {instance} cannot be stored: {reason}; nothing was written")]
    Unstorable {
        /// The stream of the instance.
        instance: StreamId,
        /// The stored name of the event.
        event: &'static str,
        /// Why not.
        reason: String,
    },
    /// An input event cannot be read. The input of the saga stops there until a program that can read the event
    /// runs, or until an operator [skips](crate::Sagas::skip_event) it.
    #[error("saga `{saga}` cannot read the event at position {position}: {reason}")]
    Event {
        /// The saga's name.
        saga: String,
        /// The position of the event.
        position: Position,
        /// What went wrong.
        reason: String,
    },
    /// This release reads events that no release before it read, and some are stored that the others have
    /// passed. Nothing was written. Say whether the saga reacts to them:
    /// [`from_the_beginning(true)`](crate::Sagas::from_the_beginning) for all since the saga began, or
    /// [`new_inputs_from_now(true)`](crate::Sagas::new_inputs_from_now) for none.
    #[error(
        "this release of saga `{saga}` is the first that reads `{event}`, and one is stored at position {position} \
         that the releases before it have passed; nothing was written; call `from_the_beginning(true)` to react to \
         those since the saga began, or `new_inputs_from_now(true)` to leave them out"
    )]
    NewInput {
        /// The saga's name.
        saga: String,
        /// The stored name of the event.
        event: String,
        /// The position of the first such event.
        position: Position,
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
    /// The commit failed; see [`CommitError::outcome`].
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// Other writers changed the saga during each attempt. Nothing was written.
    #[error(
        "other writers changed {instance} during each of {attempts} attempts; nothing was written; try again"
    )]
    Contended {
        /// The stream of the saga.
        instance: StreamId,
        /// The number of attempts.
        attempts: u32,
    },
    /// The operation is not possible in the current state of the saga. Nothing was written.
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
