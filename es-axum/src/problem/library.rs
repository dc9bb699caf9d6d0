//! How the errors of the library are answered. One function for each type, so that a case of it is answered in one way.

use super::{Problem, Rejection};
use axum::http::StatusCode;
use es_runtime::{
    AppendError, ExecuteError, InvalidStreamId, LoadError, Outcome, ReadError, StorageError,
};
use std::{error::Error, fmt, time::Duration};

const SOON: Duration = Duration::from_secs(1);

/// Nothing was written, and a later attempt may succeed.
fn unavailable(error: impl Error + Send + Sync + 'static) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE)
        .kind("unavailable")
        .title("The server is not ready")
        .detail("nothing was written; send the request again")
        .retry_after(SOON)
        .cause(error)
}

fn conflict(error: impl Error + Send + Sync + 'static) -> Problem {
    Problem::new(StatusCode::CONFLICT)
        .kind("conflict")
        .title("Other writers were first")
        .detail("nothing was written; send the request again")
        .retry_after(SOON)
        .cause(error)
}

pub(crate) fn version_mismatch() -> Problem {
    Problem::new(StatusCode::PRECONDITION_FAILED)
        .kind("version-mismatch")
        .title("The version has changed")
}

fn mismatch(expected: u64, actual: u64) -> Problem {
    version_mismatch()
        .detail(format!(
            "the version is {actual}, not {expected}; nothing was written; read it again and decide anew"
        ))
        .version(actual)
}

pub(crate) fn invalid_key() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST)
        .kind("invalid-idempotency-key")
        .title("`Idempotency-Key` is not valid")
}

/// Of a header or parameter with this name.
pub(crate) fn invalid_position(name: &str, error: impl fmt::Display) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST)
        .kind("invalid-position")
        .title(format!("`{name}` is not a position"))
        .detail(error)
}

fn invalid_id() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST)
        .kind("invalid-id")
        .title("The id is not valid")
}

fn key_reused() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY)
        .kind("idempotency-key-reused")
        .title("`Idempotency-Key` was used for another request")
        .detail("nothing was written; send a new key with a new request")
}

/// The command took effect, and there is no result to show.
fn applied(error: impl Error + Send + Sync + 'static) -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR)
        .kind("took-effect")
        .title("The request took effect, and its result cannot be read")
        .detail("do not send the request again with another `Idempotency-Key`")
        .cause(error)
}

fn stored(
    outcome: Outcome,
    is_transient: bool,
    error: impl Error + Send + Sync + 'static,
) -> Problem {
    match outcome {
        Outcome::NotApplied if is_transient => unavailable(error),
        Outcome::NotApplied => Problem::internal(error),
        Outcome::Applied => applied(error),
        Outcome::Unknown => Problem::new(StatusCode::INTERNAL_SERVER_ERROR)
            .kind("unknown-outcome")
            .title("It is unknown whether the request took effect")
            .detail(
                "send it again with the same `Idempotency-Key`: it takes effect once; \
                 without a key look first whether it took effect",
            )
            .cause(error),
    }
}

/// What the domain refuses before a command, such as a value that cannot be made.
impl<E: Rejection> From<E> for Problem {
    fn from(error: E) -> Self {
        error.problem()
    }
}

impl<E: Rejection> From<ExecuteError<E>> for Problem {
    fn from(error: ExecuteError<E>) -> Self {
        match error {
            ExecuteError::Rejected(error) => error.problem(),
            ExecuteError::Conflict { .. } => conflict(error),
            ExecuteError::VersionMismatch {
                expected, actual, ..
            } => mismatch(expected, actual),
            ExecuteError::Load(error) => error.into(),
            ExecuteError::Append(error) => error.into(),
            ExecuteError::Repeated(error) => applied(error),
            other => Self::internal(other),
        }
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Conflict { .. } => conflict(error),
            AppendError::IdReused { .. } | AppendError::OtherRequest { .. } => key_reused(),
            // Whose it is, is not said: that is the id of somebody else.
            AppendError::Taken { ref rule, .. } => Self::new(StatusCode::CONFLICT)
                .kind("taken")
                .title("The value is taken")
                .detail("nothing was written; choose another value")
                .with("rule", rule.as_str())
                .cause(error),
            AppendError::Invalid { ref reason, .. } => Self::new(StatusCode::UNPROCESSABLE_ENTITY)
                .kind("out-of-bounds")
                .title("The request is too large")
                .detail(format!("{reason}; nothing was written"))
                .cause(error),
            // A newer release of the program knows them.
            AppendError::UniqueRuleUnknown { .. } | AppendError::TagKindUnknown { .. } => {
                unavailable(error)
            }
            AppendError::Storage {
                outcome,
                error: ref source,
                ..
            } => stored(outcome, source.kind.is_transient(), error),
            other => Self::internal(other),
        }
    }
}

impl From<LoadError> for Problem {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::StreamId(error) => error.into(),
            LoadError::NotAnId(error) => invalid_id().cause(error),
            LoadError::Read(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<InvalidStreamId> for Problem {
    fn from(error: InvalidStreamId) -> Self {
        invalid_id().detail(error.problem)
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Storage(error) => error.into(),
            ReadError::TagsNotReady { .. } => unavailable(error),
            other => Self::internal(other),
        }
    }
}

/// Of a read. What an append says of its outcome is in [`AppendError`].
impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        stored(Outcome::NotApplied, error.kind.is_transient(), error)
    }
}

#[cfg(feature = "decisions")]
mod decisions {
    use super::{
        Problem, Rejection, applied, conflict, invalid_key, key_reused, mismatch, stored,
        unavailable,
    };
    use es_decisions::DecisionError;
    use es_runtime::CommitError;

    impl<E: Rejection> From<DecisionError<E>> for Problem {
        fn from(error: DecisionError<E>) -> Self {
            match error {
                DecisionError::Rejected(error) => error.problem(),
                DecisionError::Conflict { .. } | DecisionError::FoldConflict { .. } => {
                    conflict(error)
                }
                DecisionError::VersionMismatch {
                    expected, actual, ..
                } => mismatch(expected, actual),
                DecisionError::OtherRequest { .. } => key_reused(),
                DecisionError::AppendId(error) => invalid_key().detail(error),
                DecisionError::Load(error) => error.into(),
                DecisionError::Commit(error) => error.into(),
                DecisionError::Repeated(error) => applied(error),
                other => Self::internal(other),
            }
        }
    }

    impl From<CommitError> for Problem {
        fn from(error: CommitError) -> Self {
            match error {
                CommitError::Append(error) => error.into(),
                CommitError::Guarded { .. } => conflict(error),
                CommitError::TagsNotReady { .. } => unavailable(error),
                CommitError::Storage {
                    outcome,
                    error: ref source,
                } => stored(outcome, source.kind.is_transient(), error),
                other => Self::internal(other),
            }
        }
    }
}

#[cfg(feature = "projections")]
mod projections {
    use super::{Problem, SOON, StatusCode};
    use es_projections::{ColumnError, WaitError};

    impl From<WaitError> for Problem {
        fn from(error: WaitError) -> Self {
            match error {
                WaitError::TimedOut { .. } | WaitError::NotLive { .. } => Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                )
                .kind("not-yet")
                .title("The answer would be too old")
                .detail("the events up to `after` are stored, and this view does not have them yet")
                .retry_after(SOON)
                .cause(error),
                WaitError::OtherStore { .. } => super::invalid_position(
                    "after",
                    "it is none of this store; ask without it: what was written before the store moved is in it",
                )
                .cause(error),
                WaitError::Storage(error) => error.into(),
                // A repetition does not help: an operator has to look.
                other => Self::new(StatusCode::INTERNAL_SERVER_ERROR)
                    .kind("behind")
                    .title("The view cannot be brought up to date")
                    .detail("the events up to `after` are stored; the view needs its operator")
                    .cause(other),
            }
        }
    }

    impl From<ColumnError> for Problem {
        fn from(error: ColumnError) -> Self {
            Self::internal(error)
        }
    }
}
