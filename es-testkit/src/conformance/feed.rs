//! Checks of the feed of all streams: order, resuming, and completeness.

use super::{
    AnyFixture, Fault, again, all_of, faults::injected, feed_from, numbered, positions, request,
    rising, stream, whole_feed, write,
};
use es_runtime::{
    Append, AppendError, EventFilter, EventStore, ExpectedVersion, NewEvent, Outcome, Position,
    ReadLimit, RecordedEvent, StorageErrorKind, StreamId,
};
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};
use tokio::task::JoinHandle;

/// Several streams with events of three names, mixed.
async fn mixed<S: EventStore>(store: &S) -> Vec<StreamId> {
    let streams: Vec<StreamId> = (0..4)
        .map(|index| stream(format!("mixed-{index}")))
        .collect();
    for round in 0..15_u64 {
        for (index, order) in streams.iter().enumerate() {
            let count = (round + index as u64) % 4;
            let events = (0..count).map(|number| {
                let name = ["test.a", "test.b", "test.c"][after(number + round) % 3];
                NewEvent::json(name, 1, format!("{number}"))
            });
            let append = Append::new(order.clone(), ExpectedVersion::Any).with_events(events);
            store.append(append).await.expect("appended");
        }
    }
    streams
}

fn after(number: u64) -> usize {
    usize::try_from(number).expect("a small number")
}

/// Positions rise strictly, and the head is the position of the newest event immediately.
pub async fn positions_rise_and_the_head_is_the_last(fixture: AnyFixture) {
    let store = fixture.open().await;
    assert_eq!(store.head().await.expect("head"), Position::START);
    assert_eq!(whole_feed(&store).await, []);
    for size in [1, 4, 2] {
        let done = write(&store, &stream(size), ExpectedVersion::Any, 0..size).await;
        assert_eq!(store.head().await.expect("head"), done.position);
        let feed = whole_feed(&store).await;
        let last = feed.last().map(|event| event.position);
        assert_eq!(last, Some(done.position));
    }
    mixed(&store).await;
    let feed = whole_feed(&store).await;
    assert!(rising(&positions(&feed)));
    assert!(feed[0].position > Position::START);
    let head = store.head().await.expect("head");
    assert_eq!(head, feed[feed.len() - 1].position);

    let store = again(&fixture, store).await;
    assert_eq!(store.head().await.expect("head"), head);
    let done = write(&store, &stream("later"), ExpectedVersion::Any, [1]).await;
    assert!(done.position > head, "a position was given out twice");
}

/// The feed, split by stream, equals the streams.
pub async fn the_feed_agrees_with_every_stream(fixture: AnyFixture) {
    let store = fixture.open().await;
    let streams = mixed(&store).await;
    let mut apart: HashMap<StreamId, Vec<RecordedEvent>> = HashMap::new();
    for event in whole_feed(&store).await {
        apart.entry(event.stream.clone()).or_default().push(event);
    }
    assert_eq!(apart.len(), streams.len());
    for order in streams {
        assert_eq!(apart.remove(&order), Some(all_of(&store, &order).await));
    }
}

/// The feed continues after rejected appends.
pub async fn a_refused_append_does_not_hold_up_the_feed(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("refusals");
    let taken = numbered(0);
    let first = Append::new(order.clone(), ExpectedVersion::Any).with_event(taken.clone());
    store.append(first).await.expect("appended");
    for round in 0..10 {
        let stale = request(&order, ExpectedVersion::NoStream, 0..3);
        store.append(stale).await.expect_err("a conflict");
        // The second one is refused wherever ids are not compared with stored ones.
        let twice =
            request(&order, ExpectedVersion::Any, 0..3).with_events([taken.clone(), taken.clone()]);
        store.append(twice).await.expect_err("a known event id");
        let done = write(&store, &order, ExpectedVersion::Exact(round + 1), [round]).await;
        assert_eq!(store.head().await.expect("head"), done.position);
        let feed = whole_feed(&store).await;
        assert_eq!(feed.len() as u64, round + 2);
        assert_eq!(feed[feed.len() - 1].position, done.position);
    }
}

/// Filtering and resuming the feed give the same events in either order.
pub async fn filtering_and_resuming_commute(fixture: AnyFixture) {
    let store = fixture.open().await;
    mixed(&store).await;
    let all = whole_feed(&store).await;
    let filters = [
        EventFilter::all(),
        EventFilter::names(["test.a"]),
        EventFilter::names(["test.c", "test.b"]),
        EventFilter::names(["test.missing"]),
        EventFilter::names([""; 0]),
    ];
    for filter in filters {
        for start in (0..all.len()).step_by(9) {
            let from = all[start].position;
            let mut wanted = all[start + 1..].to_vec();
            wanted.retain(|event| filter.accepts(event.stream.aggregate(), &event.name));
            for size in [1, 4, 1_000] {
                let found = feed_from(&store, from, &filter, size).await;
                assert_eq!(found, wanted, "{filter:?} after {from} by {size}");
            }
        }
    }
}

/// A feed of some aggregates has all of their events and no other one, with a filter of names and without, from any
/// position and in pages of any size.
pub async fn a_feed_of_aggregates_has_their_events_only(fixture: AnyFixture) {
    let store = fixture.open().await;
    let aggregates = ["feed", "feed-2", "Feed", "fee"];
    for round in 0..40_usize {
        let stream = StreamId::new(aggregates[round * 7 % 4], &format!("{}", round % 3));
        let name = ["test.a", "test.b", "test.c"][round % 3];
        let event = NewEvent::json(name, 1, "1");
        let append = Append::new(stream.expect("usable"), ExpectedVersion::Any).with_event(event);
        store.append(append).await.expect("appended");
    }
    let all = whole_feed(&store).await;
    let filters = [
        EventFilter::all().of_aggregates(["feed"]),
        EventFilter::all().of_aggregates(["fee", "Feed", "none"]),
        EventFilter::names(["test.b", "test.c"]).of_aggregates(["feed", "feed-2"]),
        EventFilter::all().of_aggregates(["none"]),
        EventFilter::all().of_aggregates([""; 0]),
    ];
    for filter in filters {
        for start in [0, 7, 30] {
            let mut wanted = all[start + 1..].to_vec();
            wanted.retain(|event| filter.accepts(event.stream.aggregate(), &event.name));
            for size in [1, 4, 1_000] {
                let found = feed_from(&store, all[start].position, &filter, size).await;
                assert_eq!(found, wanted, "{filter:?} after {start} by {size}");
            }
        }
    }
}

/// The feed after each position has exactly the later events. After the end it is empty.
pub async fn reading_goes_on_from_every_position(fixture: AnyFixture) {
    let store = fixture.open().await;
    mixed(&store).await;
    let all = whole_feed(&store).await;
    let filter = EventFilter::all();
    assert_eq!(
        feed_from(&store, Position::START, &filter, 10).await.len(),
        all.len()
    );
    for (index, event) in all.iter().enumerate() {
        let text = event.position.to_string();
        let from: Position = text.parse().expect("a checkpoint as text");
        assert_eq!(from, event.position);
        let rest = feed_from(&store, from, &filter, 1_000).await;
        assert_eq!(rest, all[index + 1..]);
    }
    let [high, middle, low] = all[all.len() - 1].position.to_parts();
    for past in [
        [high, middle, low + 1],
        [high, middle, u64::MAX],
        [u64::MAX, u64::MAX, u64::MAX],
    ] {
        let past = Position::from_parts(past);
        let page = store.read_feed(past, &filter, ReadLimit::default());
        let page = page.await.expect("readable");
        assert!(page.events.is_empty() && page.at_end);
        assert_eq!(page.next, past, "a checkpoint never goes back");
    }
}

/// `next` is a position after the events that the filter excludes, and `at_end` is set only at the end.
pub async fn a_page_says_where_the_next_one_starts(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("pages");
    let names = ["test.a", "test.b", "test.b", "test.a", "test.b", "test.b"];
    let events = names.map(|name| NewEvent::json(name, 1, "1"));
    let append = Append::new(order, ExpectedVersion::NoStream).with_events(events);
    store.append(append).await.expect("appended");
    let all = positions(&whole_feed(&store).await);
    let only_a = EventFilter::names(["test.a"]);
    let none = EventFilter::names(["test.none"]);

    let page = |from, filter, size| {
        let store = store.clone();
        async move {
            store
                .read_feed(from, filter, ReadLimit::events(size))
                .await
                .expect("readable")
        }
    };
    let first = page(Position::START, &only_a, 1).await;
    assert_eq!(positions(&first.events), [all[0]]);
    assert!(!first.at_end, "there is another one");
    assert!(first.next >= all[0] && first.next < all[3]);
    let second = page(first.next, &only_a, 5).await;
    assert_eq!(positions(&second.events), [all[3]]);
    assert!(second.at_end);
    assert_eq!(second.next, all[5], "what was held back was looked at");
    let third = page(second.next, &only_a, 5).await;
    assert!(third.events.is_empty() && third.at_end);
    assert_eq!(third.next, all[5]);

    let nothing = page(Position::START, &none, 5).await;
    assert!(nothing.events.is_empty() && nothing.at_end);
    assert_eq!(nothing.next, all[5]);
    let no_room = page(Position::START, &only_a, 0).await;
    assert!(no_room.events.is_empty() && !no_room.at_end);
    assert_eq!(no_room.next, Position::START);

    let everything = EventFilter::all();
    // An event that is larger than a page is a page of its own, and does not end the feed.
    for (bytes, count) in [(2, 2), (0, 1)] {
        let limit = ReadLimit::events(10).with_bytes(bytes);
        let by_bytes = store.read_feed(Position::START, &everything, limit);
        let by_bytes = by_bytes.await.expect("readable");
        assert_eq!(positions(&by_bytes.events), all[..count]);
        assert!(!by_bytes.at_end, "{bytes} bytes");
        assert_eq!(by_bytes.next, all[count - 1]);
    }
}

/// A checkpoint at the end is the position of the last event, not a later one.
pub async fn a_checkpoint_at_the_end_is_not_ahead(fixture: AnyFixture) {
    let store = fixture.open().await;
    let nothing = EventFilter::names(["test.none"]);
    let everything = EventFilter::all();
    let mut at = [Position::START; 2];
    for round in 0..20 {
        for (filter, from) in [&nothing, &everything].into_iter().zip(&mut at) {
            let page = store.read_feed(*from, filter, ReadLimit::default()).await;
            let page = page.expect("readable");
            let head = store.head().await.expect("head");
            assert!(page.at_end);
            assert_eq!(page.next, head);
            *from = page.next;
        }
        let stale = request(&stream("ahead"), ExpectedVersion::Exact(99), [1]);
        store.append(stale).await.expect_err("a conflict");
        let done = write(&store, &stream("ahead"), ExpectedVersion::Any, [round]).await;
        let page = store.read_feed(at[1], &everything, ReadLimit::default());
        let page = page.await.expect("readable");
        assert_eq!(positions(&page.events), [done.position]);
    }
}

/// A reader that starts at the beginning while writers write, catches up and then follows wakes, gets every
/// event once.
pub async fn catching_up_and_following_lose_nothing(fixture: AnyFixture) {
    const APPENDS: u64 = 150;
    let store = fixture.open().await;
    for number in 0..100 {
        write(&store, &stream(number % 7), ExpectedVersion::Any, 0..3).await;
    }
    let writers = (0..2).map(|writer| {
        let store = store.clone();
        super::spawn(async move {
            for number in 0..APPENDS {
                let order = stream(format!("live-{writer}"));
                write(&store, &order, ExpectedVersion::Exact(number), [number]).await;
            }
        })
    });
    let writers = writers.collect();
    let marker = stream("marker");
    let follower = {
        let (store, marker) = (store.clone(), marker.clone());
        super::spawn(async move {
            let mut seen: Vec<RecordedEvent> = Vec::new();
            let mut from = Position::START;
            // Nothing comes after the marker.
            while seen.last().is_none_or(|event| event.stream != marker) {
                let page = store
                    .read_feed(from, &EventFilter::all(), ReadLimit::events(50))
                    .await
                    .expect("readable");
                from = page.next;
                seen.extend(page.events);
                if page.at_end {
                    let poll = Duration::from_millis(20);
                    let _ = tokio::time::timeout(poll, store.changed(from)).await;
                }
            }
            seen
        })
    };
    super::join_all(writers).await;
    write(&store, &marker, ExpectedVersion::NoStream, [1]).await;
    let seen = follower.await.expect("it follows");
    assert_eq!(seen.len() as u64, 300 + 2 * APPENDS + 1);
    assert!(rising(&positions(&seen)));
    assert_eq!(seen, whole_feed(&store).await);
}

/// A reader without wakes finds each event when it polls, also through a second handle to the same store.
pub async fn a_reader_without_wakes_finds_everything(fixture: AnyFixture) {
    let store = fixture.open().await;
    let reader = if fixture.capabilities().reopens {
        fixture.open().await
    } else {
        store.clone()
    };
    let mut from = Position::START;
    for number in 0..50 {
        let done = write(&store, &stream("quiet"), ExpectedVersion::Any, [number]).await;
        let all = EventFilter::all();
        let page = reader.read_feed(from, &all, ReadLimit::default()).await;
        let page = page.expect("readable");
        assert_eq!(positions(&page.events), [done.position]);
        from = page.next;
    }
}

/// A store that declares wakes wakes readers after each append. Any other store never wakes them.
pub async fn wakes_come_as_declared(fixture: AnyFixture) {
    let store = fixture.open().await;
    let wakes = fixture.capabilities().wakes;
    for number in 0..20 {
        let head = store.head().await.expect("head");
        let waiting = {
            let store = store.clone();
            super::spawn(async move { store.changed(head).await })
        };
        write(&store, &stream("wakes"), ExpectedVersion::Any, [number]).await;
        if wakes {
            let woken = tokio::time::timeout(Duration::from_secs(20), waiting).await;
            woken.expect("a wake comes").expect("it waits");
            // What is there already is said at once.
            let again = tokio::time::timeout(Duration::from_secs(20), store.changed(head)).await;
            again.expect("a wake comes for what is there");
        } else {
            let other = tokio::time::timeout(Duration::from_millis(10), store.changed(head)).await;
            assert!(
                other.is_err() && !waiting.is_finished(),
                "wakes are not declared"
            );
            waiting.abort();
        }
    }
}

/// While appends take varying times to commit, a reader misses no event.
pub async fn slow_commits_hide_nothing(fixture: AnyFixture) {
    let store = fixture.open().await;
    if injected(&fixture, &store, Fault::SlowCommits).await {
        // Writers of several processes: they share no queue.
        let mut stores = vec![store.clone()];
        for _ in 0..3 {
            stores.push(fixture.open().await);
        }
        follow(&stores, 12, 15).await;
        fixture.heal(&store, Fault::SlowCommits).await;
    } else {
        follow(&[store], 8, 20).await;
    }
}

/// While an older foreign transaction is open, appends succeed, and a reader misses no event, neither during
/// the transaction nor afterwards.
pub async fn a_foreign_transaction_hides_nothing(fixture: AnyFixture) {
    let store = fixture.open().await;
    write(&store, &stream("before"), ExpectedVersion::NoStream, [1]).await;
    let from = store.head().await.expect("head");
    let there = injected(&fixture, &store, Fault::ForeignTransaction).await;
    let mut answers = Vec::new();
    for number in 0..20 {
        let done = write(&store, &stream("meanwhile"), ExpectedVersion::Any, [number]).await;
        answers.push(done.position);
    }
    let filter = EventFilter::all();
    let meanwhile = positions(&feed_from(&store, from, &filter, 7).await);
    // It may come late, in order, but not with holes.
    assert_eq!(meanwhile, answers[..meanwhile.len()]);
    let checkpoint = meanwhile.last().copied().unwrap_or(from);
    if there {
        fixture.heal(&store, Fault::ForeignTransaction).await;
    } else {
        assert_eq!(meanwhile.len(), answers.len());
    }
    let rest = positions(&feed_from(&store, checkpoint, &filter, 7).await);
    assert_eq!([meanwhile, rest].concat(), answers);
}

/// A reader follows eight writers page by page. It gets every event once, in the order of each stream.
pub async fn nothing_is_missed_while_writers_write(fixture: AnyFixture) {
    follow(&[fixture.open().await], 8, 150).await;
}

fn is_busy(error: &AppendError) -> bool {
    let AppendError::Storage { outcome, error, .. } = error else {
        return false;
    };
    *outcome == Outcome::NotApplied && error.kind == StorageErrorKind::Busy
}

/// Runs this many writers with this many appends each, and a reader that follows them.
async fn follow<S: EventStore>(stores: &[S], writers: usize, appends: usize) {
    let store = stores[0].clone();
    let writers: Vec<_> = (0..writers)
        .map(|writer| {
            let store = stores[writer % stores.len()].clone();
            super::spawn(async move {
                let mut ids = Vec::new();
                for number in 0..appends {
                    // Half of them to streams that the writers share.
                    let order = match number % 2 {
                        0 => stream(format!("own-{writer}")),
                        _ => stream(format!("shared-{}", number % 3)),
                    };
                    let size = (number % 3 + 1) as u64;
                    let append = request(&order, ExpectedVersion::Any, 0..size);
                    ids.extend(append.events.iter().map(|event| event.id));
                    // Where the others held the lock for too long nothing was written.
                    while let Err(error) = store.append(append.clone()).await {
                        assert!(is_busy(&error), "appended: {error:?}");
                    }
                    // A refused one between them may leave a gap in the positions.
                    let stale = request(&order, ExpectedVersion::NoStream, [1]);
                    let refused = store.append(stale).await.expect_err("a conflict");
                    assert_eq!(refused.outcome(), Outcome::NotApplied);
                }
                ids
            })
        })
        .collect();
    let mut seen = Vec::new();
    let mut from = Position::START;
    loop {
        let ended = writers.iter().all(JoinHandle::is_finished);
        let limit = ReadLimit::events(7);
        let page = store.read_feed(from, &EventFilter::all(), limit).await;
        let page = page.expect("readable");
        assert!(page.next >= from);
        from = page.next;
        seen.extend(page.events);
        if page.at_end {
            if ended {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    assert!(rising(&positions(&seen)));
    let mut last: HashMap<StreamId, u64> = HashMap::new();
    for event in &seen {
        let version = last.entry(event.stream.clone()).or_default();
        assert_eq!(event.version, *version + 1, "in {}", event.stream);
        *version = event.version;
    }
    let followed: HashSet<_> = seen.iter().map(|event| event.event_id).collect();
    assert_eq!(followed.len(), seen.len(), "an event came twice");
    let written = super::join_all(writers).await.concat();
    let missed = written.iter().filter(|id| !followed.contains(id)).count();
    assert_eq!(missed, 0, "missed out of {}", written.len());
    assert_eq!(seen.len(), written.len());
}
