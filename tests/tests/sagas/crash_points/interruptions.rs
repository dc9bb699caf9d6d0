//! A call that brings its process down each time is not made for ever.

use super::{audit::Rest, place::Place};
use es_sagas::{ParkedWhy, log::SagaEvent};
use es_tests::editions::Fragile;

on_each! {
    a_step_that_kills_its_process_each_time_is_undone
    an_undo_that_kills_its_process_each_time_is_parked
}

/// One process after the other, until one is not killed by what it calls. Gives how many were.
fn deaths(place: &Place, saga: &str, services: &str) -> usize {
    let mut deaths = 0;
    while place.worker(&[saga, services]).was_killed() {
        deaths += 1;
        assert!(deaths < 20, "it is called for ever");
    }
    deaths
}

fn interrupted(event: &SagaEvent) -> bool {
    matches!(event, SagaEvent::StepInterrupted(_))
}

/// It may have been done, and was: so it is undone.
async fn a_step_that_kills_its_process_each_time_is_undone(place: &Place) {
    place.place_order().await;
    assert_eq!(deaths(place, "saga=fragile", "services=inventory:kills"), 3);
    assert_eq!(place.rest().await, Ok(Rest::Compensated));
    assert_eq!(place.count(interrupted).await, 3);
    let reserved = place.entry("inventory");
    assert_eq!((reserved.calls, reserved.applied), (3, 1));
    assert_eq!((reserved.undo_calls, reserved.undone), (1, true));
    let charged = place.entry("payment");
    assert_eq!((charged.calls, charged.undo_calls), (1, 1));
    let why = place.saga().await.state.failure.expect("a reason");
    assert_eq!(why.message, "its process died 3 times during the call");
    assert_eq!(why.step.as_deref(), Some("reserve"));
}

async fn an_undo_that_kills_its_process_each_time_is_parked(place: &Place) {
    place.place_order().await;
    let services = "services=inventory:refuses,payment:kills-undo";
    assert_eq!(deaths(place, "saga=fragile", services), 3);
    assert_eq!(place.rest().await, Ok(Rest::Parked));
    let (why, _) = place.saga().await.state.parked.expect("parked");
    let step = "charge".to_owned();
    assert_eq!(why, ParkedWhy::UndoExhausted { step });
    let charged = place.entry("payment");
    assert_eq!((charged.applied, charged.undo_calls), (1, 3));
    assert!(!charged.undone);
    // An operator gives it all of its attempts again.
    place.retry::<Fragile>().await;
    place.finish(&["saga=fragile"]);
    assert_eq!(place.rest().await, Ok(Rest::Compensated));
    let charged = place.entry("payment");
    assert_eq!(
        (charged.applied, charged.undo_calls, charged.undone),
        (1, 4, true)
    );
}

/// On SQLite all processes are on one machine, so nobody waits for the lease of a dead one.
#[tokio::test(flavor = "multi_thread")]
async fn the_lease_of_a_dead_process_ends_with_it() {
    let place = Place::sqlite();
    place.place_order().await;
    let years = "lease=300000000000";
    place.kill_at("after call do charge", &[years]);
    place.finish(&[years]);
    assert_eq!(place.rest().await, Ok(Rest::Completed));
    assert_eq!(place.count(interrupted).await, 1);
    let charged = place.entry("payment");
    assert_eq!((charged.calls, charged.applied), (2, 1));
}
