//! What is stored by others, and what is missing: nothing is passed over in silence.

use crate::support::{client, node, open, order, read, small};
use es_nats::{NatsStore, async_nats::jetstream};
use es_runtime::{
    Append, EventFilter, EventStore, ExpectedVersion, NewEvent, Position, ReadError, ReadLimit,
    StorageErrorKind, StreamId, StreamRange,
};
use std::ops::RangeInclusive;

async fn open_erased(stream: &str, erased: RangeInclusive<u64>) -> NatsStore {
    let options = small().stream(stream).erased(erased);
    options.open(&node().url()).await.expect("opens")
}

async fn raw(stream: &str) -> jetstream::stream::Stream {
    client().await.get_stream(stream).await.expect("there")
}

async fn write(store: &NatsStore, id: &str, count: u64) {
    let events = (0..count).map(|number| NewEvent::json("order.placed", 1, number.to_string()));
    let append = Append::new(order(id), ExpectedVersion::Any).with_events(events);
    store.append(append).await.expect("appended");
}

/// How many events a reader of the feed gets, and the error that ends it.
async fn followed(store: &NatsStore) -> (usize, Option<ReadError>) {
    let (mut count, mut from) = (0, Position::START);
    loop {
        match store
            .read_feed(from, &EventFilter::all(), ReadLimit::events(3))
            .await
        {
            Ok(page) => {
                count += page.events.len();
                from = page.next;
                if page.at_end {
                    return (count, None);
                }
            }
            Err(error) => return (count, Some(error)),
        }
    }
}

#[tokio::test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_missing_message_ends_the_feed_until_it_is_accepted() {
    let store = open("GAPS").await;
    for id in ["one", "two", "two", "three", "two", "three"] {
        write(&store, id, 2).await;
    }
    assert_eq!(followed(&store).await.0, 12);
    // Somebody erases the stream `two`, messages 3, 4 and 6; message 1 registers the name of the event.
    let purged = raw("GAPS")
        .await
        .purge()
        .filter("GAPS.e.order.two")
        .await
        .expect("purged");
    assert_eq!(purged.purged, 3);
    let (count, error) = followed(&store).await;
    let Some(ReadError::Storage(error)) = error else {
        panic!("messages are missing")
    };
    assert_eq!((count, error.kind), (2, StorageErrorKind::Corrupt));
    for text in ["messages 3 to 4", "GAPS", "erased"] {
        assert!(error.to_string().contains(text), "{error}");
    }
    let (count, error) = followed(&open_erased("GAPS", 3..=5).await).await;
    assert!(error.is_some_and(|error| error.to_string().contains("messages 6 to 6")));
    assert_eq!(count, 4);
    let (count, error) = followed(&open_erased("GAPS", 3..=6).await).await;
    assert_eq!(count, 6, "{error:?}");
    assert!(error.is_none());
    // A stream without all of its commits is not read as a shorter one.
    for round in 0..4 {
        write(&store, "four", 1).await;
        assert_eq!(
            store.head().await.expect("a head"),
            Position::from_parts([0, 8 + round, 1])
        );
    }
    raw("GAPS")
        .await
        .purge()
        .filter("GAPS.e.order.four")
        .keep(2)
        .await
        .expect("purged");
    let ranges = [StreamRange::forward(0), StreamRange::backward(u64::MAX)];
    for range in ranges {
        let found = read(&store, "four", range).await;
        match found {
            Err(ReadError::Corrupt { stream, what, .. }) => {
                assert_eq!(stream, order("four"));
                assert!(what.contains("missing"), "{what}");
            }
            other => panic!("two commits are missing: {other:?}"),
        }
    }
    let newest = read(&store, "four", StreamRange::forward(3));
    assert_eq!(newest.await.expect("the rest is there").len(), 1);
}

#[tokio::test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_message_of_another_program_is_an_error() {
    let store = open("FOREIGNER").await;
    write(&store, "mine", 2).await;
    write(&store, "theirs", 1).await;
    // It lives until the answer is there.
    let foreign = client().await;
    let sent = foreign.publish("FOREIGNER.e.order.theirs", "{}".into());
    sent.await.expect("sent").await.expect("stored");
    write(&store, "mine", 1).await;
    let found = read(&store, "theirs", StreamRange::forward(0));
    let error = found.await.expect_err("a foreign message");
    for text in ["message 4", "FOREIGNER", "another program"] {
        assert!(error.to_string().contains(text), "{error}");
    }
    let append = Append::new(order("theirs"), ExpectedVersion::Any);
    let append = append.with_event(NewEvent::json("order.placed", 1, "1"));
    store
        .append(append)
        .await
        .expect_err("the end of the stream cannot be read");
    assert!(followed(&store).await.1.is_some(), "it is not passed over");
    let mine = read(&store, "mine", StreamRange::forward(0));
    assert_eq!(mine.await.expect("others can be read").len(), 3);
}

/// A message can be read without the store: its payloads are lines.
#[tokio::test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_commit_is_one_readable_message() {
    let store = open("READABLE").await;
    write(&store, "a.b", 2).await;
    let stream = raw("READABLE").await;
    let message = stream.get_raw_message(2).await.expect("there");
    assert_eq!(&*message.subject, "READABLE.e.order.a%2Eb");
    let header = |name| {
        message
            .headers
            .get(name)
            .map(|value| value.as_str().to_owned())
    };
    assert_eq!(header("Es-Version").as_deref(), Some("2"));
    assert_eq!(
        header("Nats-Expected-Last-Subject-Sequence").as_deref(),
        Some("0")
    );
    let body = String::from_utf8(message.payload.to_vec()).expect("text");
    let lines: Vec<&str> = body.lines().collect();
    assert_eq!(
        (lines.len(), lines[0], lines[2], lines[4]),
        (5, "{}", "0", "1")
    );
    assert!(
        lines[1]
            .contains(r#""name":"order.placed","version":1,"type":"application/json","bytes":1"#)
    );
    assert_eq!(stream.get_info().await.expect("info").state.messages, 2);
}

/// A line of the protocol has a limit, and a server ends the connection where it is longer.
#[tokio::test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_name_that_is_too_long_for_a_subject_is_refused() {
    let store = open("LONG").await;
    write(&store, "one", 1).await;
    let name = "n".repeat(5_000);
    let append = Append::new(order("one"), ExpectedVersion::Exact(1));
    let append = append.with_event(NewEvent::json(name, 1, "1"));
    let error = store.append(append).await.expect_err("it is too long");
    assert_eq!(error.outcome(), es_runtime::Outcome::NotApplied);
    assert!(error.to_string().contains("too long"), "{error}");
    // The longest ids and values that there may be are not.
    let (longest, value) = ("é".repeat(128), "ü".repeat(256));
    let stream = StreamId::new(&longest, &longest).expect("usable");
    let rule: &'static str = Box::leak("é".repeat(256).into_boxed_str());
    let claim = es_runtime::UniqueChange::claim(rule, &*value);
    let event = NewEvent::json("order.named", 1, "1").with_unique(vec![claim]);
    let id = es_runtime::AppendId::new(&longest).expect("usable");
    for version in 0..2 {
        let append = Append::new(stream.clone(), ExpectedVersion::Exact(version));
        let event = event.clone().with_id(es_runtime::EventId::new());
        let append = match version {
            0 => append.with_append_id(id.clone()),
            _ => append,
        };
        store
            .append(append.with_event(event))
            .await
            .expect("appended");
    }
    let holder = store.unique_holder(rule, &value).await.expect("read");
    assert_eq!(holder, Some(stream));
    write(&store, "one", 1).await;
}
