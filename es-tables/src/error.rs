//! What can go wrong.

use std::io;

/// A store cannot be opened, read or filled. Nothing was written, except by earlier calls of [`Store::write`](crate::Store::write).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What should name a store names none. Its text says what does.
    #[error("{0}")]
    Place(String),
    /// There is no store, or none that this version reads.
    #[error("{store}: {why}")]
    CannotOpen {
        /// The store, without a password.
        store: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// SQLite did not answer a statement.
    #[error("the database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The server did not answer a statement.
    #[error("the database failed: {}", server(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// The servers of JetStream did not answer, or refused something.
    #[error("the store failed: {0}")]
    Server(String),
    /// A row is not what a store writes.
    #[error("{0}; `es verify` looks for damage")]
    Damaged(String),
    /// A statement wrote another number of rows than [`Write::expected`](crate::Write::expected) says. The text is the one
    /// given there.
    #[error("{0}")]
    Unexpected(&'static str),
    /// A statement could not be shown, or the system has no more threads, files or memory for the program.
    #[error("the system refused: {0}")]
    System(#[from] io::Error),
}

/// The server's own words, or those of the driver.
pub(crate) fn server(error: &tokio_postgres::Error) -> String {
    if let Some(answer) = error.as_db_error() {
        return answer.message().to_owned();
    }
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
