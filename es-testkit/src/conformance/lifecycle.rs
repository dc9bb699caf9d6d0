//! Checks of opening, reopening, opening read-only, and closing during work.

use super::{
    AnyFixture, all_of, append_id, expect_conflict, join_all, request, stream, version_of, write,
};
use es_runtime::{
    AppendError, EventStore, ExpectedVersion, Fingerprint, Outcome, Position, Snapshot,
    SnapshotStore, StorageErrorKind,
};
use std::sync::Arc;
use tokio::sync::Barrier;

/// A store that can be reopened is one store for all handles: each sees the writes of the others immediately,
/// and conflicts with them. Any other store is new each time.
pub async fn two_handles_are_one_store_or_two(fixture: AnyFixture) {
    let (one, two) = (fixture.open().await, fixture.open().await);
    let order = stream("shared");
    write(&one, &order, ExpectedVersion::NoStream, [1]).await;
    let expected = ExpectedVersion::NoStream;
    if !fixture.capabilities().reopens {
        assert_eq!(version_of(&two, &order).await, 0);
        write(&two, &order, expected, [1]).await;
        assert_eq!(version_of(&one, &order).await, 1);
        return;
    }
    for round in 1..20 {
        let (writer, reader) = if round % 2 == 0 {
            (&one, &two)
        } else {
            (&two, &one)
        };
        assert_eq!(version_of(writer, &order).await, round);
        expect_conflict(
            writer.append(request(&order, expected, [9])).await,
            &order,
            expected,
            round,
        );
        let done = write(writer, &order, ExpectedVersion::Exact(round), [round]).await;
        assert_eq!(version_of(reader, &order).await, round + 1);
        assert_eq!(reader.head().await.expect("head"), done.position);
    }
}

/// Four concurrent openings of a new store all succeed, with one store or with four.
pub async fn opening_at_once_makes_one_store(fixture: AnyFixture) {
    const OPENERS: u64 = 4;
    let reopens = fixture.capabilities().reopens;
    let fixture = Arc::new(fixture);
    let start = Arc::new(Barrier::new(4));
    let openers = (0..OPENERS).map(|number| {
        let (fixture, start) = (Arc::clone(&fixture), Arc::clone(&start));
        super::spawn(async move {
            start.wait().await;
            let store = fixture.open().await;
            let mine = stream(format!("opener-{number}"));
            write(&store, &mine, ExpectedVersion::NoStream, [number]).await;
            store
        })
    });
    let stores = join_all(openers.collect()).await;
    for store in &stores {
        let seen = super::whole_feed(store).await.len() as u64;
        assert_eq!(seen, if reopens { OPENERS } else { 1 });
    }
}

/// A store that was opened read-only reads everything and rejects every write with the typed error. A store that
/// cannot be opened read-only says so.
pub async fn a_store_for_reading_refuses_to_write(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("read-only");
    let done = write(&store, &order, ExpectedVersion::NoStream, 0..3).await;
    let reader = fixture.open_for_reading().await;
    assert_eq!(reader.is_some(), fixture.capabilities().read_only);
    let Some(reader) = reader else { return };
    assert_eq!(all_of(&reader, &order).await, all_of(&store, &order).await);
    assert_eq!(reader.head().await.expect("head"), done.position);
    let append = request(&order, ExpectedVersion::Any, [4]).with_append_id(append_id("refused"));
    let error = reader.append(append).await.expect_err("it only reads");
    assert_eq!(error.outcome(), Outcome::NotApplied);
    let AppendError::Storage { error, .. } = error else {
        panic!("the store only reads, not: {error}");
    };
    assert_eq!(error.kind, StorageErrorKind::ReadOnly);
    let snapshot = Snapshot::new(
        order.clone(),
        3,
        done.position,
        Fingerprint::from_u64(1),
        "application/json".to_owned(),
        b"1".to_vec(),
    );
    let error = reader.save_snapshot(snapshot).await;
    let error = error.expect_err("it only reads");
    assert_eq!(error.kind, StorageErrorKind::ReadOnly);
    write(&store, &order, ExpectedVersion::Exact(3), [4]).await;
    assert_eq!(version_of(&reader, &order).await, 4);
}

/// Appends in progress when the store is closed get a result: they are stored or rejected. After that every call
/// fails with the typed error. A store that does not close works on for its other handles.
pub async fn a_close_answers_what_is_in_flight(fixture: AnyFixture) {
    const APPENDS: u64 = 50;
    let store = fixture.open().await;
    let order = stream("closing");
    let start = Arc::new(Barrier::new(51));
    let appends = (0..APPENDS).map(|number| {
        let (store, order, start) = (store.clone(), order.clone(), Arc::clone(&start));
        super::spawn(async move {
            let append = request(&order, ExpectedVersion::Any, [number]);
            start.wait().await;
            store.append(append).await
        })
    });
    let appends: Vec<_> = appends.collect();
    start.wait().await;
    let other = store.clone();
    fixture.close(store).await;
    let mut done = 0;
    for answer in join_all(appends).await {
        match answer {
            Ok(_) => done += 1,
            Err(AppendError::Storage { outcome, error, .. }) => {
                let was = (outcome, error.kind);
                assert_eq!(was, (Outcome::NotApplied, StorageErrorKind::Closed));
            }
            Err(error) => panic!("it was closed, not: {error}"),
        }
    }
    if !fixture.capabilities().closes {
        assert_eq!(done, APPENDS);
        assert_eq!(version_of(&other, &order).await, APPENDS);
        write(&other, &order, ExpectedVersion::Exact(APPENDS), [1]).await;
        return;
    }
    let error = other
        .append(request(&order, ExpectedVersion::Any, [1]))
        .await;
    let error = error.expect_err("it is closed");
    assert_eq!(error.outcome(), Outcome::NotApplied);
    match error {
        AppendError::Storage { error, .. } => assert_eq!(error.kind, StorageErrorKind::Closed),
        error => panic!("it is closed, not: {error}"),
    }
    let error = other.head().await.expect_err("it is closed");
    assert!(error.to_string().contains("closed"), "{error}");
    fixture.close(other).await;
    let store = fixture.open().await;
    if fixture.capabilities().reopens {
        assert_eq!(version_of(&store, &order).await, done);
    } else {
        assert_eq!(store.head().await.expect("head"), Position::START);
    }
}

/// A store that was not closed during appends is consistent when it is opened again.
pub async fn a_store_that_was_left_behind_opens_again(fixture: AnyFixture) {
    const ROUNDS: u64 = 5;
    let order = stream("left");
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let store = fixture.open().await;
        let id = append_id(format!("round-{round}"));
        let append = request(&order, ExpectedVersion::Any, 0..3).with_append_id(id);
        store.append(append).await.expect("appended");
        acknowledged += 3;
        let leaving = (0..20).map(|number| {
            let (store, order) = (store.clone(), order.clone());
            super::spawn(async move {
                let id = append_id(format!("leaving-{round}-{number}"));
                let append = request(&order, ExpectedVersion::Any, 0..3).with_append_id(id);
                store.append(append).await
            })
        });
        let leaving: Vec<_> = leaving.collect();
        tokio::task::yield_now().await;
        for task in &leaving {
            task.abort();
        }
        for task in leaving {
            if let Ok(answer) = task.await {
                answer.expect("appended");
                acknowledged += 3;
            }
        }
        drop(store);
        if !fixture.capabilities().reopens {
            return;
        }
    }
    let store = fixture.open().await;
    // What was handed over may still be written by a store that nobody holds any more; what is there
    // is whole, and what was acknowledged is among it.
    let found = version_of(&store, &order).await;
    assert!(found >= acknowledged, "{found} of {acknowledged}");
    assert_eq!(found % 3, 0, "half an append is there");
    for round in 0..ROUNDS {
        let id = append_id(format!("round-{round}"));
        let known = store.find_append(&order, &id).await.expect("read");
        assert!(known.is_some(), "round {round} is lost");
    }
}
