//! What can go wrong, and the exit code of each.

use crate::store;
use std::io;

/// The exit codes, as `es help` explains them.
pub(crate) mod exit {
    pub(crate) const DONE: u8 = 0;
    pub(crate) const DAMAGED: u8 = 1;
    pub(crate) const USAGE: u8 = 2;
    pub(crate) const MISSING: u8 = 3;
    pub(crate) const CANNOT_OPEN: u8 = 4;
    pub(crate) const FAILED: u8 = 5;
    pub(crate) const REFUSED: u8 = 6;
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The arguments, the environment or the file of named stores say nothing that can be done.
    #[error("{0}")]
    Usage(String),
    /// What was asked for is not in the store.
    #[error("{0}")]
    Missing(String),
    /// The store cannot be opened, read or filled.
    #[error(transparent)]
    Store(store::Error),
    /// A line of a dump is not what `es export` wrote.
    #[error("line {line} of the dump: {what}")]
    Dump { line: u64, what: String },
    /// The output was closed, or its disk is full.
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
    /// The library's operation failed. It says whether something was written.
    #[error("{0}")]
    Operation(String),
    /// The operation is not possible in the state that is there, or it failed again.
    #[error("{0}")]
    Refused(String),
    /// `verify` or `lock` reported damage, or two stores are not the same.
    #[error("{0}")]
    Found(String),
}

impl Error {
    /// A store that is not opened, or must not be filled.
    pub(crate) fn cannot_open(store: String, why: String) -> Self {
        Self::Store(store::Error::CannotOpen { store, why })
    }

    /// A row that is not what a store writes.
    pub(crate) fn damaged(what: String) -> Self {
        Self::Store(store::Error::Damaged(what))
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            // Whoever reads the output has seen enough, such as `head`.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => exit::DONE,
            Self::Found(_) => exit::DAMAGED,
            Self::Usage(_) => exit::USAGE,
            Self::Refused(_) => exit::REFUSED,
            Self::Missing(_) => exit::MISSING,
            Self::Store(store::Error::CannotOpen { .. }) => exit::CANNOT_OPEN,
            Self::Operation(_) | Self::Store(_) | Self::Dump { .. } | Self::Output(_) => {
                exit::FAILED
            }
        }
    }

    pub(crate) fn is_closed_output(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Place(what) => Self::Usage(what),
            // Statements are shown on standard error.
            store::Error::System(error) => Self::Output(error),
            store::Error::Unexpected(why) => Self::Found(why.to_owned()),
            error => Self::Store(error),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}
