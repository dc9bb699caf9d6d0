//! cqrs-es with its stores: in memory, sqlite-es and postgres-es.

#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a benchmark may stop"
)]

mod bytes;
mod read_models;

#[path = "../../../pool.rs"]
mod pool;

use bench_common::{
    Account, Arguments, BankEvent, Command, LENGTHS, NotOpen, REPLAYED, Report, commands, decide,
    deposits, history, long, rate, runtime,
};
use bytes::Bytes;
use cqrs_es::{
    Aggregate, CqrsFramework, DomainEvent, EventStore,
    event_sink::EventSink,
    mem_store::MemStore,
    persist::{
        EventStoreAggregateContext, PersistedEventRepository, PersistedEventStore, SerializedEvent,
    },
};
use postgres_es::PostgresEventRepository;
use serde::{Deserialize, Serialize};
use sqlite_es::SqliteEventRepository;
use sqlx::{
    PgPool, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{hint::black_box, path::Path, sync::Arc, time::Duration};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Event(pub(crate) BankEvent);

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        self.0.name().to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct State(Account);

impl Aggregate for State {
    const TYPE: &'static str = "account";
    type Command = Command;
    type Event = Event;
    type Error = NotOpen;
    type Services = ();

    async fn handle(
        &mut self,
        command: Command,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), NotOpen> {
        let event = decide(&self.0, command)?;
        sink.write(Event(event), self).await;
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        self.0.apply(&event.0);
    }
}

/// The framework over a repository, as the loops use it. The second store appends without the framework.
struct Bank<R: PersistedEventRepository> {
    framework: Arc<CqrsFramework<State, PersistedEventStore<R, State>>>,
    store: Arc<PersistedEventStore<R, State>>,
}

impl<R: PersistedEventRepository> Clone for Bank<R> {
    fn clone(&self) -> Self {
        Self {
            framework: Arc::clone(&self.framework),
            store: Arc::clone(&self.store),
        }
    }
}

impl<R: PersistedEventRepository> Bank<R> {
    fn new(repository: impl Fn() -> R) -> Self {
        let store = || PersistedEventStore::new_event_store(repository());
        Self {
            framework: Arc::new(CqrsFramework::new(store(), Vec::new(), ())),
            store: Arc::new(store()),
        }
    }
}

impl<R: PersistedEventRepository + 'static> bench_common::Bank for Bank<R> {
    async fn execute(&self, id: String, command: Command) -> bool {
        self.framework.execute(&id, command).await.is_ok()
    }

    async fn append(&self, id: String, events: u64) {
        let events = deposits(events).map(Event).collect();
        let new = EventStoreAggregateContext {
            aggregate_id: id,
            aggregate: State::default(),
            current_sequence: 0,
            current_snapshot: None,
        };
        let stored = self.store.commit(events, new, [].into()).await;
        stored.unwrap();
    }
}

async fn sqlite(path: &Path, synchronous: SqliteSynchronous) -> SqlitePool {
    // What its own `default_sqlite_pool` sets, but for `synchronous`, which is NORMAL there.
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .busy_timeout(Duration::from_secs(20));
    let pool = SqlitePoolOptions::new().max_connections(10);
    let pool = pool.connect_with(options).await.unwrap();
    // The tables of its documentation.
    let tables = "CREATE TABLE events (aggregate_type TEXT NOT NULL, aggregate_id TEXT NOT NULL,
         sequence INTEGER CHECK (sequence >= 0) NOT NULL, event_type TEXT NOT NULL,
         event_version TEXT NOT NULL, payload TEXT NOT NULL, metadata TEXT NOT NULL,
         PRIMARY KEY (aggregate_type, aggregate_id, sequence)) STRICT;
         CREATE TABLE snapshots (aggregate_type TEXT NOT NULL, aggregate_id TEXT NOT NULL,
         last_sequence INTEGER NOT NULL, current_snapshot INTEGER NOT NULL, payload TEXT NOT NULL,
         PRIMARY KEY (aggregate_type, aggregate_id, last_sequence)) STRICT;";
    sqlx::raw_sql(tables).execute(&pool).await.unwrap();
    pool
}

async fn postgres(arguments: &Arguments) -> PgPool {
    let pool = pool::postgres(arguments).await;
    // The tables of its documentation.
    let tables = "CREATE TABLE events (aggregate_type text NOT NULL, aggregate_id text NOT NULL,
         sequence bigint CHECK (sequence >= 0) NOT NULL, event_type text NOT NULL,
         event_version text NOT NULL, payload json NOT NULL, metadata json NOT NULL,
         PRIMARY KEY (aggregate_type, aggregate_id, sequence));
         CREATE TABLE snapshots (aggregate_type text NOT NULL, aggregate_id text NOT NULL,
         last_sequence bigint NOT NULL, current_snapshot bigint NOT NULL, payload json NOT NULL,
         PRIMARY KEY (aggregate_type, aggregate_id, last_sequence));";
    sqlx::raw_sql(tables).execute(&pool).await.unwrap();
    pool
}

async fn writes<R: PersistedEventRepository + 'static>(
    report: &mut Report,
    group: &str,
    repository: impl Fn() -> R,
) {
    bench_common::writes(report, group, &Bank::new(repository)).await;
}

/// Stores a part of an account's history. The repository takes what the store would have made of it.
pub(crate) async fn seed<R: PersistedEventRepository>(repository: &R, id: &str, length: u64) {
    let mut events = history(length).zip(1..).map(|(event, sequence)| {
        SerializedEvent::new(
            id.to_owned(),
            sequence,
            State::TYPE.to_owned(),
            event.name().to_owned(),
            "1.0".to_owned(),
            serde_json::to_value(&event).unwrap(),
            serde_json::json!({}),
        )
    });
    loop {
        let some: Vec<SerializedEvent> = events.by_ref().take(10_000).collect();
        if some.is_empty() {
            return;
        }
        repository.persist::<State>(&some, None).await.unwrap();
    }
}

/// It inserts row by row, too slowly for the long stream, so one statement does it.
async fn seed_postgres(pool: &PgPool, id: &str, length: u64) {
    let (names, json): (Vec<_>, Vec<_>) = history(length)
        .map(|event| {
            (
                event.name().to_owned(),
                serde_json::to_string(&event).unwrap(),
            )
        })
        .unzip();
    let sql = "INSERT INTO events SELECT 'account', $1, number, name, '1.0', json::json, '{}'::json
               FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS r (name, json, number)";
    let insert = sqlx::query(sql).bind(id).bind(names).bind(json);
    insert.execute(pool).await.unwrap();
}

async fn loads<R: PersistedEventRepository + 'static>(
    report: &mut Report,
    group: &str,
    repository: impl Fn() -> R,
) {
    let longest = LENGTHS.into_iter().max().unwrap();
    let store = PersistedEventStore::<R, State>::new_event_store(repository());
    bench_common::loads(report, group, longest, async |id: String| {
        store.load_aggregate(&id).await.unwrap().aggregate.0.events
    })
    .await;
    // A command through a store whose interval is one event writes the snapshot.
    let store = PersistedEventStore::<R, State>::new_snapshot_store(repository(), 1);
    let framework = CqrsFramework::new(store, Vec::new(), ());
    let deposit = Command::Deposit(1);
    framework.execute(&long(longest), deposit).await.unwrap();
    let store = PersistedEventStore::<R, State>::new_snapshot_store(repository(), 1_000_000);
    let row = format!("{group}-load-snapshot");
    report
        .load(&row, longest + 1, async || {
            // 0.5.0 applies an event twice to the snapshot that is written after it.
            let context = store.load_aggregate(&long(longest)).await.unwrap();
            assert!(context.aggregate.0.events > longest);
            longest + 1
        })
        .await;
}

async fn memory(report: &mut Report) {
    let framework = Arc::new(CqrsFramework::new(
        MemStore::<State>::default(),
        Vec::new(),
        (),
    ));
    commands(report, "memory", &Memory(framework), 1).await;
    let bytes = Bytes::new(REPLAYED);
    let store = PersistedEventStore::<_, State>::new_event_store(bytes);
    let window = report.window();
    let loads = tokio::task::spawn_blocking(move || {
        let handle = tokio::runtime::Handle::current();
        rate(window, || {
            let context = handle.block_on(store.load_aggregate("long")).unwrap();
            assert_eq!(black_box(context.aggregate.0.events), REPLAYED);
        })
    });
    report.value("memory-replay", loads.await.unwrap() * REPLAYED as f64);
}

#[derive(Clone)]
struct Memory(Arc<CqrsFramework<State, MemStore<State>>>);

impl bench_common::Bank for Memory {
    async fn execute(&self, id: String, command: Command) -> bool {
        self.0.execute(&id, command).await.is_ok()
    }

    async fn append(&self, _: String, _: u64) {
        unreachable!("no row appends to memory");
    }
}

async fn run(arguments: &Arguments, report: &mut Report) {
    let group = &*arguments.group;
    let path = arguments.folder.join("cqrs-es.db");
    match group {
        "memory" => memory(report).await,
        "sqlite-full" | "sqlite-normal" => {
            let synchronous = if group == "sqlite-full" {
                SqliteSynchronous::Full
            } else {
                SqliteSynchronous::Normal
            };
            let pool = sqlite(&path, synchronous).await;
            writes(report, group, || SqliteEventRepository::new(pool.clone())).await;
            pool.close().await;
        }
        "sqlite" => {
            let pool = sqlite(&path, SqliteSynchronous::Normal).await;
            for length in LENGTHS {
                let repository = SqliteEventRepository::new(pool.clone());
                seed(&repository, &long(length), length).await;
            }
            loads(report, group, || SqliteEventRepository::new(pool.clone())).await;
            pool.close().await;
        }
        "sqlite-feed" => {
            let pool = sqlite(&path, SqliteSynchronous::Normal).await;
            read_models::run(report, &pool).await;
            pool.close().await;
        }
        "postgres-full" => {
            let pool = postgres(arguments).await;
            writes(report, group, || PostgresEventRepository::new(pool.clone())).await;
            pool.close().await;
        }
        "postgres" => {
            let pool = postgres(arguments).await;
            for length in LENGTHS {
                seed_postgres(&pool, &long(length), length).await;
            }
            loads(report, group, || PostgresEventRepository::new(pool.clone())).await;
            pool.close().await;
        }
        other => panic!("no group {other}"),
    }
}

fn main() {
    let arguments = Arguments::read();
    let mut report = arguments.report("cqrs-es");
    runtime().block_on(run(&arguments, &mut report));
}
