//! Checks of appends: expected versions, races, and atomicity.

use super::{
    AnyFixture, all_of, append_id, expect_conflict, join_all, numbered, request, rising, stream,
    version_of, versions, whole_feed, write,
};
use es_runtime::{
    Append, AppendError, EventStore, ExpectedVersion, Fingerprint, NewEvent, Outcome, Position,
    Snapshot, SnapshotStore,
};
use std::{collections::HashMap, sync::Arc};
use tokio::sync::Barrier;

/// `NoStream` on a stream without events starts it at version 1.
pub async fn no_stream_starts_a_stream(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("new");
    let done = write(&store, &order, ExpectedVersion::NoStream, [1]).await;
    assert_eq!((done.version, done.events, done.repeated), (1, 1, false));
    assert!(done.position > Position::START);
    assert_eq!(versions(&all_of(&store, &order).await), [1]);
}

/// `NoStream` on a stream with events is a conflict.
pub async fn no_stream_is_refused_on_an_existing_stream(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("old");
    write(&store, &order, ExpectedVersion::NoStream, [1, 2]).await;
    let expected = ExpectedVersion::NoStream;
    let result = store.append(request(&order, expected, [3])).await;
    expect_conflict(result, &order, expected, 2);
    assert_eq!(version_of(&store, &order).await, 2);
}

/// `Exact(n)` is accepted at version n, including 0.
pub async fn the_exact_version_is_accepted(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("exact");
    let mut version = 0;
    for size in [1, 3, 1, 10] {
        let expected = ExpectedVersion::Exact(version);
        let done = write(&store, &order, expected, 0..size).await;
        version += size;
        assert_eq!((done.version, done.events), (version, size));
    }
    assert_eq!(version_of(&store, &order).await, version);
}

/// `Exact` with an older version is a conflict.
pub async fn a_stale_version_is_refused(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("stale");
    write(&store, &order, ExpectedVersion::NoStream, 0..5).await;
    for stale in 0..5 {
        let expected = ExpectedVersion::Exact(stale);
        let result = store.append(request(&order, expected, [9])).await;
        expect_conflict(result, &order, expected, 5);
    }
    assert_eq!(version_of(&store, &order).await, 5);
}

/// `Exact` with a version that the stream does not have yet is a conflict, however large.
pub async fn a_future_version_is_refused(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("future");
    for have in 0..2 {
        let large = i64::MAX.unsigned_abs();
        for future in [have + 1, have + 2, large, large + 1, u64::MAX] {
            let expected = ExpectedVersion::Exact(future);
            let result = store.append(request(&order, expected, [9])).await;
            expect_conflict(result, &order, expected, have);
        }
        assert_eq!(version_of(&store, &order).await, have);
        write(&store, &order, ExpectedVersion::Any, [1]).await;
    }
}

/// `StreamExists` is rejected for a stream without events and accepted for one with events.
pub async fn stream_exists_needs_a_stream(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("exists");
    let expected = ExpectedVersion::StreamExists;
    let result = store.append(request(&order, expected, [1])).await;
    expect_conflict(result, &order, expected, 0);
    assert_eq!(version_of(&store, &order).await, 0);
    write(&store, &order, ExpectedVersion::NoStream, [1]).await;
    assert_eq!(write(&store, &order, expected, [2]).await.version, 2);
}

/// With `Any`, all concurrent writers succeed, and each event is stored once.
pub async fn any_version_lets_every_writer_in_once(fixture: AnyFixture) {
    const WRITERS: u64 = 6;
    const EACH: u64 = 50;
    let store = fixture.open().await;
    let order = stream("any");
    let start = Arc::new(Barrier::new(6));
    let writers = (0..WRITERS).map(|writer| {
        let (store, order, start) = (store.clone(), order.clone(), Arc::clone(&start));
        super::spawn(async move {
            start.wait().await;
            let mut ends = Vec::new();
            for number in 0..EACH {
                let number = writer * EACH + number;
                let done = write(&store, &order, ExpectedVersion::Any, [number]).await;
                ends.push(done.version);
            }
            ends
        })
    });
    let ends = join_all(writers.collect()).await;
    for mine in &ends {
        assert!(rising(mine), "a writer's own versions go back: {mine:?}");
    }
    let mut ends: Vec<u64> = ends.into_iter().flatten().collect();
    ends.sort_unstable();
    assert_eq!(ends, (1..=WRITERS * EACH).collect::<Vec<_>>());
    let events = all_of(&store, &order).await;
    assert_eq!(versions(&events), (1..=WRITERS * EACH).collect::<Vec<_>>());
    let mut payloads: Vec<Vec<u8>> = events.into_iter().map(|event| event.payload).collect();
    payloads.sort();
    payloads.dedup();
    assert_eq!(payloads.len() as u64, WRITERS * EACH);
}

/// Exactly one of a hundred appends at the same version succeeds, in each of twenty rounds.
pub async fn one_of_a_hundred_racing_writers_wins(fixture: AnyFixture) {
    const WRITERS: u64 = 100;
    const ROUNDS: u64 = 20;
    let store = fixture.open().await;
    let order = stream("race");
    for round in 0..ROUNDS {
        let start = Arc::new(Barrier::new(100));
        let writers = (0..WRITERS).map(|writer| {
            let (store, order, start) = (store.clone(), order.clone(), Arc::clone(&start));
            super::spawn(async move {
                let append = request(&order, ExpectedVersion::Exact(round), [writer]);
                start.wait().await;
                (writer, store.append(append).await)
            })
        });
        let results = join_all(writers.collect()).await;
        let mut winners = Vec::new();
        for (writer, result) in results {
            match result {
                Ok(done) => {
                    assert_eq!((done.version, done.events), (round + 1, 1));
                    winners.push(writer);
                }
                lost => expect_conflict(lost, &order, ExpectedVersion::Exact(round), round + 1),
            }
        }
        assert_eq!(winners.len(), 1, "winners of round {round}: {winners:?}");
        let events = all_of(&store, &order).await;
        assert_eq!(events.len() as u64, round + 1);
        let newest = &events[events.len() - 1];
        assert_eq!(newest.payload, numbered(winners[0]).payload);
    }
}

/// A rejected append stores no event, no append id, no position and no snapshot.
pub async fn a_loser_writes_nothing(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("loser");
    let done = write(&store, &order, ExpectedVersion::NoStream, 0..3).await;
    let snapshot = Snapshot::new(
        order.clone(),
        3,
        done.position,
        Fingerprint::from_u64(1),
        "application/json".to_owned(),
        b"{}".to_vec(),
    );
    store.save_snapshot(snapshot.clone()).await.expect("saved");
    let before = (whole_feed(&store).await, store.head().await.expect("head"));

    let id = append_id("loser");
    let expected = ExpectedVersion::Exact(2);
    let append = request(&order, expected, 3..6).with_append_id(id.clone());
    expect_conflict(store.append(append).await, &order, expected, 3);

    let after = (whole_feed(&store).await, store.head().await.expect("head"));
    assert_eq!(before, after);
    assert_eq!(store.find_append(&order, &id).await.expect("read"), None);
    let kept = store.load_snapshot(&order).await.expect("loads");
    assert_eq!(kept, Some(snapshot));
}

/// An append without events and without an id writes nothing. The expected version is still compared.
pub async fn an_append_without_events_writes_nothing(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("nothing");
    let none = [0_u64; 0];
    let done = write(&store, &order, ExpectedVersion::NoStream, none).await;
    assert_eq!((done.version, done.events), (0, 0));
    assert_eq!(done.position, Position::START);
    assert_eq!(store.head().await.expect("head"), Position::START);

    let first = write(&store, &order, ExpectedVersion::NoStream, [1, 2]).await;
    write(&store, &stream("other"), ExpectedVersion::Any, [1]).await;
    let done = write(&store, &order, ExpectedVersion::Exact(2), none).await;
    assert_eq!((done.version, done.events), (2, 0));
    assert_eq!(done.position, first.position);
    let expected = ExpectedVersion::Exact(1);
    let result = store.append(request(&order, expected, none)).await;
    expect_conflict(result, &order, expected, 2);
    assert_eq!(whole_feed(&store).await.len(), 3);
}

/// When one event of a batch is rejected, no event of the batch is stored.
pub async fn a_batch_is_stored_whole_or_not_at_all(fixture: AnyFixture) {
    let size = fixture.limits().events.min(1_000);
    let store = fixture.open().await;
    let taken = numbered(0);
    let other = Append::new(stream("taken"), ExpectedVersion::NoStream).with_event(taken.clone());
    store.append(other).await.expect("appended");
    let head = store.head().await.expect("head");

    let order = stream("batch");
    // Where ids are not compared with stored ones, an id that the batch has twice is refused.
    let compares = fixture.capabilities().event_ids;
    for bad in [0, 1, size / 2, size - 1] {
        let twin = (bad + 1) % size;
        let events: Vec<NewEvent> = (0..size)
            .map(|index| {
                let event = numbered(index as u64);
                if index == bad || index == twin && !compares {
                    event.with_id(taken.id)
                } else {
                    event
                }
            })
            .collect();
        let id = append_id(format!("bad-{bad}"));
        let append = Append::new(order.clone(), ExpectedVersion::NoStream)
            .with_events(events)
            .with_append_id(id.clone());
        let error = store.append(append).await.expect_err("one id is taken");
        assert_eq!(error.outcome(), Outcome::NotApplied);
        match error {
            AppendError::DuplicateEventId { stream, event_id } => {
                assert_eq!((stream, event_id), (order.clone(), taken.id));
            }
            other => panic!("a duplicate event id was to come, not {other:?}"),
        }
        assert_eq!(version_of(&store, &order).await, 0, "bad event at {bad}");
        assert_eq!(store.head().await.expect("head"), head);
        assert_eq!(store.find_append(&order, &id).await.expect("read"), None);
    }
    let numbers = 0..size as u64;
    let done = write(&store, &order, ExpectedVersion::NoStream, numbers).await;
    assert_eq!((done.version, done.events), (size as u64, size as u64));
    assert_eq!(version_of(&store, &order).await, size as u64);
}

/// The results of appends have the same versions, positions and times as later reads.
pub async fn answers_agree_with_what_is_read(fixture: AnyFixture) {
    let store = fixture.open().await;
    let streams = [stream("a"), stream("b")];
    let mut answers = Vec::new();
    for size in 1..=5 {
        for order in &streams {
            let done = write(&store, order, ExpectedVersion::Any, 0..size).await;
            assert_eq!((done.events, done.repeated), (size, false));
            answers.push((order.clone(), done));
        }
    }
    let ends: Vec<Position> = answers.iter().map(|(_, done)| done.position).collect();
    assert!(rising(&ends), "positions of the answers: {ends:?}");
    assert_eq!(store.head().await.expect("head"), ends[ends.len() - 1]);
    let store = super::again(&fixture, store).await;
    for (order, done) in answers {
        let events = all_of(&store, &order).await;
        let newest = events
            .iter()
            .find(|event| event.version == done.version)
            .expect("the version of the answer is there");
        assert_eq!(newest.position, done.position);
        let mine: Vec<_> = events
            .iter()
            .filter(|event| {
                event.version > done.version - done.events && event.version <= done.version
            })
            .collect();
        assert_eq!(mine.len() as u64, done.events);
        for event in mine {
            assert_eq!(event.recorded_at, done.recorded_at);
            assert_eq!(event.stream, order);
        }
    }
}

/// Four writers make a thousand operations on a few streams, with conflicts. Every result is consistent, and
/// no version is missing. The seed is printed. Set `ES_CONFORMANCE_SEED` to repeat a run.
pub async fn a_thousand_random_operations_leave_no_gaps(fixture: AnyFixture) {
    const WRITERS: usize = 4;
    const STREAMS: usize = 5;
    let seed = std::env::var("ES_CONFORMANCE_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..));
    println!("ES_CONFORMANCE_SEED={seed}");
    let store = fixture.open().await;
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        let mut random = fastrand::Rng::with_seed(seed.wrapping_add(writer as u64));
        super::spawn(async move {
            let mut known = [0_u64; STREAMS];
            let mut written: HashMap<usize, u64> = HashMap::new();
            let mut conflicts = 0_u64;
            for _ in 0..1_000 / WRITERS {
                let index = random.usize(..STREAMS);
                let order = stream(format!("random-{index}"));
                let expected = match random.u8(..10) {
                    0 => ExpectedVersion::NoStream,
                    1 => ExpectedVersion::StreamExists,
                    2..5 => ExpectedVersion::Any,
                    5 => ExpectedVersion::Exact(known[index] + random.u64(..3)),
                    _ => ExpectedVersion::Exact(known[index]),
                };
                let size = random.u64(1..5);
                match store.append(request(&order, expected, 0..size)).await {
                    Ok(done) => {
                        assert_eq!(done.events, size);
                        assert!(expected.accepts(done.version - size), "seed {seed}");
                        assert!(done.version - size >= known[index], "seed {seed}");
                        known[index] = done.version;
                        *written.entry(index).or_default() += size;
                    }
                    Err(AppendError::Conflict { actual, .. }) => {
                        assert!(!expected.accepts(actual), "seed {seed}");
                        assert!(actual >= known[index], "seed {seed}");
                        known[index] = actual;
                        conflicts += 1;
                    }
                    Err(error) => panic!("seed {seed}: {error}"),
                }
            }
            (written, conflicts)
        })
    });
    let mut written = [0_u64; STREAMS];
    let mut conflicts = 0;
    for (mine, lost) in join_all(writers.collect()).await {
        conflicts += lost;
        for (index, events) in mine {
            written[index] += events;
        }
    }
    assert!(conflicts > 0, "seed {seed}: no conflict was tried");
    for (index, events) in written.into_iter().enumerate() {
        let order = stream(format!("random-{index}"));
        let found = versions(&all_of(&store, &order).await);
        assert_eq!(found, (1..=events).collect::<Vec<_>>(), "seed {seed}");
    }
    let total: u64 = written.into_iter().sum();
    assert_eq!(whole_feed(&store).await.len() as u64, total, "seed {seed}");
}
