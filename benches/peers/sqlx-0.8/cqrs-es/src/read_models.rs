//! Its `QueryReplay` on SQLite. It keeps no checkpoint, and each row is a transaction of its own.

use crate::{Event, State, seed};
use bench_common::{BankEvent, FEED_STREAM, Report};
use cqrs_es::{EventEnvelope, Query, persist::QueryReplay};
use sqlite_es::SqliteEventRepository;
use sqlx::SqlitePool;
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Instant,
};

fn amount(Event(event): &Event) -> i64 {
    match event {
        BankEvent::Opened { .. } => 0,
        BankEvent::Deposited { amount, .. } => *amount,
        BankEvent::Withdrawn { amount, .. } => -amount,
    }
}

/// Adds up the amounts.
struct Sum(Arc<AtomicI64>);

#[async_trait::async_trait]
impl Query<State> for Sum {
    async fn dispatch(&self, _: &str, events: &[EventEnvelope<State>]) {
        for event in events {
            self.0.fetch_add(amount(&event.payload), Ordering::Relaxed);
        }
    }
}

/// A row for every event.
struct Entries(SqlitePool, Arc<AtomicU64>);

#[async_trait::async_trait]
impl Query<State> for Entries {
    async fn dispatch(&self, id: &str, events: &[EventEnvelope<State>]) {
        for event in events {
            sqlx::query("INSERT INTO entries (account, amount) VALUES (?1, ?2)")
                .bind(id)
                .bind(amount(&event.payload))
                .execute(&self.0)
                .await
                .unwrap();
            self.1.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// It takes minutes for a hundred thousand rows, so it gets fewer: a rate is a rate.
const FEED: u64 = bench_common::FEED / 10;

pub(crate) async fn run(report: &mut Report, pool: &SqlitePool) {
    let repository = || SqliteEventRepository::new(pool.clone());
    for number in 0..FEED / FEED_STREAM {
        seed(&repository(), &format!("feed-{number}"), FEED_STREAM).await;
    }
    let table = "CREATE TABLE entries (number INTEGER PRIMARY KEY, account TEXT NOT NULL,
                                       amount INTEGER NOT NULL)";
    sqlx::raw_sql(table).execute(pool).await.unwrap();

    let rows = Arc::new(AtomicU64::new(0));
    let entries = Entries(pool.clone(), Arc::clone(&rows));
    let start = Instant::now();
    let replay = QueryReplay::<_, _, State>::new(repository(), entries);
    replay.replay_all().await.unwrap();
    assert_eq!(rows.load(Ordering::Relaxed), FEED);
    report.value(
        "sqlite-projection",
        FEED as f64 / start.elapsed().as_secs_f64(),
    );

    let sum = Arc::new(AtomicI64::new(0));
    let start = Instant::now();
    let replay = QueryReplay::<_, _, State>::new(repository(), Sum(Arc::clone(&sum)));
    replay.replay_all().await.unwrap();
    assert_ne!(sum.load(Ordering::Relaxed), 0);
    report.value(
        "sqlite-subscription",
        FEED as f64 / start.elapsed().as_secs_f64(),
    );
}
