//! Feeds of server-sent events: clients that lose their connections while others write.

use axum::{
    body::{Body, HttpBody},
    extract::{FromRequestParts, Request},
};
use es_axum::{EventFeed, LastEventId, Message};
use es_runtime::{
    AnyStore, Append, EventFilter, EventStore, ExpectedVersion, MemoryStore, NewEvent, Position,
    ReadLimit, RecordedEvent, StreamId,
};
use std::{collections::VecDeque, future::poll_fn, pin::Pin, time::Duration};
use tokio::time::timeout;

/// So that a message that never comes is a failure.
const PATIENCE: Duration = Duration::from_secs(120);

/// The messages of an answer: their names and ids.
struct Client {
    body: Body,
    text: String,
    read: VecDeque<(String, String)>,
}

impl Client {
    async fn open(feed: EventFeed, last: Option<&str>) -> Self {
        let mut request = Request::get("/");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let (mut parts, _) = request.body(()).expect("a request").into_parts();
        let seen = LastEventId::from_request_parts(&mut parts, &())
            .await
            .expect("a position");
        let show = |event: &RecordedEvent| Ok(Some(Message::new("event", &event.version)?));
        Self {
            body: feed.resume(seen).sse(show).into_body(),
            text: String::new(),
            read: VecDeque::new(),
        }
    }

    async fn next(&mut self) -> Option<(String, String)> {
        while self.read.is_empty() {
            let frame = poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx));
            let frame = timeout(PATIENCE, frame)
                .await
                .expect("a message or the end")?;
            let data = frame.expect("no error").into_data().expect("data");
            self.text
                .push_str(std::str::from_utf8(&data).expect("text"));
            while let Some((message, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let mut lines = message.lines();
                    lines
                        .find_map(|line| line.strip_prefix(name))
                        .unwrap_or_default()
                        .to_owned()
                };
                let message = (field("event: "), field("id: "));
                self.text = rest.to_owned();
                if !message.0.is_empty() {
                    self.read.push_back(message);
                }
            }
        }
        self.read.pop_front()
    }
}

async fn write(store: &AnyStore, aggregate: &str, id: &str, name: &'static str) {
    let stream = StreamId::new(aggregate, id).expect("an id");
    let append = Append::new(stream, ExpectedVersion::Any);
    let append = append.with_event(NewEvent::json(name, 1, "{}"));
    store.append(append).await.expect("appended");
}

async fn positions(store: &AnyStore, filter: &EventFilter) -> Vec<String> {
    let page = store
        .read_feed(Position::START, filter, ReadLimit::default())
        .await;
    let events = page.expect("read").events;
    events
        .iter()
        .map(|event| event.position.to_string())
        .collect()
}

/// What clients see that connect again after `each` messages, while three others write.
async fn seen(
    store: &AnyStore,
    feed: impl Fn() -> EventFeed,
    all: usize,
    resumes: bool,
) -> Vec<String> {
    let writers = (0..3).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0..20 {
                let (aggregate, name) = if number % 3 == 0 {
                    ("other", "other.happened")
                } else {
                    ("one", "one.happened")
                };
                write(
                    &store,
                    aggregate,
                    &(number % 2 + writer % 2).to_string(),
                    name,
                )
                .await;
                tokio::task::yield_now().await;
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut seen: Vec<String> = Vec::new();
    while seen.len() < all {
        let last = seen.last().filter(|_| resumes).cloned();
        let mut client = Client::open(feed(), last.as_deref()).await;
        for _ in 0..fastrand::usize(1..7).min(all - seen.len()) {
            let (name, id) = client.next().await.expect("a message");
            assert_eq!(name, "event");
            seen.push(id);
        }
    }
    for writer in writers {
        writer.await.expect("no panic");
    }
    seen
}

#[tokio::test]
async fn a_client_sees_each_event_once_whenever_it_connects_again() {
    let store = AnyStore::new(MemoryStore::new());
    let filter = EventFilter::names(["one.happened"]);
    let feed = || EventFeed::of_store(store.clone(), filter.clone());
    // Each writer skips every third.
    let seen = seen(&store, feed, 39, true).await;
    assert_eq!(seen, positions(&store, &filter).await);
}

/// The control: a client that does not say what it has seen sees it again.
#[tokio::test]
async fn a_client_without_a_position_sees_events_again() {
    let store = AnyStore::new(MemoryStore::new());
    let filter = EventFilter::names(["one.happened"]);
    let feed = || EventFeed::of_store(store.clone(), filter.clone());
    let seen = seen(&store, feed, 39, false).await;
    assert_ne!(seen, positions(&store, &filter).await);
}

#[tokio::test]
async fn a_stream_is_followed_among_others() {
    let store = AnyStore::new(MemoryStore::new());
    let stream = StreamId::new("one", "1").expect("an id");
    let feed = || EventFeed::of_stream(store.clone(), stream.clone());
    for _ in 0..3 {
        write(&store, "one", "1", "one.happened").await;
        write(&store, "one", "2", "one.happened").await;
    }
    let mut client = Client::open(feed(), None).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(client.next().await.expect("a message").1);
    }
    assert_eq!(ids, ["1", "3", "5"]);
    // At the end, and between.
    for (last, next) in [("1", "3"), ("4", "5")] {
        let mut client = Client::open(feed(), Some(last)).await;
        assert_eq!(client.next().await.expect("a message").1, next);
    }
    let mut client = Client::open(feed(), Some("5")).await;
    write(&store, "one", "2", "one.happened").await;
    write(&store, "one", "1", "one.happened").await;
    assert_eq!(client.next().await.expect("a message").1, "8");
}

#[tokio::test]
async fn an_answer_ends_with_its_server() {
    let store = AnyStore::new(MemoryStore::new());
    write(&store, "one", "1", "one.happened").await;
    let (close, closed) = tokio::sync::oneshot::channel::<()>();
    let closed = async move {
        let _ = closed.await;
    };
    let feed = EventFeed::of_store(store, EventFilter::all()).until(closed);
    let mut client = Client::open(feed.poll_every(Duration::MAX), None).await;
    assert!(client.next().await.is_some());
    drop(close);
    assert_eq!(client.next().await, None);
}

#[tokio::test]
async fn a_store_that_was_set_back_begins_anew() {
    let store = AnyStore::new(MemoryStore::new());
    write(&store, "one", "1", "one.happened").await;
    let feed = EventFeed::of_store(store, EventFilter::all());
    let mut client = Client::open(feed, Some("2")).await;
    assert_eq!(
        client.next().await,
        Some(("reset".to_owned(), String::new()))
    );
    assert_eq!(
        client.next().await,
        Some(("event".to_owned(), "1".to_owned()))
    );
}
