//! The feed, a projection and a subscription on SQLite.

use crate::{Event, stored, stream};
use bench_common::{FEED, FEED_STREAM, Report, history, remove};
use es_projections::{
    Delivery, HandlerError, Project, Projection, Projections, React, Subscription,
};
use es_runtime::{Append, Envelope, EventFilter, EventStore, ExpectedVersion, Position, ReadLimit};
use es_sqlite::{SqliteReadDatabase, SqliteStore, SqliteTransaction};
use rusqlite::params;
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

/// A row for every event.
#[derive(Projection)]
#[projection(
    "entries",
    events(Event),
    schema(
        SqliteReadDatabase = "CREATE TABLE {entries} (number INTEGER PRIMARY KEY, account TEXT NOT NULL, amount INTEGER NOT NULL)"
    )
)]
struct Entries;

fn amount(event: &Event) -> i64 {
    match event {
        Event::Opened { .. } => 0,
        Event::Deposited { amount, .. } => *amount,
        Event::Withdrawn { amount, .. } => -amount,
    }
}

impl Project<Event, SqliteReadDatabase> for Entries {
    async fn project(
        &self,
        event: &Envelope<Event>,
        transaction: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        transaction.execute(
            "INSERT INTO {entries} (account, amount) VALUES (?1, ?2)",
            params![event.stream.id(), amount(&event.event)],
        )?;
        Ok(())
    }
}

/// Adds up the amounts.
#[derive(Subscription)]
#[subscription("sum", events(Event))]
struct Sum(Arc<AtomicI64>);

impl React<Event> for Sum {
    async fn react(&self, event: &Envelope<Event>, _: &Delivery) -> Result<(), HandlerError> {
        self.0.fetch_add(amount(&event.event), Ordering::Relaxed);
        Ok(())
    }
}

async fn feed(store: &SqliteStore) -> u64 {
    let (all, limit) = (EventFilter::all(), ReadLimit::events(1_000));
    let (mut from, mut count) = (Position::START, 0);
    loop {
        let page = store.read_feed(from, &all, limit).await.unwrap();
        count += page.events.len() as u64;
        from = page.next;
        if page.at_end {
            return count;
        }
    }
}

pub(crate) async fn run(report: &mut Report, store: &SqliteStore, folder: &Path) {
    for number in 0..FEED / FEED_STREAM {
        let append = Append::new(stream(&format!("feed-{number}")), ExpectedVersion::NoStream)
            .with_events(history(FEED_STREAM).map(stored));
        store.append(append).await.unwrap();
    }
    let rate = |start: Instant, runs: u64| (FEED * runs) as f64 / start.elapsed().as_secs_f64();

    let (start, mut runs) = (Instant::now(), 0);
    while runs == 0 || start.elapsed() < report.window() {
        assert_eq!(feed(store).await, FEED);
        runs += 1;
    }
    report.value("sqlite-feed", rate(start, runs));

    let path = folder.join("read.db");
    let read = SqliteReadDatabase::open(&path).await.unwrap();
    let start = Instant::now();
    let runner = Projections::new(store.clone(), read.clone()).with(Entries);
    runner.catch_up().await.unwrap();
    report.value("sqlite-projection", rate(start, 1));
    read.close().await;
    remove(&path);

    let read = SqliteReadDatabase::open(&path).await.unwrap();
    let sum = Arc::new(AtomicI64::new(0));
    let start = Instant::now();
    let runner =
        Projections::new(store.clone(), read.clone()).with_subscription(Sum(Arc::clone(&sum)));
    runner.catch_up().await.unwrap();
    report.value("sqlite-subscription", rate(start, 1));
    assert_ne!(sum.load(Ordering::Relaxed), 0);
    read.close().await;
}
