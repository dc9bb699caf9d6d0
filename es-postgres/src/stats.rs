//! Counts what the writer did.

use std::sync::atomic::AtomicU64;

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) commits: AtomicU64,
    pub(crate) writes: AtomicU64,
    pub(crate) resolved: AtomicU64,
}

/// What a store has written since it was opened, see
/// [`PostgresStore::stats`](crate::PostgresStore::stats).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Transactions committed.
    pub commits: u64,
    /// Appends that these committed or gave a verdict on.
    pub writes: u64,
    /// Commits whose answer was lost and that were found to have happened.
    pub resolved: u64,
}
