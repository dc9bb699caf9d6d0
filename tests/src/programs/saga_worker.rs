//! A process that runs the sagas of orders until they rest, or until it is killed.
//!
//! `saga_worker store=.. ledger=.. [mode=once|rest|finish|serve] [services=..] [saga=..] [lease=..]
//! [at=..|.. or number=.. side=before|after] [deaf=yes] [faults=..]`
//!
//! - `once` does what can be done now, `rest` goes on until nothing runs, `finish` and `serve` run as
//!   tasks, the one until nothing is left, the other for ever.
//! - `services` is how payment, inventory and shipping behave.
//! - `saga` says which program it is: `order`, an edition such as `old`, `hasty`, `impatient` or
//!   `fragile`.
//! - At the points, given by their names in their order or by a number, it says `at` with the name and
//!   waits: to be killed there, to be stopped, or for `go` to go on.
//! - `faults` are those of its store, by their names, separated by commas.
//!
//! It says `done` at its end.

use es_runtime::{AnyStore, CommitStore, EventStore, WorkStatus};
use es_sagas::Sagas;
use es_testkit::{
    PausingStore,
    saga::{Fuse, MortalStore},
};
use es_tests::{
    editions::{CHANGED, Edition, FROZEN, Fragile, Hasty, Impatient, NEW, OLD},
    faulty::{Faulty, faults},
    ledger::{Behaviour, FileLedger},
    orders::{OrderSaga, Outside},
    places::{open, say},
    program::{Args, Stops},
};
use std::{path::Path, sync::Arc, time::Duration};

#[tokio::main]
pub(crate) async fn main() {
    let args = Args::of_this_process();
    let store = args.get("store");
    run(open(store, None).await, &args).await;
}

async fn run(store: AnyStore, args: &Args) {
    let stops = Stops::new(args);
    let fuse = Fuse::new(None).watched(move |point| stops.pass(point));
    let behaviour: Behaviour = args.get("services").parse().expect("habits");
    let ledger = Path::new(args.get("ledger"));
    let outside: Arc<dyn Outside> = Arc::new(FileLedger::open(ledger, behaviour));
    // Short, since the next process waits for it after each kill.
    let lease = args.get("lease").parse().unwrap_or(150);
    let store = PausingStore::new(store, || Box::pin(std::future::ready(())))
        .ignoring_wakes(args.is("deaf"));
    let store = Faulty::store(store, faults(args.get("faults")));
    let sagas = Sagas::new(MortalStore::new(store, fuse.clone()))
        .from_the_beginning(true)
        .lease(Duration::from_millis(lease))
        .poll_every(Duration::from_millis(20))
        .intercept(fuse);
    let sagas = match args.get("saga") {
        "" | "order" => sagas.with::<OrderSaga>(outside),
        "old" => sagas.with::<Edition<OLD>>(outside),
        "new" => sagas.with::<Edition<NEW>>(outside),
        "changed" => sagas.with::<Edition<CHANGED>>(outside),
        "both" => sagas
            .with::<Edition<NEW>>(Arc::clone(&outside))
            .with::<Edition<FROZEN>>(outside),
        "hasty" => sagas.with::<Hasty>(outside),
        "impatient" => sagas.with::<Impatient>(outside),
        "fragile" => sagas.with::<Fragile>(outside),
        other => panic!("no such saga: {other}"),
    };
    match args.get("mode") {
        "once" => {
            sagas.run_until_idle().await.expect("runs");
        }
        "rest" => {
            while sagas.run_until_idle().await.expect("runs").running > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        mode => {
            let _running = sagas.start().await.expect("starts");
            if mode == "serve" {
                std::future::pending::<()>().await;
            }
            while !is_at_rest(&sagas).await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    say("done");
}

/// Whether nothing is left to read and nothing runs.
async fn is_at_rest(sagas: &Sagas) -> bool {
    let store = sagas.store();
    let head = store.head().await.expect("a head");
    let cursor = store.cursor("saga:order").await.expect("a cursor");
    let running = sagas.list(None, Some(WorkStatus::Running), None).await;
    cursor >= Some(head) && running.expect("rows").is_empty()
}
