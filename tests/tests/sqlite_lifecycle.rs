//! Threads: closing drains them, dropping ends them, and panics in foreign code do not.
//!
//! One test only, in a binary of its own: it counts the threads of its process.

use es_runtime::{
    Append, AppendError, EventStore, ExpectedVersion, NewEvent, Outcome, ReadError, ReadLimit,
    SnapshotStore, StorageErrorKind, StoredEvent, StreamFold, StreamId, StreamRange, Timestamp,
};
use es_sqlite::SqliteStore;
use std::{
    future::Future,
    ops::ControlFlow,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    task::{Context, Waker},
    thread,
    time::{Duration, Instant},
};
use tokio::task::unconstrained;

fn stream() -> StreamId {
    StreamId::new("life", "1").expect("usable")
}

fn one() -> Append {
    let event = NewEvent::json("test.one", 1, "\"canary\"");
    Append::new(stream(), ExpectedVersion::Any).with_event(event)
}

/// The threads of stores in this process.
#[cfg(target_os = "linux")]
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("the process's threads");
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.starts_with("es-sqlite-"))
        .count()
}

#[cfg(not(target_os = "linux"))]
fn threads() -> usize {
    0
}

fn wait_for_no_threads(what: &str) {
    let started = Instant::now();
    while threads() > 0 {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}");
        thread::yield_now();
    }
}

async fn bounded<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future)
        .await
        .expect("it does not hang")
}

/// One that writes, three for loads, three for queries of the read database.
const THREADS: usize = 7;

async fn open(path: &Path) -> SqliteStore {
    SqliteStore::options()
        .reader_threads(3)
        .busy_timeout(Duration::from_secs(60))
        .open(path)
        .await
        .expect("opens")
}

struct Panics;

impl StreamFold for Panics {
    fn event(&mut self, _: StoredEvent<'_>) -> ControlFlow<()> {
        panic!("canary")
    }
}

struct PanicsWhenDropped(bool);

impl StreamFold for PanicsWhenDropped {
    fn event(&mut self, _: StoredEvent<'_>) -> ControlFlow<()> {
        panic!("canary")
    }
}

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        if self.0 && !thread::panicking() {
            panic!("canary")
        }
    }
}

/// Waits inside of the fold, and panics when it is dropped after that.
struct Held {
    entered: mpsc::Sender<()>,
    release: mpsc::Receiver<()>,
}

impl StreamFold for Held {
    fn event(&mut self, _: StoredEvent<'_>) -> ControlFlow<()> {
        self.entered.send(()).expect("the test waits");
        let _ = self.release.recv_timeout(Duration::from_secs(60));
        ControlFlow::Break(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        panic!("canary")
    }
}

struct Count(usize);

impl StreamFold for Count {
    fn event(&mut self, _: StoredEvent<'_>) -> ControlFlow<()> {
        self.0 += 1;
        ControlFlow::Continue(())
    }
}

async fn close_finishes_what_was_handed_over(path: &Path) {
    let store = open(path).await;
    if cfg!(target_os = "linux") {
        assert_eq!(threads(), THREADS);
    }
    let lock = rusqlite::Connection::open(path).expect("opens");
    lock.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let mut waiting: Vec<_> = (0..50).map(|_| Box::pin(store.append(one()))).collect();
    let mut context = Context::from_waker(Waker::noop());
    for future in &mut waiting {
        assert!(future.as_mut().poll(&mut context).is_pending());
    }
    let other = store.clone();
    let closing = es_tests::spawn(async move { other.close().await });
    lock.execute_batch("ROLLBACK").expect("released");
    for future in waiting {
        bounded(future).await.expect("it was handed over before");
    }
    bounded(closing).await.expect("closes");
    wait_for_no_threads("close leaves threads behind");

    let error = bounded(store.append(one())).await.expect_err("closed");
    assert_eq!(error.outcome(), Outcome::NotApplied);
    let AppendError::Storage { error, .. } = error else {
        panic!("it is closed, not {error:?}")
    };
    assert_eq!(error.kind, StorageErrorKind::Closed);
    let closed =
        |error| matches!(error, ReadError::Storage(e) if e.kind == StorageErrorKind::Closed);
    assert!(closed(bounded(store.head()).await.expect_err("closed")));
    let fold = bounded(store.fold_stream(&stream(), 0, Count(0))).await;
    assert!(closed(fold.err().expect("closed")));
    let error = bounded(store.delete_snapshot(&stream())).await;
    assert_eq!(error.expect_err("closed").kind, StorageErrorKind::Closed);
    bounded(store.close()).await;
    bounded(store.clone().close()).await;
}

/// Appends that meet a close are done, or refused as closed; none is left in the dark.
async fn appends_beside_a_close_are_answered(path: &Path) {
    let store = open(path).await;
    let before = store.fold_stream(&stream(), 0, Count(0)).await;
    let before = before.expect("folds").0;
    let lock = rusqlite::Connection::open(path).expect("opens");
    lock.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let mut waiting = Vec::new();
    let other = store.clone();
    let mut closing = None;
    for number in 0..500 {
        let mut future = Box::pin(unconstrained(store.append(one())));
        let mut context = Context::from_waker(Waker::noop());
        if future.as_mut().poll(&mut context).is_pending() {
            waiting.push(future);
        }
        if number == 10 {
            let other = other.clone();
            closing = Some(es_tests::spawn(async move { other.close().await }));
            while store.head().await.is_ok() {}
        }
        tokio::task::yield_now().await;
    }
    lock.execute_batch("ROLLBACK").expect("released");
    let mut done = 0;
    for future in waiting {
        match bounded(future).await {
            Ok(_) => done += 1,
            Err(error) => assert_eq!(error.outcome(), Outcome::NotApplied, "{error}"),
        }
    }
    assert!(done >= 11, "{done} done");
    bounded(closing.expect("it was started"))
        .await
        .expect("closes");
    let store = open(path).await;
    let after = store.fold_stream(&stream(), 0, Count(0)).await;
    assert_eq!(after.expect("folds").0, before + done);
    store.close().await;
}

async fn the_last_handle_ends_the_threads(path: &Path) {
    let store = open(path).await;
    let other = store.clone();
    // Handed over, and then nobody waits for it.
    let lock = rusqlite::Connection::open(path).expect("opens");
    lock.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let mut future = Box::pin(other.append(one()));
    let mut context = Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_pending());
    drop(future);
    drop(store);
    drop(other);
    lock.execute_batch("ROLLBACK").expect("released");
    wait_for_no_threads("dropped handles leave threads behind");
    let store = open(path).await;
    let fold = store.fold_stream(&stream(), 0, Count(0)).await;
    assert_eq!(fold.expect("folds").0, 51);
    drop(store);
    wait_for_no_threads("dropped handles leave threads behind");
}

async fn a_store_that_does_not_open_leaves_no_threads(path: &Path) {
    for _ in 0..20 {
        let missing = path.join("missing").join("x.db");
        SqliteStore::open(missing).await.expect_err("no folder");
    }
    wait_for_no_threads("failed openings leave threads behind");
}

async fn panics_of_folds_are_errors_of_one_read(path: &Path) {
    let store = open(path).await;
    for round in 0..20 {
        let error = match round % 3 {
            0 => bounded(store.fold_stream(&stream(), 0, Panics)).await.err(),
            1 => bounded(store.fold_stream(&stream(), 0, PanicsWhenDropped(false)))
                .await
                .err(),
            // Its drop panics outside of the unwinding of the first panic.
            _ => bounded(store.fold_stream(&stream(), 0, PanicsWhenDropped(true)))
                .await
                .err(),
        };
        let error = error.expect("a panic is an error");
        let text = format!("{error} {error:?}");
        assert!(!text.contains("canary"), "{text}");
        let fold = bounded(store.fold_stream(&stream(), 0, Count(0))).await;
        assert_eq!(fold.expect("folds").0, 51);
    }
    // Nobody waits any more when these end, so the readers' threads drop them.
    for _ in 0..6 {
        let (entered, has_entered) = mpsc::channel();
        let (released, release) = mpsc::channel();
        let order = stream();
        let mut future = Box::pin(store.fold_stream(&order, 0, Held { entered, release }));
        let mut context = Context::from_waker(Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_pending());
        let patience = Duration::from_secs(60);
        has_entered.recv_timeout(patience).expect("it began");
        drop(future);
        released.send(()).expect("it waits");
    }
    for _ in 0..20 {
        let fold = bounded(store.fold_stream(&stream(), 0, Count(0))).await;
        assert_eq!(fold.expect("folds").0, 51);
    }
    if cfg!(target_os = "linux") {
        assert_eq!(threads(), THREADS, "no reader is lost");
    }
    store.close().await;
}

async fn panics_of_the_clock_are_errors_of_one_append(path: &Path) {
    let broken = Arc::new(AtomicBool::new(true));
    let clock = {
        let broken = Arc::clone(&broken);
        move || {
            assert!(!broken.load(Ordering::SeqCst), "canary");
            Timestamp::now()
        }
    };
    let store = SqliteStore::options().clock(clock).open(path).await;
    let store = store.expect("opens");
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let store = store.clone();
            es_tests::spawn(async move { store.append(one()).await })
        })
        .collect();
    for task in waiting {
        let error = bounded(task).await.expect("no panic").expect_err("no time");
        assert_eq!(error.outcome(), Outcome::NotApplied);
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
    broken.store(false, Ordering::SeqCst);
    bounded(store.append(one())).await.expect("appended");
    let all = ReadLimit::default();
    let events = store
        .read_stream(&stream(), StreamRange::forward(0), all)
        .await;
    assert_eq!(events.expect("readable").len(), 52);
    assert!(!format!("{store:?}").contains("canary"));
    store.close().await;
    // The last connection emptied the log into the file.
    assert!(!path.with_extension("db-wal").exists());
}

#[tokio::test]
async fn threads_end_when_they_should_and_not_before() {
    let folder = es_tests::tiers::folder();
    let path = folder.path().join("life.db");
    let other = folder.path().join("other.db");
    drop(SqliteStore::open(&other).await.expect("opens"));
    wait_for_no_threads("a dropped store leaves threads behind");
    appends_beside_a_close_are_answered(&other).await;
    wait_for_no_threads("close leaves threads behind");
    close_finishes_what_was_handed_over(&path).await;
    drop(open(&path).await);
    wait_for_no_threads("a dropped store leaves threads behind");
    the_last_handle_ends_the_threads(&path).await;
    a_store_that_does_not_open_leaves_no_threads(&path).await;
    panics_of_folds_are_errors_of_one_read(&path).await;
    panics_of_the_clock_are_errors_of_one_append(&path).await;
    wait_for_no_threads("the end");
}
