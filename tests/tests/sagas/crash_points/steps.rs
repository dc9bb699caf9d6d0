//! C1 to C9: a process dies at a write or a call of a saga, and in a sweep at every one of them.

use super::{audit::Rest, place::Place, worker::PATIENCE};
use es_runtime::{Commit, CommitStore, CursorMove, Position};
use es_sagas::log::SagaEvent;
use es_tests::{
    ledger::Entry,
    proxy::{Cut, Proxy},
};
use std::time::Instant;
use tokio::task::JoinSet;

on_each! {
    c01_killed_before_the_commit_of_an_input
    c02_killed_behind_the_commit_of_an_input
    c03_killed_before_the_acknowledgement_of_a_commit
    c04_killed_between_a_claim_and_the_call
    c05_killed_when_the_provider_acted_and_its_answer_is_lost
    c06_killed_with_an_answer_that_is_not_stored
    c07_killed_when_an_outcome_is_stored
    c08_killed_when_the_way_back_is_decided
    c09_killed_in_an_undo_and_behind_it
}

on_both! {
    killed_at_every_place
    without_keys_a_kill_is_seen_in_the_ledger
}

const STARTED: &str = "commit [saga.started, saga.step_scheduled]";
const SUCCEEDED: &str = "commit [saga.step_succeeded, saga.step_scheduled]";
const REFUSED: &str = "commit [saga.step_failed, saga.unwind_started, saga.step_scheduled]";
const UNDONE: &str = "commit [saga.step_undone, saga.step_scheduled]";
const NO_DRIVER: &str = "services=shipping:refuses";

/// A service that did it, and was asked so often.
fn done(calls: u32) -> Entry {
    Entry {
        calls,
        applied: 1,
        ..Entry::default()
    }
}

/// A service that took it back, and was asked so often to.
fn taken_back(undo_calls: u32) -> Entry {
    Entry {
        undo_calls,
        undone: true,
        ..done(1)
    }
}

/// Each of the services was asked once, but the one that was being asked.
async fn is_completed(place: &Place, charges: u32) {
    assert_eq!(place.rest().await, Ok(Rest::Completed));
    let entries = ["payment", "inventory", "shipping"].map(|service| place.entry(service));
    assert_eq!(entries, [done(charges), done(1), done(1)]);
}

async fn starts(place: &Place) -> usize {
    place
        .count(|event| matches!(event, SagaEvent::Started(_)))
        .await
}

async fn c01_killed_before_the_commit_of_an_input(place: &Place) {
    place.place_order().await;
    let before = place.head().await;
    place.kill_at(&format!("before {STARTED}"), &[]);
    assert_eq!(place.head().await, before, "nothing of it is there");
    place.finish(&[]);
    is_completed(place, 1).await;
    assert_eq!(starts(place).await, 1);
}

/// The event is delivered again all the same, as by a reader that lost its place.
async fn c02_killed_behind_the_commit_of_an_input(place: &Place) {
    let ignored = |event: &SagaEvent| matches!(event, SagaEvent::InputIgnored(_));
    for (faults, traces) in [("faults=", 0), ("faults=forgets-append-ids", 1)] {
        let place = place.another();
        place.place_order().await;
        place.kill_at(&format!("after {STARTED}"), &[faults]);
        with_store!(&place, |store| {
            let consumer = "saga:order";
            let at = store.cursor(consumer).await.expect("a cursor");
            assert!(at > Some(Position::START), "it has moved with the commit");
            let back = CursorMove::new(consumer, at, Position::START);
            let back = store.commit(Commit::new().cursor(back)).await;
            back.expect("set back");
        });
        place.finish(&[faults]);
        is_completed(&place, 1).await;
        assert_eq!(starts(&place).await, 1);
        // The control forgets append ids: it takes the event once more.
        assert_eq!(place.count(ignored).await, traces, "{faults}");
    }
}

async fn c03_killed_before_the_acknowledgement_of_a_commit(place: &Place) {
    place.place_order().await;
    // The runner's process is killed before the runner hears of its commit.
    place.kill_at(&format!("after {SUCCEEDED}"), &[]);
    place.finish(&[]);
    is_completed(place, 1).await;
    if place.database().is_some() {
        c03_killed_while_the_server_answers(Cut::After).await;
        c03_killed_while_the_server_answers(Cut::AfterThenGone).await;
    }
}

/// The server does the commit, and its answer never gets to the process: that one finds out by itself,
/// or is killed while it tries to.
async fn c03_killed_while_the_server_answers(cut: Cut) {
    let place = Place::postgres();
    let database = place.database().expect("it is one");
    place.place_order().await;
    let proxy = Proxy::start(Place::server_address())
        .await
        .expect("a proxy");
    let through = database.url_through(proxy.address());
    let point = format!("before {SUCCEEDED}");
    let mut worker = worker_at(&place, &through, &point);
    proxy.cut_next(cut);
    worker.go_on();
    let began = Instant::now();
    while !proxy.is_done() {
        assert!(began.elapsed() < PATIENCE, "no commit came");
        tokio::task::yield_now().await;
    }
    if cut == Cut::After {
        worker.comes_to_its_end();
    } else {
        // The server has it, whoever asks.
        let stored = |event: &SagaEvent| matches!(event, SagaEvent::StepSucceeded(_));
        while place.count(stored).await == 0 {
            assert!(began.elapsed() < PATIENCE, "the server does not commit");
        }
        worker.kill();
        place.finish(&[]);
    }
    is_completed(&place, 1).await;
    assert_eq!(proxy.cuts(), 1);
}

fn worker_at(place: &Place, store: &str, point: &str) -> super::worker::Worker {
    let mut worker = place.worker_through(store, &[&format!("at={point}")]);
    worker.is_at(point);
    worker
}

async fn c04_killed_between_a_claim_and_the_call(place: &Place) {
    for point in ["after claim", "before call do charge"] {
        let place = place.another();
        place.place_order().await;
        place.kill_at(point, &[]);
        assert_eq!(place.entry("payment"), Entry::default(), "not called yet");
        place.finish(&[]);
        is_completed(&place, 1).await;
    }
}

async fn c05_killed_when_the_provider_acted_and_its_answer_is_lost(place: &Place) {
    place.place_order().await;
    place.kill_at("after call do charge", &[]);
    assert_eq!(place.entry("payment"), done(1));
    place.finish(&[]);
    // Asked twice with one key, done once.
    is_completed(place, 2).await;
}

async fn c06_killed_with_an_answer_that_is_not_stored(place: &Place) {
    place.place_order().await;
    place.kill_at(&format!("before {SUCCEEDED}"), &[]);
    let stored = |event: &SagaEvent| matches!(event, SagaEvent::StepSucceeded(_));
    assert_eq!(place.count(stored).await, 0);
    place.finish(&[]);
    is_completed(place, 2).await;
}

/// There is no moment between an outcome and what follows on it.
async fn c07_killed_when_an_outcome_is_stored(place: &Place) {
    place.place_order().await;
    place.kill_at(&format!("after {SUCCEEDED}"), &[]);
    let next = place.saga().await.state.pending;
    let next = next.map(|pending| pending.step);
    assert_eq!(next.as_deref(), Some("reserve"));
    place.finish(&[]);
    is_completed(place, 1).await;
}

/// Nor between the decision to go back and the first undo.
async fn c08_killed_when_the_way_back_is_decided(place: &Place) {
    place.place_order().await;
    place.kill_at(&format!("after {REFUSED}"), &[NO_DRIVER]);
    let next = place.saga().await.state.pending;
    let next = next.map(|pending| (pending.step, pending.to.as_str()));
    assert_eq!(next, Some(("reserve".to_owned(), "undo")));
    place.finish(&[NO_DRIVER]);
    is_compensated(place, [1, 1]).await;
}

/// Payment and inventory were asked to take it back that often, and shipping never did anything.
async fn is_compensated(place: &Place, undo_calls: [u32; 2]) {
    assert_eq!(place.rest().await, Ok(Rest::Compensated));
    let entries = ["payment", "inventory"].map(|service| place.entry(service));
    assert_eq!(entries, undo_calls.map(taken_back));
    let refused = Entry {
        calls: 1,
        ..Entry::default()
    };
    assert_eq!(place.entry("shipping"), refused);
}

async fn c09_killed_in_an_undo_and_behind_it(place: &Place) {
    for (point, undo_calls) in [
        ("before call undo reserve", [1, 1]),
        ("after call undo reserve", [1, 2]),
        (&*format!("before {UNDONE}"), [1, 2]),
        (&*format!("after {UNDONE}"), [1, 1]),
        ("before call undo charge", [1, 1]),
        ("after call undo charge", [2, 1]),
    ] {
        let place = place.another();
        place.place_order().await;
        place.kill_at(point, &[NO_DRIVER]);
        place.finish(&[NO_DRIVER]);
        is_compensated(&place, undo_calls).await;
    }
}

/// The ledger tells when an effect is there twice: a provider that does not look at keys is found out.
async fn without_keys_a_kill_is_seen_in_the_ledger(place: &Place) {
    place.place_order().await;
    let careless = "services=payment:ignores-keys";
    place.kill_at("after call do charge", &[careless]);
    place.finish(&[careless]);
    let found = place.rest().await.expect_err("it was charged twice");
    assert!(found.contains("applied more than once"), "{found}");
}

/// Kills a process at its write or call of this number, lets another one finish, and looks. `false` when
/// there is no such point any more.
async fn killed_at(place: &Place, services: &str, number: usize, side: &str) -> bool {
    place.place_order().await;
    let mut worker = place.worker(&[
        services,
        &format!("number={number}"),
        &format!("side={side}"),
    ]);
    let said = worker.said().expect("a word");
    if said == "done" {
        return false;
    }
    worker.kill();
    place.finish(&[services]);
    let expected = match services {
        NO_DRIVER => Rest::Compensated,
        _ => Rest::Completed,
    };
    assert_eq!(place.rest().await, Ok(expected), "after {said}");
    true
}

async fn killed_at_every_place(place: &Place) {
    let mut lanes = JoinSet::new();
    for services in ["services=", NO_DRIVER] {
        for side in ["before", "after"] {
            let first = place.another();
            lanes.spawn(async move {
                let mut number = 1;
                while killed_at(&first.of_order(number), services, number, side).await {
                    number += 1;
                    assert!(number < 100, "it never gets done");
                }
                number - 1
            });
        }
    }
    let counts = lanes.join_all().await;
    println!("killed at {counts:?} places of four runs");
    assert!(counts.iter().all(|count| *count > 8), "{counts:?}");
}
