//! Checks of which streams there are, and of loads of many.

use super::{AnyFixture, again, append_id, snapshots::Tally, stream, write};
use es_runtime::{
    Append, EventStore, ExpectedVersion, Fingerprint, Position, ReadError, Repository, Snapshot,
    SnapshotStore, StorageErrorKind, StreamId,
};

fn id_of(aggregate: &str, id: &str) -> StreamId {
    StreamId::new(aggregate, id).expect("usable")
}

/// Streams come in the order of the bytes of their ids, each once, in pages of any size and from any id. Streams of
/// similar aggregates are not among them. A store that does not declare it refuses.
pub async fn streams_are_listed_in_order_and_by_pages(fixture: AnyFixture) {
    let store = fixture.open().await;
    if !fixture.capabilities().lists_streams {
        match store.list_streams("listed", "", 10).await {
            Err(ReadError::Storage(error)) => {
                assert_eq!(error.kind, StorageErrorKind::Unsupported);
            }
            other => panic!("lists of streams are not declared: {other:?}"),
        }
        return;
    }
    let ids = [
        "10", "9", "a", "A", "a/b", "a b", "B", "ä", "z", "€", "𐍈", "%", "_",
    ];
    for other in ["Listed", "liste", "listed-2", "listed/2", "listee"] {
        write(&store, &id_of(other, "5"), ExpectedVersion::NoStream, 0..2).await;
    }
    for (index, id) in ids.iter().enumerate() {
        let count = 1 + index as u64 % 3;
        let stream = id_of("listed", id);
        write(&store, &stream, ExpectedVersion::NoStream, 0..count).await;
    }
    write(&store, &id_of("listed", "9"), ExpectedVersion::Any, 0..2).await;
    let mut sorted = ids;
    sorted.sort_unstable();
    let wanted: Vec<StreamId> = sorted.iter().map(|id| id_of("listed", id)).collect();
    let store = again(&fixture, store).await;
    for size in [1, 2, 5, ids.len(), 1_000] {
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let page = store.list_streams("listed", &after, size).await;
            let page = page.expect("listed");
            assert!(page.len() <= size, "a page is larger than asked for");
            let Some(last) = page.last() else { break };
            last.id().clone_into(&mut after);
            found.extend(page);
            assert!(found.len() <= ids.len(), "{found:?}");
        }
        assert_eq!(found, wanted, "by {size}");
    }
    // An id need not be there to go on after it.
    for after in ["!", "b", "zz", "\u{10ffff}"] {
        let rest: Vec<_> = wanted.iter().filter(|s| s.id() > after).cloned().collect();
        let found = store.list_streams("listed", after, 1_000).await;
        assert_eq!(found.expect("listed"), rest, "after {after}");
    }
    assert_eq!(store.list_streams("listed", "", 0).await.expect("none"), []);
    for none in ["", "list", "listed%", "LISTED"] {
        let found = store.list_streams(none, "", 10).await;
        assert_eq!(found.expect("listed"), [], "{none}");
    }
}

/// A stream that has a snapshot or a remembered append id, and no event, is not listed.
pub async fn a_stream_without_events_is_not_listed(fixture: AnyFixture) {
    let store = fixture.open().await;
    if !fixture.capabilities().lists_streams {
        return;
    }
    let (remembered, snapshot_only) = (stream("remembered"), stream("snapshot"));
    let nothing =
        Append::new(remembered.clone(), ExpectedVersion::Any).with_append_id(append_id("once"));
    store.append(nothing).await.expect("remembered");
    let snapshot = Snapshot::new(
        snapshot_only,
        1,
        Position::from_parts([0, 0, 1]),
        Fingerprint::from_u64(1),
        "application/json".to_owned(),
        b"{}".to_vec(),
    );
    store.save_snapshot(snapshot).await.expect("saved");
    let listed = || store.list_streams("conformance", "", 10);
    assert_eq!(listed().await.expect("listed"), []);
    write(&store, &remembered, ExpectedVersion::NoStream, [1]).await;
    assert_eq!(listed().await.expect("listed"), [remembered]);
}

/// Many aggregates are loaded as each one alone, in the order of their ids, also twice and without events. Of ids the
/// repository says whether they exist.
pub async fn many_are_loaded_as_each_one_alone(fixture: AnyFixture) {
    const COUNT: u64 = 60;
    let store = fixture.open().await;
    let tallies = Repository::<Tally, _>::new(store.clone()).cached(10);
    // Some have no event, some a snapshot.
    let id = |number: u64| format!("many-{number}");
    for number in (0..COUNT).filter(|number| number % 5 != 0) {
        for add in 0..=number % 4 {
            let added = tallies.execute(id(number), number + add).await;
            added.expect("executed");
        }
    }
    let order: Vec<u64> = (0..COUNT)
        .map(|number| number * 37 % COUNT)
        .chain([7, 7])
        .collect();
    let loaded = tallies
        .load_many(order.iter().map(|number| id(*number)))
        .await;
    let loaded = loaded.expect("loaded");
    assert_eq!(loaded.len(), order.len());
    for (number, loaded) in order.into_iter().zip(loaded) {
        let alone = tallies.load(id(number)).await.expect("loads");
        assert_eq!(
            (loaded.version, loaded.state.sum),
            (alone.version, alone.state.sum)
        );
        assert_eq!(loaded.version > 0, number % 5 != 0);
        let exists = tallies.exists(id(number)).await.expect("readable");
        assert_eq!(exists, loaded.version > 0, "{number}");
    }
    assert!(tallies.load_many([""; 0]).await.expect("none").is_empty());
}
