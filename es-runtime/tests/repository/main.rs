//! The repository. A cache of states must change no result, so every test of it runs without one and with one.

#![allow(
    clippy::duplicate_mod,
    reason = "the same tests with another repository"
)]

mod cache;
mod many;
#[path = "../support/mod.rs"]
mod support;

#[path = "."]
mod plain {
    use es_runtime::{Aggregate, EventStore, Repository, SnapshotStore};

    mod commands;
    mod snapshots;

    fn repository<A: Aggregate + Clone, S>(store: S) -> Repository<A, S>
    where
        S: EventStore + SnapshotStore,
    {
        Repository::new(store)
    }
}

#[path = "."]
mod cached {
    use es_runtime::{Aggregate, EventStore, Repository, SnapshotStore};

    mod commands;
    mod snapshots;

    fn repository<A: Aggregate + Clone, S>(store: S) -> Repository<A, S>
    where
        S: EventStore + SnapshotStore,
    {
        Repository::new(store).cached(100)
    }
}
