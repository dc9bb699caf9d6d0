//! evento on SQLite and PostgreSQL. Its payloads are in bitcode, the only format that it has, and not in JSON.

#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a benchmark may stop"
)]

mod ledger;
mod read_models;

#[path = "../../pool.rs"]
mod pool;

use bench_common::{
    Account, Arguments, BankEvent, Command, LENGTHS, Report, decide, deposits, history, long,
    runtime, writes,
};
use evento::{
    Executor, WriteBuilder,
    migrator::{Migrate, Plan},
};
use ledger::{Deposited, Opened, Withdrawn, load, load_snapshot};
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, time::Duration};

/// Its versions have 16 bits, so an aggregate has at most 65,535 events.
const LONGEST: u64 = 60_000;

fn add(write: &mut WriteBuilder, event: BankEvent) {
    match event {
        BankEvent::Opened {
            owner,
            currency,
            reference,
            at,
        } => write.event(&Opened {
            owner,
            currency,
            reference,
            at,
        }),
        BankEvent::Deposited {
            amount,
            currency,
            reference,
            at,
        } => write.event(&Deposited {
            amount,
            currency,
            reference,
            at,
        }),
        BankEvent::Withdrawn {
            amount,
            currency,
            reference,
            at,
        } => write.event(&Withdrawn {
            amount,
            currency,
            reference,
            at,
        }),
    };
}

#[derive(Clone)]
struct Bank<E>(E);

impl<E: Executor + Clone> bench_common::Bank for Bank<E> {
    async fn execute(&self, id: String, command: Command) -> bool {
        let Ok(found) = load(&self.0, &id).await else {
            return false;
        };
        let (version, events) = found.map_or((0, 0), |view| (view.aggregate_version, view.events));
        let account = Account {
            events,
            ..Account::default()
        };
        let Ok(event) = decide(&account, command) else {
            return false;
        };
        let mut write = evento::append(id);
        if version > 0 {
            write.original_version(version);
        }
        add(&mut write, event);
        write.commit(&self.0).await.is_ok()
    }

    async fn append(&self, id: String, events: u64) {
        let mut write = evento::append(id);
        for event in deposits(events) {
            add(&mut write, event);
        }
        write.commit(&self.0).await.unwrap();
    }
}

async fn sqlite(path: &Path, synchronous: SqliteSynchronous) -> (SqlitePool, evento::Sqlite) {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .busy_timeout(Duration::from_secs(20));
    let pool = SqlitePoolOptions::new().max_connections(10);
    let pool = pool.connect_with(options).await.unwrap();
    let mut connection = pool.acquire().await.unwrap();
    let migrator = evento::sql_migrator::new::<sqlx::Sqlite>().unwrap();
    let plan = Plan::apply_all();
    migrator.run(&mut *connection, &plan).await.unwrap();
    drop(connection);
    (pool.clone(), pool.into())
}

async fn postgres(arguments: &Arguments) -> evento::Postgres {
    let pool = pool::postgres(arguments).await;
    let mut connection = pool.acquire().await.unwrap();
    let migrator = evento::sql_migrator::new::<sqlx::Postgres>().unwrap();
    let plan = Plan::apply_all();
    migrator.run(&mut *connection, &plan).await.unwrap();
    drop(connection);
    pool.into()
}

/// One account with so many events.
pub(crate) async fn seed<E: Executor>(executor: &E, id: &str, events: u64) {
    let (mut rest, mut version) = (history(events).peekable(), 0_u16);
    while rest.peek().is_some() {
        let mut write = evento::append(id);
        if version > 0 {
            write.original_version(version);
        }
        for event in rest.by_ref().take(500) {
            add(&mut write, event);
            version += 1;
        }
        write.commit(executor).await.unwrap();
    }
}

async fn loads<E: Executor + Clone>(report: &mut Report, group: &str, executor: E) {
    let lengths = LENGTHS.into_iter().filter(|length| *length < LONGEST);
    let longest = lengths.clone().max().unwrap();
    for length in lengths {
        seed(&executor, &long(length), length).await;
    }
    bench_common::loads(report, group, longest, async |id: String| {
        load(&executor, &id).await.unwrap().unwrap().events
    })
    .await;
    // The first load writes the snapshot.
    load_snapshot(&executor, &long(longest)).await.unwrap();
    let row = format!("{group}-load-snapshot");
    report
        .load(&row, longest, async || {
            let view = load_snapshot(&executor, &long(longest)).await.unwrap();
            view.unwrap().events
        })
        .await;
}

async fn run(arguments: &Arguments, report: &mut Report) {
    let group = &*arguments.group;
    let path = arguments.folder.join("evento.db");
    match group {
        "sqlite-full" | "sqlite-normal" => {
            let synchronous = if group == "sqlite-full" {
                SqliteSynchronous::Full
            } else {
                SqliteSynchronous::Normal
            };
            let (pool, executor) = sqlite(&path, synchronous).await;
            writes(report, group, &Bank(executor)).await;
            pool.close().await;
        }
        "sqlite" => {
            let (pool, executor) = sqlite(&path, SqliteSynchronous::Normal).await;
            loads(report, group, executor).await;
            pool.close().await;
        }
        "sqlite-feed" => {
            let (pool, executor) = sqlite(&path, SqliteSynchronous::Normal).await;
            read_models::run(report, &pool, &executor).await;
            pool.close().await;
        }
        "postgres-full" => writes(report, group, &Bank(postgres(arguments).await)).await,
        "postgres" => loads(report, group, postgres(arguments).await).await,
        other => panic!("no group {other}"),
    }
}

fn main() {
    let arguments = Arguments::read();
    let mut report = arguments.report("evento");
    runtime().block_on(run(&arguments, &mut report));
}
