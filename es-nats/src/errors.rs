//! Errors that several parts make.

use crate::failure::Failure;
use es_runtime::{Append, AppendError, CommitError, Outcome, StorageError, StorageErrorKind};

pub(crate) fn closed() -> StorageError {
    StorageError::new(StorageErrorKind::Closed, "the store was closed")
}

/// Another write was first, again and again, until the time was over.
pub(crate) fn always_late() -> StorageError {
    let what = "other writers were first again and again";
    StorageError::new(StorageErrorKind::Busy, what)
}

/// A write without a result.
#[derive(Debug)]
pub(crate) struct Unwritten {
    pub(crate) outcome: Outcome,
    pub(crate) error: StorageError,
}

impl Unwritten {
    /// The last failure of a write. `was_open` says whether an earlier attempt may have been stored.
    pub(crate) fn after(failure: Failure, was_open: bool) -> Self {
        let outcome = if was_open || failure.is_open() {
            Outcome::Unknown
        } else {
            Outcome::NotApplied
        };
        Self {
            outcome,
            error: failure.into(),
        }
    }

    pub(crate) fn of(self, append: &Append) -> AppendError {
        AppendError::Storage {
            stream: append.stream.clone(),
            outcome: self.outcome,
            error: self.error,
        }
    }
}

impl From<StorageError> for Unwritten {
    /// Nothing was written.
    fn from(error: StorageError) -> Self {
        Self {
            outcome: Outcome::NotApplied,
            error,
        }
    }
}

impl From<Unwritten> for CommitError {
    fn from(Unwritten { outcome, error }: Unwritten) -> Self {
        Self::Storage { outcome, error }
    }
}

pub(crate) fn not_committed(error: StorageError) -> CommitError {
    CommitError::Storage {
        outcome: Outcome::NotApplied,
        error,
    }
}
