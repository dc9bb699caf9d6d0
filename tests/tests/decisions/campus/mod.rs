//! Random histories: 32 tasks in three processes move money, take seats, wait for seats and ask for credit, while a saga and a process
//! manager work on the same accounts and courses. Processes are killed. Afterwards the rows are added up.

mod audit;
mod workers;

use crate::places::{rows, store_in};
use audit::audit;
use es_runtime::AnyStore;
use es_tests::{
    campus::{open, sagas},
    faulty::{Faulty, faults},
    places::Place,
    tries,
};
use std::time::{Duration, Instant};
use workers::{PATIENCE, Workers};

/// What happened in some histories.
#[derive(Debug, Default)]
struct Figures {
    histories: usize,
    kills: usize,
    accepted: usize,
    seen: audit::Seen,
}

/// Lets the saga and the process manager end what they have begun. No instance may be parked.
async fn drain(store: AnyStore) -> Result<(), String> {
    let sagas = sagas(store);
    let began = Instant::now();
    loop {
        let idle = sagas.run_until_idle().await.expect("runs");
        if idle.parked > 0 {
            return Err(format!("{} are parked", idle.parked));
        }
        if idle.next_due.is_none() {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("{} do not come to rest", idle.running));
        }
        // What another process died with is free when its lease has run out.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// One history in a store of its own, and what is wrong with its rows.
async fn history(
    place: &Place,
    workers: &mut Workers,
    faults_of: &str,
    kills: usize,
    figures: &mut Figures,
) -> Result<(), String> {
    let store = store_in(place).await;
    open(&store).await;
    let seed = fastrand::u64(..1 << 40);
    let accepted = workers.work(&place.address(), seed, kills);
    let faulty = Faulty::store(store, faults(faults_of));
    drain(AnyStore::new(faulty)).await?;
    let seen = audit(&rows(place), &accepted).map_err(|wrong| format!("seed {seed}: {wrong}"))?;
    figures.histories += 1;
    figures.kills += kills;
    figures.accepted += accepted.len();
    figures.seen.add(&seen);
    Ok(())
}

/// Some of the histories have a kill, or two.
async fn kept(place: fn() -> Place, histories: usize) {
    let mut workers = Workers::start("");
    let mut figures = Figures::default();
    // More of them where nothing touched a rule.
    for number in 0..histories + 50 {
        if number >= histories && figures.seen.all_happened() {
            break;
        }
        let kills = [0, 1, 2][number % 3];
        let place = place();
        let checked = history(&place, &mut workers, "", kills, &mut figures).await;
        checked.unwrap_or_else(|wrong| panic!("history {number}: {wrong}"));
    }
    println!("{figures:?}");
    assert!(figures.seen.all_happened(), "{figures:?}");
}

/// The control: a store with a fault breaks a rule of the rows, with kills or without.
async fn broken(place: fn() -> Place, faults_of: &str, kills: usize) {
    let mut workers = Workers::start(faults_of);
    let mut figures = Figures::default();
    for number in 0..tries(100, 40) {
        let place = place();
        if let Err(wrong) = history(&place, &mut workers, faults_of, kills, &mut figures).await {
            println!("{faults_of}: history {number}: {wrong}");
            return;
        }
    }
    panic!("the audit finds nothing: {figures:?}");
}

/// In short; all of them are a long run.
#[tokio::test(flavor = "multi_thread")]
async fn every_rule_holds_in_some_histories_on_sqlite() {
    kept(Place::sqlite, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn every_rule_holds_in_some_histories_on_postgres() {
    kept(Place::postgres, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn every_rule_holds_in_many_histories_on_sqlite() {
    kept(Place::sqlite, tries(100, 10)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn every_rule_holds_in_many_histories_on_postgres() {
    kept(Place::postgres, tries(100, 10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_guards_a_rule_is_broken_on_sqlite() {
    broken(Place::sqlite, "ignores-guards", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn without_guards_a_rule_is_broken_on_postgres() {
    broken(Place::postgres, "ignores-guards", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_append_ids_a_kill_breaks_a_rule() {
    broken(Place::sqlite, "forgets-append-ids", 2).await;
}
