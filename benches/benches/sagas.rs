//! Sagas beside the floor that no runner can beat: as many plain appends as a saga has commits, by as
//! many writers as it works on at once.
//!
//! `cargo bench -p es-benches --bench sagas [-- ROUNDS]`

#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a benchmark may stop"
)]

use es_postgres::PostgresStore;
use es_runtime::{
    Append, AppendId, EventStore, ExpectedVersion, Metadata, NewEvent, Saga, Sagas, StreamId,
    saga::{Cx, Definition, Effect, Fail, Retry, SagaStatus, SagaStore, Start},
};
use es_sqlite::SqliteStore;
use es_testkit::postgres::Server;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};
use tokio::{runtime::Runtime, sync::mpsc, task::JoinSet};

const SAGAS: usize = 400;
const STEPS: usize = 3;
/// The start, and the outcome of each step.
const COMMITS: usize = 1 + STEPS;
const AT_ONCE: usize = 32;
const ALONE: usize = 50;

/// Three steps that are done at once.
#[derive(Serialize, Deserialize)]
struct Trip {}

impl Saga for Trip {
    const NAME: &'static str = "trip";
    type Deps = mpsc::UnboundedSender<Instant>;

    fn definition() -> Definition<Self> {
        let mut saga = Definition::new();
        saga.retry(Retry::times(2));
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

fn sagas<S: SagaStore>(store: &S) -> (Sagas<S>, mpsc::UnboundedReceiver<Instant>) {
    let (told, called) = mpsc::unbounded_channel();
    let sagas = Sagas::new(store.clone())
        .at_once(AT_ONCE)
        .with::<Trip>(told);
    (sagas, called)
}

async fn begin<S: SagaStore>(sagas: &Sagas<S>, id: String) {
    let request = AppendId::new("begin").unwrap();
    let start = Start::new(id, Trip {});
    sagas.begin(start, request, Metadata::new()).await.unwrap();
}

/// All of them, begun by as many tasks as work at once.
async fn run_all<S: SagaStore>(store: &S, round: usize) -> Duration {
    let (sagas, _called) = sagas(store);
    let running = sagas.start().unwrap();
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for writer in 0..AT_ONCE {
        let sagas = sagas.clone();
        tasks.spawn(async move {
            for number in (writer..SAGAS).step_by(AT_ONCE) {
                begin(&sagas, format!("{round}-{number}")).await;
            }
        });
    }
    while tasks.join_next().await.is_some() {}
    while !sagas
        .list(None, Some(SagaStatus::Running), None)
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

async fn floor<S: EventStore>(store: &S, round: usize) -> Duration {
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for writer in 0..AT_ONCE {
        let store = store.clone();
        tasks.spawn(async move {
            for number in (writer..SAGAS).step_by(AT_ONCE) {
                let stream = StreamId::new("floor", &format!("{round}-{number}")).unwrap();
                for commit in 0..COMMITS {
                    append(&store, &stream, commit as u64 * 2).await;
                }
            }
        });
    }
    while tasks.join_next().await.is_some() {}
    began.elapsed()
}

/// From before the start is stored to the call of the first step, one saga at a time; beside one
/// append.
async fn to_first_step<S: SagaStore>(store: &S, round: usize) -> (Duration, Duration) {
    let (sagas, mut called) = sagas(store);
    let running = sagas.start().unwrap();
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

fn measure<S: SagaStore>(runtime: &Runtime, name: &str, store: &S, rounds: usize) {
    let (mut ours, mut floors, mut waits, mut appends) = (vec![], vec![], vec![], vec![]);
    for round in 0..rounds {
        runtime.block_on(async {
            ours.push(run_all(store, round).await);
            floors.push(floor(store, round).await);
            let (wait, append) = to_first_step(store, round).await;
            waits.push(wait);
            appends.push(append);
        });
    }
    let (ours, floors) = (median(ours), median(floors));
    let rate = |took: Duration| (SAGAS * STEPS) as f64 / took.as_secs_f64();
    println!(
        "{name}: {:.0} steps/s; as many commits as plain appends {:.0}/s; {:.2} of the floor",
        rate(ours),
        rate(floors),
        floors.as_secs_f64() / ours.as_secs_f64()
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
    runtime.block_on(store.close());
    let server = Server::start().unwrap();
    let database = server.database().unwrap();
    let url = database.url();
    let store = runtime.block_on(PostgresStore::open(&url)).unwrap();
    measure(&runtime, "PostgreSQL", &store, rounds);
    runtime.block_on(store.close());
}
