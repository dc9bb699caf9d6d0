//! A stream that somebody deletes and makes anew while a store is open, and servers that only seem to have done that.

use crate::support::{client, in_front_of, open, own_node, passing_on, placed, small};
use es_nats::NatsStore;
use es_runtime::{
    AppendError, EventFilter, EventStore, ExpectedVersion, Outcome, Position, ReadError, ReadLimit,
    StorageError, StorageErrorKind,
};
use tokio::{net::TcpStream, sync::watch};

/// Appends five events, and returns the position of the last one.
async fn five(store: &NatsStore) -> Position {
    let mut end = Position::START;
    for version in 0..5 {
        let append = placed("old", ExpectedVersion::Exact(version));
        end = store.append(append).await.expect("appended").position;
    }
    end
}

/// A store with events whose stream was made anew.
async fn remade(stream: &str) -> (NatsStore, Position) {
    let store = open(stream).await;
    let end = five(&store).await;
    client().await.delete_stream(stream).await.expect("gone");
    open(stream).await;
    (store, end)
}

fn says(error: &StorageError, name: &str) {
    assert_eq!(error.kind, StorageErrorKind::Corrupt, "{error}");
    for text in [name, "made anew", "store id", "open the store again"] {
        assert!(error.to_string().contains(text), "{error}");
    }
}

fn appended(error: AppendError, name: &str) -> Outcome {
    match error {
        AppendError::Storage { outcome, error, .. } => {
            says(&error, name);
            outcome
        }
        other => panic!("another error: {other}"),
    }
}

fn read<T: std::fmt::Debug>(found: Result<T, ReadError>, name: &str) {
    match found {
        Err(ReadError::Storage(error)) => says(&error, name),
        other => panic!("the stream is another one: {other:?}"),
    }
}

#[tokio::test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_stream_that_is_made_anew_is_noticed() {
    let name = "REMADE-KNOWN";
    let (store, _) = remade(name).await;
    let error = store.append(placed("old", ExpectedVersion::Exact(5))).await;
    let outcome = appended(error.expect_err("another stream"), name);
    assert_eq!(outcome, Outcome::NotApplied);
    // Whatever comes next says it, too.
    read(store.head().await, name);
    let error = store.append(placed("next", ExpectedVersion::Any)).await;
    let outcome = appended(error.expect_err("another stream"), name);
    assert_eq!(outcome, Outcome::NotApplied);
    // A new handle is one of the new stream.
    open(name)
        .await
        .append(placed("old", ExpectedVersion::NoStream))
        .await
        .expect("appended");

    let name = "REMADE-NEW";
    let (store, _) = remade(name).await;
    let error = store.append(placed("new", ExpectedVersion::NoStream)).await;
    let outcome = appended(error.expect_err("another stream"), name);
    assert_eq!(outcome, Outcome::Applied, "it is in the new stream");

    let name = "REMADE-HEAD";
    let (store, _) = remade(name).await;
    read(store.head().await, name);

    let name = "REMADE-FEED";
    let (store, end) = remade(name).await;
    let (all, limit) = (EventFilter::all(), ReadLimit::default());
    read(store.read_feed(end, &all, limit).await, name);
}

/// Erased messages make the end smaller, too, and the stream is the same one.
#[tokio::test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_stream_whose_end_was_erased_is_the_same_one() {
    let store = open("ERASED-END").await;
    for id in ["one", "two", "two"] {
        store
            .append(placed(id, ExpectedVersion::Any))
            .await
            .expect("appended");
    }
    let stream = client()
        .await
        .get_stream("ERASED-END")
        .await
        .expect("there");
    let purged = stream.purge().filter("ERASED-END.e.order.two").await;
    assert_eq!(purged.expect("purged").purged, 2);
    let head = store.head().await.expect("the same stream");
    assert_eq!(head, Position::from_parts([0, 2, 1]));
    for (id, version) in [("one", 2), ("two", 1)] {
        let done = store.append(placed(id, ExpectedVersion::Any)).await;
        assert_eq!(done.expect("appended").version, version);
    }
}

/// A proxy to the first server, or to the second one while the switch is on. A change of the switch ends all connections.
async fn switched(first: &str, second: &str) -> (String, watch::Sender<bool>) {
    let (switch, is_switched) = watch::channel(false);
    let second = second.trim_start_matches("nats://").to_owned();
    let address = in_front_of(first, move |client, server| {
        let (mut is_switched, second) = (is_switched.clone(), second.clone());
        async move {
            let is_second = *is_switched.borrow_and_update();
            let server = if is_second {
                TcpStream::connect(&second).await.expect("connected")
            } else {
                server
            };
            tokio::select! {
                biased;
                _ = is_switched.changed() => {}
                () = passing_on(client, server, |_| {}, |_| {}) => {}
            }
        }
    });
    (address.await, switch)
}

/// A leader that has lost its place and does not know it yet has an older end of the same stream.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_leader_that_is_behind_has_the_same_stream() {
    let (name, leader, behind) = ("BEHIND-SAME", own_node(), own_node());
    let (address, switch) = switched(&leader.url(), &behind.url()).await;
    let store = small().stream(name).open(&address).await.expect("opens");
    let end = five(&store).await;
    let stream = es_tests::jetstream(&leader.url())
        .await
        .get_stream(name)
        .await;
    let config = stream.expect("is there").cached_info().config.clone();
    let made = es_tests::jetstream(&behind.url())
        .await
        .create_stream(config)
        .await;
    made.expect("made");
    let older = small().stream(name).open(&behind.url()).await;
    let first = placed("old", ExpectedVersion::NoStream);
    let first = older.expect("opens").append(first).await.expect("appended");
    switch.send(true).expect("is listened to");
    assert_eq!(store.head().await.expect("the same"), first.position);
    switch.send(false).expect("is listened to");
    assert_eq!(store.head().await.expect("the same"), end);
}

/// A server that was left behind has the stream as it was before somebody made it anew. The store was opened since.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_server_with_an_older_stream_is_left_behind() {
    let (name, leader, behind) = ("BEHIND-OLDER", own_node(), own_node());
    let older = small().stream(name).open(&behind.url()).await;
    let first = placed("old", ExpectedVersion::NoStream);
    older.expect("opens").append(first).await.expect("appended");
    let (address, switch) = switched(&leader.url(), &behind.url()).await;
    let store = small().stream(name).open(&address).await.expect("opens");
    let end = five(&store).await;
    switch.send(true).expect("is listened to");
    let (all, limit) = (EventFilter::all(), ReadLimit::default());
    for found in [
        store.head().await.map(drop),
        store.read_feed(end, &all, limit).await.map(drop),
    ] {
        match found {
            Err(ReadError::Storage(error)) => {
                assert_eq!(error.kind, StorageErrorKind::Unreachable, "{error}");
                assert!(error.to_string().contains("left behind"), "{error}");
            }
            other => panic!("an older stream: {other:?}"),
        }
    }
    switch.send(false).expect("is listened to");
    assert_eq!(store.head().await.expect("the same"), end);
    let next = placed("old", ExpectedVersion::Exact(5));
    assert_eq!(store.append(next).await.expect("appended").version, 6);
}
