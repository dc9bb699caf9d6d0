//! Sagas next to the baseline that no runner can beat: as many plain appends as a saga has commits, by as
//! many writers as it works on at once. And inputs of a process manager, one command each, next to as
//! many plain appends.
//!
//! `cargo bench -p es-benches --bench sagas [-- ROUNDS]`

#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a benchmark may stop"
)]

use es_postgres::PostgresStore;
use es_runtime::WorkStatus;
use es_runtime::{
    Aggregate, Append, AppendId, Apply, Envelope, Event, EventStore, Events, ExpectedVersion,
    Handle, Metadata, NewEvent, StreamId, WorkQueue,
};
use es_sagas::{
    Cx, Definition, Effect, Fail, ProcessManager, ReactTo, Reactions, Saga, Sagas, Start,
    StepRetry, stream_of,
};
use es_sqlite::SqliteStore;
use es_testkit::postgres::Server;
use serde::{Deserialize, Serialize};
use std::{
    convert::Infallible,
    time::{Duration, Instant},
};
use tokio::{runtime::Runtime, sync::mpsc, task::JoinSet};

const SAGAS: usize = 400;
const STEPS: usize = 3;
/// The start, and the outcome of each step.
const COMMITS: u64 = 1 + STEPS as u64;
const CONCURRENCY: usize = 32;
const ALONE: usize = 50;
const INPUTS: usize = 1_600;

/// Three steps that are done at once.
#[derive(Serialize, Deserialize)]
struct Trip {}

impl Saga for Trip {
    const NAME: &'static str = "trip";
    type Deps = mpsc::UnboundedSender<Instant>;

    fn definition() -> Definition<Self> {
        let mut saga = Definition::new();
        saga.retry(StepRetry::times(2));
        for name in ["train", "ferry", "hotel"] {
            saga.step(name, move |cx: Cx<Self>| async move {
                if name == "train" {
                    // Nobody may be interested.
                    let _ = cx.deps().send(Instant::now());
                }
                Ok::<String, Fail>(format!("{name} for {}", cx.id()))
            })
            .undo(|_, _: Effect<String>| async { Ok(()) });
        }
        saga
    }
}

fn sagas<S: WorkQueue>(store: &S) -> (Sagas, mpsc::UnboundedReceiver<Instant>) {
    let (sender, called) = mpsc::unbounded_channel();
    let sagas = Sagas::new(store.clone())
        .concurrency(CONCURRENCY)
        .with::<Trip>(sender);
    (sagas, called)
}

async fn begin(sagas: &Sagas, id: String) {
    let request = AppendId::new("begin").unwrap();
    let start = Start::new(id, Trip {});
    sagas.begin(start, request, Metadata::new()).await.unwrap();
}

/// All of them, begun by as many tasks as work at once.
async fn run_all<S: WorkQueue>(store: &S, round: usize) -> Duration {
    let (sagas, _called) = sagas(store);
    let running = sagas.start().await.unwrap();
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for writer in 0..CONCURRENCY {
        let sagas = sagas.clone();
        tasks.spawn(async move {
            for number in (writer..SAGAS).step_by(CONCURRENCY) {
                begin(&sagas, format!("{round}-{number}")).await;
            }
        });
    }
    while tasks.join_next().await.is_some() {}
    while !sagas
        .list(None, Some(WorkStatus::Running), None)
        .await
        .unwrap()
        .is_empty()
    {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let took = began.elapsed();
    running.shutdown().await;
    took
}

async fn append<S: EventStore>(store: &S, stream: &StreamId, version: u64) {
    let payload = r#"{"step":"train","attempt":1,"output":"train for 0-17"}"#;
    let append = Append::new(stream.clone(), ExpectedVersion::Exact(version))
        .with_event(NewEvent::json("saga.step_succeeded", 1, payload))
        .with_event(NewEvent::json("saga.step_scheduled", 1, payload));
    store.append(append).await.unwrap();
}

/// So many appends to each of so many streams.
async fn baseline<S: EventStore>(
    store: &S,
    name: String,
    streams: usize,
    appends: u64,
) -> Duration {
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for writer in 0..CONCURRENCY {
        let (store, name) = (store.clone(), name.clone());
        tasks.spawn(async move {
            for number in (writer..streams).step_by(CONCURRENCY) {
                let stream = StreamId::new(&name, &number.to_string()).unwrap();
                for commit in 0..appends {
                    append(&store, &stream, commit * 2).await;
                }
            }
        });
    }
    while tasks.join_next().await.is_some() {}
    began.elapsed()
}

#[derive(Event, Serialize, Deserialize)]
#[event("question.asked")]
struct Asked {}

#[derive(Event, Serialize, Deserialize)]
#[event("answer.given")]
struct Given {}

#[derive(Clone)]
struct Give;

#[derive(Aggregate, Default)]
#[aggregate("answer", id = String, error = Infallible, events(Given))]
struct Answer {}

impl Apply<Given> for Answer {
    fn apply(&mut self, _: &Given) {}
}

impl Handle<Give> for Answer {
    fn handle(&self, _: Give) -> Result<Events<Self>, Infallible> {
        Ok(Given {}.into())
    }
}

/// One command for each input, each to an aggregate of its own.
#[derive(Aggregate, ProcessManager, Default)]
#[aggregate("oracle", id = String, error = Infallible, events(ignore(Given)))]
#[process_manager(reacts(Asked))]
struct Oracle {}

impl ReactTo<Asked> for Oracle {
    fn correlate(asked: &Envelope<Asked>) -> Option<String> {
        Some(asked.stream.id().to_owned())
    }

    fn react(&self, asked: &Envelope<Asked>) -> Reactions<Self> {
        let id = asked.stream.id().to_owned();
        Reactions::none().command::<Answer, _>(&id, Give)
    }
}

/// All inputs are stored; then the process manager takes them.
async fn take_all<S: WorkQueue>(store: &S, round: usize) -> Duration {
    let sagas = Sagas::new(store.clone()).with_process_manager::<Oracle>();
    sagas.run_until_idle().await.unwrap();
    for number in 0..INPUTS {
        let stream = StreamId::new("question", &format!("{round}-{number}")).unwrap();
        let asked = NewEvent::json("question.asked", 1, "{}");
        let append = Append::new(stream, ExpectedVersion::NoStream).with_event(asked);
        store.append(append).await.unwrap();
    }
    let began = Instant::now();
    sagas.run_until_idle().await.unwrap();
    let took = began.elapsed();
    let last = stream_of("oracle", &format!("{round}-{}", INPUTS - 1)).unwrap();
    let taken = store.read_stream(
        &last,
        es_runtime::StreamRange::forward(0),
        es_runtime::ReadLimit::default(),
    );
    assert_eq!(taken.await.unwrap().len(), 1);
    took
}

fn measure_inputs<S: WorkQueue>(runtime: &Runtime, name: &str, store: &S, rounds: usize) {
    let (mut ours, mut baselines) = (vec![], vec![]);
    for round in 0..rounds {
        runtime.block_on(async {
            ours.push(take_all(store, round).await);
            baselines.push(baseline(store, format!("inputs-{round}"), INPUTS, 1).await);
        });
    }
    let (ours, baselines) = (median(ours), median(baselines));
    println!(
        "{name}: {:.0} inputs/s of a process manager; as many plain appends {:.0}/s; {:.2} of the baseline",
        INPUTS as f64 / ours.as_secs_f64(),
        INPUTS as f64 / baselines.as_secs_f64(),
        baselines.as_secs_f64() / ours.as_secs_f64()
    );
}

/// From before the start is stored to the call of the first step, one saga at a time; next to one
/// append.
async fn to_first_step<S: WorkQueue>(store: &S, round: usize) -> (Duration, Duration) {
    let (sagas, mut called) = sagas(store);
    let running = sagas.start().await.unwrap();
    let (mut waits, mut appends) = (Vec::new(), Vec::new());
    for number in 0..ALONE {
        let began = Instant::now();
        begin(&sagas, format!("alone-{round}-{number}")).await;
        waits.push(called.recv().await.unwrap() - began);
        let stream = StreamId::new("alone", &format!("{round}-{number}")).unwrap();
        let began = Instant::now();
        append(store, &stream, 0).await;
        appends.push(began.elapsed());
    }
    running.shutdown().await;
    (median(waits), median(appends))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn measure<S: WorkQueue>(runtime: &Runtime, name: &str, store: &S, rounds: usize) {
    let (mut ours, mut baselines, mut waits, mut appends) = (vec![], vec![], vec![], vec![]);
    for round in 0..rounds {
        runtime.block_on(async {
            ours.push(run_all(store, round).await);
            baselines.push(baseline(store, format!("baseline-{round}"), SAGAS, COMMITS).await);
            let (wait, append) = to_first_step(store, round).await;
            waits.push(wait);
            appends.push(append);
        });
    }
    let (ours, baselines) = (median(ours), median(baselines));
    let rate = |took: Duration| (SAGAS * STEPS) as f64 / took.as_secs_f64();
    println!(
        "{name}: {:.0} steps/s; as many commits as plain appends {:.0}/s; {:.2} of the baseline",
        rate(ours),
        rate(baselines),
        baselines.as_secs_f64() / ours.as_secs_f64()
    );
    println!(
        "{name}: {:.1} ms to the first call; one append {:.1} ms",
        median(waits).as_secs_f64() * 1_000.0,
        median(appends).as_secs_f64() * 1_000.0
    );
}

fn main() {
    let rounds = std::env::args()
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(3);
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sagas.db");
    let store = runtime.block_on(SqliteStore::open(path)).unwrap();
    measure(&runtime, "SQLite", &store, rounds);
    measure_inputs(&runtime, "SQLite", &store, rounds);
    runtime.block_on(store.close());
    let server = Server::start().unwrap();
    let database = server.database().unwrap();
    let url = database.url();
    let store = runtime.block_on(PostgresStore::open(&url)).unwrap();
    measure(&runtime, "PostgreSQL", &store, rounds);
    measure_inputs(&runtime, "PostgreSQL", &store, rounds);
    runtime.block_on(store.close());
}
