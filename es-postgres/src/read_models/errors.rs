//! Why a transaction of a read database failed.

use crate::errors::no_answer;
use es_projections::backend::TransactionError;
use es_runtime::{Outcome, StorageError, StorageErrorKind};
use tokio_postgres::error::SqlState;

/// The task of a transaction ended without an answer.
pub(crate) fn task_ended(ended: &tokio::task::JoinError) -> TransactionError {
    if ended.is_panic() {
        // Its connection was dropped with it, and the server rolls back.
        let what = "a transaction of the read database panicked";
        return TransactionError {
            outcome: Outcome::NotApplied,
            error: StorageError::new(StorageErrorKind::Other, what),
        };
    }
    TransactionError {
        outcome: Outcome::Unknown,
        error: no_answer(),
    }
}

/// Whether the rows of the transaction are the cause: class 23 is that of broken constraints.
pub(crate) fn is_constraint(state: &SqlState) -> bool {
    state.code().starts_with("23")
}

/// A job succeeded and its transaction failed. The server answers such a commit with success.
pub(crate) fn dead_transaction() -> StorageError {
    StorageError::new(
        StorageErrorKind::Other,
        "a statement of the transaction failed, and the transaction with it",
    )
}
