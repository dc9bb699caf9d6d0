//! What long reads cost the others: they wait for no report, and the log does not keep what a report
//! held back.

use es_runtime::{Append, EventStore, ExpectedVersion, NewEvent, ReadLimit, StreamId, StreamRange};
use es_sqlite::{SqliteReadDatabase, SqliteStore};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};
use tokio::{task::JoinHandle, time::timeout};

const PATIENCE: Duration = Duration::from_secs(60);

fn stream(id: u64) -> StreamId {
    StreamId::new("order", &id.to_string()).expect("a name")
}

async fn append(store: &SqliteStore, id: u64, kib: usize) {
    let payload = format!("\"{}\"", "x".repeat(kib * 1024));
    let event = NewEvent::json("order.placed", 1, payload);
    let append = Append::new(stream(id), ExpectedVersion::NoStream).with_event(event);
    store.append(append).await.expect("stored");
}

/// A report that takes until the sender is dropped. It has begun when this returns.
async fn report(read: &SqliteReadDatabase) -> (mpsc::Sender<()>, JoinHandle<i64>) {
    let (end, ended) = mpsc::channel::<()>();
    let (begin, began) = tokio::sync::oneshot::channel();
    let read = read.clone();
    let task = es_tests::spawn(async move {
        let report = read.snapshot(move |rows| {
            let count = rows.query_row("SELECT count(*) FROM events", [], |row| row.get(0))?;
            let _ = begin.send(());
            let _ = ended.recv();
            Ok(count)
        });
        report.await.expect("a report")
    });
    began.await.expect("it begins");
    (end, task)
}

fn log_of(store: &SqliteStore) -> PathBuf {
    let mut name = store.path().as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

fn mib(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len() / (1024 * 1024))
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_do_not_wait_for_reports() {
    let folder = es_tests::tiers::folder();
    let options = SqliteStore::options().reader_threads(2);
    let store = options
        .open(folder.path().join("shop.db"))
        .await
        .expect("opens");
    append(&store, 1, 1).await;
    let read = store.read_database();
    let reports = [report(&read).await, report(&read).await];
    // More of them wait.
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let read = read.clone();
            es_tests::spawn(async move {
                let count = "SELECT count(*) FROM events";
                read.select_one(count, [], |row| row.get::<_, i64>(0)).await
            })
        })
        .collect();
    tokio::task::yield_now().await;
    let first = stream(1);
    let load = store.read_stream(&first, StreamRange::forward(0), ReadLimit::default());
    let load = timeout(PATIENCE, load)
        .await
        .expect("a load does not wait for reports");
    assert_eq!(load.expect("read").len(), 1);
    append(&store, 2, 1).await;
    for (end, task) in reports {
        drop(end);
        assert_eq!(task.await.expect("ends"), 1);
    }
    for task in waiting {
        task.await.expect("ends").expect("read");
    }
    store.close().await;
}

/// What a runner asks about its checkpoints does not wait either.
#[tokio::test(flavor = "multi_thread")]
async fn projections_do_not_wait_for_reports() {
    use es_projections::Projections;
    use es_tests::accounts::{Balances, balances, deposit};
    let folder = es_tests::tiers::folder();
    let options = SqliteStore::options().reader_threads(1);
    let store = options
        .open(folder.path().join("shop.db"))
        .await
        .expect("opens");
    let separate = SqliteReadDatabase::open(folder.path().join("read.db"))
        .await
        .expect("opens");
    deposit(&store, "alice", 7).await.expect("stored");
    for read in [store.read_database(), separate] {
        let projections = Projections::new(store.clone(), read.clone()).with(Balances::new());
        projections.catch_up().await.expect("built");
        let mut held = Vec::new();
        for _ in 0..4 {
            let (end, ended) = mpsc::channel::<()>();
            let read = read.clone();
            let task = es_tests::spawn(async move {
                read.snapshot(move |_| {
                    let _ = ended.recv();
                    Ok(())
                })
                .await
            });
            held.push((end, task));
        }
        tokio::task::yield_now().await;
        deposit(&store, "alice", 1).await.expect("stored");
        let status = timeout(PATIENCE, projections.status()).await;
        status
            .expect("it does not wait for reports")
            .expect("a status");
        timeout(PATIENCE, projections.catch_up())
            .await
            .expect("it does not wait for reports")
            .expect("built");
        // All at once: the report threads take them in no certain order.
        let (ends, tasks): (Vec<_>, Vec<_>) = held.into_iter().unzip();
        drop(ends);
        for task in tasks {
            task.await.expect("ends").expect("read");
        }
        assert!(!balances(&read).await.expect("rows").0.is_empty());
    }
    store.close().await;
}

/// A log that had to keep much for a report gives the space back when the report is over, also where
/// nothing is written any more.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_gives_back_what_a_report_made_it_keep() {
    let folder = es_tests::tiers::folder();
    for writes_go_on in [true, false] {
        let path = folder.path().join(format!("{writes_go_on}.db"));
        let store = SqliteStore::open(path).await.expect("opens");
        let log = log_of(&store);
        append(&store, 0, 1).await;
        let (end, task) = report(&store.read_database()).await;
        for id in 1..=80 {
            append(&store, id, 1000).await;
        }
        assert!(
            mib(&log) >= 70,
            "the report holds nothing back: {} MiB",
            mib(&log)
        );
        drop(end);
        task.await.expect("ends");
        let small = async {
            let mut id = 100;
            while mib(&log) > 20 {
                if writes_go_on {
                    append(&store, id, 1).await;
                    id += 1;
                } else {
                    tokio::task::yield_now().await;
                }
            }
        };
        let small = timeout(PATIENCE, small).await;
        assert!(small.is_ok(), "{} MiB stay, {writes_go_on}", mib(&log));
        store.close().await;
    }
}

/// Reports that overlap, so that there is always one, do not make the log grow without end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_that_overlap_do_not_let_the_log_grow_without_end() {
    let folder = es_tests::tiers::folder();
    let options = SqliteStore::options().durability(es_sqlite::Durability::Normal);
    let store = options
        .open(folder.path().join("shop.db"))
        .await
        .expect("opens");
    let log = log_of(&store);
    append(&store, 0, 1).await;
    let goes_on = Arc::new(AtomicBool::new(true));
    let read = store.read_database();
    let overlapping = {
        let (goes_on, read) = (Arc::clone(&goes_on), read.clone());
        es_tests::spawn(async move {
            let mut before = report(&read).await;
            while goes_on.load(Ordering::Relaxed) {
                let next = report(&read).await;
                drop(before.0);
                before.1.await.expect("ends");
                before = next;
            }
        })
    };
    let mut most = 0;
    for id in 1..=250 {
        append(&store, id, 1000).await;
        most = most.max(mib(&log));
    }
    goes_on.store(false, Ordering::Relaxed);
    overlapping.await.expect("ends");
    assert!(most < 230, "the log grew to {most} MiB");
    store.close().await;
}
