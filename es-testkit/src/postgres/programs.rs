//! What [`find`](super::find) says, with errors that say what to do.

use super::{
    ServerError,
    find::{self, User},
};
use std::path::PathBuf;

/// The folder with `initdb`, `pg_ctl`, `postgres` and `psql` of the newest PostgreSQL here.
pub(super) fn folder() -> Result<PathBuf, ServerError> {
    find::postgres().ok_or_else(|| missing("postgresql"))
}

/// A program of another package, such as `pgbouncer` or `strace`.
///
/// ```no_run
/// let strace = es_testkit::postgres::program("strace", "strace")?;
/// assert!(strace.is_file());
/// # Ok::<(), es_testkit::postgres::ServerError>(())
/// ```
///
/// # Errors
/// [`ServerError::Missing`], which says what to run.
pub fn program(name: &str, package: &'static str) -> Result<PathBuf, ServerError> {
    find::program(name).ok_or_else(|| missing(package))
}

fn missing(package: &'static str) -> ServerError {
    ServerError::Missing { package }
}

/// The user and group to run the server as: none where this process is not root.
pub(super) fn user() -> Result<Option<(u32, u32)>, ServerError> {
    match find::user()? {
        User::This => Ok(None),
        User::Other(user, group) => Ok(Some((user, group))),
        User::Nobody => Err(ServerError::NoUser),
    }
}
