//! Dropping futures at every await: what was asked is done wholly or not at all, and the store goes on.

use es_runtime::{
    Append, AppendId, EventFilter, EventStore, ExpectedVersion, NewEvent, Position, ReadLimit,
    StoredEvent, StreamFold, StreamId, StreamRange,
};
use es_sqlite::SqliteStore;
use rusqlite::Connection;
use std::{
    future::Future,
    ops::ControlFlow,
    path::Path,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};
use tokio::task::unconstrained;

fn stream(id: impl ToString) -> StreamId {
    StreamId::new("cancel", &id.to_string()).expect("usable")
}

fn id(text: impl AsRef<str>) -> AppendId {
    AppendId::new(text).expect("usable")
}

fn three(stream: &StreamId) -> Append {
    let events = (0..3).map(|part| NewEvent::json("test.part", 1, part.to_string()));
    Append::new(stream.clone(), ExpectedVersion::NoStream)
        .with_events(events)
        .with_append_id(id("the-one"))
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls so many times, then drops. Says whether it had ended before.
fn cancel_after<F: Future>(polls: usize, future: F) -> bool {
    let mut future = pin!(unconstrained(future));
    (0..polls).any(|_| poll_once(future.as_mut()).is_ready())
}

/// Holds the file's write lock, as another process would.
fn hold(path: &Path) -> Connection {
    let connection = Connection::open(path).expect("opens");
    connection
        .busy_timeout(Duration::from_secs(60))
        .expect("set");
    connection.execute_batch("BEGIN IMMEDIATE").expect("locked");
    connection
}

async fn bounded<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future)
        .await
        .expect("it does not hang")
}

async fn open(folder: &tempfile::TempDir) -> SqliteStore {
    SqliteStore::options()
        .busy_timeout(Duration::from_secs(60))
        .open(folder.path().join("cancel.db"))
        .await
        .expect("opens")
}

/// How many events of the append are there, after all that was handed over before is done.
async fn settled(store: &SqliteStore, order: &StreamId) -> usize {
    let marker = Append::new(stream("marker"), ExpectedVersion::Any).with_event(NewEvent::json(
        "test.marker",
        1,
        "1",
    ));
    bounded(store.append(marker))
        .await
        .expect("the store still works");
    let range = StreamRange::forward(0);
    let events = bounded(store.read_stream(order, range, ReadLimit::default()))
        .await
        .expect("readable");
    let known = bounded(store.find_append(order, &id("the-one")))
        .await
        .expect("readable");
    match (events.len(), known) {
        (0, None) => 0,
        (3, Some(done)) => {
            assert_eq!((done.version, done.events), (3, 3));
            3
        }
        (some, known) => panic!("half an append: {some} events, {known:?}"),
    }
}

#[tokio::test]
async fn an_append_dropped_after_any_poll_is_whole_or_absent() {
    let folder = es_tests::tiers::folder();
    let store = open(&folder).await;
    let (mut whole, mut ended) = (0, 0);
    for round in 0..40 {
        for polls in [0, 1, 2, 3, 100, 1_000, 10_000, 100_000] {
            let order = stream(format!("free-{round}-{polls}"));
            let done = cancel_after(polls, store.append(three(&order)));
            let there = settled(&store, &order).await;
            whole += usize::from(there == 3);
            ended += usize::from(done);
            assert!(polls > 0 || there == 0, "it was never polled");
            assert!(!done || there == 3, "it had answered");
        }
    }
    println!("{whole} whole and {ended} answered of 320 dropped");
    assert!(whole >= ended && ended > 0);
}

#[tokio::test]
async fn an_append_dropped_while_it_waits_for_its_answer_is_whole() {
    let folder = es_tests::tiers::folder();
    let store = open(&folder).await;
    for polls in 1..6 {
        let order = stream(format!("answer-{polls}"));
        let lock = hold(store.path());
        assert!(!cancel_after(polls, store.append(three(&order))));
        lock.execute_batch("ROLLBACK").expect("released");
        assert_eq!(settled(&store, &order).await, 3, "it was handed over");
    }
}

#[tokio::test]
async fn an_append_dropped_while_it_waits_for_room_is_absent() {
    let folder = es_tests::tiers::folder();
    let store = open(&folder).await;
    let lock = hold(store.path());
    // More than the queue and the group that the writer has taken out of it can hold.
    let mut waiting: Vec<_> = (0..4_000)
        .map(|number| {
            let append = Append::new(stream("crowd"), ExpectedVersion::Any)
                .with_event(NewEvent::json("test.crowd", 1, number.to_string()));
            // Tokio makes a task that does much pause; this one is to hand all over now.
            Box::pin(unconstrained(store.append(append)))
        })
        .collect();
    for future in &mut waiting {
        assert!(poll_once(future.as_mut()).is_pending());
    }
    let order = stream("room");
    for polls in 1..4 {
        assert!(!cancel_after(polls, store.append(three(&order))));
    }
    lock.execute_batch("ROLLBACK").expect("released");
    for future in waiting {
        bounded(future).await.expect("appended");
    }
    assert_eq!(settled(&store, &order).await, 0);
    let all = ReadLimit::events(10_000);
    let crowd = store
        .read_stream(&stream("crowd"), StreamRange::forward(0), all)
        .await;
    assert_eq!(crowd.expect("readable").len(), 4_000);
}

struct Slow(u64);

impl StreamFold for Slow {
    fn event(&mut self, _: StoredEvent<'_>) -> ControlFlow<()> {
        self.0 += 1;
        ControlFlow::Continue(())
    }
}

#[tokio::test]
async fn reads_opening_and_closing_can_be_dropped_anywhere() {
    let folder = es_tests::tiers::folder();
    for polls in 0..8 {
        let path = folder.path().join(format!("open-{polls}.db"));
        let options = SqliteStore::options().reader_threads(2);
        cancel_after(polls, options.open(&path));
        let store = bounded(SqliteStore::open(&path)).await.expect("opens");
        let order = stream("reads");
        bounded(store.append(three(&order)))
            .await
            .expect("appended");
        for _ in 0..20 {
            let filter = EventFilter::all();
            let limit = ReadLimit::default();
            let range = StreamRange::forward(0);
            cancel_after(polls, store.fold_stream(&order, 0, Slow(0)));
            cancel_after(polls, store.read_stream(&order, range, limit));
            cancel_after(polls, store.read_feed(Position::START, &filter, limit));
            cancel_after(polls, store.head());
            cancel_after(polls, store.find_append(&order, &id("the-one")));
        }
        let fold = bounded(store.fold_stream(&order, 0, Slow(0))).await;
        assert_eq!(fold.expect("folds").0, 3);
        cancel_after(polls, store.close());
        bounded(store.close()).await;
        let again = bounded(SqliteStore::open(&path)).await.expect("opens");
        assert_eq!(settled(&again, &order).await, 3);
    }
}
