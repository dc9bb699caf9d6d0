//! JetStream: commits, histories and the feed on three nodes that write to their disks before they acknowledge, each
//! next to what async-nats does by hand on the same nodes in the same round.
//!
//! `cargo bench -p es-benches --bench jetstream [-- ROUNDS [STREAMS..]]`. It starts nodes of its own. Histories are
//! read where so many other streams are: by default 10,000 and a million. It takes minutes to fill a million.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark may stop"
)]

use es_benches::{
    accounts::deposited,
    feed::feed,
    table::{Table, WINDOW},
};
use es_nats::NatsStore;
use es_nats::async_nats::{
    self, Client,
    header::{HeaderMap, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE},
    jetstream::{
        self, Context,
        consumer::{DeliverPolicy, pull::OrderedConfig},
        context::PublishError,
        stream::{Config, DiscardPolicy},
    },
};
use es_runtime::{
    Append, EventStore, ExpectedVersion, NewEvent, ReadLimit, RecordedEvent, StreamId, StreamRange,
};
use es_testkit::nats::Cluster;
use futures_util::{StreamExt, future::join_all};
use std::{
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};
use tokio::runtime::Runtime;

const CALLERS: [usize; 3] = [1, 64, 256];
const LENGTHS: [u64; 2] = [10, 1_000];
/// So many commits go to one stream, then comes the next one.
const COMMITS_EACH: u64 = 20;
/// So many are on their way at the same time while streams are filled.
const FILLERS: u64 = 256;
const MESSAGES_A_BATCH: u64 = 1_000;
const RAW: &str = "RAW";
/// The server's code for a write to a subject whose last write is not applied yet.
const IN_PROGRESS: &str = "10164";

static RUN: AtomicU64 = AtomicU64::new(0);

/// The baseline: a stream like the store's, and the calls for it.
#[derive(Clone)]
struct Raw {
    client: Client,
    context: Context,
}

impl Raw {
    async fn create(url: &str, nodes: usize) -> Self {
        let servers: Vec<&str> = url.split(',').collect();
        let client = async_nats::connect(servers).await.unwrap();
        let context = jetstream::new(client.clone());
        let config = Config {
            name: RAW.to_owned(),
            subjects: vec![format!("{RAW}.>")],
            num_replicas: nodes,
            discard: DiscardPolicy::New,
            max_messages: -1,
            max_bytes: -1,
            max_messages_per_subject: -1,
            deny_delete: true,
            allow_direct: true,
            ..Config::default()
        };
        context.create_stream(config).await.unwrap();
        Self { client, context }
    }

    /// One commit: its sequence, which the next one to the subject expects.
    async fn commit(&self, subject: String, expected: u64, payload: Vec<u8>) -> u64 {
        loop {
            let mut headers = HeaderMap::new();
            headers.insert(
                NATS_EXPECTED_LAST_SUBJECT_SEQUENCE,
                expected.to_string().as_str(),
            );
            let (to, body) = (subject.clone(), payload.clone().into());
            let sent = self.context.publish_with_headers(to, headers, body);
            let stored = sent.await.unwrap().await;
            // The leader has not applied its last write to this subject yet: the store asks again too.
            let in_progress = |refused: &PublishError| format!("{refused:?}").contains(IN_PROGRESS);
            if !stored.as_ref().is_err_and(in_progress) {
                return stored.unwrap().sequence;
            }
        }
    }

    /// The history of a subject by batches of direct gets: how many bytes.
    async fn history(&self, subject: &str) -> usize {
        let (mut from, mut bytes) = (1, 0);
        loop {
            let inbox = self.client.new_inbox();
            let mut answers = self.client.subscribe(inbox.clone()).await.unwrap();
            let request = format!(
                r#"{{"seq":{from},"next_by_subj":"{subject}","batch":{MESSAGES_A_BATCH}}}"#
            );
            let api = format!("$JS.API.DIRECT.GET.{RAW}");
            self.client
                .publish_with_reply(api, inbox, request.into())
                .await
                .unwrap();
            let mut pending = 0;
            while let Some(message) = answers.next().await {
                if message.status.is_some() {
                    break;
                }
                let headers = message.headers.unwrap();
                let number = |name: &str| headers.get(name).unwrap().as_str().parse().unwrap();
                from = number("Nats-Sequence") + 1;
                pending = number("Nats-Num-Pending");
                bytes += black_box(message.payload).len();
            }
            if pending == 0 {
                return bytes;
            }
        }
    }

    /// So many messages of a subject, or of all, by an ordered consumer: how many bytes.
    async fn consume(&self, subject: &str, messages: usize) -> usize {
        let stream = self.context.get_stream_no_info(RAW).await.unwrap();
        let config = OrderedConfig {
            filter_subject: subject.to_owned(),
            deliver_policy: DeliverPolicy::All,
            ..OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await.unwrap();
        let name = consumer.cached_info().name.clone();
        let mut all = consumer.messages().await.unwrap().take(messages);
        let mut bytes = 0;
        while let Some(message) = all.next().await {
            bytes += black_box(message.unwrap().message.payload).len();
        }
        // The server keeps it for minutes otherwise, and has a limit for them.
        tokio::spawn(async move { stream.delete_consumer(&name).await });
        bytes
    }

    async fn messages(&self) -> usize {
        let mut stream = self.context.get_stream(RAW).await.unwrap();
        let messages = stream.info().await.unwrap().state.messages;
        usize::try_from(messages).unwrap()
    }
}

/// One commit of the store: the version, which the next one to the stream expects.
async fn commit(store: &NatsStore, aggregate: &str, id: &str, version: u64) -> u64 {
    let stream = StreamId::new(aggregate, id).unwrap();
    let append = Append::new(stream, ExpectedVersion::at(version)).with_event(NewEvent::json(
        "account.deposited",
        1,
        deposited(),
    ));
    store.append(append).await.unwrap().version
}

/// Commits a second, by so many callers at the same time, each to streams of its own. A commit gets the id of its stream
/// and what the one before it has given, 0 where it is the first one.
async fn rate<F: Future<Output = u64> + Send>(
    callers: usize,
    commit: impl Fn(String, u64) -> F + Clone + Send + 'static,
) -> f64 {
    let run = RUN.fetch_add(1, Ordering::Relaxed);
    let start = Instant::now();
    let tasks = (0..callers).map(|caller| {
        let commit = commit.clone();
        let task: std::pin::Pin<Box<dyn Future<Output = u64> + Send>> = Box::pin(async move {
            let (mut done, mut expected) = (0, 0);
            while start.elapsed() < WINDOW {
                if done % COMMITS_EACH == 0 {
                    expected = 0;
                }
                let id = format!("{run}-{caller}-{}", done / COMMITS_EACH);
                expected = commit(id, expected).await;
                done += 1;
            }
            done
        });
        tokio::spawn(task)
    });
    let done: u64 = join_all(tasks).await.into_iter().map(Result::unwrap).sum();
    done as f64 / start.elapsed().as_secs_f64()
}

async fn commits(store: &NatsStore, callers: usize) -> f64 {
    let store = store.clone();
    rate(callers, move |id, version| {
        let store = store.clone();
        async move { commit(&store, "account", &id, version).await }
    })
    .await
}

async fn raw_commits(raw: &Raw, callers: usize) -> f64 {
    let raw = raw.clone();
    rate(callers, move |id, expected| {
        let raw = raw.clone();
        async move {
            let subject = format!("{RAW}.account.{id}");
            raw.commit(subject, expected, deposited()).await
        }
    })
    .await
}

/// Microseconds a call, by one caller.
async fn latency<F: Future<Output = ()>>(call: impl Fn() -> F) -> f64 {
    let start = Instant::now();
    let mut done = 0_u64;
    while start.elapsed() < WINDOW {
        call().await;
        done += 1;
    }
    start.elapsed().as_secs_f64() * 1e6 / done as f64
}

async fn history(store: &NatsStore, id: &str) {
    let stream = StreamId::new("history", id).unwrap();
    let mut after = 0;
    loop {
        let range = StreamRange::forward(after);
        let events: Vec<RecordedEvent> = store
            .read_stream(&stream, range, ReadLimit::default())
            .await
            .unwrap();
        let Some(last) = events.last() else { break };
        after = last.version;
        black_box(events);
    }
}

/// Streams of one commit each, from this number up to that one.
async fn fill<F: Future<Output = ()> + Send>(
    from: u64,
    until: u64,
    commit: impl Fn(u64) -> F + Clone + Send + 'static,
) {
    let tasks = (0..FILLERS).map(|filler| {
        let commit = commit.clone();
        let task: std::pin::Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
            let mut number = from + filler;
            while number < until {
                commit(number).await;
                number += FILLERS;
            }
        });
        tokio::spawn(task)
    });
    join_all(tasks).await.into_iter().for_each(Result::unwrap);
}

/// Prints how much memory the nodes have.
fn print_memory(cluster: &Cluster, what: &str) {
    let nodes = 0..cluster.nodes();
    let megabytes: Vec<u64> = nodes
        .map(|node| cluster.memory(node).unwrap() >> 20)
        .collect();
    println!("memory of the nodes, {what}: {megabytes:?} MiB");
}

fn main() {
    let mut numbers = std::env::args().filter_map(|arg| arg.parse::<u64>().ok());
    let rounds = numbers.next().unwrap_or(3);
    let mut sizes: Vec<u64> = numbers.collect();
    if sizes.is_empty() {
        sizes = vec![10_000, 1_000_000];
    }
    let runtime = Runtime::new().unwrap();
    let cluster = Cluster::start().unwrap();
    let url = cluster.url();
    let monitors = (0..cluster.nodes()).map(|node| cluster.monitor_url(node).unwrap());
    let options = NatsStore::options().monitoring(monitors);
    let store = runtime.block_on(options.open(&url)).unwrap();
    let raw = runtime.block_on(Raw::create(&url, cluster.nodes()));
    print_memory(&cluster, "empty");
    let mut table = Table::default();
    for round in 1..=rounds {
        eprintln!("commits, round {round} of {rounds}");
        for (callers, what) in CALLERS.into_iter().zip([
            "commits, 1 caller",
            "commits, 64 callers",
            "commits, 256 callers",
        ]) {
            let ours = runtime.block_on(commits(&store, callers));
            let baseline = runtime.block_on(raw_commits(&raw, callers));
            table.add(what, "1/s", "one publish each", (ours, baseline));
        }
    }
    for length in LENGTHS {
        runtime.block_on(async {
            let (id, subject) = (length.to_string(), format!("{RAW}.history.{length}"));
            let mut expected = 0;
            for version in 0..length {
                commit(&store, "history", &id, version).await;
                expected = raw.commit(subject.clone(), expected, deposited()).await;
            }
        });
    }
    let mut filled = 0;
    for size in sizes {
        eprintln!("{size} streams");
        runtime.block_on(async {
            let baseline = raw.clone();
            fill(filled, size, move |number| {
                let baseline = baseline.clone();
                async move {
                    let subject = format!("{RAW}.filled.{number}");
                    baseline.commit(subject, 0, deposited()).await;
                }
            })
            .await;
        });
        print_memory(&cluster, &format!("{size} subjects by hand"));
        runtime.block_on(async {
            let ours = store.clone();
            fill(filled, size, move |number| {
                let store = ours.clone();
                async move {
                    commit(&store, "filled", &number.to_string(), 0).await;
                }
            })
            .await;
        });
        print_memory(&cluster, &format!("and {size} streams of the store"));
        filled = size;
        for round in 1..=rounds {
            eprintln!("histories, round {round} of {rounds}");
            for length in LENGTHS {
                let what = format!("history of {length} commits, {size} streams").leak();
                let (id, subject) = (length.to_string(), format!("{RAW}.history.{length}"));
                let ours = runtime.block_on(latency(|| history(&store, &id)));
                let batches = runtime.block_on(latency(|| async {
                    black_box(raw.history(&subject).await);
                }));
                table.add(what, "µs", "batches of direct gets", (ours, batches));
                let messages = usize::try_from(length).unwrap();
                let consumer = runtime.block_on(latency(|| async {
                    black_box(raw.consume(&subject, messages).await);
                }));
                table.add(what, "µs", "an ordered consumer", (ours, consumer));
            }
            let what = format!("feed, {size} streams").leak();
            let ours = runtime.block_on(feed(&store, ReadLimit::default(), |page| page.at_end));
            let baseline = runtime.block_on(async {
                let messages = raw.messages().await;
                let start = Instant::now();
                black_box(raw.consume(&format!("{RAW}.>"), messages).await);
                messages as f64 / start.elapsed().as_secs_f64()
            });
            table.add(what, "events/s", "an ordered consumer", (ours, baseline));
        }
    }
    table.print();
    print_memory(&cluster, "at the end");
}
