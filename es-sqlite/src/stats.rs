//! Counts what the writer did.

use std::sync::atomic::AtomicU64;

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) commits: AtomicU64,
    pub(crate) writes: AtomicU64,
}

/// Counts of writes since a store was opened, see [`SqliteStore::stats`](crate::SqliteStore::stats).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Committed transactions.
    pub commits: u64,
    /// Writes in these transactions, rejected ones included: appends, commits and changes of snapshots.
    pub writes: u64,
}
