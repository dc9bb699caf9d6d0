//! es-runtime with its stores: in memory, SQLite and PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a benchmark may stop"
)]

mod account;
mod read_models;
mod school;

use account::{Account, Deposit, Event, Open};
use bench_common::{
    Arguments, BankEvent, Command, LENGTHS, REPLAYED, Report, commands, deposits, history, long,
    rate, runtime,
};
use es_postgres::PostgresStore;
use es_runtime::{
    Append, EventStore, ExpectedVersion, MemoryStore, NewEvent, NoSnapshots, Repository,
    SnapshotStore, StreamId,
};
use es_sqlite::{Durability, SqliteStore};
use std::hint::black_box;

/// Room for every account that is in use.
const CACHED: usize = 1_000;

/// A store, as the loops use it. Commands are executed without snapshots, as those of the peers are.
#[derive(Clone)]
struct Bank<S: EventStore> {
    store: S,
    accounts: Repository<Account, S, NoSnapshots>,
}

impl<S: EventStore> Bank<S> {
    fn new(store: &S) -> Self {
        let accounts = Repository::without_snapshots(store.clone());
        let store = store.clone();
        Self { store, accounts }
    }

    async fn load(&self, id: String) -> u64 {
        self.accounts.load(id).await.unwrap().state.facts.events
    }
}

fn stream(id: &str) -> StreamId {
    StreamId::new("account", id).unwrap()
}

/// An event as a store takes it.
fn stored(event: BankEvent) -> NewEvent {
    let event = Event::from(event);
    NewEvent::json(
        event.stored_name(),
        1,
        serde_json::to_vec(&event.payload()).unwrap(),
    )
}

impl<S: EventStore> bench_common::Bank for Bank<S> {
    async fn execute(&self, id: String, command: Command) -> bool {
        match command {
            Command::Open => self.accounts.execute(id, Open).await.is_ok(),
            Command::Deposit(number) => self.accounts.execute(id, Deposit(number)).await.is_ok(),
        }
    }

    async fn append(&self, id: String, events: u64) {
        let append = Append::new(stream(&id), ExpectedVersion::NoStream)
            .with_events(deposits(events).map(stored));
        self.store.append(append).await.unwrap();
    }
}

/// One account with so many events.
async fn seed(store: &impl EventStore, id: &str, events: u64) {
    let mut rest = history(events).map(stored);
    loop {
        let some: Vec<NewEvent> = rest.by_ref().take(1_000).collect();
        if some.is_empty() {
            return;
        }
        let append = Append::new(stream(id), ExpectedVersion::Any).with_events(some);
        store.append(append).await.unwrap();
    }
}

async fn writes<S: EventStore>(report: &mut Report, group: &str, store: &S) {
    let bank = Bank::new(store);
    bench_common::writes(report, group, &bank).await;
    let cached = Bank {
        accounts: bank.accounts.cached(CACHED),
        ..bank
    };
    bench_common::cached_commands(report, group, &cached).await;
}

async fn loads<S: EventStore + SnapshotStore>(report: &mut Report, group: &str, store: &S) {
    let bank = Bank::new(store);
    for length in LENGTHS {
        seed(store, &long(length), length).await;
    }
    let longest = LENGTHS.into_iter().max().unwrap();
    bench_common::loads(report, group, longest, |id| bank.load(id)).await;
    // A load does not write a snapshot; the command after it does.
    let with = Repository::<Account, S>::new(store.clone());
    with.execute(long(longest), Deposit(1)).await.unwrap();
    let row = format!("{group}-load-snapshot");
    report
        .load(&row, longest + 1, || async {
            with.load(long(longest)).await.unwrap().state.facts.events
        })
        .await;
}

async fn memory(report: &mut Report) {
    let store = MemoryStore::new();
    commands(report, "memory", &Bank::new(&store), 1).await;
    let store = MemoryStore::new();
    seed(&store, &long(REPLAYED), REPLAYED).await;
    let bank = Bank::new(&store);
    let window = report.window();
    let loads = tokio::task::spawn_blocking(move || {
        let handle = tokio::runtime::Handle::current();
        rate(window, || {
            assert_eq!(
                black_box(handle.block_on(bank.load(long(REPLAYED)))),
                REPLAYED
            );
        })
    });
    report.value("memory-replay", loads.await.unwrap() * REPLAYED as f64);
}

async fn open(arguments: &Arguments, durability: Durability) -> SqliteStore {
    let options = SqliteStore::options().durability(durability);
    let path = arguments.folder.join("es-runtime.db");
    options.open(path).await.unwrap()
}

async fn run(arguments: &Arguments, report: &mut Report) {
    let group = &*arguments.group;
    match group {
        "memory" => memory(report).await,
        "sqlite-full" | "sqlite-normal" => {
            let durability = if group == "sqlite-full" {
                Durability::Full
            } else {
                Durability::Normal
            };
            let store = open(arguments, durability).await;
            writes(report, group, &store).await;
            store.close().await;
        }
        "sqlite" => {
            let store = open(arguments, Durability::Normal).await;
            loads(report, group, &store).await;
            store.close().await;
        }
        "sqlite-feed" => {
            let store = open(arguments, Durability::Normal).await;
            read_models::run(report, &store, &arguments.folder).await;
            store.close().await;
        }
        "postgres-full" => {
            let url = arguments.postgres().url();
            let store = PostgresStore::open(&url).await.unwrap();
            writes(report, group, &store).await;
            store.close().await;
        }
        "file-decisions" => {
            let store = open(arguments, Durability::Full).await;
            school::run(report, group, &store).await;
            store.close().await;
        }
        "postgres-decisions" => {
            let url = arguments.postgres().url();
            let store = PostgresStore::open(&url).await.unwrap();
            school::run(report, group, &store).await;
            store.close().await;
        }
        "postgres" => {
            let url = arguments.postgres().url();
            let store = PostgresStore::open(&url).await.unwrap();
            loads(report, group, &store).await;
            store.close().await;
        }
        other => panic!("no group {other}"),
    }
}

fn main() {
    let arguments = Arguments::read();
    let mut report = arguments.report("es-runtime");
    runtime().block_on(run(&arguments, &mut report));
}
