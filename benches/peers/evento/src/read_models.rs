//! Its subscriptions on SQLite.

use crate::{
    ledger::{Deposited, Opened, Withdrawn},
    seed,
};
use bench_common::{FEED, FEED_STREAM, Report};
use evento::{
    Executor,
    metadata::Event,
    subscription::{Context, SubscriptionBuilder},
};
use sqlx::SqlitePool;
use std::{
    sync::{
        OnceLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Instant,
};

static SUM: AtomicI64 = AtomicI64::new(0);
static COUNT: AtomicU64 = AtomicU64::new(0);
static POOL: OnceLock<SqlitePool> = OnceLock::new();

/// Where the subscription has a table, a row for every event.
async fn arrived(id: &str, amount: i64) -> anyhow::Result<()> {
    if let Some(pool) = POOL.get() {
        sqlx::query("INSERT INTO entries (account, amount) VALUES (?1, ?2)")
            .bind(id)
            .bind(amount)
            .execute(pool)
            .await?;
    }
    SUM.fetch_add(amount, Ordering::Relaxed);
    COUNT.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

#[evento::subscription]
async fn on_opened<E: Executor>(_: &Context<'_, E>, event: Event<Opened>) -> anyhow::Result<()> {
    arrived(&event.aggregate_id, 0).await
}

#[evento::subscription]
async fn on_deposited<E: Executor>(
    _: &Context<'_, E>,
    event: Event<Deposited>,
) -> anyhow::Result<()> {
    arrived(&event.aggregate_id, event.data.amount).await
}

#[evento::subscription]
async fn on_withdrawn<E: Executor>(
    _: &Context<'_, E>,
    event: Event<Withdrawn>,
) -> anyhow::Result<()> {
    arrived(&event.aggregate_id, -event.data.amount).await
}

/// Events a second, of which it may not reach the last: it gets slower with every page.
async fn rate<E: Executor + Clone>(executor: &E, key: &str) -> f64 {
    COUNT.store(0, Ordering::Relaxed);
    let start = Instant::now();
    let mut subscription = SubscriptionBuilder::new(key)
        .handler(on_opened())
        .handler(on_deposited())
        .handler(on_withdrawn())
        .any_routing_key()
        .chunk_size(1_000)
        .ack_every(1_000);
    let _ = subscription.run_once(executor).await;
    COUNT.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64()
}

pub(crate) async fn run<E: Executor + Clone>(report: &mut Report, pool: &SqlitePool, executor: &E) {
    // It takes minutes for a hundred thousand events, so it gets fewer: a rate is a rate.
    let events = FEED / 10;
    for number in 0..events / FEED_STREAM {
        seed(executor, &format!("feed-{number}"), FEED_STREAM).await;
    }
    let table = "CREATE TABLE entries (number INTEGER PRIMARY KEY, account TEXT NOT NULL,
                                       amount INTEGER NOT NULL)";
    sqlx::raw_sql(table).execute(pool).await.unwrap();
    report.value("sqlite-subscription", rate(executor, "sum").await);
    assert_eq!(COUNT.load(Ordering::Relaxed), events);
    POOL.set(pool.clone()).unwrap();
    report.value("sqlite-projection", rate(executor, "entries").await);
}
