//! Read models next to the baseline that no library can beat: reading all rows and inserting rows in
//! transactions of a thousand, measured in the same round.
//!
//! `cargo bench -p es-benches --bench projections [-- ROUNDS]`

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark may stop"
)]

use es_projections::{
    Delivery, HandlerError, Measure, Project, Projection, Projections, React, Subscription, WaitFor,
};
use es_runtime::{
    Append, Envelope, Event, EventFilter, EventStore, ExpectedVersion, NewEvent, Position,
    ReadLimit, StreamId,
};
use es_sqlite::{Durability, SqliteReadDatabase, SqliteStore, SqliteTransaction};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

const EVENTS: u64 = 200_000;
const ORDERS: u64 = 50_000;
const LIVE: u64 = 5_000;

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {
    customer: u64,
    cents: i64,
    placed_on: String,
}

#[derive(Event, Serialize, Deserialize)]
#[event("order.shipped")]
struct OrderShipped {
    shipped_on: String,
}

macro_rules! projection {
    ($name:ident, $stored:literal, [$($event:ident),*], $schema:literal) => {
        #[derive(Projection)]
        #[projection($stored, events($($event),*), schema(SqliteReadDatabase = $schema))]
        struct $name;
    };
}

projection!(
    Trivial,
    "trivial",
    [OrderPlaced, OrderShipped],
    "CREATE TABLE {trivial} (position INTEGER PRIMARY KEY, stream TEXT NOT NULL)"
);
projection!(
    Orders,
    "orders",
    [OrderPlaced, OrderShipped],
    "CREATE TABLE {orders} (id TEXT PRIMARY KEY, customer INTEGER, cents INTEGER, status TEXT)"
);
projection!(
    Months,
    "months",
    [OrderPlaced],
    "CREATE TABLE {months} (month TEXT PRIMARY KEY, orders INTEGER, cents INTEGER)"
);
projection!(
    Customers,
    "customers",
    [OrderPlaced],
    "CREATE TABLE {customers} (id INTEGER PRIMARY KEY, orders INTEGER, cents INTEGER)"
);

/// Each handler is one statement.
macro_rules! project {
    ($name:ident, $event:ident, |$e:ident| $sql:expr, $params:expr) => {
        impl Project<$event, SqliteReadDatabase> for $name {
            async fn project(
                &self,
                $e: &Envelope<$event>,
                tx: &mut SqliteTransaction,
            ) -> Result<(), HandlerError> {
                tx.execute($sql, $params)?;
                Ok(())
            }
        }
    };
}

const TRIVIAL: &str = "INSERT INTO {trivial} VALUES (?1, ?2)";
project!(
    Trivial,
    OrderPlaced,
    |e| TRIVIAL,
    params![low(e.position), e.stream.id()]
);
project!(
    Trivial,
    OrderShipped,
    |e| TRIVIAL,
    params![low(e.position), e.stream.id()]
);
project!(
    Orders,
    OrderPlaced,
    |e| "INSERT INTO {orders} VALUES (?1, ?2, ?3, 'placed')",
    params![e.stream.id(), e.event.customer.cast_signed(), e.event.cents]
);
project!(
    Orders,
    OrderShipped,
    |e| "UPDATE {orders} SET status = 'shipped' WHERE id = ?1",
    params![e.stream.id()]
);
project!(
    Months,
    OrderPlaced,
    |e| "INSERT INTO {months} VALUES (?1, 1, ?2) ON CONFLICT (month) DO UPDATE
         SET orders = orders + 1, cents = cents + excluded.cents",
    params![&e.event.placed_on[..7], e.event.cents]
);
project!(
    Customers,
    OrderPlaced,
    |e| "INSERT INTO {customers} VALUES (?1, 1, ?2) ON CONFLICT (id) DO UPDATE
         SET orders = orders + 1, cents = cents + excluded.cents",
    params![e.event.customer.cast_signed(), e.event.cents]
);

/// Delivers nothing anywhere.
#[derive(Subscription)]
#[subscription("nothing", events(OrderPlaced, OrderShipped))]
struct Nothing;

impl React<OrderPlaced> for Nothing {
    async fn react(&self, _: &Envelope<OrderPlaced>, _: &Delivery) -> Result<(), HandlerError> {
        Ok(())
    }
}

impl React<OrderShipped> for Nothing {
    async fn react(&self, _: &Envelope<OrderShipped>, _: &Delivery) -> Result<(), HandlerError> {
        Ok(())
    }
}

/// Reads the feed in pages of a thousand and does nothing with the events.
async fn feed(store: &SqliteStore) -> Duration {
    let began = Instant::now();
    let mut after = Position::START;
    let mut count = 0;
    loop {
        let page = store
            .read_feed(after, &EventFilter::all(), ReadLimit::events(1_000))
            .await
            .unwrap();
        count += page.events.len() as u64;
        after = page.next;
        if page.at_end {
            break;
        }
    }
    assert_eq!(count, EVENTS);
    began.elapsed()
}

/// Delivers every event with a handler that does nothing.
async fn deliver(store: &SqliteStore, path: &Path) -> Duration {
    remove(path);
    let read = SqliteReadDatabase::open(path).await.unwrap();
    let began = Instant::now();
    let runner = Projections::new(store.clone(), read.clone()).with_subscription(Nothing);
    runner.catch_up().await.unwrap();
    let took = began.elapsed();
    read.close().await;
    took
}

/// Opens a full store with an inline projection that it did not have.
async fn open_late(events: &Path, path: &Path) -> Duration {
    remove(path);
    fs::copy(events, path).unwrap();
    let began = Instant::now();
    let with = SqliteStore::options()
        .durability(Durability::Normal)
        .inline(Trivial);
    let with = with.open(path).await.unwrap();
    let took = began.elapsed();
    with.close().await;
    took
}

fn low(position: Position) -> i64 {
    let [_, _, low] = position.to_parts();
    low.cast_signed()
}

/// Four events an order, placed and shipped and two more that only `Trivial` lists.
async fn fill(store: &SqliteStore) {
    let mut appends = Vec::new();
    for order in 0..ORDERS {
        let stream = StreamId::new("order", &format!("o{order}")).unwrap();
        let placed = format!(
            r#"{{"customer":{},"cents":{},"placed_on":"1997-{:02}-11"}}"#,
            order % 5_000,
            order % 900,
            order % 12 + 1
        );
        let shipped = r#"{"shipped_on":"1998-01-01"}"#;
        let append = Append::new(stream, ExpectedVersion::NoStream)
            .with_event(NewEvent::json("order.placed", 1, placed))
            .with_events((0..3).map(|_| NewEvent::json("order.shipped", 1, shipped)));
        let store = store.clone();
        appends.push(tokio::spawn(async move { store.append(append).await }));
        if appends.len() == 512 {
            for done in appends.drain(..) {
                done.await.unwrap().unwrap();
            }
        }
    }
    for done in appends {
        done.await.unwrap().unwrap();
    }
}

/// Reads every row and inserts one for each, a thousand in a transaction.
fn baseline(events: &Path, rows: &Path) -> Duration {
    let began = Instant::now();
    let from = Connection::open(events).unwrap();
    let to = Connection::open(rows).unwrap();
    to.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
         CREATE TABLE trivial (position INTEGER PRIMARY KEY, stream TEXT NOT NULL);
         CREATE TABLE checkpoint (position INTEGER); INSERT INTO checkpoint VALUES (0)",
    )
    .unwrap();
    let mut select = from
        .prepare(
            "SELECT position, aggregate_id, version, event, schema_version, event_id, metadata,
                    recorded_at, content_type, payload FROM events ORDER BY position",
        )
        .unwrap();
    let mut found = select.query([]).unwrap();
    let mut insert = to.prepare("INSERT INTO trivial VALUES (?1, ?2)").unwrap();
    let mut count = 0_u64;
    to.execute_batch("BEGIN IMMEDIATE").unwrap();
    while let Some(row) = found.next().unwrap() {
        let (position, stream): (i64, String) = (row.get(0).unwrap(), row.get(1).unwrap());
        let payload: String = row.get(9).unwrap();
        std::hint::black_box(payload);
        insert.execute(params![position, stream]).unwrap();
        count += 1;
        if count.is_multiple_of(1_000) {
            to.execute("UPDATE checkpoint SET position = ?1", [position])
                .unwrap();
            to.execute_batch("COMMIT; BEGIN IMMEDIATE").unwrap();
        }
    }
    to.execute_batch("COMMIT").unwrap();
    assert_eq!(count, EVENTS);
    began.elapsed()
}

fn remove(path: &Path) {
    for ending in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        let _ = fs::remove_file(name);
    }
}

/// The most memory that the process has held, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn per_second(took: Duration) -> f64 {
    EVENTS as f64 / took.as_secs_f64()
}

fn main() {
    let rounds: usize = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(3);
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("events.db");
    let store = runtime.block_on(async {
        let store = SqliteStore::options()
            .durability(Durability::Normal)
            .open(&events)
            .await
            .unwrap();
        fill(&store).await;
        store
    });
    println!("{EVENTS} events in {ORDERS} streams, SQLite, medians of {rounds}\n");
    let (mut raw, mut one, mut three, mut inline) = (vec![], vec![], vec![], vec![]);
    let (mut read, mut delivered) = (vec![], vec![]);
    let before = peak();
    let mut grown = 0;
    for _ in 0..rounds {
        let rows = folder.path().join("baseline.db");
        remove(&rows);
        raw.push(per_second(baseline(&events, &rows)));

        let took = runtime.block_on(async {
            let path = folder.path().join("one.db");
            remove(&path);
            let read = SqliteReadDatabase::open(&path).await.unwrap();
            let began = Instant::now();
            let runner = Projections::new(store.clone(), read.clone()).with(Trivial);
            runner.catch_up().await.unwrap();
            let took = began.elapsed();
            read.close().await;
            took
        });
        one.push(per_second(took));
        grown = peak() - before;

        let took = runtime.block_on(async {
            let path = folder.path().join("three.db");
            remove(&path);
            let read = SqliteReadDatabase::open(&path).await.unwrap();
            let began = Instant::now();
            let runner = Projections::new(store.clone(), read.clone())
                .with(Orders)
                .with(Months)
                .with(Customers);
            let running = runner.start().unwrap();
            let head = store.head().await.unwrap();
            let long = Duration::from_mins(10);
            for done in [
                read.wait_for::<Orders>(head, long).await,
                read.wait_for::<Months>(head, long).await,
                read.wait_for::<Customers>(head, long).await,
            ] {
                done.unwrap();
            }
            let took = began.elapsed();
            running.shutdown().await;
            read.close().await;
            took
        });
        three.push(per_second(took));

        let took = runtime.block_on(open_late(&events, &folder.path().join("inline.db")));
        inline.push(per_second(took));

        read.push(per_second(runtime.block_on(feed(&store))));
        let took = runtime.block_on(deliver(&store, &folder.path().join("subscription.db")));
        delivered.push(per_second(took));
    }
    let raw = median(raw);
    println!("{:<56}{:>12}{:>8}", "", "events/s", "ratio");
    for (name, values) in [
        (
            "read all rows, insert in thousands (the baseline)",
            vec![raw],
        ),
        ("one projection, one statement an event", one),
        ("the shop's three projections at once", three),
        ("an inline projection that is opened late", inline),
        ("the feed in pages of a thousand", read),
        ("a subscription whose handler does nothing", delivered),
    ] {
        let value = median(values);
        println!("{name:<56}{value:>12.0}{:>8.2}", value / raw);
    }
    println!("\nmemory: {grown} KiB more at the peak than before the first projection");

    runtime.block_on(lag(folder.path()));
}

/// A thousand appends a second: how long after its append is an event in the read model?
async fn lag(folder: &Path) {
    let store = SqliteStore::options()
        .durability(Durability::Normal)
        .open(folder.join("live.db"))
        .await
        .unwrap();
    let read = SqliteReadDatabase::open(folder.join("live-read.db"))
        .await
        .unwrap();
    let appended: Arc<Mutex<Vec<(Position, Instant)>>> = Arc::default();
    let lags: Arc<Mutex<Vec<Duration>>> = Arc::default();
    let done = Arc::new(AtomicU64::new(0));
    let (known, found, count) = (Arc::clone(&appended), Arc::clone(&lags), Arc::clone(&done));
    let runner = Projections::new(store.clone(), read.clone())
        .meter(move |measure: &Measure<'_>| {
            if let Measure::Batch { position, .. } = measure {
                let now = Instant::now();
                let mut known = known.lock().unwrap();
                let mut found = found.lock().unwrap();
                known.retain(|(at, when)| {
                    let here = at <= position;
                    if here {
                        found.push(now - *when);
                    }
                    !here
                });
                count.store(low(*position).unsigned_abs(), Ordering::SeqCst);
            }
        })
        .with(Trivial);
    let running = runner.start().unwrap();
    let began = Instant::now();
    let mut tasks = Vec::new();
    for number in 0..LIVE {
        let due = began + Duration::from_millis(number);
        if let Some(early) = due.checked_duration_since(Instant::now()) {
            tokio::time::sleep(early).await;
        }
        let (store, appended) = (store.clone(), Arc::clone(&appended));
        tasks.push(tokio::spawn(async move {
            let stream = StreamId::new("order", &format!("o{}", number % 500)).unwrap();
            let event = NewEvent::json("order.shipped", 1, r#"{"shipped_on":"1998-01-01"}"#);
            let append = Append::new(stream, ExpectedVersion::Any).with_event(event);
            let when = Instant::now();
            let position = store.append(append).await.unwrap().position;
            appended.lock().unwrap().push((position, when));
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let took = began.elapsed();
    while done.load(Ordering::SeqCst) < LIVE {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    running.shutdown().await;
    let mut lags = lags.lock().unwrap().clone();
    lags.sort();
    let at = |share: f64| {
        let index = (lags.len() as f64 * share) as usize;
        lags[index.min(lags.len() - 1)].as_secs_f64() * 1e3
    };
    println!(
        "\n{:.0} appends a second for {:.1} s: from the call of append to the commit of its row",
        LIVE as f64 / took.as_secs_f64(),
        took.as_secs_f64()
    );
    println!(
        "p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms, longest {:.1} ms ({} seen)",
        at(0.5),
        at(0.95),
        at(0.99),
        at(1.0),
        lags.len()
    );
}
