//! Snapshots are a cache: whatever is wrong with one, the result is that of a full replay.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::similar_names,
    reason = "a test may panic"
)]

use super::repository;
use crate::support::{Add, AddAll, Added, Counter, Scripted, added, append_raw, stream};
use es_runtime::{
    Aggregate, Apply, Event, EventStore, Fingerprint, MemoryStore, Position, Repository, Snapshot,
    SnapshotDropped, SnapshotFailure, SnapshotStore, SnapshotUse, StateError, StreamId,
};
use futures_executor::block_on;
use serde::{Deserialize, Serialize};

fn id() -> String {
    "c1".to_owned()
}

/// A store with 12 events, their sum being 78, and the snapshot that was taken on the way.
async fn with_snapshot() -> (MemoryStore, Snapshot) {
    let store = MemoryStore::new();
    let counters = repository::<Counter, _>(store.clone());
    for amount in 1..=12 {
        counters.execute(id(), Add(amount)).await.unwrap();
    }
    let snapshot = store.load_snapshot(&stream("c1")).await.unwrap().unwrap();
    (store, snapshot)
}

async fn load(store: &MemoryStore) -> (i64, u64, SnapshotUse) {
    let loaded = repository::<Counter, _>(store.clone())
        .load(&id())
        .await
        .unwrap();
    assert_eq!(
        loaded.state.events, loaded.version,
        "each event is applied once"
    );
    assert_eq!(loaded.position, store.head().await.unwrap());
    (loaded.state.total, loaded.version, loaded.snapshot)
}

/// Puts `snapshot` in the place of whatever is there.
async fn put(store: &MemoryStore, snapshot: Snapshot) {
    store.delete_snapshot(&snapshot.stream).await.unwrap();
    store.save_snapshot(snapshot).await.unwrap();
}

/// The snapshot with a change.
fn changed(snapshot: &Snapshot, change: impl FnOnce(&mut Snapshot)) -> Snapshot {
    let mut changed = snapshot.clone();
    change(&mut changed);
    changed
}

#[test]
fn a_snapshot_is_taken_every_so_many_events_and_used() {
    block_on(async {
        let (store, snapshot) = with_snapshot().await;
        assert_eq!(snapshot.version, 10);
        assert_eq!(
            load(&store).await,
            (78, 12, SnapshotUse::Used { version: 10 })
        );
        // A command of many events passes the mark and takes one too.
        let counters = repository::<Counter, _>(store.clone());
        counters.execute(id(), AddAll(vec![1; 7])).await.unwrap();
        assert_eq!(
            load(&store).await,
            (85, 19, SnapshotUse::Used { version: 19 })
        );
    });
}

#[test]
fn snapshot_and_tail_equal_a_full_replay_at_every_version() {
    block_on(async {
        let (store, template) = with_snapshot().await;
        let replayed = Repository::<Counter, _>::without_snapshots(store.clone());
        for version in 1..=12 {
            let at = replayed.load_at(&id(), version).await.unwrap();
            let snapshot = changed(&template, |changed| {
                changed.version = version;
                changed.position = at.position;
                changed.state = Counter::CODEC.encode(&at.state).unwrap();
            });
            put(&store, snapshot).await;
            assert_eq!(load(&store).await, (78, 12, SnapshotUse::Used { version }));
        }
    });
}

#[test]
fn a_snapshot_that_does_not_fit_is_dropped() {
    block_on(async {
        let (store, good) = with_snapshot().await;
        let wrong = [
            (
                SnapshotDropped::OtherShape,
                changed(&good, |changed| {
                    changed.fingerprint = Fingerprint::from_u64(7);
                }),
            ),
            (
                SnapshotDropped::Damaged,
                changed(&good, |changed| {
                    changed.state = b"{".to_vec();
                }),
            ),
            (
                SnapshotDropped::Damaged,
                changed(&good, |changed| {
                    changed.content_type = "text/plain".into();
                }),
            ),
            (
                SnapshotDropped::Damaged,
                changed(&good, |changed| {
                    changed.version = 0;
                }),
            ),
            (
                SnapshotDropped::NotOfThisStream,
                changed(&good, |changed| {
                    changed.version = 13;
                }),
            ),
            (
                SnapshotDropped::NotOfThisStream,
                changed(&good, |changed| {
                    changed.version = u64::MAX;
                }),
            ),
            (
                SnapshotDropped::NotOfThisStream,
                changed(&good, |changed| {
                    changed.position = Position::from_parts([0, 0, 99]);
                }),
            ),
        ];
        for (reason, snapshot) in wrong {
            put(&store, snapshot).await;
            assert_eq!(load(&store).await, (78, 12, SnapshotUse::Dropped(reason)));
        }
        put(&store, good).await;
        assert_eq!(
            load(&store).await,
            (78, 12, SnapshotUse::Used { version: 10 })
        );
    });
}

#[test]
fn a_snapshot_of_another_shape_is_replaced() {
    block_on(async {
        let (store, good) = with_snapshot().await;
        put(
            &store,
            changed(&good, |changed| {
                changed.fingerprint = Fingerprint::from_u64(7);
                changed.version = 11;
            }),
        )
        .await;
        let counters = repository::<Counter, _>(store.clone());
        counters.execute(id(), Add(0)).await.unwrap();
        let now = store.load_snapshot(&stream("c1")).await.unwrap().unwrap();
        assert_eq!((now.version, now.fingerprint), (13, good.fingerprint));
    });
}

#[test]
fn an_older_state_is_loaded_past_a_newer_snapshot() {
    block_on(async {
        let (store, _) = with_snapshot().await;
        let counters = repository::<Counter, _>(store);
        let loaded = counters.load_at(&id(), 4).await.unwrap();
        assert_eq!((loaded.state.total, loaded.version), (10, 4));
        assert_eq!(counters.load_at(&id(), 11).await.unwrap().state.total, 66);
    });
}

#[test]
fn a_snapshot_store_that_fails_does_not_fail_the_command() {
    block_on(async {
        let store = Scripted {
            snapshots_fail: true,
            ..Scripted::default()
        };
        let counters = repository::<Counter, _>(store);
        let done = counters.execute(id(), AddAll(vec![1; 5])).await.unwrap();
        assert!(matches!(
            done.snapshot_failure,
            Some(SnapshotFailure::Store(_))
        ));
        let loaded = counters.load(&id()).await.unwrap();
        assert_eq!(
            loaded.snapshot,
            SnapshotUse::Dropped(SnapshotDropped::ReadFailed)
        );
        assert_eq!(loaded.state.total, 5);
    });
}

mod tomorrow {
    use super::*;

    #[derive(Event, Serialize, Deserialize)]
    #[event("counter.added")]
    pub(super) struct AddedTomorrow {
        pub(super) amount: i64,
    }

    /// The same aggregate in a release that keeps its events in a nested type.
    #[derive(Aggregate, Default, Clone, Serialize, Deserialize, PartialEq)]
    #[aggregate("counter", id = String, error = crate::support::OtherTotal)]
    #[aggregate(events(AddedTomorrow), snapshot(every = 5))]
    pub(super) struct Counter {
        pub(super) total: i64,
        pub(super) statistics: Statistics,
    }

    #[derive(Default, Clone, Serialize, Deserialize, PartialEq)]
    pub(super) struct Statistics {
        #[serde(default)]
        pub(super) events: u64,
    }

    impl Apply<AddedTomorrow> for Counter {
        fn apply(&mut self, event: &AddedTomorrow) {
            self.total += event.amount;
            self.statistics.events += 1;
        }
    }
}

#[test]
fn a_changed_state_shape_drops_the_old_snapshot() {
    block_on(async {
        let (store, _) = with_snapshot().await;
        let counters = repository::<tomorrow::Counter, _>(store.clone());
        let loaded = counters.load(&id()).await.unwrap();
        assert_eq!(
            loaded.snapshot,
            SnapshotUse::Dropped(SnapshotDropped::OtherShape)
        );
        assert_eq!(
            (loaded.state.total, loaded.state.statistics.events),
            (78, 12)
        );
        append_raw(&store, "c1", added(2)).await;
        assert_eq!(counters.load(&id()).await.unwrap().state.total, 80);
        let event = Added { amount: 0 };
        assert_eq!(event.amount, 0);
    });
}

mod unstored {
    //! A rule that rests on a field that serde leaves out, in a type inside of the state: no derive sees it.

    use super::*;
    use es_runtime::{Events, Handle};
    use std::collections::BTreeSet;

    #[derive(Event, Serialize, Deserialize)]
    #[event("guest.invited")]
    pub(super) struct Invited {
        pub(super) name: String,
    }

    #[derive(Clone)]
    pub(super) struct Invite(pub(super) &'static str);

    #[derive(Debug, PartialEq, thiserror::Error)]
    #[error("invited already")]
    pub(super) struct Twice;

    #[derive(Aggregate, Default, Clone, Serialize, Deserialize, Debug, PartialEq)]
    #[aggregate("party", id = String, error = Twice, events(Invited), snapshot(every = 2))]
    pub(super) struct Party {
        guests: Guests,
    }

    #[derive(Default, Clone, Serialize, Deserialize, Debug, PartialEq)]
    struct Guests {
        number: usize,
        #[serde(skip)]
        names: BTreeSet<String>,
    }

    impl Apply<Invited> for Party {
        fn apply(&mut self, event: &Invited) {
            self.guests.number += 1;
            self.guests.names.insert(event.name.clone());
        }
    }

    impl Handle<Invite> for Party {
        fn handle(&self, Invite(name): Invite) -> Result<Events<Self>, Twice> {
            if self.guests.names.contains(name) {
                return Err(Twice);
            }
            let name = name.to_owned();
            Ok(Invited { name }.into())
        }
    }
}

#[test]
fn a_rule_on_a_field_that_is_not_stored_holds_after_the_snapshot_is_due() {
    use es_runtime::ExecuteError;
    use unstored::{Invite, Party, Twice};
    block_on(async {
        let store = MemoryStore::new();
        let parties = repository::<Party, _>(store.clone());
        for (number, name) in (1..).zip(["Ada", "Bob", "Cleo"]) {
            let done = parties.execute("p1", Invite(name)).await.unwrap();
            let unfit = matches!(
                done.snapshot_failure,
                Some(SnapshotFailure::State(StateError::Changed))
            );
            assert_eq!(unfit, number >= 2, "due at version 2, and still at 3");
        }
        let again = parties.execute("p1", Invite("Ada")).await;
        assert!(matches!(again, Err(ExecuteError::Rejected(Twice))));
        let stored = store
            .load_snapshot(&StreamId::of::<Party>("p1").unwrap())
            .await;
        assert_eq!(stored.unwrap(), None, "no snapshot without the names");
    });
}

/// The fingerprint of the snapshot that a total takes whose `apply` has this revision.
macro_rules! fingerprint_at {
    ($revision:literal) => {{
        #[derive(Aggregate, Default, Clone, PartialEq, Serialize, Deserialize)]
        #[aggregate("counter", id = String, error = std::convert::Infallible, events(Added))]
        #[aggregate(snapshot(every = 1, apply_revision = $revision))]
        struct Total(i64);

        impl Apply<Added> for Total {
            fn apply(&mut self, event: &Added) {
                self.0 += event.amount;
            }
        }

        impl es_runtime::Handle<Add> for Total {
            fn handle(
                &self,
                Add(amount): Add,
            ) -> Result<es_runtime::Events<Self>, std::convert::Infallible> {
                Ok(Added { amount }.into())
            }
        }

        let store = MemoryStore::new();
        let totals = repository::<Total, _>(store.clone());
        block_on(async { totals.execute("c1", Add(1)).await.unwrap() });
        let snapshot = block_on(store.load_snapshot(&stream("c1"))).unwrap();
        let found = snapshot.expect("one is taken").fingerprint;
        (found, Fingerprint::of::<Total>(Total::CODEC))
    }};
}

#[test]
fn each_revision_has_its_own_fingerprint_and_the_first_that_of_the_shape() {
    let (first, shape) = fingerprint_at!(0);
    assert_eq!(first, shape);
    let others = [
        fingerprint_at!(1),
        fingerprint_at!(2),
        fingerprint_at!(255),
        fingerprint_at!(256),
        fingerprint_at!(4_294_967_294),
        fingerprint_at!(4_294_967_295),
    ];
    let mut met: Vec<u64> = others.map(|(found, _)| found.to_u64()).to_vec();
    met.push(first.to_u64());
    met.sort_unstable();
    met.dedup();
    assert_eq!(met.len(), 7);
}
