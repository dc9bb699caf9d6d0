//! Events that somebody has erased, in queries by tags and guards: they are no part of an answer, and what is around them is.

use crate::{
    support::{client, node, open, order, small},
    tags::{found, joined_event, of_club, one},
};
use es_decisions::{Decide, Decision, Decisions, Emitted, Fold};
use es_nats::NatsStore;
use es_runtime::{
    Append, Apply, Commit, CommitError, CommitStore, Event, EventFilter, EventStore, EventTag,
    ExpectedVersion, NewEvent, Position, ReadError, ReadLimit, RecordedEvent, StorageErrorKind,
    Tag, TagQuery,
};
use serde::{Deserialize, Serialize};
use std::{
    convert::Infallible,
    future::{Future, IntoFuture as _},
    ops::Bound,
    time::Duration,
};

/// So long a read may take that asks for ever where it is wrong.
const LONG: Duration = Duration::from_secs(30);

async fn ends<T>(what: &str, read: impl Future<Output = T>) -> T {
    let ended = tokio::time::timeout(LONG, read).await;
    ended.unwrap_or_else(|_| panic!("{what} does not end"))
}

/// Erases all events of these orders.
async fn erase(stream: &str, orders: &[&str]) {
    let raw = client().await.get_stream(stream).await.expect("there");
    for id in orders {
        let subject = format!("{stream}.e.order.{id}");
        let purged = raw.purge().filter(subject).await;
        assert!(purged.expect("purged").purged > 0);
    }
}

/// The store for somebody who knows that all of its messages up to a position may be erased.
async fn accepting(stream: &str, up_to: Position) -> NatsStore {
    let [_, last, _] = up_to.to_parts();
    let options = small().stream(stream).erased(1..=last);
    options.open(&node().url()).await.expect("opens")
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn events_that_were_erased_are_no_part_of_an_answer() {
    let store = open("TAGGONE").await;
    // Those of one letter are erased.
    for id in ["b", "b", "a", "b", "b", "b", "b", "c", "b", "b", "b"] {
        store
            .append(one(id, joined_event("c")))
            .await
            .expect("appended");
    }
    // The end is after them.
    let last = store.append(one("z", joined_event("d"))).await;
    let head = last.expect("appended").position;
    let query = of_club("c");
    let before = found(&store, &query).await;
    erase("TAGGONE", &["b"]).await;
    let read = store.read_tagged(&query, Position::START, ReadLimit::default());
    match read.await {
        Err(ReadError::Storage(error)) => {
            let [_, gone, _] = before[0].position.to_parts();
            assert_eq!(error.kind, StorageErrorKind::Corrupt);
            assert!(error.to_string().contains(&format!("{gone}.1")), "{error}");
        }
        wrong => panic!("an event is missing, and not {wrong:?}"),
    }
    let accepted = accepting("TAGGONE", head).await;
    let left = [before[2].clone(), before[7].clone()];
    assert_eq!(found(&accepted, &query).await, left);
    for events in 1..4 {
        let limit = ReadLimit::events(events);
        let forward = async {
            let (mut all, mut after) = (Vec::new(), Position::START);
            loop {
                let page = accepted.read_tagged(&query, after, limit).await;
                let page = page.expect("readable");
                all.extend(page.events);
                if page.at_end {
                    return all;
                }
                assert!(page.next > after, "a page of {events} moves on");
                after = page.next;
            }
        };
        assert_eq!(ends("forward", forward).await, left);
        let backward = async {
            let (mut all, mut until) = (Vec::<RecordedEvent>::new(), Bound::Unbounded);
            loop {
                let page = accepted.read_tagged_backward(&query, Position::START, until, limit);
                let page = page.await.expect("readable");
                let last = page.events.last().map(|event| event.position);
                all.extend(page.events);
                if page.at_start {
                    return all;
                }
                until = Bound::Excluded(last.expect("a page before the start has an event"));
            }
        };
        let mut all = ends("backward", backward).await;
        all.reverse();
        assert_eq!(all, left);
        let feed = async {
            let (mut all, mut after) = (Vec::new(), Position::START);
            let filter = EventFilter::names(["club.joined"]);
            loop {
                let page = accepted.read_feed(after, &filter, limit).await;
                let page = page.expect("readable");
                all.extend(page.events);
                if page.at_end {
                    return all;
                }
                assert!(page.next > after, "a page of {events} moves on");
                after = page.next;
            }
        };
        let all = ends("the feed", feed).await;
        assert_eq!((&all[..2], all.len()), (&left[..], 3));
    }
}

#[derive(Tag)]
#[tag("ledger")]
struct Ledger;

#[derive(Event, Serialize, Deserialize)]
#[event("ledger.entered", tag(Ledger))]
struct Entered {
    number: u64,
}

#[derive(Fold, Clone, Default)]
#[fold("newest", by(Ledger), events(Entered), last)]
struct Newest {
    number: u64,
}

impl Apply<Entered> for Newest {
    fn apply(&mut self, event: &Entered) {
        self.number = event.number;
    }
}

#[derive(Fold, Clone, Default)]
#[fold("total", by(Ledger), events(Entered))]
struct Total {
    count: u64,
}

impl Apply<Entered> for Total {
    fn apply(&mut self, _: &Entered) {
        self.count += 1;
    }
}

#[derive(Decision)]
#[decision("enter", error = Infallible, reads(newest: Newest(), total: Total()), emits(Entered))]
struct Enter {}

impl Decide for Enter {
    fn decide(&self, read: &EnterReads) -> Result<Emitted<Self>, Infallible> {
        let number = read.newest.number + 1;
        Ok(Emitted::new().event(Entered { number }))
    }
}

/// Erases more than folds read at once, before and after the one that is left, and decides twice.
async fn decided_without_erased(stream: &str, is_followed: bool) {
    let store = open(stream).await;
    let (mut head, mut left) = (Position::START, Position::START);
    for (id, count) in [("b", 1_000), ("a", 1), ("b", 1_000)] {
        let events = (0..count).map(|_| {
            let event = NewEvent::json("ledger.entered", 1, r#"{"number":7}"#);
            event.with_tags(vec![EventTag::of(&Ledger)])
        });
        let append = Append::new(order(id), ExpectedVersion::Any).with_events(events);
        head = store.append(append).await.expect("appended").position;
        if id == "a" {
            left = head;
        }
    }
    if is_followed {
        let append = one("z", joined_event("c"));
        store.append(append).await.expect("appended");
    }
    erase(stream, &["b"]).await;
    let accepted = accepting(stream, head).await;
    // The one that is left refuses, although it may be erased as well.
    let query = TagQuery::of(&Ledger, ["ledger.entered"]).expect("a name");
    let commit = Commit::new().append(one("z", joined_event("c")));
    let refused = accepted.commit(commit.guard(query, Position::START)).await;
    match refused {
        Err(CommitError::Guarded { by, .. }) => assert_eq!(by, left),
        wrong => panic!("an event is there, and not {wrong:?}"),
    }
    let decisions = Decisions::new(accepted);
    // Each has what it has entered itself.
    for (number, count) in [(8, 2), (9, 3)] {
        let decided = decisions.execute(Enter {}).into_future();
        let decided = ends("a decision", decided).await;
        let reads = decided.expect("decided").reads;
        assert_eq!((reads.newest.number, reads.total.count), (number, count));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn folds_pass_over_events_that_were_erased() {
    decided_without_erased("FOLDGONE", true).await;
}

/// The newest message of the tag is about an event after the end, and does not refuse what is decided.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn guards_pass_where_the_newest_event_was_erased() {
    decided_without_erased("GUARDGONE", false).await;
}

/// The end that a store remembers is erased, and only a message without events is before it.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_store_whose_remembered_end_was_erased_is_not_empty() {
    let store = open("ENDGONE").await;
    for (id, club) in [("a", "c"), ("b", "d")] {
        let append = one(id, joined_event(club));
        store.append(append).await.expect("appended");
    }
    let query = of_club("c");
    let before = found(&store, &query).await;
    let head = store.head().await.expect("a head");
    erase("ENDGONE", &["b"]).await;
    assert_eq!(found(&store, &query).await, before);
    assert_eq!(before.len(), 1);
    assert_eq!(store.head().await.expect("a head"), head);
    let page = store.read_tagged(&query, Position::START, ReadLimit::default());
    assert_eq!(page.await.expect("readable").next, head);
    let commit = Commit::new().append(one("a", joined_event("c")));
    let commit = commit.guard(of_club("c"), head);
    store.commit(commit).await.expect("committed");
    assert_eq!(found(&store, &query).await.len(), 2);
}
