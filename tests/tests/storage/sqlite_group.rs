//! Group commit: appends that wait together share a commit, and each gets a verdict of its own.

use es_runtime::{
    Append, AppendError, Appended, EventStore, ExpectedVersion, Fingerprint, Limits, NewEvent,
    Outcome, Position, ReadLimit, Snapshot, SnapshotStore, StorageErrorKind, StreamId, StreamRange,
    Timestamp,
};
use es_sqlite::{SqliteOptions, SqliteStore};
use rusqlite::Connection;
use std::{
    future::Future,
    path::Path,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    task::{Context, Waker},
    time::Duration,
};
use tokio::task::unconstrained;

type Waiting<'a> = Pin<Box<dyn Future<Output = Result<Appended, AppendError>> + Send + 'a>>;

fn stream(id: impl ToString) -> StreamId {
    StreamId::new("group", &id.to_string()).expect("usable")
}

fn sized(id: impl ToString, expected: ExpectedVersion, bytes: usize) -> Append {
    let event = NewEvent::new("test.sized", 1, "x", vec![7; bytes]);
    Append::new(stream(id), expected).with_event(event)
}

async fn open(folder: &tempfile::TempDir, options: SqliteOptions) -> SqliteStore {
    open_waiting(folder, options, Duration::from_secs(60)).await
}

/// A store that waits so long at most for the lock of the file.
async fn open_waiting(
    folder: &tempfile::TempDir,
    options: SqliteOptions,
    at_most: Duration,
) -> SqliteStore {
    options
        .busy_timeout(at_most)
        .open(folder.path().join("group.db"))
        .await
        .expect("opens")
}

/// Holds the file's write lock, as another process would.
fn hold(path: &Path) -> Connection {
    let connection = Connection::open(path).expect("opens");
    connection.execute_batch("BEGIN IMMEDIATE").expect("locked");
    connection
}

/// Hands all appends over while the writer cannot begin, then lets it, and returns the verdicts.
async fn together(store: &SqliteStore, appends: Vec<Append>) -> Vec<Result<Appended, AppendError>> {
    let lock = hold(store.path());
    let mut waiting: Vec<Waiting<'_>> = Vec::new();
    for append in appends {
        // Tokio makes a task that does much pause; this one is to hand all over now.
        let mut future: Waiting<'_> = Box::pin(unconstrained(store.append(append)));
        let mut context = Context::from_waker(Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_pending());
        waiting.push(future);
    }
    lock.execute_batch("ROLLBACK").expect("released");
    let mut verdicts = Vec::new();
    for future in waiting {
        let bounded = tokio::time::timeout(Duration::from_secs(60), future);
        verdicts.push(bounded.await.expect("it does not hang"));
    }
    verdicts
}

/// The commits in a write-ahead log: frames that say how large the database is after them.
fn commits_in_log(path: &Path) -> usize {
    let log = std::fs::read(path.with_extension("db-wal")).expect("a log");
    let number = |at: usize| {
        let bytes = log[at..at + 4].try_into().expect("four bytes");
        usize::try_from(u32::from_be_bytes(bytes)).expect("fits")
    };
    let (page, salt) = (number(8), &log[16..24]);
    (32..log.len())
        .step_by(24 + page)
        .filter(|&frame| &log[frame + 8..frame + 16] == salt && number(frame + 4) > 0)
        .count()
}

#[tokio::test]
async fn two_hundred_waiting_appends_share_at_most_two_commits() {
    let folder = es_tests::tiers::folder();
    let store = open(&folder, SqliteStore::options()).await;
    let (before, logged) = (store.stats(), commits_in_log(store.path()));
    let appends = (0..200)
        .map(|number| sized(number, ExpectedVersion::NoStream, 10))
        .collect();
    for verdict in together(&store, appends).await {
        assert_eq!(verdict.expect("appended").version, 1);
    }
    let after = store.stats();
    let (commits, writes) = (after.commits - before.commits, after.writes - before.writes);
    println!("{writes} writes in {commits} commits");
    // The writer may have taken the first ones before the others were there.
    assert_eq!(writes, 200);
    assert!(commits <= 2, "{commits} commits");
    let logged = commits_in_log(store.path()) - logged;
    assert_eq!(logged as u64, commits, "the log says something else");
}

#[tokio::test]
async fn what_comes_while_a_group_is_written_shares_its_commit() {
    let folder = es_tests::tiers::folder();
    // The writer asks for the time in its transaction. The first time it does not get it at once.
    let (asks, asked) = mpsc::channel();
    let (go, goes) = mpsc::channel::<()>();
    let goes = Mutex::new(goes);
    let clock = move || {
        let _ = asks.send(());
        let _ = goes.lock().expect("usable").recv();
        Timestamp::now()
    };
    let store = open(&folder, SqliteStore::options().clock(clock)).await;
    let before = store.stats();
    let mut context = Context::from_waker(Waker::noop());
    let mut waiting: Vec<Waiting<'_>> = Vec::new();
    for number in 0..10 {
        let append = sized(number, ExpectedVersion::NoStream, 10);
        let mut future: Waiting<'_> = Box::pin(store.append(append));
        assert!(future.as_mut().poll(&mut context).is_pending());
        waiting.push(future);
        if number == 0 {
            asked.recv().expect("it is written");
        }
    }
    // From now on the clock answers at once.
    drop(go);
    for future in waiting {
        assert_eq!(future.await.expect("appended").version, 1);
    }
    let after = store.stats();
    let (commits, writes) = (after.commits - before.commits, after.writes - before.writes);
    assert_eq!((commits, writes), (1, 10));
}

#[tokio::test]
async fn one_caller_alone_has_a_commit_for_each_append() {
    let folder = es_tests::tiers::folder();
    let store = open(&folder, SqliteStore::options()).await;
    let logged = commits_in_log(store.path());
    for number in 0..20 {
        let append = sized("alone", ExpectedVersion::Exact(number), 10);
        store.append(append).await.expect("appended");
    }
    assert_eq!((store.stats().commits, store.stats().writes), (20, 20));
    assert_eq!(commits_in_log(store.path()) - logged, 20);
}

#[tokio::test]
async fn conflicts_and_duplicates_in_a_group_are_their_own() {
    let folder = es_tests::tiers::folder();
    let store = open(&folder, SqliteStore::options()).await;
    let mut appends = Vec::new();
    for number in 0..30 {
        appends.push(sized("same", ExpectedVersion::NoStream, 10));
        appends.push(sized(number, ExpectedVersion::NoStream, 10));
    }
    // The second event of each of these is one that another append of the group has stored.
    let twice = appends[1].events[0].clone();
    for number in 100..110 {
        appends.push(sized(number, ExpectedVersion::NoStream, 10).with_event(twice.clone()));
    }
    let verdicts = together(&store, appends).await;
    let won = verdicts.iter().filter(|verdict| verdict.is_ok()).count();
    let conflicts = |v: &&Result<_, _>| matches!(v, Err(AppendError::Conflict { actual: 1, .. }));
    let duplicates = |v: &&Result<_, _>| matches!(v, Err(AppendError::DuplicateEventId { .. }));
    assert_eq!(won, 31);
    assert_eq!(verdicts.iter().filter(conflicts).count(), 29);
    assert_eq!(verdicts.iter().filter(duplicates).count(), 10);
    let all = ReadLimit::events(1_000);
    let feed = store
        .read_feed(Position::START, &es_runtime::EventFilter::all(), all)
        .await;
    assert_eq!(feed.expect("readable").events.len(), 31);
}

fn roomy() -> Limits {
    let mut limits = Limits::default();
    limits.payload_bytes = 4 * 1024 * 1024;
    limits
}

#[tokio::test]
async fn one_append_without_room_does_not_take_the_others_with_it() {
    let folder = es_tests::tiers::folder();
    let options = SqliteStore::options()
        .limits(roomy())
        .max_bytes(1024 * 1024);
    let store = open(&folder, options).await;
    let mut appends = Vec::new();
    for number in 0..20 {
        appends.push(sized(number, ExpectedVersion::NoStream, 100));
        if number % 5 == 2 {
            let huge = sized(
                format!("huge-{number}"),
                ExpectedVersion::Any,
                2 * 1024 * 1024,
            );
            appends.push(huge);
        }
    }
    for (index, verdict) in together(&store, appends.clone())
        .await
        .into_iter()
        .enumerate()
    {
        let huge = appends[index].events[0].payload.len() > 100;
        match verdict {
            Ok(done) => assert!(!huge && done.version == 1),
            Err(error) => {
                assert!(huge, "{error}");
                assert_full(error);
            }
        }
    }
    let feed = store
        .read_feed(
            Position::START,
            &es_runtime::EventFilter::all(),
            ReadLimit::default(),
        )
        .await;
    assert_eq!(feed.expect("readable").events.len(), 20);
}

fn assert_full(error: AppendError) {
    assert_eq!(error.outcome(), Outcome::NotApplied);
    match error {
        AppendError::Storage { error, .. } => {
            assert_eq!(error.kind, StorageErrorKind::Full);
            assert!(error.source.is_some());
        }
        other => panic!("there is no room, not {other:?}"),
    }
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_reads_go_on_until_there_is_room() {
    let folder = es_tests::tiers::folder();
    let store = open(&folder, SqliteStore::options().max_bytes(512 * 1024)).await;
    // What can be deleted later to make room.
    let snapshot = Snapshot::new(
        stream("snapshot"),
        1,
        Position::START,
        Fingerprint::from_u64(1),
        "x".to_owned(),
        vec![1; 100 * 1024],
    );
    store.save_snapshot(snapshot).await.expect("saved");
    let mut version = 0;
    let error = loop {
        let append = sized("fill", ExpectedVersion::Exact(version), 5_000);
        match store.append(append).await {
            Ok(done) => version = done.version,
            Err(error) => break error,
        }
        assert!(version < 1_000, "it is never full");
    };
    println!("full after {version} events of 5,000 bytes");
    assert_full(error);
    for _ in 0..3 {
        let append = sized("fill", ExpectedVersion::Exact(version), 5_000);
        assert_full(store.append(append).await.expect_err("still full"));
        let all = ReadLimit::events(2_000);
        let events = store
            .read_stream(&stream("fill"), StreamRange::forward(0), all)
            .await;
        assert_eq!(events.expect("readable").len() as u64, version);
    }
    store
        .delete_snapshot(&stream("snapshot"))
        .await
        .expect("deleting needs no room");
    let append = sized("fill", ExpectedVersion::Exact(version), 5_000);
    let done = store.append(append).await.expect("there is room again");
    assert_eq!(done.version, version + 1);

    store.close().await;
    let store = open(&folder, SqliteStore::options()).await;
    let append = sized("fill", ExpectedVersion::Exact(version + 1), 500_000);
    store.append(append).await.expect("the bound is gone");
}

#[tokio::test]
async fn a_database_held_for_too_long_is_busy_for_all_that_wait() {
    let folder = es_tests::tiers::folder();
    let at_most = Duration::from_millis(20);
    let store = open_waiting(&folder, SqliteStore::options(), at_most).await;
    let lock = hold(store.path());
    let waiting: Vec<_> = (0..50)
        .map(|number| {
            let store = store.clone();
            es_tests::spawn(
                async move { store.append(sized(number, ExpectedVersion::Any, 1)).await },
            )
        })
        .collect();
    for task in waiting {
        let error = task.await.expect("no panic").expect_err("it is locked");
        assert_eq!(error.outcome(), Outcome::NotApplied);
        let AppendError::Storage { error, .. } = error else {
            panic!("it is busy, not {error:?}")
        };
        assert_eq!(error.kind, StorageErrorKind::Busy);
    }
    assert_eq!(store.head().await.expect("reads go on"), Position::START);
    lock.execute_batch("ROLLBACK").expect("released");
    let append = sized("after", ExpectedVersion::NoStream, 1);
    store.append(append).await.expect("appended");
}

/// Another process that writes one transaction after another, as a rebuild does, leaves the lock for a moment
/// only. Who waits for it gets it.
#[tokio::test]
async fn a_process_that_writes_without_a_pause_keeps_nobody_out() {
    let folder = es_tests::tiers::folder();
    let at_most = Duration::from_secs(10);
    let store = open_waiting(&folder, SqliteStore::options(), at_most).await;
    let other = Connection::open(store.path()).expect("opens");
    other.busy_timeout(Duration::from_secs(60)).expect("set");
    other
        .execute_batch("CREATE TABLE greedy (number INTEGER)")
        .expect("made");
    let ends = Arc::new(AtomicBool::new(false));
    let greedy = std::thread::spawn({
        let ends = Arc::clone(&ends);
        move || {
            while !ends.load(Ordering::SeqCst) {
                other
                    .execute_batch(
                        "BEGIN IMMEDIATE;
                         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
                             INSERT INTO greedy SELECT max(i) FROM n;
                         COMMIT",
                    )
                    .expect("written");
                // It reads its next page.
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    });
    for number in 0..20 {
        let append = sized(number, ExpectedVersion::NoStream, 1);
        store.append(append).await.expect("the lock comes free");
    }
    ends.store(true, Ordering::SeqCst);
    greedy.join().expect("it ended");
}
