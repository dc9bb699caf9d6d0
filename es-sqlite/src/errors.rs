//! Turns what the driver says into the store's errors. No message quotes a value out of a row.

use es_runtime::{Outcome, StorageError, StorageErrorKind};
use rusqlite::ErrorCode;
use std::{any::Any, sync::Arc};

/// Why a write was not done, and whether it may have been done after all.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) outcome: Outcome,
    pub(crate) error: StorageError,
}

/// A failure that several waiting writes share, of which each gets its own copy.
#[derive(Clone, Debug)]
pub(crate) struct SharedFailure {
    outcome: Outcome,
    kind: StorageErrorKind,
    message: String,
    source: Option<Arc<rusqlite::Error>>,
}

impl SharedFailure {
    pub(crate) fn new(outcome: Outcome, error: rusqlite::Error) -> Self {
        Self {
            outcome,
            kind: kind(&error),
            message: error.to_string(),
            source: Some(Arc::new(error)),
        }
    }

    /// A failure that is not the driver's.
    pub(crate) fn own(outcome: Outcome, error: StorageError) -> Self {
        Self {
            outcome,
            kind: error.kind,
            message: error.message,
            source: None,
        }
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.outcome == Outcome::NotApplied
    }

    pub(crate) fn to_failed(&self) -> Failed {
        let mut error = StorageError::new(self.kind, self.message.clone());
        if let Some(source) = &self.source {
            error = error.with_source(Arc::clone(source));
        }
        Failed {
            outcome: self.outcome,
            error,
        }
    }
}

/// Why a transaction failed.
#[cfg_attr(
    not(feature = "projections"),
    allow(dead_code, reason = "only handlers fail otherwise than the driver")
)]
pub(crate) enum TransactionFailure {
    Driver(rusqlite::Error),
    Store(StorageError),
    /// SQLite has rolled back the transaction.
    RolledBack(StorageError),
}

impl From<rusqlite::Error> for TransactionFailure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Driver(error)
    }
}

/// Whether a failed COMMIT may have been written after all, when the transaction is gone.
///
/// Without space the last frame of the log was not written; a busy or read-only database was not
/// touched. After any other failure, such as that of a sync, the frames may be in the file.
pub(crate) fn outcome_of_commit(error: &rusqlite::Error) -> Outcome {
    match kind(error) {
        StorageErrorKind::Full | StorageErrorKind::ReadOnly | StorageErrorKind::Busy => {
            Outcome::NotApplied
        }
        _ => Outcome::Unknown,
    }
}

/// The driver's error as the store's.
pub(crate) fn storage(error: rusqlite::Error) -> StorageError {
    StorageError::new(kind(&error), error.to_string()).with_source(error)
}

pub(crate) fn kind(error: &rusqlite::Error) -> StorageErrorKind {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StorageErrorKind::Full,
        Some(ErrorCode::ReadOnly) => StorageErrorKind::ReadOnly,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StorageErrorKind::Busy,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StorageErrorKind::Corrupt,
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => StorageErrorKind::CannotOpen,
        _ => StorageErrorKind::Other,
    }
}

/// A row or a table does not hold what this store writes.
pub(crate) fn corrupt(message: impl Into<String>) -> StorageError {
    StorageError::new(StorageErrorKind::Corrupt, message)
}

/// The request came after `close`.
pub(crate) fn closed() -> StorageError {
    StorageError::new(StorageErrorKind::Closed, "it takes no more requests")
}

/// The thread ended without an answer.
pub(crate) fn no_answer() -> StorageError {
    StorageError::new(
        StorageErrorKind::Closed,
        "its thread ended before it answered",
    )
}

pub(crate) fn read_only() -> StorageError {
    StorageError::new(
        StorageErrorKind::ReadOnly,
        "the store was opened for reading only",
    )
}

/// A panic that was caught on one of the store's threads. The panic's own text may quote a payload
/// and goes to the panic hook only.
pub(crate) fn panicked(what: &str, _panic: Box<dyn Any + Send>) -> StorageError {
    StorageError::new(StorageErrorKind::Other, format!("{what} panicked"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    fn error(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn codes_have_kinds_and_outcomes() {
        use StorageErrorKind as Kind;
        let table = [
            (ffi::SQLITE_FULL, Kind::Full, Outcome::NotApplied),
            (ffi::SQLITE_READONLY, Kind::ReadOnly, Outcome::NotApplied),
            (
                ffi::SQLITE_READONLY_DBMOVED,
                Kind::ReadOnly,
                Outcome::NotApplied,
            ),
            (ffi::SQLITE_BUSY, Kind::Busy, Outcome::NotApplied),
            (ffi::SQLITE_BUSY_SNAPSHOT, Kind::Busy, Outcome::NotApplied),
            (ffi::SQLITE_LOCKED, Kind::Busy, Outcome::NotApplied),
            (ffi::SQLITE_CORRUPT, Kind::Corrupt, Outcome::Unknown),
            (ffi::SQLITE_NOTADB, Kind::Corrupt, Outcome::Unknown),
            (ffi::SQLITE_CANTOPEN, Kind::CannotOpen, Outcome::Unknown),
            (ffi::SQLITE_IOERR_FSYNC, Kind::Other, Outcome::Unknown),
            (ffi::SQLITE_IOERR_WRITE, Kind::Other, Outcome::Unknown),
            (ffi::SQLITE_NOMEM, Kind::Other, Outcome::Unknown),
        ];
        for (code, expected, outcome) in table {
            assert_eq!(kind(&error(code)), expected, "{code}");
            assert_eq!(outcome_of_commit(&error(code)), outcome, "{code}");
        }
    }

    #[test]
    fn a_shared_failure_gives_each_the_whole_error() {
        let shared = SharedFailure::new(Outcome::NotApplied, error(ffi::SQLITE_FULL));
        for _ in 0..2 {
            let failed = shared.to_failed();
            assert_eq!(failed.outcome, Outcome::NotApplied);
            assert_eq!(failed.error.kind, StorageErrorKind::Full);
            assert!(failed.error.source.is_some());
        }
    }
}
