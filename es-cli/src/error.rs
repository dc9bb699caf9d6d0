//! What can go wrong, and the exit code of each.

use std::io;

/// The exit codes, as `es help` explains them.
pub(crate) mod exit {
    pub(crate) const DONE: u8 = 0;
    pub(crate) const DAMAGED: u8 = 1;
    pub(crate) const USAGE: u8 = 2;
    pub(crate) const MISSING: u8 = 3;
    pub(crate) const CANNOT_OPEN: u8 = 4;
    pub(crate) const FAILED: u8 = 5;
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The arguments, the environment or the file of named stores say nothing that can be done.
    #[error("{0}")]
    Usage(String),
    /// What was asked for is not in the store.
    #[error("{0}")]
    Missing(String),
    /// There is no store, or none that this program reads.
    #[error("{store}: {why}")]
    CannotOpen { store: String, why: String },
    /// The database did not answer a statement.
    #[error("the store cannot be read: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The server did not answer a statement.
    #[error("the store cannot be read: {}", server(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// A row is not what a store writes.
    #[error("{0}; `es verify` looks for damage")]
    Damaged(String),
    /// The output was closed, or its disk is full.
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
    /// `verify` reported damage.
    #[error("{0}")]
    Found(String),
}

impl Error {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            // Whoever reads the output has seen enough, such as `head`.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => exit::DONE,
            Self::Found(_) => exit::DAMAGED,
            Self::Usage(_) => exit::USAGE,
            Self::Missing(_) => exit::MISSING,
            Self::CannotOpen { .. } => exit::CANNOT_OPEN,
            Self::Sqlite(_) | Self::Postgres(_) | Self::Damaged(_) | Self::Output(_) => {
                exit::FAILED
            }
        }
    }

    pub(crate) fn is_closed_output(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
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
