//! What a store without a type parameter leaves out, and what it keeps.

use es_runtime::{
    AnyStore, Codec, Commit, CommitStore, Fingerprint, MemoryStore, Position, Snapshot,
    SnapshotStore, StreamId,
};

fn snapshot() -> Snapshot {
    let stream = StreamId::new("door", "1").expect("an id");
    let shape = Fingerprint::of::<u64>(Codec::Json);
    Snapshot::new(stream, 1, Position::START, shape, "json", b"7".to_vec())
}

async fn keeps_snapshots(store: &AnyStore) -> bool {
    store.save_snapshot(snapshot()).await.expect("saved");
    let loaded = store.load_snapshot(&snapshot().stream).await.expect("read");
    loaded == Some(snapshot())
}

#[test]
fn a_store_without_its_snapshots_commits_and_has_none() {
    futures_executor::block_on(async {
        let memory = MemoryStore::new();
        let store = AnyStore::without_snapshots(memory.clone());
        store.commit(Commit::new()).await.expect("committed");
        assert!(!keeps_snapshots(&store).await);
        let deleted = store.delete_snapshot(&snapshot().stream).await;
        deleted.expect("nothing to delete");
        assert!(keeps_snapshots(&AnyStore::new(memory)).await);
    });
}

#[test]
fn an_erased_store_is_not_wrapped_again_and_keeps_its_snapshots() {
    futures_executor::block_on(async {
        let store = AnyStore::new(MemoryStore::new());
        let shown = format!("{store:?}");
        for again in [
            AnyStore::new(store.clone()),
            AnyStore::without_snapshots(store.clone()),
        ] {
            assert_eq!(format!("{again:?}"), shown);
            assert!(keeps_snapshots(&again).await);
        }
    });
}
