//! PostgreSQL: commands, appends, loads and the feed, each next to what tokio-postgres does by hand on
//! the same server in the same round.
//!
//! `cargo bench -p es-benches --bench postgres [-- ROUNDS]`. It starts a server of its own.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    reason = "a benchmark may stop"
)]

use es_benches::{
    accounts::{Account, Deposited, EVENTS_EACH, Speed, commands, deposited, seed},
    feed::feed,
    table::{Table, WINDOW},
};
use es_postgres::{
    PostgresStore,
    tokio_postgres::{Client, NoTls, Statement, connect, types::ToSql},
};
use es_runtime::{Append, EventStore, ExpectedVersion, NewEvent, ReadLimit, Repository, StreamId};
use es_testkit::postgres::Server;
use futures_util::{TryStreamExt, future::join_all};
use std::{
    hint::black_box,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

const CALLERS: [usize; 3] = [1, 16, 64];
const BATCHES: [usize; 3] = [1, 10, 100];
const LENGTHS: [u64; 3] = [10, 1_000, 100_000];
const FEED_PAGE: usize = 1_000;

/// The baseline: a table like the store's, and the statements for it.
struct Raw {
    client: Client,
    load: Statement,
    insert: Statement,
    insert_many: Statement,
    load_many: Statement,
}

static RUN: AtomicU64 = AtomicU64::new(0);

impl Raw {
    async fn connect(url: &str) -> Self {
        let (client, connection) = connect(url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
            .batch_execute(
                "SET enable_seqscan TO off; CREATE TABLE IF NOT EXISTS raw (position BIGSERIAL PRIMARY KEY, stream TEXT \
                 COLLATE \"C\" NOT NULL, version BIGINT NOT NULL, name TEXT NOT NULL, payload \
                 BYTEA NOT NULL, UNIQUE (stream, version))",
            )
            .await
            .unwrap();
        let load = "SELECT version, payload FROM raw WHERE stream = $1 ORDER BY version";
        let insert = "INSERT INTO raw (stream, version, name, payload) VALUES ($1, $2, \
                      'account.deposited', $3)";
        let insert_many = "INSERT INTO raw (stream, version, name, payload) SELECT s, v, \
                           'account.deposited', p FROM unnest($1::text[], $2::bigint[], \
                           $3::bytea[]) AS r (s, v, p)";
        let load_many = "SELECT stream, version, payload FROM raw WHERE stream = ANY($1)";
        Self {
            load: client.prepare(load).await.unwrap(),
            insert: client.prepare(insert).await.unwrap(),
            insert_many: client.prepare(insert_many).await.unwrap(),
            load_many: client.prepare(load_many).await.unwrap(),
            client,
        }
    }

    /// Loads, parses, inserts one: what a command is without a library.
    async fn command(&self, stream: &str, version: i64, payload: &[u8]) {
        let rows = self.client.query(&self.load, &[&stream]).await.unwrap();
        let cents: i64 = rows
            .iter()
            .map(|row| {
                serde_json::from_slice::<Deposited>(row.get(1))
                    .unwrap()
                    .cents
            })
            .sum();
        black_box(cents);
        let params: [&(dyn ToSql + Sync); 3] = [&stream, &version, &payload];
        self.client.execute(&self.insert, &params).await.unwrap();
    }

    async fn insert_many(&self, streams: &[&str], versions: &[i64], payloads: &[&[u8]]) {
        let params: [&(dyn ToSql + Sync); 3] = [&streams, &versions, &payloads];
        self.client
            .execute(&self.insert_many, &params)
            .await
            .unwrap();
    }
}

/// So many callers in flight on one connection, each command committed by itself.
async fn raw_commands(raw: &Arc<Raw>, callers: usize) -> f64 {
    let run = RUN.fetch_add(1, Ordering::Relaxed);
    let start = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let raw = Arc::clone(raw);
            tokio::spawn(async move {
                let payload = deposited();
                let mut done = 0_u64;
                while start.elapsed() < WINDOW {
                    let stream = format!("c{run}-{caller}-{}", done / EVENTS_EACH);
                    let version = (done % EVENTS_EACH) as i64 + 1;
                    raw.command(&stream, version, &payload).await;
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap();
    }
    done as f64 / start.elapsed().as_secs_f64()
}

/// The ceiling: one worker that loads the streams of a whole batch in one statement and inserts in
/// one.
async fn raw_batches(raw: &Raw, batch: usize) -> f64 {
    let run = RUN.fetch_add(1, Ordering::Relaxed);
    let payload = deposited();
    let payloads = vec![&*payload; batch];
    let start = Instant::now();
    let mut done = 0_u64;
    while start.elapsed() < WINDOW {
        let round = done / batch as u64;
        let names: Vec<String> = (0..batch)
            .map(|caller| format!("b{run}-{caller}-{}", round / EVENTS_EACH))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let rows = raw.client.query(&raw.load_many, &[&names]).await.unwrap();
        let cents: i64 = rows
            .iter()
            .map(|row| {
                serde_json::from_slice::<Deposited>(row.get(2))
                    .unwrap()
                    .cents
            })
            .sum();
        black_box(cents);
        let versions = vec![(round % EVENTS_EACH) as i64 + 1; batch];
        raw.insert_many(&names, &versions, &payloads).await;
        done += batch as u64;
    }
    done as f64 / start.elapsed().as_secs_f64()
}

/// Events a second, so many to an append or to a statement.
async fn appends(store: &PostgresStore, batch: usize) -> f64 {
    let run = RUN.fetch_add(1, Ordering::Relaxed);
    let stream = StreamId::new("batch", &run.to_string()).unwrap();
    let start = Instant::now();
    let mut done = 0_usize;
    while start.elapsed() < WINDOW {
        let events = (0..batch).map(|_| NewEvent::json("account.deposited", 1, deposited()));
        let expected = ExpectedVersion::Exact(done as u64);
        let append = Append::new(stream.clone(), expected).with_events(events);
        store.append(append).await.unwrap();
        done += batch;
    }
    done as f64 / start.elapsed().as_secs_f64()
}

async fn raw_appends(raw: &Raw, batch: usize) -> f64 {
    let run = RUN.fetch_add(1, Ordering::Relaxed);
    let stream = format!("a{run}");
    let streams = vec![&*stream; batch];
    let payload = deposited();
    let payloads = vec![&*payload; batch];
    let start = Instant::now();
    let mut done = 0_i64;
    while start.elapsed() < WINDOW {
        let versions: Vec<i64> = (1..=batch as i64).map(|number| done + number).collect();
        raw.insert_many(&streams, &versions, &payloads).await;
        done += batch as i64;
    }
    done as f64 / start.elapsed().as_secs_f64()
}

/// Loads a second of an account with so many events.
async fn loads(
    accounts: &Repository<Account, PostgresStore, es_runtime::NoSnapshots>,
    id: &str,
) -> f64 {
    let id = id.to_owned();
    let start = Instant::now();
    let mut done = 0_u64;
    while done == 0 || start.elapsed() < WINDOW {
        black_box(accounts.load(&id).await.unwrap().version);
        done += 1;
    }
    done as f64 / start.elapsed().as_secs_f64()
}

/// The same query, streamed and parsed by hand, on the store's own table.
async fn raw_loads(client: &Client, id: &str) -> f64 {
    let sql = "SELECT version, position, event, schema_version, content_type, payload FROM \
               es.events WHERE aggregate = 'account' AND aggregate_id = $1 ORDER BY version";
    let select = client.prepare(sql).await.unwrap();
    let start = Instant::now();
    let mut done = 0_u64;
    while done == 0 || start.elapsed() < WINDOW {
        let rows = client.query_raw(&select, [id]).await.unwrap();
        let mut rows = pin!(rows);
        let mut cents = 0;
        while let Some(row) = rows.try_next().await.unwrap() {
            if let Ok(event) = serde_json::from_slice::<Deposited>(row.get(5)) {
                cents += event.cents;
            }
        }
        black_box(cents);
        done += 1;
    }
    done as f64 / start.elapsed().as_secs_f64()
}

/// The same pages by hand, each row's columns taken out and thrown away.
async fn raw_feed(client: &Client) -> f64 {
    let sql = "SELECT position, version, event, schema_version, content_type, payload, aggregate, \
               aggregate_id, event_id, metadata::text, recorded_at FROM es.events WHERE position \
               > $1 ORDER BY position LIMIT $2";
    let select = client.prepare(sql).await.unwrap();
    let start = Instant::now();
    let (mut done, mut from) = (0, 0_i64);
    loop {
        let rows = client
            .query(&select, &[&from, &(FEED_PAGE as i64)])
            .await
            .unwrap();
        for row in &rows {
            from = row.get(0);
            black_box((row.get::<_, &str>(2), row.get::<_, &[u8]>(5).to_vec()));
        }
        done += rows.len();
        if rows.len() < FEED_PAGE {
            return done as f64 / start.elapsed().as_secs_f64();
        }
    }
}

fn print_latencies(rounds: &[(usize, Speed)]) {
    println!("\nlatency of a command, all rounds together");
    println!(
        "{:>8} {:>10} {:>10} {:>10} {:>10}",
        "callers", "p50", "p95", "p99", "p99.9"
    );
    for callers in CALLERS {
        let mut all: Vec<Duration> = rounds
            .iter()
            .filter(|(count, _)| *count == callers)
            .flat_map(|(_, speed)| speed.latencies.clone())
            .collect();
        all.sort_unstable();
        let speed = Speed {
            rate: 0.0,
            latencies: all,
        };
        print!("{callers:>8}");
        for thousandths in [500, 950, 990, 999] {
            print!(" {:>7.2} ms", speed.within(thousandths).as_secs_f64() * 1e3);
        }
        println!();
    }
}

fn main() {
    let rounds = std::env::args()
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(3);
    let runtime = Runtime::new().unwrap();
    let server = Server::start().unwrap();
    let database = server.database().unwrap();
    let url = database.url();
    let store = runtime.block_on(PostgresStore::open(&url)).unwrap();
    let raw = Arc::new(runtime.block_on(Raw::connect(&url)));
    let accounts = Repository::<Account, _>::without_snapshots(store.clone());
    for length in LENGTHS {
        runtime.block_on(seed(&store, &format!("long-{length}"), length));
    }
    let mut table = Table::default();
    let mut latencies = Vec::new();
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        for callers in CALLERS {
            let speed = commands(&runtime, &store, callers);
            let what = [
                "commands, 1 caller",
                "commands, 16 callers",
                "commands, 64 callers",
            ][CALLERS.iter().position(|c| *c == callers).unwrap()];
            let pipelined = runtime.block_on(raw_commands(&raw, callers));
            let baseline = if callers == 1 {
                "select + insert, one by one"
            } else {
                "select + insert, pipelined on one"
            };
            table.add(what, "1/s", baseline, (speed.rate, pipelined));
            let batched = runtime.block_on(raw_batches(&raw, callers));
            let baseline = "one select + one unnest a batch";
            table.add(what, "1/s", baseline, (speed.rate, batched));
            latencies.push((callers, speed));
        }
        for (batch, what) in BATCHES.into_iter().zip([
            "appends of 1 event",
            "appends of 10 events",
            "appends of 100 events",
        ]) {
            let ours = runtime.block_on(appends(&store, batch));
            let baseline = runtime.block_on(raw_appends(&raw, batch));
            table.add(what, "events/s", "one unnest insert each", (ours, baseline));
        }
        for (length, what) in LENGTHS.into_iter().zip([
            "load of 10 events",
            "load of 1,000 events",
            "load of 100,000 events",
        ]) {
            let id = format!("long-{length}");
            let ours = runtime.block_on(loads(&accounts, &id));
            let baseline = runtime.block_on(raw_loads(&raw.client, &id));
            table.add(
                what,
                "1/s",
                "the same query, streamed by hand",
                (ours, baseline),
            );
        }
        let pages = ReadLimit::events(FEED_PAGE);
        let ours = runtime.block_on(feed(&store, pages, |page| page.at_end));
        let baseline = runtime.block_on(raw_feed(&raw.client));
        table.add(
            "feed, pages of 1,000",
            "events/s",
            "the same pages by hand",
            (ours, baseline),
        );
    }
    table.print();
    print_latencies(&latencies);
    let stats = store.stats();
    println!(
        "\n{} appends in {} transactions; durability {:?}",
        stats.writes,
        stats.commits,
        store.durability()
    );
    runtime.block_on(join_all([store.close()]));
}
