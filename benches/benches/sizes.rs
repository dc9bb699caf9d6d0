//! Whether commands stay as fast while a SQLite store grows: to 20,000, 200,000, 2 million and 20 million events.
//!
//! `cargo bench -p es-benches --bench sizes [-- --smoke] [--events 20000000] [--folder DIR]`
//!
//! The same file grows from size to size. At each size commands go to new accounts, and to accounts at random of all
//! that are stored; those come from anywhere in the file. The largest size needs 12 GB of disk.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "a benchmark may stop"
)]

use es_benches::{
    accounts::{Account, Deposit, commands, seed},
    feed::feed,
};
use es_runtime::{ReadLimit, Repository};
use es_sqlite::SqliteStore;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
    time::{Duration, Instant},
};
use tokio::{runtime::Runtime, task::JoinSet};

const SIZES: [u64; 4] = [20_000, 200_000, 2_000_000, 20_000_000];
const CALLERS: [usize; 3] = [1, 32, 1_000];
/// Events of a stored account.
const EVENTS: u64 = 10;
/// Writers that fill the store.
const WRITERS: u64 = 256;

fn id(account: u64) -> String {
    format!("stored-{account}")
}

/// Accounts of these numbers, by many writers at once.
async fn grow(store: &SqliteStore, from: u64, to: u64) {
    let next = Arc::new(AtomicU64::new(from));
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let (store, next) = (store.clone(), Arc::clone(&next));
        writers.spawn(async move {
            loop {
                let account = next.fetch_add(1, Ordering::Relaxed);
                if account >= to {
                    return;
                }
                seed(&store, &id(account), EVENTS).await;
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
}

/// Commands a second to stored accounts at random.
async fn anywhere(store: &SqliteStore, callers: usize, accounts: u64, window: Duration) -> f64 {
    let repository = Repository::<Account, _>::without_snapshots(store.clone());
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let repository = repository.clone();
        let mut random = fastrand::Rng::with_seed(caller as u64 + accounts);
        tasks.spawn(async move {
            let mut done = 0_u64;
            while began.elapsed() < window {
                let account = id(random.u64(0..accounts));
                repository
                    .execute(&account, Deposit { cents: 1 })
                    .await
                    .unwrap();
                done += 1;
            }
            done
        });
    }
    let mut all = 0;
    while let Some(done) = tasks.join_next().await {
        all += done.unwrap();
    }
    all as f64 / began.elapsed().as_secs_f64()
}

struct Options {
    largest: u64,
    window: Duration,
    folder: Option<PathBuf>,
}

impl Options {
    fn read() -> Self {
        let mut options = Self {
            largest: SIZES.into_iter().max().unwrap(),
            window: Duration::from_secs(5),
            folder: None,
        };
        let mut given = std::env::args().skip(1);
        while let Some(name) = given.next() {
            match &*name {
                "--smoke" => {
                    (options.largest, options.window) = (20_000, Duration::from_millis(100));
                }
                "--events" => options.largest = given.next().unwrap().parse().unwrap(),
                "--folder" => options.folder = given.next().map(PathBuf::from),
                // `cargo bench` passes it on.
                "--bench" => {}
                other => panic!("no option {other}: --smoke, --events N, --folder DIR"),
            }
        }
        options
    }
}

fn megabytes(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).unwrap();
    let bytes: u64 = files
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum();
    bytes / 1_000_000
}

fn main() {
    let options = Options::read();
    let runtime = Runtime::new().unwrap();
    let folder = match &options.folder {
        Some(folder) => tempfile::tempdir_in(folder).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    let store = runtime
        .block_on(SqliteStore::open(folder.path().join("events.db")))
        .unwrap();
    println!("commands a second by 1, 32 and 1,000 callers; events a second of the feed");
    println!(
        "{:>12} {:>8}   {:>8} {:>8} {:>8}   {:>8} {:>8} {:>8}   {:>10} {:>10}",
        "events", "MB", "new: 1", "32", "1,000", "any: 1", "32", "1,000", "feed", "growing"
    );
    let mut stored = 0;
    for events in SIZES.into_iter().filter(|size| *size <= options.largest) {
        let accounts = events / EVENTS;
        let began = Instant::now();
        runtime.block_on(grow(&store, stored, accounts));
        let grown = ((accounts - stored) * EVENTS) as f64 / began.elapsed().as_secs_f64();
        stored = accounts;
        print!("{events:>12} {:>8}  ", megabytes(folder.path()));
        for callers in CALLERS {
            print!(" {:>8.0}", commands(&runtime, &store, callers).rate);
        }
        print!("  ");
        for callers in CALLERS {
            let rate = runtime.block_on(anywhere(&store, callers, accounts, options.window));
            print!(" {rate:>8.0}");
        }
        let began = Instant::now();
        let feed = runtime.block_on(feed(&store, ReadLimit::events(1_000), |_| {
            began.elapsed() >= options.window
        }));
        println!("   {feed:>10.0} {grown:>10.0}");
    }
    runtime.block_on(store.close());
}
