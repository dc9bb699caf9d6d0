//! Answers that get lost: an append is stored once, and its caller learns what became of it.

use crate::{
    support::{in_front_of, node, order, own_node, passing_on, placed, read, small},
    tags::{joined_event, of_club},
};
use es_nats::{NatsOptions, NatsStore, async_nats};
use es_runtime::{
    Append, AppendError, Commit, CommitError, CommitStore, EventFilter, EventStore,
    ExpectedVersion, Outcome, Position, ReadLimit, StorageErrorKind, StreamRange,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// Passes bytes on between a client and a server. Where it is armed it passes the next publication on, keeps its answer
/// and cuts the connection.
#[derive(Clone, Default)]
struct Proxy {
    is_armed: Arc<AtomicBool>,
    cuts: Arc<AtomicUsize>,
}

impl Proxy {
    async fn start(&self, server: &str) -> String {
        let proxy = self.clone();
        in_front_of(server, move |client, server| {
            proxy.clone().pass(client, server)
        })
        .await
    }

    async fn pass(self, mut client: TcpStream, mut server: TcpStream) {
        let (mut asked, mut said) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
        let mut cuts = false;
        loop {
            tokio::select! {
                read = client.read(&mut asked) => {
                    let Ok(read @ 1..) = read else { return };
                    let bytes = &asked[..read];
                    if server.write_all(bytes).await.is_err() {
                        return;
                    }
                    let is_publication = bytes.windows(5).any(|part| part == b"HPUB ");
                    cuts = cuts || is_publication && self.is_armed.swap(false, Ordering::SeqCst);
                }
                read = server.read(&mut said) => {
                    let Ok(read @ 1..) = read else { return };
                    // The server has done it when it answers.
                    if cuts {
                        self.cuts.fetch_add(1, Ordering::SeqCst);
                        return;
                    }
                    if client.write_all(&said[..read]).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

fn options(stream: &str) -> NatsOptions {
    small()
        .stream(stream)
        .answer_timeout(Duration::from_millis(300))
}

/// What hangs does not end at all.
const HANGS: Duration = Duration::from_secs(40);

/// Opens it, however often a busy machine is too slow for the time limits of these options.
async fn opened(options: impl Fn() -> NatsOptions, url: &str) -> NatsStore {
    let open = async {
        loop {
            if let Ok(store) = options().open(url).await {
                return store;
            }
        }
    };
    tokio::time::timeout(HANGS, open).await.expect("opens")
}

async fn versions(store: &NatsStore, id: &str) -> Vec<u64> {
    let found = read(store, id, StreamRange::forward(0));
    found
        .await
        .expect("readable")
        .iter()
        .map(|event| event.version)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_lost_answer_is_looked_for() {
    const ROUNDS: u64 = 5;
    let proxy = Proxy::default();
    let url = proxy.start(&node().url()).await;
    let store = options("LOST").open(&url).await.expect("opens");
    for round in 0..ROUNDS {
        // Without a version, with one, and a batch.
        for (id, expected) in [
            ("any", ExpectedVersion::Any),
            ("exact", ExpectedVersion::Exact(round)),
        ] {
            proxy.is_armed.store(true, Ordering::SeqCst);
            let done = store
                .append(placed(id, expected))
                .await
                .expect("it was stored");
            assert_eq!((done.version, done.repeated), (round + 1, false));
        }
        proxy.is_armed.store(true, Ordering::SeqCst);
        let pair = ["left", "right"].map(|id| placed(id, ExpectedVersion::Exact(round)));
        let commit = pair.into_iter().fold(Commit::new(), Commit::append);
        let done = store.commit(commit).await.expect("it was stored");
        let ends: Vec<_> = done
            .appended
            .iter()
            .map(|done| (done.version, done.position))
            .collect();
        for (id, end) in ["left", "right"].into_iter().zip(ends) {
            let found = read(&store, id, StreamRange::forward(round));
            let events = found.await.expect("readable");
            assert_eq!((events[0].version, events[0].position), end);
        }
        // With tags, under a guard that its own events would break.
        let after = store.head().await.expect("a head");
        proxy.is_armed.store(true, Ordering::SeqCst);
        let joined = Append::new(order("tagged"), ExpectedVersion::Exact(round));
        let joined = joined.with_event(joined_event("c"));
        let commit = Commit::new().append(joined).guard(of_club("c"), after);
        let done = store.commit(commit).await.expect("it was stored");
        assert_eq!(done.appended[0].version, round + 1);
        let page = store
            .read_tagged(&of_club("c"), after, ReadLimit::default())
            .await;
        assert_eq!(page.expect("readable").next, done.appended[0].position);
    }
    assert_eq!(proxy.cuts.load(Ordering::SeqCst) as u64, ROUNDS * 4);
    for id in ["any", "exact", "left", "right"] {
        assert_eq!(
            versions(&store, id).await,
            (1..=ROUNDS).collect::<Vec<_>>(),
            "{id}"
        );
    }

    // The same through a client that publishes again what had no answer.
    let naive = es_tests::jetstream(&url).await;
    let mut info = naive.get_stream("LOST-snapshots").await.expect("there");
    let before = info.info().await.expect("info").state.last_sequence;
    proxy.is_armed.store(true, Ordering::SeqCst);
    loop {
        let headers = async_nats::HeaderMap::from_iter([(
            "Naive".parse().expect("a name"),
            "1".parse().expect("a value"),
        )]);
        let sent = naive.publish_with_headers("LOST-snapshots.naive", headers, "x".into());
        let acked = match sent.await {
            Ok(acked) => tokio::time::timeout(Duration::from_millis(500), acked)
                .await
                .is_ok_and(|acked| acked.is_ok()),
            Err(_) => false,
        };
        if acked {
            break;
        }
    }
    let after = info.info().await.expect("info").state.last_sequence;
    assert!(
        after > before + 1,
        "the control was stored once: the proxy loses no answers"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn without_a_server_the_outcome_is_said() {
    let node = own_node();
    let patient = small().stream("GONE").open(&node.url()).await;
    let patient = patient.expect("opens");
    let hasty = || options("GONE").patience(Duration::from_millis(900));
    let store = opened(hasty, &node.url()).await;
    let known = loop {
        if let Ok(done) = store.append(placed("one", ExpectedVersion::Any)).await {
            break done.version;
        }
    };
    node.kill(0).expect("killed");
    let error = store.append(placed("one", ExpectedVersion::Exact(known)));
    let error = error.await;
    let error = error.expect_err("nobody is there");
    // It is still on its way: the client sends it when the server comes back.
    assert_eq!(error.outcome(), Outcome::Unknown);
    let AppendError::Storage { error, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(error.kind, StorageErrorKind::Unreachable);
    let commit = Commit::new()
        .append(placed("two", ExpectedVersion::NoStream))
        .append(placed("three", ExpectedVersion::NoStream));
    match store.commit(commit).await.expect_err("nobody is there") {
        CommitError::Storage { error, .. } => assert_eq!(error.kind, StorageErrorKind::Unreachable),
        error => panic!("{error}"),
    }
    node.restart(0).expect("restarted");
    // What was in doubt is there once or not at all, and the store works on.
    let version = loop {
        match store.append(placed("one", ExpectedVersion::Any)).await {
            Ok(done) => break done.version,
            Err(error) => assert!(error.to_string().contains("answer"), "{error}"),
        }
    };
    assert!(version > known, "{version}");
    let found = versions(&patient, "one").await;
    assert_eq!(found, (1..=version).collect::<Vec<_>>());
}

/// The queue of the client has room for 2,048 requests, and nobody takes them out while it connects again.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn calls_end_without_a_server_however_many_there_are() {
    const CALLS: usize = 3_000;
    let node = own_node();
    let patient = small().stream("CROWD").open(&node.url()).await;
    let first = placed("one", ExpectedVersion::NoStream);
    let first = patient.expect("opens").append(first).await;
    first.expect("appended");
    let hasty = || {
        options("CROWD")
            .answer_timeout(Duration::from_millis(100))
            .patience(Duration::from_millis(300))
    };
    let store = opened(hasty, &node.url()).await;
    node.kill(0).expect("killed");
    let mut calls = JoinSet::new();
    for number in 0..CALLS {
        let store = store.clone();
        calls.spawn(async move {
            let id = number.to_string();
            match number % 4 {
                0 => {
                    let all = EventFilter::all();
                    let read = store.read_feed(Position::START, &all, ReadLimit::default());
                    read.await.is_err()
                }
                1 => {
                    let tagged = Append::new(order(&id), ExpectedVersion::Any);
                    let tagged = tagged.with_event(joined_event(&id));
                    store.append(tagged).await.is_err()
                }
                2 => {
                    let commit = Commit::new().append(placed(&id, ExpectedVersion::Any));
                    let commit = commit.append(placed("one", ExpectedVersion::Any));
                    store.commit(commit).await.is_err()
                }
                _ => {
                    let append = placed(&id, ExpectedVersion::Any);
                    store.append(append).await.is_err()
                }
            }
        });
    }
    let mut ended = 0;
    let all = async {
        while let Some(has_failed) = calls.join_next().await {
            assert!(has_failed.expect("no panic"), "nobody is there");
            ended += 1;
        }
    };
    let all = tokio::time::timeout(HANGS, all).await;
    assert!(all.is_ok(), "{} of {CALLS} calls hang", CALLS - ended);
    node.restart(0).expect("restarted");
    let works_on = async {
        let append = || store.append(placed("two", ExpectedVersion::Any));
        while append().await.is_err() {}
    };
    let works_on = tokio::time::timeout(HANGS, works_on).await;
    works_on.expect("it works on");
}

/// The server stores none of the batches and does not answer. Those that wait for a place among them end, too.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn batches_that_wait_for_others_end() {
    const BATCHES: usize = 1_000;
    let server = node().url();
    let url = in_front_of(&server, |client, server| {
        let see = |said: &mut [u8]| {
            let (to, elsewhere) = (b"PUB SILENT.", b"PUB SILENX.");
            let mut at = 0;
            while let Some(found) = said[at..].windows(to.len()).position(|part| part == to) {
                at += found + to.len();
                said[at - to.len()..at].copy_from_slice(elsewhere);
            }
        };
        passing_on(client, server, see, |_| {})
    });
    // Somebody listens, so the server does not say that nobody does.
    let listener = async_nats::connect(&server).await.expect("connected");
    let _messages = listener.subscribe("SILENX.>").await.expect("subscribed");
    listener.flush().await.expect("flushed");
    let made = small().stream("SILENT").open(&server).await;
    made.expect("made");
    let options = || small().stream("SILENT").patience(Duration::from_secs(5));
    let store = opened(options, &url.await).await;
    let mut calls = JoinSet::new();
    for number in 0..BATCHES {
        let store = store.clone();
        calls.spawn(async move {
            let id = number.to_string();
            let append = Append::new(order(&id), ExpectedVersion::Any);
            let append = append.with_event(joined_event(&id));
            store.append(append).await.map_err(|error| error.outcome())
        });
    }
    let (mut in_doubt, mut unsent) = (0, 0);
    let all = async {
        while let Some(ended) = calls.join_next().await {
            match ended.expect("no panic") {
                Err(Outcome::Unknown) => in_doubt += 1,
                Err(Outcome::NotApplied) => unsent += 1,
                wrong => panic!("nothing is stored: {wrong:?}"),
            }
        }
    };
    let all = tokio::time::timeout(HANGS, all).await;
    assert!(all.is_ok(), "{in_doubt} batches were sent, the others wait");
    assert!(in_doubt > 0 && unsent > 0, "{in_doubt} and {unsent}");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn nothing_is_lost_or_doubled_when_the_server_is_killed() {
    const WRITERS: usize = 4;
    const KILLS: usize = 3;
    let node = Arc::new(own_node());
    let store = options("KILLED").open(&node.url()).await.expect("opens");
    let done = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, done) = (store.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let id = format!("w{writer}");
                let mut version = 0;
                while !done.load(Ordering::SeqCst) {
                    let append = placed(&id, ExpectedVersion::Exact(version));
                    let appended = store
                        .append(append)
                        .await
                        .expect("stored before the time is over");
                    version += 1;
                    assert_eq!(appended.version, version);
                }
                version
            })
        })
        .collect();
    for _ in 0..KILLS {
        let node = Arc::clone(&node);
        let head = store.head().await.expect("a head");
        while store.head().await.expect("a head") == head {
            tokio::task::yield_now().await;
        }
        let killed = tokio::task::spawn_blocking(move || {
            node.kill(0)?;
            node.restart(0)
        });
        killed.await.expect("no panic").expect("it comes back");
    }
    done.store(true, Ordering::SeqCst);
    for (writer, task) in writers.into_iter().enumerate() {
        let version = task.await.expect("no panic");
        assert_eq!(
            versions(&store, &format!("w{writer}")).await.len() as u64,
            version.min(1_000)
        );
    }
}
