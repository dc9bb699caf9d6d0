//! Commands, replay and loads, each next to the baseline that no library on this machine can beat,
//! measured in the same round. What counts is the ratio: machines differ and are shared.
//!
//! `cargo bench -p es-benches --bench spine [-- ROUNDS]`

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark may stop"
)]

use es_benches::{
    accounts::{Account, Deposit, Deposited, EVENTS_EACH, commands, deposited, loads, seed},
    table::{Table, rate},
};
use es_runtime::{MemoryStore, Repository};
use es_sqlite::SqliteStore;
use rusqlite::{Connection, params};
use std::{
    collections::HashMap,
    fs::File,
    hint::black_box,
    io::{Seek, SeekFrom, Write},
    path::Path,
};
use tokio::runtime::Runtime;

const LONG_STREAM: u64 = 1_000;
const REPLAYED: u64 = 100_000;
const CALLERS: usize = 64;

/// A map of byte vectors: parse what an account has, decide, push.
fn memory_baseline() -> f64 {
    let mut map: HashMap<String, Vec<Vec<u8>>> = HashMap::new();
    let mut done = 0_u64;
    rate(|| {
        let id = format!("0-0-{}", done / EVENTS_EACH);
        let events = map.entry(id).or_default();
        let mut cents = 0;
        for event in &*events {
            cents += serde_json::from_slice::<Deposited>(event).unwrap().cents;
        }
        black_box(cents);
        events.push(deposited());
        done += 1;
    })
}

/// Writes of 4 KiB, each synced: what the device does for one caller.
fn sync_rate(folder: &Path) -> f64 {
    let mut file = File::create(folder.join("sync")).unwrap();
    let block = [7_u8; 4096];
    rate(|| {
        file.seek(SeekFrom::Start(0)).unwrap();
        file.write_all(&block).unwrap();
        file.sync_data().unwrap();
    })
}

/// Inserts a second, so many to a durable transaction, into a table like the store's.
fn raw_inserts(folder: &Path, batch: usize) -> f64 {
    let path = folder.join(format!("raw-{batch}.db"));
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE IF NOT EXISTS events (position INTEGER PRIMARY KEY, stream TEXT,
                version INTEGER, name TEXT, payload TEXT, UNIQUE (stream, version));",
        )
        .unwrap();
    let payload = String::from_utf8(deposited()).unwrap();
    let sql = "SELECT coalesce(max(version), 0) FROM events";
    let mut version: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    let sql = "INSERT INTO events (stream, version, name, payload) VALUES (?1, ?2, ?3, ?4)";
    let mut insert = connection.prepare(sql).unwrap();
    let transactions = rate(|| {
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        for _ in 0..batch {
            version += 1;
            insert
                .execute(params!["account/0", version, "account.deposited", payload])
                .unwrap();
        }
        connection.execute_batch("COMMIT").unwrap();
    });
    transactions * batch as f64
}

/// Events a second out of bytes and into a sum.
fn raw_parse() -> f64 {
    let bytes = deposited();
    let mut cents = 0;
    let calls = rate(|| {
        for _ in 0..100 {
            cents += serde_json::from_slice::<Deposited>(black_box(&bytes))
                .unwrap()
                .cents;
        }
    });
    black_box(cents);
    calls * 100.0
}

/// Loads a second of one long stream by a hand-written query on the store's own file.
fn raw_load(path: &Path, after: u64) -> f64 {
    let connection = Connection::open(path).unwrap();
    let state = "SELECT state FROM snapshots WHERE aggregate = 'account' AND aggregate_id = 'long'";
    let mut state = connection.prepare(state).unwrap();
    let columns = "SELECT payload FROM events WHERE aggregate = 'account' AND aggregate_id = 'long'
                   AND version > ?1 ORDER BY version";
    let mut select = connection.prepare(columns).unwrap();
    rate(|| {
        if after > 0 {
            let mut rows = state.query([]).unwrap();
            let row = rows.next().unwrap().unwrap();
            let state = row.get_ref(0).unwrap().as_bytes().unwrap();
            black_box(serde_json::from_slice::<Account>(state).unwrap());
        }
        let mut rows = select.query([i64::try_from(after).unwrap()]).unwrap();
        let mut cents = 0;
        while let Some(row) = rows.next().unwrap() {
            let payload = row.get_ref(0).unwrap().as_bytes().unwrap();
            if let Ok(event) = serde_json::from_slice::<Deposited>(payload) {
                cents += event.cents;
            }
        }
        black_box(cents);
    })
}

fn main() {
    let rounds = std::env::args()
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(3);
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut table = Table::default();

    let memory = MemoryStore::new();
    let replayed = MemoryStore::new();
    runtime.block_on(seed(&replayed, "long", REPLAYED));
    let replay = Repository::<Account, _>::without_snapshots(replayed);

    let path = folder.join("accounts.db");
    let sqlite = runtime.block_on(SqliteStore::open(&path)).unwrap();
    runtime.block_on(seed(&sqlite, "long", LONG_STREAM));
    let plain = Repository::<Account, _>::without_snapshots(sqlite.clone());
    let with_snapshots = Repository::<Account, _>::new(sqlite.clone());
    // The command takes the snapshot that the loads start from.
    let id = "long".to_owned();
    runtime
        .block_on(async { with_snapshots.execute(&id, Deposit { cents: 1 }).await })
        .unwrap();

    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        let baseline = memory_baseline();
        let what = "memory: commands, 1 caller";
        let map = "a map of JSON bytes";
        table.add(
            what,
            "1/s",
            map,
            (commands(&runtime, &memory, 1).rate, baseline),
        );
        let what = "memory: commands, 64 callers";
        table.add(
            what,
            "1/s",
            map,
            (commands(&runtime, &memory, CALLERS).rate, baseline),
        );

        let parse = raw_parse();
        let events = loads(&runtime, &replay) * REPLAYED as f64;
        table.add(
            "memory: replay",
            "events/s",
            "serde_json::from_slice alone",
            (events, parse),
        );

        let one = commands(&runtime, &sqlite, 1).rate;
        let insert = "raw insert, one transaction each";
        table.add(
            "SQLite: commands, 1 caller",
            "1/s",
            insert,
            (one, raw_inserts(folder, 1)),
        );
        let sync = sync_rate(folder);
        table.add(
            "SQLite: commands, 1 caller",
            "1/s",
            "4 KiB write + fdatasync",
            (one, sync),
        );
        let many = commands(&runtime, &sqlite, CALLERS).rate;
        let insert = "raw insert, 64 to a transaction";
        let what = "SQLite: commands, 64 callers";
        table.add(what, "1/s", insert, (many, raw_inserts(folder, CALLERS)));
        table.add(what, "1/s", "4 KiB write + fdatasync", (many, sync));

        let query = "the same query and parse by hand";
        let what = "SQLite: load of 1,000 events";
        table.add(
            what,
            "1/s",
            query,
            (loads(&runtime, &plain), raw_load(&path, 0)),
        );
        let what = "SQLite: the same with a snapshot";
        let tail = raw_load(&path, LONG_STREAM);
        table.add(
            what,
            "1/s",
            "its two queries by hand",
            (loads(&runtime, &with_snapshots), tail),
        );
    }
    table.print();
}
