//! Counts what the writer did.

use std::sync::atomic::AtomicU64;

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) commits: AtomicU64,
    pub(crate) writes: AtomicU64,
}

/// What a store has written since it was opened, see [`SqliteStore::stats`](crate::SqliteStore::stats).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Transactions committed.
    pub commits: u64,
    /// Writes that these committed or gave a verdict on: appends, and changes of snapshots.
    pub writes: u64,
}
