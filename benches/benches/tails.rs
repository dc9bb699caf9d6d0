//! How long commands take at a fixed offered load, while projections and a report run; and many callers of one
//! aggregate. Each without and with cached states.
//!
//! `cargo bench -p es-benches --bench tails [-- --smoke] [--seconds 10] [--only sqlite|postgres]`
//!
//! The load is open: a command is due at its time, whether the one before is done or not, and its latency counts from
//! that time. So a store that stops for a second shows in all the commands that were due in it, not in one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark may stop"
)]

use es_benches::{
    accounts::{Account, Deposit, seed},
    feed::feed,
};
use es_postgres::PostgresStore;
use es_projections::{
    AnyReadDatabase, AnyTransaction, HandlerError, Project, Projection, Projections, values,
};
use es_runtime::{
    AnyStore, Envelope, Event, EventStore, ExecuteError, FeedPage, ReadLimit, Repository,
};
use es_sqlite::SqliteStore;
use es_testkit::postgres::Server;
use serde::{Deserialize, Serialize};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::{runtime::Runtime, sync::mpsc, task::JoinSet};

/// Callers, and the commands a second of all of them together. One caller can do the lower load.
const LOADS: [(usize, u64); 7] = [
    (1, 400),
    (32, 400),
    (1_000, 400),
    (10_000, 400),
    (32, 2_000),
    (1_000, 2_000),
    (10_000, 2_000),
];
/// Events of an account at first.
const EVENTS: u64 = 10;
/// So that no account gets too long where there are few callers. A multiple of 32.
const ACCOUNTS: usize = 96;
/// The callers of one aggregate, and the commands of each of them.
const CROWD: usize = 400;
const COMMANDS: usize = 10;
/// Room for every account of a run.
const CACHED: usize = 40_000;

#[derive(Event, Serialize, Deserialize)]
#[event("account.deposited")]
struct Deposited {
    cents: i64,
    reference: String,
}

#[derive(Projection)]
#[projection("balances", events(Deposited))]
#[projection(schema = "CREATE TABLE {balances} (account TEXT PRIMARY KEY, cents BIGINT NOT NULL)")]
struct Balances;

impl Project<Deposited> for Balances {
    async fn project(
        &self,
        event: &Envelope<Deposited>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        tx.run(
            "INSERT INTO {balances} (account, cents) VALUES ($1, $2)
             ON CONFLICT (account) DO UPDATE SET cents = {balances}.cents + excluded.cents",
            values![event.stream.id(), event.event.cents],
        )
        .await?;
        Ok(())
    }
}

#[derive(Projection)]
#[projection("deposits", events(Deposited))]
#[projection(schema = "CREATE TABLE {deposits} (event TEXT PRIMARY KEY, cents BIGINT NOT NULL)")]
struct Deposits;

impl Project<Deposited> for Deposits {
    async fn project(
        &self,
        event: &Envelope<Deposited>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        tx.run(
            "INSERT INTO {deposits} (event, cents) VALUES ($1, $2)",
            values![event.event_id.to_string(), event.event.cents],
        )
        .await?;
        Ok(())
    }
}

/// What is measured of some commands.
#[derive(Default)]
struct Found {
    latencies: Vec<Duration>,
    /// Attempts after the first one.
    retries: u64,
    /// Commands that another writer was ahead of in every attempt.
    failed: u64,
    took: Duration,
}

impl Found {
    fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.retries += other.retries;
        self.failed += other.failed;
    }

    /// Executes one command that was due at this time.
    async fn execute(&mut self, accounts: &Repository<Account>, id: &str, due: Instant) {
        match accounts.execute(id, Deposit { cents: 1 }).await {
            Ok(done) => self.retries += u64::from(done.attempts) - 1,
            Err(ExecuteError::Conflict { attempts, .. }) => {
                self.retries += u64::from(attempts) - 1;
                self.failed += 1;
            }
            Err(error) => panic!("{error}"),
        }
        self.latencies.push(due.elapsed());
    }

    fn print(&mut self, what: &str) {
        self.latencies.sort_unstable();
        let count = self.latencies.len();
        let at = |thousandths: usize| {
            let index = (count * thousandths / 1_000).min(count - 1);
            format!("{:.2} ms", self.latencies[index].as_secs_f64() * 1e3)
        };
        let rate = (count as u64 - self.failed) as f64 / self.took.as_secs_f64();
        // Commands that were executed, and the latencies of all.
        println!(
            "{what:<44} {rate:>8.0} {:>11} {:>11} {:>11} {:>11} {:>8} {:>7}",
            at(500),
            at(990),
            at(999),
            at(1_000),
            self.retries,
            self.failed,
        );
    }
}

fn head(title: &str) {
    println!(
        "\n{title:<44} {:>8} {:>11} {:>11} {:>11} {:>11} {:>8} {:>7}",
        "1/s", "p50", "p99", "p99.9", "longest", "retries", "failed"
    );
}

fn accounts(store: &AnyStore, cached: bool) -> Repository<Account> {
    let accounts = Repository::new(store.clone());
    if cached {
        accounts.cached(CACHED)
    } else {
        accounts
    }
}

fn named(cached: bool) -> &'static str {
    if cached { ", cached states" } else { "" }
}

/// A number that no other run has.
fn next_run() -> u64 {
    static RUN: AtomicU64 = AtomicU64::new(0);
    RUN.fetch_add(1, Ordering::Relaxed)
}

/// Accounts with events, made by many writers at once.
async fn seed_all(store: &AnyStore, run: u64, accounts: usize) {
    let mut tasks = JoinSet::new();
    for first in 0..64 {
        let store = store.clone();
        tasks.spawn(async move {
            for account in (first..accounts).step_by(64) {
                seed(&store, &format!("{run}-{account}"), EVENTS).await;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

/// So many commands a second by so many callers, each of which does one after the other.
async fn offered(
    store: &AnyStore,
    (callers, rate): (usize, u64),
    cached: bool,
    seconds: f64,
) -> Found {
    let (run, number) = (next_run(), callers.max(ACCOUNTS));
    seed_all(store, run, number).await;
    let accounts = accounts(store, cached);
    let (mut senders, mut tasks) = (Vec::new(), JoinSet::new());
    for _ in 0..callers {
        let (sender, mut due) = mpsc::unbounded_channel::<(usize, Instant)>();
        senders.push(sender);
        let accounts = accounts.clone();
        tasks.spawn(async move {
            let mut found = Found::default();
            while let Some((account, due)) = due.recv().await {
                let id = format!("{run}-{account}");
                found.execute(&accounts, &id, due).await;
            }
            found
        });
    }
    let began = Instant::now();
    // A thread of its own: timers of the runtime would be late when it is busy, and round to milliseconds.
    let clock = thread::spawn(move || {
        for command in 0..(rate as f64 * seconds) as u64 {
            let due = began + Duration::from_secs_f64(command as f64 / rate as f64);
            if let Some(early) = due.checked_duration_since(Instant::now()) {
                thread::sleep(early);
            }
            let account = command as usize % number;
            if let Some(sender) = senders.get(account % callers) {
                sender.send((account, due)).unwrap();
            }
        }
    });
    let mut all = Found::default();
    while let Some(found) = tasks.join_next().await {
        all.add(found.unwrap());
    }
    all.took = began.elapsed();
    clock.join().unwrap();
    all
}

/// Callers of one aggregate, each of which sends the next command when the one before is done.
async fn crowd(store: &AnyStore, commands: usize, cached: bool) -> Found {
    let run = next_run();
    seed(store, &format!("{run}-crowd"), EVENTS).await;
    let accounts = accounts(store, cached);
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..CROWD {
        let accounts = accounts.clone();
        tasks.spawn(async move {
            let mut found = Found::default();
            let id = format!("{run}-crowd");
            for _ in 0..commands {
                found.execute(&accounts, &id, Instant::now()).await;
            }
            found
        });
    }
    let mut all = Found::default();
    while let Some(found) = tasks.join_next().await {
        all.add(found.unwrap());
    }
    all.took = began.elapsed();
    all
}

/// Reads all events, again and again. Gives how many it read a second.
async fn report(store: AnyStore, is_done: Arc<AtomicBool>) -> f64 {
    let is_done = |_: &FeedPage| is_done.load(Ordering::Relaxed);
    feed(&store, ReadLimit::events(1_000), is_done).await
}

async fn measure(name: &str, store: AnyStore, read: AnyReadDatabase, options: &Options) {
    let runner = Projections::new(store.clone(), read)
        .with(Balances)
        .with(Deposits);
    let running = runner.start().unwrap();
    let is_done = Arc::new(AtomicBool::new(false));
    let report = tokio::spawn(report(store.clone(), Arc::clone(&is_done)));
    head(&format!("{name}, offered load"));
    for load in LOADS {
        for cached in [false, true] {
            let mut found = offered(&store, load, cached, options.seconds).await;
            let (callers, rate) = load;
            found.print(&format!("{callers} callers, {rate}/s{}", named(cached)));
        }
    }
    head(&format!("{name}, {CROWD} callers of one aggregate"));
    for cached in [false, true] {
        let mut found = crowd(&store, options.commands, cached).await;
        found.print(&format!(
            "{} commands each{}",
            options.commands,
            named(cached)
        ));
    }
    is_done.store(true, Ordering::Relaxed);
    let report = report.await.unwrap();
    println!("a report read {report:.0} events/s meanwhile, beside two projections");
    running.shutdown().await;
    store.close().await;
}

struct Options {
    seconds: f64,
    commands: usize,
    only: Option<String>,
}

impl Options {
    fn read() -> Self {
        let mut options = Self {
            seconds: 10.0,
            commands: COMMANDS,
            only: None,
        };
        let mut given = std::env::args().skip(1);
        while let Some(name) = given.next() {
            match &*name {
                "--smoke" => (options.seconds, options.commands) = (0.2, 1),
                "--seconds" => options.seconds = given.next().unwrap().parse().unwrap(),
                "--only" => options.only = given.next(),
                // `cargo bench` passes it on.
                "--bench" => {}
                other => panic!("no option {other}: --smoke, --seconds N, --only sqlite|postgres"),
            }
        }
        options
    }

    fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == name)
    }
}

fn main() {
    let options = Options::read();
    let runtime = Runtime::new().unwrap();
    println!("latencies from the time at which a command was due");
    if options.wants("sqlite") {
        let folder = tempfile::tempdir().unwrap();
        runtime.block_on(async {
            let path = folder.path().join("events.db");
            let store = SqliteStore::open(path).await.unwrap();
            let read = AnyReadDatabase::new(store.read_database());
            measure("SQLite", AnyStore::new(store), read, &options).await;
        });
    }
    if options.wants("postgres") {
        let server = Server::start().unwrap();
        let database = server.database().unwrap();
        runtime.block_on(async {
            let store = PostgresStore::open(&database.url()).await.unwrap();
            let read = AnyReadDatabase::new(store.read_database());
            measure("PostgreSQL", AnyStore::new(store), read, &options).await;
        });
    }
}
