//! Counts what the writer did.

use std::sync::atomic::AtomicU64;

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) commits: AtomicU64,
    pub(crate) writes: AtomicU64,
    pub(crate) resolved: AtomicU64,
}

/// Counts of writes since a store was opened, see
/// [`PostgresStore::stats`](crate::PostgresStore::stats).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Committed transactions.
    pub commits: u64,
    /// Appends and commits in these transactions, rejected ones included.
    pub writes: u64,
    /// Commits whose answer was lost and that had been applied.
    pub resolved: u64,
}
