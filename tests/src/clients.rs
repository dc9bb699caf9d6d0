//! The repositories of those who send commands while sagas and decisions write to the same aggregates.

use es_runtime::{Aggregate, EventStore, MemoryStore, NoSnapshots, Repository};
use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::Mutex,
};

type Known = HashMap<(TypeId, String), Box<dyn Any + Send>>;

/// A repository with cached states. On a store in memory it is the same one each time, so its states are stale
/// whenever somebody else has written.
pub async fn client<A: Aggregate + Clone, S: EventStore>(
    store: &S,
) -> Repository<A, S, NoSnapshots> {
    static KNOWN: Mutex<Option<Known>> = Mutex::new(None);
    let repository = Repository::without_snapshots(store.clone()).cached(100);
    if TypeId::of::<S>() != TypeId::of::<MemoryStore>() {
        return repository;
    }
    let store = store.store_id().await.expect("an id");
    let mut known = KNOWN.lock().expect("not poisoned");
    let known = known.get_or_insert_default();
    let known = known
        .entry((TypeId::of::<A>(), store))
        .or_insert_with(|| Box::new(repository));
    let known: &Repository<A, S, NoSnapshots> = known.downcast_ref().expect("its type");
    known.clone()
}
