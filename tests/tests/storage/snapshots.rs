//! What `apply` makes of the same events can change while the state keeps its shape. Nothing can see
//! that; `apply_revision` says it, and old snapshots are dropped.

use es_runtime::{
    Aggregate, Apply, Event, EventStore, Events, Handle, MemoryStore, Repository, SnapshotDropped,
    SnapshotStore, SnapshotUse,
};
use es_sqlite::SqliteStore;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

#[derive(Event, Serialize, Deserialize)]
#[event("points.earned")]
struct Earned {
    points: u64,
}

#[derive(Clone)]
struct Earn(u64);

/// Points in one release of a program: each point counts so many times.
macro_rules! release {
    ($release:ident: $worth:literal, $($snapshot:tt)*) => {
        mod $release {
            use super::*;

            #[derive(Aggregate, Default, PartialEq, Serialize, Deserialize)]
            #[aggregate("points", id = String, error = Infallible, events(Earned))]
            #[aggregate(snapshot($($snapshot)*))]
            pub(super) struct Points {
                pub(super) total: u64,
            }

            impl Apply<Earned> for Points {
                fn apply(&mut self, event: &Earned) {
                    self.total += event.points * $worth;
                }
            }

            impl Handle<Earn> for Points {
                fn handle(&self, Earn(points): Earn) -> Result<Events<Self>, Infallible> {
                    Ok(Earned { points }.into())
                }
            }
        }
    };
}

release!(first: 1, every = 5);
release!(same: 1, every = 5, apply_revision = 0);
release!(forgotten: 10, every = 5);
release!(revised: 10, every = 5, apply_revision = 1);
release!(again: 100, apply_revision = 2, every = 5);

/// The total of what 8 events of 1 point come to, and what the snapshot did for it.
async fn load<A, S>(store: &S, total: fn(A) -> u64) -> (u64, SnapshotUse)
where
    A: Aggregate<Id = String>,
    S: EventStore + SnapshotStore,
{
    let points = Repository::<A, _>::new(store.clone());
    let loaded = points.load(&"p1".to_owned()).await.expect("loads");
    (total(loaded.state), loaded.snapshot)
}

async fn earn<A, S>(store: &S, times: usize)
where
    A: Aggregate<Id = String> + Handle<Earn>,
    S: EventStore + SnapshotStore,
{
    let points = Repository::<A, _>::new(store.clone());
    for _ in 0..times {
        let done = points.execute(&"p1".to_owned(), Earn(1)).await;
        assert!(done.expect("runs").snapshot_failure.is_none());
    }
}

async fn a_raised_apply_revision_drops_the_old_snapshots(store: impl EventStore + SnapshotStore) {
    const DROPPED: SnapshotUse = SnapshotUse::Dropped(SnapshotDropped::OtherShape);
    const AT_5: SnapshotUse = SnapshotUse::Used { version: 5 };
    earn::<first::Points, _>(&store, 8).await;
    assert_eq!(load(&store, |p: first::Points| p.total).await, (8, AT_5));
    // No `apply_revision` is revision 0.
    assert_eq!(load(&store, |p: same::Points| p.total).await, (8, AT_5));
    // What goes wrong without it: the first 5 events count as they did before.
    let wrong = load(&store, |p: forgotten::Points| p.total).await;
    assert_eq!(wrong, (35, AT_5));
    let right = load(&store, |p: revised::Points| p.total).await;
    assert_eq!(right, (80, DROPPED));
    let right = load(&store, |p: again::Points| p.total).await;
    assert_eq!(right, (800, DROPPED));

    // The new revision keeps snapshots of its own, in the place of the old ones.
    earn::<revised::Points, _>(&store, 2).await;
    let (total, used) = load(&store, |p: revised::Points| p.total).await;
    assert_eq!(total, 100);
    assert!(matches!(used, SnapshotUse::Used { .. }), "{used:?}");
    let old = load(&store, |p: first::Points| p.total).await;
    assert_eq!(old, (10, DROPPED));
}

#[tokio::test]
async fn in_memory() {
    a_raised_apply_revision_drops_the_old_snapshots(MemoryStore::new()).await;
}

#[tokio::test]
async fn in_sqlite() {
    let folder = es_tests::tiers::folder();
    let store = SqliteStore::open(folder.path().join("points.db")).await;
    a_raised_apply_revision_drops_the_old_snapshots(store.expect("opens")).await;
}

#[test]
fn the_policy_carries_the_revision() {
    let revision = |policy: Option<u32>| policy.expect("snapshots are kept");
    assert_eq!(
        revision(first::Points::SNAPSHOTS.map(|policy| policy.apply_revision)),
        0
    );
    assert_eq!(
        revision(again::Points::SNAPSHOTS.map(|policy| policy.apply_revision)),
        2
    );
}
