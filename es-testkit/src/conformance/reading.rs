//! Checks of reads of streams: ranges, limits, folds, and errors instead of partial results.

use super::{
    AnyFixture, Collect, Seen, all_of, folded, request, stream, versions, whole_feed, write,
};
use es_runtime::{
    Append, EventFilter, EventStore, ExpectedVersion, NewEvent, Position, ReadError, ReadLimit,
    StoredEvent, StreamFold, StreamRange,
};
use std::{
    future::Future,
    ops::ControlFlow,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Waker},
};

/// Reads forward and backward, from both ends, the middle and after the end, with limits on events and bytes.
pub async fn ranges_and_limits_bound_a_read(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("ranges");
    write(&store, &order, ExpectedVersion::NoStream, 0..10).await;
    write(&store, &stream("ranges-2"), ExpectedVersion::NoStream, 0..3).await;
    let forward = StreamRange::forward;
    let backward = StreamRange::backward;
    let past = i64::MAX.unsigned_abs();
    let table: &[(StreamRange, usize, &[u64])] = &[
        (forward(0), 100, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (forward(0), 3, &[1, 2, 3]),
        (forward(0), 0, &[]),
        (forward(7), 100, &[8, 9, 10]),
        (forward(9), 1, &[10]),
        (forward(10), 100, &[]),
        (forward(11), 100, &[]),
        (forward(past), 100, &[]),
        (forward(past + 1), 100, &[]),
        (forward(u64::MAX), 100, &[]),
        (backward(u64::MAX), 100, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        (backward(past + 1), 2, &[10, 9]),
        (backward(u64::MAX), 0, &[]),
        (backward(11), 2, &[10, 9]),
        (backward(10), 2, &[9, 8]),
        (backward(3), 100, &[2, 1]),
        (backward(2), 100, &[1]),
        (backward(1), 100, &[]),
        (backward(0), 100, &[]),
    ];
    for (range, limit, wanted) in table {
        let events = store
            .read_stream(&order, *range, ReadLimit::events(*limit))
            .await
            .expect("the stream can be read");
        assert_eq!(&versions(&events), wanted, "{range:?} limit {limit}");
    }

    let sized = stream("sized");
    let events = [4, 4, 4, 50, 4].map(|size| NewEvent::new("test.sized", 1, "x", vec![7; size]));
    let append = Append::new(sized.clone(), ExpectedVersion::NoStream).with_events(events);
    store.append(append).await.expect("appended");
    // After the version, so many bytes, brings so many events.
    let table = [
        (0, 0, 1),
        (0, 7, 1),
        (0, 8, 2),
        (0, 12, 3),
        (0, 61, 3),
        (0, 62, 4),
        (0, 66, 5),
        (3, 1, 1),
        (3, 54, 2),
    ];
    for (after, bytes, count) in table {
        let limit = ReadLimit::events(10).with_bytes(bytes);
        let events = store
            .read_stream(&sized, forward(after), limit)
            .await
            .expect("the stream can be read");
        assert_eq!(events.len(), count, "after {after} with {bytes} bytes");
    }
    for (bytes, count) in [(0, 1), (7, 1), (53, 1), (54, 2)] {
        let limit = ReadLimit::events(10).with_bytes(bytes);
        let events = store
            .read_stream(&sized, StreamRange::backward(5), limit)
            .await
            .expect("the stream can be read");
        assert_eq!(events.len(), count, "before 5 with {bytes} bytes");
    }
}

/// An unknown stream is empty for every kind of read, and not an error.
pub async fn an_unknown_stream_is_empty(fixture: AnyFixture) {
    let store = fixture.open().await;
    write(&store, &stream("known"), ExpectedVersion::NoStream, [1]).await;
    let unknown = stream("unknown");
    assert_eq!(all_of(&store, &unknown).await, []);
    assert_eq!(folded(&store, &unknown, 0).await, []);
    assert_eq!(folded(&store, &unknown, 5).await, []);
    let backward = StreamRange::backward(u64::MAX);
    let read = store.read_stream(&unknown, backward, ReadLimit::default());
    assert_eq!(read.await.expect("readable"), []);
}

/// While batches of five are appended, every read sees complete batches: a multiple of five events.
pub async fn a_read_during_appends_sees_whole_batches(fixture: AnyFixture) {
    const SIZE: u64 = 5;
    const BATCHES: u64 = 200;
    let store = fixture.open().await;
    let order = stream("batches");
    let done = Arc::new(AtomicBool::new(false));
    let writer = {
        let (store, order, done) = (store.clone(), order.clone(), Arc::clone(&done));
        super::spawn(async move {
            for _ in 0..BATCHES {
                write(&store, &order, ExpectedVersion::Any, 0..SIZE).await;
            }
            done.store(true, Ordering::SeqCst);
        })
    };
    let mut reads = 0_u64;
    loop {
        let last = done.load(Ordering::SeqCst);
        let read = all_of(&store, &order).await;
        let seen = read.len() as u64;
        assert_eq!(versions(&read), (1..=seen).collect::<Vec<_>>());
        assert_eq!(seen % SIZE, 0, "a read saw {seen} events: half a batch");
        let fold = folded(&store, &order, 0).await.len() as u64;
        assert!(fold >= seen, "a later read saw less");
        let feed = whole_feed(&store).await.len() as u64;
        assert!(feed >= fold, "the feed is behind a read before it");
        reads += 1;
        if last {
            break;
        }
        tokio::task::yield_now().await;
    }
    writer.await.expect("the writer ends");
    assert!(reads > 0);
    assert_eq!(all_of(&store, &order).await.len() as u64, SIZE * BATCHES);
}

/// Every read over a damaged row fails with an error that names the row, and never returns a shorter result.
/// Other streams can be read.
pub async fn a_damaged_row_is_an_error_that_names_it(fixture: AnyFixture) {
    let store = fixture.open().await;
    let (good, bad) = (stream("good"), stream("bad"));
    write(&store, &good, ExpectedVersion::NoStream, 0..3).await;
    write(&store, &bad, ExpectedVersion::NoStream, 0..5).await;
    let position = all_of(&store, &bad).await[2].position;
    let done = fixture.damage(&store, &bad, 3).await;
    assert_eq!(done, fixture.capabilities().damage);
    if !done {
        assert_eq!(all_of(&store, &bad).await.len(), 5);
        return;
    }
    let named = |error: ReadError| match error {
        ReadError::Corrupt {
            stream,
            version,
            position: place,
            ..
        } => assert_eq!((stream, version, place), (bad.clone(), 3, position)),
        ReadError::Storage(error) => panic!("the row is to be named, not: {error}"),
        other => panic!("the row is to be named, not: {other:?}"),
    };
    let limit = ReadLimit::default();
    let forward = store.read_stream(&bad, StreamRange::forward(0), limit);
    named(forward.await.expect_err("the stream is damaged"));
    let backward = store.read_stream(&bad, StreamRange::backward(u64::MAX), limit);
    named(backward.await.expect_err("the stream is damaged"));
    let fold = store.fold_stream(&bad, 0, Collect::up_to(usize::MAX)).await;
    named(fold.err().expect("the stream is damaged"));
    let filter = EventFilter::all();
    let feed = store.read_feed(Position::START, &filter, limit);
    named(feed.await.expect_err("the feed is damaged"));

    assert_eq!(all_of(&store, &good).await.len(), 3);
    assert_eq!(folded(&store, &bad, 3).await.len(), 2);
    let before = store.fold_stream(&bad, 0, Collect::up_to(2)).await;
    assert_eq!(before.expect("it stops before").seen.len(), 2);
}

/// Dropped reads hold no resource that later reads and writes need.
pub async fn a_dropped_read_frees_its_place(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("dropped");
    for _ in 0..5 {
        write(&store, &order, ExpectedVersion::Any, 0..1_000).await;
    }
    for _ in 0..200 {
        let mut context = Context::from_waker(Waker::noop());
        let limit = ReadLimit::default();
        let filter = EventFilter::all();
        let fold = pin!(store.fold_stream(&order, 0, Collect::up_to(usize::MAX)));
        let read = pin!(store.read_stream(&order, StreamRange::forward(0), limit));
        let feed = pin!(store.read_feed(Position::START, &filter, limit));
        let _ = fold.poll(&mut context).is_ready();
        let _ = read.poll(&mut context).is_ready();
        let _ = feed.poll(&mut context).is_ready();
    }
    assert_eq!(folded(&store, &order, 0).await.len(), 5_000);
    assert_eq!(all_of(&store, &order).await.len(), 5_000);
    assert_eq!(whole_feed(&store).await.len(), 5_000);
    write(&store, &order, ExpectedVersion::Exact(5_000), [1]).await;
}

/// Pages of any size give the same events.
pub async fn page_size_does_not_change_the_result(fixture: AnyFixture) {
    let store = fixture.open().await;
    let streams = [stream("p1"), stream("p2")];
    for size in 0..40 {
        for order in &streams {
            write(&store, order, ExpectedVersion::Any, 0..size % 7).await;
        }
    }
    let feed = whole_feed(&store).await;
    let all = all_of(&store, &streams[0]).await;
    assert_eq!(feed.len(), all.len() * 2);
    for size in [1, 2, 3, 7, 10, 64, all.len(), all.len() + 1, 10_000] {
        let paged = super::feed_from(&store, Position::START, &EventFilter::all(), size).await;
        assert_eq!(paged, feed, "feed in pages of {size}");

        let limit = ReadLimit::events(size);
        let mut forward = Vec::new();
        loop {
            let range = StreamRange::forward(forward.len() as u64);
            let page = store.read_stream(&streams[0], range, limit).await;
            let page = page.expect("readable");
            if page.is_empty() {
                break;
            }
            forward.extend(page);
        }
        assert_eq!(forward, all, "forward in pages of {size}");

        let mut backward = Vec::new();
        let mut before = u64::MAX;
        loop {
            let range = StreamRange::backward(before);
            let page = store.read_stream(&streams[0], range, limit).await;
            let page = page.expect("readable");
            let Some(last) = page.last() else { break };
            before = last.version;
            backward.extend(page);
        }
        backward.reverse();
        assert_eq!(backward, all, "backward in pages of {size}");
    }
}

/// Counts the events and checks that none is missing.
struct Count {
    next: u64,
    bytes: usize,
    last: Position,
}

impl StreamFold for Count {
    fn event(&mut self, event: StoredEvent<'_>) -> ControlFlow<()> {
        assert_eq!(event.version, self.next);
        assert!(event.position > self.last);
        self.next += 1;
        self.bytes += event.payload.bytes.len();
        self.last = event.position;
        ControlFlow::Continue(())
    }
}

/// A stream of 100,000 events can be folded from the start and from the middle.
pub async fn a_hundred_thousand_events_fold(fixture: AnyFixture) {
    const BATCH: u64 = 1_000;
    const BATCHES: u64 = 100;
    let store = fixture.open().await;
    let order = stream("long");
    let mut last = Position::START;
    for batch in 0..BATCHES {
        let expected = ExpectedVersion::Exact(batch * BATCH);
        let events = (0..BATCH).map(|_| NewEvent::new("test.long", 1, "x", [1_u8].as_slice()));
        let append = Append::new(order.clone(), expected).with_events(events);
        last = store.append(append).await.expect("appended").position;
    }
    for after in [
        0,
        1,
        BATCH * BATCHES / 2,
        BATCH * BATCHES - 1,
        BATCH * BATCHES,
    ] {
        let fold = Count {
            next: after + 1,
            bytes: 0,
            last: Position::START,
        };
        let count = store.fold_stream(&order, after, fold).await.expect("folds");
        assert_eq!(count.next, BATCH * BATCHES + 1);
        assert_eq!(count.bytes as u64, BATCH * BATCHES - after);
        assert!(after == BATCH * BATCHES || count.last == last);
    }
}

/// A fold receives the events after its start version, with all fields, until it breaks.
pub async fn a_fold_starts_and_stops_where_it_says(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("fold");
    for number in 0..5 {
        write(&store, &stream("between"), ExpectedVersion::Any, [number]).await;
        let append = request(&order, ExpectedVersion::Any, [number]).with_event(NewEvent::new(
            "test.other",
            9,
            "text/plain",
            vec![0, 159, 255],
        ));
        store.append(append).await.expect("appended");
    }
    let all: Vec<Seen> = all_of(&store, &order)
        .await
        .iter()
        .map(Seen::from)
        .collect();
    assert_eq!(all.len(), 10);
    for after in 0..=10 {
        assert_eq!(
            folded(&store, &order, after).await,
            all[after_index(after)..]
        );
        for most in 1..=3 {
            let fold = Collect::up_to(most);
            let fold = store.fold_stream(&order, after, fold).await.expect("folds");
            let rest = &all[after_index(after)..];
            assert_eq!(fold.seen, rest[..most.min(rest.len())]);
        }
    }
    for after in [11, i64::MAX.unsigned_abs(), u64::MAX] {
        assert_eq!(folded(&store, &order, after).await, []);
    }
}

fn after_index(version: u64) -> usize {
    usize::try_from(version).expect("a small number")
}
