//! A process that runs the sagas of orders until they rest, or until it is killed.
//!
//! `saga_worker STORE LEDGER REFUSES FAILING rest|serve|finish [POINT before|behind]`
//!
//! At the point it says so and waits to be killed.

use es_postgres::PostgresStore;
use es_runtime::{
    EventStore, Sagas,
    saga::{SagaStatus, SagaStore},
};
use es_sqlite::SqliteStore;
use es_testkit::saga::{CrashPoint, Fuse, MortalStore};
use es_tests::{
    ledger::FileLedger,
    orders::{OrderSaga, Outside},
};
use std::{io::Write, path::Path, sync::Arc, time::Duration};

/// Short, since the next process waits for it after each kill.
const LEASE: Duration = Duration::from_millis(150);

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [store, ledger, refuses, failing, mode, point @ ..] = args.as_slice() else {
        panic!("STORE LEDGER REFUSES FAILING MODE [POINT SIDE]");
    };
    let crash = match point {
        [at, side] => Some(CrashPoint {
            at: at.parse().expect("a number"),
            after: side == "behind",
        }),
        _ => None,
    };
    let fuse = Fuse::new(crash).on_death(|name| {
        say(&format!("stopped {name}"));
        loop {
            std::thread::park();
        }
    });
    let failing = failing.parse().expect("a rate");
    let outside = FileLedger::open(Path::new(ledger), refuses, failing);
    if store.contains("dbname=") || store.starts_with("postgres") {
        let store = PostgresStore::open(store).await.expect("opens");
        run(store, fuse, Arc::new(outside), mode).await;
    } else {
        let store = SqliteStore::open(store).await.expect("opens");
        run(store, fuse, Arc::new(outside), mode).await;
    }
}

async fn run<S: SagaStore>(store: S, fuse: Fuse, outside: Arc<dyn Outside>, mode: &str) {
    let sagas = Sagas::new(MortalStore::new(store, fuse.clone()))
        .from_the_beginning(true)
        .lease(LEASE)
        .poll_every(Duration::from_millis(20))
        .around(fuse)
        .with::<OrderSaga>(outside);
    if mode == "serve" || mode == "finish" {
        let _running = sagas.start().expect("starts");
        if mode == "serve" {
            std::future::pending::<()>().await;
        }
        while !is_at_rest(&sagas).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        return say("done");
    }
    loop {
        let idle = sagas.run_until_idle().await.expect("runs");
        if idle.running == 0 {
            return say("done");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Whether nothing is left to read and nothing runs.
async fn is_at_rest<S: SagaStore>(sagas: &Sagas<MortalStore<S>>) -> bool {
    let store = sagas.store();
    let head = store.head().await.expect("a head");
    let cursor = store.saga_cursor("saga:order").await.expect("a cursor");
    let running = sagas.list(None, Some(SagaStatus::Running), None).await;
    cursor >= Some(head) && running.expect("rows").is_empty()
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").expect("written");
    out.flush().expect("written");
}
