//! What reads cost: how often the server is asked.

use crate::support::{changing, in_front_of, node, order, passing_on, small};
use es_nats::{
    NatsStore,
    transfer::{Mark, Record},
};
use es_runtime::{
    Append, EventFilter, EventStore, ExpectedVersion, NewEvent, Position, ReadLimit, WorkFilter,
    WorkQueue,
};
use std::sync::{Arc, Mutex, atomic::Ordering};

/// What clients have said to the server.
#[derive(Clone, Default)]
pub(crate) struct Said(Arc<Mutex<Vec<u8>>>);

impl Said {
    /// Listens in front of a server.
    pub(crate) async fn start(&self, server: &str) -> String {
        let said = self.clone();
        in_front_of(server, move |client, server| {
            let said = said.clone();
            let see = move |bytes: &mut [u8]| {
                let mut said = said.0.lock().expect("not poisoned");
                said.extend_from_slice(bytes);
            };
            passing_on(client, server, see, |_| {})
        })
        .await
    }

    /// How often each of these calls was made since the last time.
    pub(crate) fn take<const N: usize>(&self, calls: [&str; N]) -> [usize; N] {
        let said = std::mem::take(&mut *self.0.lock().expect("not poisoned"));
        calls.map(|call| {
            let call = format!("PUB $JS.API.{call}.");
            let parts = said.windows(call.len());
            parts.filter(|part| *part == call.as_bytes()).count()
        })
    }
}

pub(crate) const FROM_ANY: &str = "DIRECT.GET";
pub(crate) const FROM_LEADER: &str = "STREAM.MSG.GET";
pub(crate) const OF_STREAM: &str = "STREAM.INFO";

pub(crate) async fn open(stream: &str) -> (NatsStore, Said) {
    let said = Said::default();
    let url = said.start(&node().url()).await;
    let store = small().stream(stream).open(&url).await.expect("opens");
    (store, said)
}

async fn append(store: &NatsStore, id: &str, version: u64, events: usize) {
    let events = (0..events).map(|_| NewEvent::json("order.placed", 1, "{}"));
    let append = Append::new(order(id), ExpectedVersion::Exact(version)).with_events(events);
    store.append(append).await.expect("appended");
}

/// The positions of a feed by pages of this size, and how many pages there were.
async fn follow(store: &NatsStore, size: usize) -> (Vec<Position>, usize) {
    let (mut found, mut pages, mut from) = (Vec::new(), 0, Position::START);
    loop {
        let (all, limit) = (EventFilter::all(), ReadLimit::events(size));
        let page = store.read_feed(from, &all, limit).await.expect("readable");
        found.extend(page.events.iter().map(|event| event.position));
        (pages, from) = (pages + 1, page.next);
        if page.at_end {
            return (found, pages);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_feed_asks_once_for_each_page_and_the_leader_at_its_end() {
    let (store, said) = open("FEED-COUNTS").await;
    // Commits of one event: each page is one request.
    for number in 0..400 {
        append(&store, &format!("one-{number}"), 0, 1).await;
    }
    said.take([]);
    let (found, pages) = follow(&store, 20).await;
    let [from_any, from_leader] = said.take([FROM_ANY, FROM_LEADER]);
    assert_eq!((found.len(), pages), (400, 21));
    assert!(
        from_any <= pages + 1,
        "{from_any} requests for {pages} pages"
    );
    assert_eq!(from_leader, 1, "the leader says where the end is");
    // Commits with many events: what does not fit is not fetched again.
    for number in 0..20 {
        append(&store, &format!("many-{number}"), 0, 60).await;
    }
    said.take([]);
    let (found, pages) = follow(&store, 100).await;
    let [from_any, from_leader] = said.take([FROM_ANY, FROM_LEADER]);
    assert_eq!((found.len(), pages), (1_600, 17));
    assert!(from_any <= 6, "{from_any} requests for 420 messages");
    assert_eq!(from_leader, 1);
    assert!(found.is_sorted_by(|one, next| one < next));
    // Two readers at the same places do not take each other's events.
    let (one, two) = tokio::join!(follow(&store, 37), follow(&store, 37));
    assert_eq!((&one.0, &two.0), (&found, &found));
    // What is new is there at once, also for a reader that has just been at the end.
    let end = *found.last().expect("events");
    append(&store, "new", 0, 1).await;
    let (all, limit) = (EventFilter::all(), ReadLimit::events(20));
    let page = store.read_feed(end, &all, limit).await.expect("readable");
    assert_eq!(page.events.len(), 1);
}

/// A copy ends with many messages without events. Each program that opens it asks for the end.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn the_end_is_found_after_many_messages_without_events() {
    let (filling, _) = open("END-COUNTS").await;
    append(&filling, "one", 0, 3).await;
    let end = filling.head().await.expect("a head");
    for part in 0..3 {
        let names = (0..part * 200).map(|number| Record::Name {
            event: format!("{part}-{number}"),
            rules: Vec::new(),
            walks: Vec::new(),
        });
        let names: Vec<Record> = names.collect();
        filling.transfer().write(&names).await.expect("written");
        let (store, said) = open("END-COUNTS").await;
        said.take([]);
        assert_eq!(store.head().await.expect("a head"), end);
        let [from_leader] = said.take([FROM_LEADER]);
        assert!(from_leader <= 2 + 16, "{from_leader} after part {part}");
        // From then on it is one request, whoever has written without events since.
        assert_eq!(store.head().await.expect("a head"), end);
        assert_eq!(said.take([FROM_LEADER]), [1]);
    }
    append(&filling, "one", 3, 1).await;
    let (store, _) = open("END-COUNTS").await;
    assert!(store.head().await.expect("a head") > end);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_walk_through_streams_reads_their_names_once() {
    let (store, said) = open("LIST-COUNTS").await;
    for number in 0..120 {
        append(&store, &format!("{number:03}"), 0, 1).await;
    }
    said.take([]);
    for new in ["", "120", "003a"] {
        if !new.is_empty() {
            append(&store, new, 0, 1).await;
        }
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let page = store
                .list_streams("order", &after, 7)
                .await
                .expect("listed");
            let Some(last) = page.last() else { break };
            last.id().clone_into(&mut after);
            found.extend(page);
        }
        assert!(found.is_sorted_by(|one, next| one.id() < next.id()));
        let is_there = |id: &str| found.iter().any(|stream| stream.id() == id);
        assert!(new.is_empty() || is_there(new), "{new}");
        assert!(found.len() >= 120);
        assert_eq!(
            said.take([OF_STREAM]),
            [2],
            "at the beginning, and at the end"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_usual_append_asks_nothing() {
    let (store, said) = open("APPEND-COUNTS").await;
    append(&store, "one", 0, 1).await;
    said.take([]);
    for version in 1..20 {
        append(&store, "one", version, 1).await;
        append(&store, &format!("new-{version}"), 0, 1).await;
    }
    assert_eq!(said.take([FROM_ANY, FROM_LEADER, OF_STREAM]), [0, 0, 0]);
}

/// Makes an answer about a stream say that nobody leads it. It stays as long as it was.
fn without_a_leader(answer: &mut [u8]) -> bool {
    const LEADER: &[u8] = br#""leader":""#;
    let find = |part: &[u8]| answer.windows(part.len()).position(|found| found == part);
    let is_info = find(b"stream_info_response").is_some();
    let Some(at) = find(LEADER).filter(|_| is_info) else {
        return false;
    };
    let name = answer.iter_mut().skip(at + LEADER.len());
    let mut instead = b'"';
    for byte in name.take_while(|byte| **byte != b',' && **byte != b'}') {
        *byte = std::mem::replace(&mut instead, b' ');
    }
    true
}

/// Any replica says what it has of a stream that nobody leads.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn what_is_said_of_a_stream_without_a_leader_is_not_taken() {
    let (url, changes) = changing(&node().url(), without_a_leader).await;
    let options = || small().stream("LEADERLESS");
    let store = options().open(&url).await.expect("opens");
    append(&store, "one", 0, 1).await;
    let begin = || changes.store(3, Ordering::SeqCst);
    let is_asked_again = |what: &str| {
        let left = changes.load(Ordering::SeqCst);
        assert_eq!(left, 0, "{what}: it was believed");
    };
    begin();
    let streams = store.list_streams("order", "", 10).await;
    assert_eq!(streams.expect("listed"), [order("one")]);
    is_asked_again("the list of streams");
    begin();
    let items = store.work_items(&WorkFilter::of(Vec::new())).await;
    assert!(items.expect("listed").is_empty());
    is_asked_again("work items");
    begin();
    assert!(store.transfer().last().await.expect("readable") > 0);
    is_asked_again("the newest sequence");
    begin();
    let mark = Mark::default();
    store.transfer().mark(&mark).await.expect("marked");
    is_asked_again("the configuration");
}
