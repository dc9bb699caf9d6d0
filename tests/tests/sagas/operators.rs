//! What operators see: no row is left out in silence, and what is over is no longer shown.

use es_runtime::{
    AnyStore, Commit, CommitStore, MemoryStore, ReadError, StorageError, StorageErrorKind,
    StreamId, WorkChange, WorkFilter, WorkItem, WorkQueue, WorkStatus,
};
use es_sagas::Sagas;
use es_testkit::{Layered, StoreLayer};
use es_tests::orders::{self, Calm, OrderSaga};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

on_each_store! {
    a_list_says_that_there_is_more_and_counts_are_complete
}

async fn a_list_says_that_there_is_more_and_counts_are_complete(store: AnyStore) {
    let sagas = Sagas::new(store.clone()).with::<OrderSaga>(Arc::new(Calm));
    let statuses = [WorkStatus::Running, WorkStatus::Parked, WorkStatus::Done];
    let row = |number: u32| {
        let instance = StreamId::new("saga:order", &format!("{number:05}")).expect("usable");
        let mut row = WorkChange::new(instance, "1:x");
        row.status = statuses[usize::from(number >= 1_000) + usize::from(number >= 2_000)];
        row
    };
    // JetStream takes a thousand of them at once.
    for start in (0..2_300).step_by(575) {
        let rows = (start..start + 575).map(row);
        let commit = rows.fold(Commit::new(), Commit::work);
        store.commit(commit).await.expect("stored");
    }
    let counts = sagas.counts(None).await.expect("counted");
    assert_eq!(
        (counts.running, counts.parked, counts.done),
        (1_000, 1_000, 300)
    );
    assert_eq!(sagas.counts(Some("order")).await.expect("counted"), counts);
    let others = sagas.counts(Some("others")).await.expect("counted");
    assert_eq!((others.running, others.parked, others.done), (0, 0, 0));

    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page = sagas.list(None, None, after).await.expect("listed");
        pages.push(page.len());
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(pages, [1_000, 1_000, 300]);
    // A page that is full and the last one.
    let page = sagas
        .list(Some("order"), Some(WorkStatus::Running), None)
        .await;
    let page = page.expect("listed");
    assert_eq!((page.len(), page.next), (1_000, None));
}

/// A store whose reads of one stream fail for a while.
#[derive(Clone)]
struct Moody {
    inner: MemoryStore,
    fails: Arc<AtomicBool>,
}

impl StoreLayer for Moody {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        range: es_runtime::StreamRange,
        limit: es_runtime::ReadLimit,
    ) -> Result<Vec<es_runtime::RecordedEvent>, ReadError> {
        use es_runtime::EventStore;
        let bad = stream.aggregate() == "saga:order" && stream.id() != "good";
        if self.fails.load(Ordering::SeqCst) && bad {
            return Err(failure().into());
        }
        self.inner.read_stream(stream, range, limit).await
    }

    async fn work_items(&self, filter: &WorkFilter) -> Result<Vec<WorkItem>, ReadError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(failure().into());
        }
        self.inner.work_items(filter).await
    }
}

fn failure() -> StorageError {
    StorageError::new(StorageErrorKind::Unreachable, "out of order")
}

/// Instances that fail each time leave room for others.
#[tokio::test]
async fn instances_that_fail_each_time_hold_up_no_other_one() {
    let fails = Arc::new(AtomicBool::new(true));
    let inner = MemoryStore::new();
    let store = Layered(Moody {
        inner: inner.clone(),
        fails: Arc::clone(&fails),
    });
    for id in ["1", "2", "3", "good"] {
        orders::place(&inner, id, 100).await;
        let sagas = Sagas::new(inner.clone()).with::<OrderSaga>(Arc::new(Calm));
        let begun = sagas.begin(
            OrderSaga::start(id),
            es_runtime::AppendId::new("start").expect("an id"),
            es_runtime::Metadata::new(),
        );
        begun.await.expect("begun");
    }
    let sagas = Sagas::new(store)
        .concurrency(1)
        .with::<OrderSaga>(Arc::new(Calm));
    let running = sagas.start().await.expect("starts");
    let good = WorkFilter::of(vec!["saga:order".to_owned()]);
    let done = async {
        loop {
            let rows = inner.work_items(&good).await.expect("listed");
            if rows
                .iter()
                .any(|row| row.instance.id() == "good" && row.status == WorkStatus::Done)
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(20), done).await;
    done.expect("the good one ends");
    running.shutdown().await;
}

/// Waits until a condition holds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(20), wait).await;
    assert!(done.is_ok(), "{what}: not in time");
}

#[tokio::test]
async fn what_is_stalled_is_no_longer_shown_when_it_is_over() {
    let fails = Arc::new(AtomicBool::new(false));
    let inner = MemoryStore::new();
    let store = Layered(Moody {
        inner: inner.clone(),
        fails: Arc::clone(&fails),
    });
    // A lease that does not end within this test.
    let sagas = Sagas::new(store.clone())
        .lease(Duration::from_secs(3_600))
        .from_the_beginning(true)
        .with::<OrderSaga>(Arc::new(Calm));
    // One instance is claimed while the store is out of order.
    orders::place(&inner, "1", 100).await;
    let filter = || WorkFilter::of(vec!["saga:order".to_owned()]);
    let reader = Sagas::new(inner.clone())
        .from_the_beginning(true)
        .with::<OrderSaga>(Arc::new(Calm));
    let begun = reader.begin(
        OrderSaga::start("1"),
        es_runtime::AppendId::new("start").expect("an id"),
        es_runtime::Metadata::new(),
    );
    begun.await.expect("begun");
    fails.store(true, Ordering::SeqCst);
    let running = sagas.start().await.expect("starts");
    until("the failure", || {
        let stalled = sagas.stalled();
        stalled.contains_key("work on saga:order/1") && stalled.contains_key("resuming")
    })
    .await;
    fails.store(false, Ordering::SeqCst);
    until("the end of the failure", || sagas.stalled().is_empty()).await;
    let done = async {
        loop {
            let rows = inner.work_items(&filter()).await.expect("listed");
            if rows.iter().all(|row| row.status == WorkStatus::Done) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), done)
        .await
        .expect("the saga continues");

    orders::place(&inner, "2", 100).await;
    fails.store(true, Ordering::SeqCst);
    until("the second failure", || !sagas.stalled().is_empty()).await;
    running.shutdown().await;
    assert!(
        sagas.stalled().is_empty(),
        "nothing runs: {:?}",
        sagas.stalled()
    );
}
