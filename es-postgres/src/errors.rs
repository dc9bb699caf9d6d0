//! Turns what the driver says into the store's errors. The server's DETAIL may quote values out of
//! rows and the driver prints it, so only the message and the code of a server's error are kept.

use es_runtime::{CommitError, Outcome, ReadError, StorageError, StorageErrorKind};
use std::error::Error as _;
use tokio_postgres::{
    Error,
    error::{Severity, SqlState},
    types::WrongType,
};

/// Why a write was not done, and whether it may have been done after all.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) outcome: Outcome,
    pub(crate) error: StorageError,
}

impl Failed {
    pub(crate) fn not_applied(error: StorageError) -> Self {
        Self {
            outcome: Outcome::NotApplied,
            error,
        }
    }

    /// The same once more, for another of those that share it.
    pub(crate) fn again(&self) -> Self {
        Self {
            outcome: self.outcome,
            error: again(&self.error),
        }
    }
}

/// The same once more, for another of those that share it.
pub(crate) fn again(error: &StorageError) -> StorageError {
    StorageError::new(error.kind, error.message.clone())
}

/// The error of a commit that was not done.
pub(crate) fn not_applied(error: StorageError) -> CommitError {
    CommitError::Storage {
        outcome: Outcome::NotApplied,
        error,
    }
}

pub(crate) fn storage(error: Error) -> StorageError {
    let storage = StorageError::new(kind(&error), text(&error));
    match error.as_db_error() {
        Some(_) => storage,
        None => storage.with_source(error),
    }
}

/// The error's message, without the server's DETAIL. A column that cannot be read is reported with its
/// type, without its value.
pub(crate) fn text(error: &Error) -> String {
    if let Some(db) = error.as_db_error() {
        return format!("{} (SQLSTATE {})", db.message(), db.code().code());
    }
    let cause = error.source();
    match cause.and_then(|cause| cause.downcast_ref::<WrongType>()) {
        Some(wrong_type) => format!("{error}: {wrong_type}"),
        None => error.to_string(),
    }
}

pub(crate) fn read_error(error: Error) -> ReadError {
    ReadError::Storage(storage(error))
}

/// Whether a prepared statement failed because what its tables or views look like was changed since. It
/// goes well once it is prepared anew. (The code alone stands for other things too, and the text is in
/// the language of the server.)
pub(crate) fn is_stale(error: &Error) -> bool {
    error.as_db_error().is_some_and(|db| {
        *db.code() == SqlState::FEATURE_NOT_SUPPORTED
            && db.routine() == Some("RevalidateCachedQuery")
    })
}

pub(crate) fn kind(error: &Error) -> StorageErrorKind {
    if is_stale(error) {
        return StorageErrorKind::Busy;
    }
    let Some(code) = error.code() else {
        // Not the server's word: the connection ended, or was never made.
        return if error.is_closed() || is_io(error) {
            StorageErrorKind::Unreachable
        } else {
            StorageErrorKind::Other
        };
    };
    kind_of(code)
}

/// Whether the server rejected a statement and kept the connection. When the connection is lost, the
/// statement may have been executed. (The severity that is meant for people is in
/// the language of the server.)
pub(crate) fn is_refusal(error: &Error) -> bool {
    let db = error.as_db_error();
    db.is_some_and(|db| db.parsed_severity() == Some(Severity::Error))
}

/// Whether a row was refused since its stream has that version, or that append id, already.
pub(crate) fn is_known(error: &Error) -> bool {
    let db = error.as_db_error();
    db.is_some_and(|db| {
        *db.code() == SqlState::UNIQUE_VIOLATION
            && matches!(db.constraint(), Some("events_stream" | "appends_pkey"))
    })
}

/// What the server's code for an error means.
pub(crate) fn kind_of(code: &SqlState) -> StorageErrorKind {
    let class = code.code().get(..2).unwrap_or_default();
    match *code {
        SqlState::DISK_FULL => StorageErrorKind::Full,
        SqlState::READ_ONLY_SQL_TRANSACTION => StorageErrorKind::ReadOnly,
        SqlState::LOCK_NOT_AVAILABLE
        | SqlState::QUERY_CANCELED
        | SqlState::T_R_SERIALIZATION_FAILURE
        | SqlState::T_R_DEADLOCK_DETECTED => StorageErrorKind::Busy,
        SqlState::ADMIN_SHUTDOWN
        | SqlState::CRASH_SHUTDOWN
        | SqlState::CANNOT_CONNECT_NOW
        | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => StorageErrorKind::Unreachable,
        SqlState::INSUFFICIENT_PRIVILEGE
        | SqlState::INVALID_CATALOG_NAME
        | SqlState::INVALID_SCHEMA_NAME => StorageErrorKind::CannotOpen,
        // The server ended a session that was idle, or a transaction that took long.
        _ if matches!(code.code(), "57P05" | "25P04") => StorageErrorKind::Unreachable,
        _ => match class {
            "08" => StorageErrorKind::Unreachable,
            "28" => StorageErrorKind::CannotOpen,
            "53" => StorageErrorKind::Busy,
            "XX" => StorageErrorKind::Corrupt,
            _ => StorageErrorKind::Other,
        },
    }
}

fn is_io(error: &Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if inner.is::<std::io::Error>() {
            return true;
        }
        cause = inner.source();
    }
    false
}

/// A row or a table does not hold what this store writes.
pub(crate) fn corrupt(message: impl Into<String>) -> StorageError {
    StorageError::new(StorageErrorKind::Corrupt, message)
}

/// The request came after `close`.
pub(crate) fn closed() -> StorageError {
    StorageError::new(StorageErrorKind::Closed, "it takes no more requests")
}

/// The task ended without an answer: its runtime is gone.
pub(crate) fn no_answer() -> StorageError {
    StorageError::new(
        StorageErrorKind::Closed,
        "its task ended before it answered; the runtime that opened the store may be gone",
    )
}
