//! Lists of ids, and loads of many at a time.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

use crate::support::{Add, Counter, Scripted, added, append_raw, stream};
use es_runtime::{
    Aggregate, EventStore, LoadError, MemoryStore, NewEvent, ReadError, Repository,
    StorageErrorKind,
};
use futures_executor::block_on;
use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

/// The id is a number, and the stored name is that of the counter.
#[derive(Aggregate, Default)]
#[aggregate("counter", id = u32, error = std::convert::Infallible, events(ignore(crate::support::Added)))]
struct Numbered {}

#[test]
fn an_id_that_is_none_is_an_error() {
    block_on(async {
        let store = MemoryStore::new();
        let numbered = Repository::<Numbered, _>::new(store.clone());
        for id in ["7", "10"] {
            append_raw(&store, id, added(1)).await;
        }
        assert_eq!(numbered.ids(None, 9).await.unwrap(), [10, 7]);
        assert_eq!(numbered.ids(Some(&10), 9).await.unwrap(), [7]);
        append_raw(&store, "seven", added(1)).await;
        let error = numbered.ids(None, 9).await.unwrap_err();
        assert!(matches!(error, LoadError::NotAnId(_)), "{error:?}");
        assert!(error.to_string().contains("counter/seven"), "{error}");
    });
}

#[test]
fn a_store_without_lists_says_so() {
    block_on(async {
        let counters = Repository::<Counter, _>::new(Scripted::new([]));
        match counters.ids(None, 9).await {
            Err(LoadError::Read(ReadError::Storage(error))) => {
                assert_eq!(error.kind, StorageErrorKind::Unsupported);
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn the_first_failure_names_its_stream_and_ids_are_checked_before() {
    block_on(async {
        let store = MemoryStore::new();
        let counters = Repository::<Counter, _>::new(store.clone());
        for id in 0..40 {
            counters.execute(id.to_string(), Add(1)).await.unwrap();
        }
        for id in ["33", "35", "39"] {
            append_raw(&store, id, NewEvent::json("counter.unknown", 1, "{}")).await;
        }
        let ids = |count: u32| (0..count).map(|id| id.to_string());
        let loaded = counters.load_many(ids(33)).await.unwrap();
        assert!(loaded.iter().all(|counter| counter.state.total == 1));
        let error = counters.load_many(ids(40)).await.unwrap_err();
        assert!(error.to_string().contains("counter/33"), "{error}");
        let error = counters.load_many(["1", "", "33"]).await.unwrap_err();
        assert!(matches!(error, LoadError::StreamId(_)), "{error:?}");
    });
}

/// More than one load is under way, and never more than sixteen.
#[test]
fn a_bounded_number_of_loads_runs_at_a_time() {
    let store = Scripted::new([]);
    let counters = Repository::<Counter, _>::new(store.clone());
    let ids = (0..100).map(|id| id.to_string());
    let mut load = pin!(counters.load_many(ids));
    let mut context = Context::from_waker(Waker::noop());
    let mut begun = 0;
    let mut polls = 0;
    // Each load waits three times: for its snapshot, for its fold, and within it.
    loop {
        let poll = load.as_mut().poll(&mut context);
        let reads = *store.reads.lock().unwrap();
        assert!(reads - begun <= 16, "{begun} and then {reads}");
        begun = reads;
        polls += 1;
        if let Poll::Ready(loaded) = poll {
            assert_eq!(loaded.unwrap().len(), 100);
            break;
        }
    }
    assert_eq!(begun, 100);
    assert!(polls < 50, "they run side by side: {polls}");
}

#[test]
fn an_aggregate_with_a_snapshot_and_no_event_does_not_exist() {
    block_on(async {
        let store = MemoryStore::new();
        let counters = Repository::<Counter, _>::new(store.clone());
        assert!(!counters.exists("1").await.unwrap());
        counters.execute("1".to_owned(), Add(1)).await.unwrap();
        assert!(counters.exists("1").await.unwrap());
        let error = counters.exists("").await.unwrap_err();
        assert!(matches!(error, LoadError::StreamId(_)), "{error:?}");
        assert_eq!(
            store.list_streams("counter", "", 9).await.unwrap(),
            [stream("1")]
        );
    });
}
