//! C17: a saga is killed in the middle of a step, and another release takes over, with another
//! definition: what it began with is what it ends by, or it waits for a program that has it.

use super::{audit::Rest, place::Place};
use es_sagas::{ParkedWhy, log::SagaEvent};

on_each! {
    c17_killed_before_a_release_that_keeps_the_old_definition
    c17_killed_before_a_release_that_has_another_definition
    c17_a_cancellation_that_no_release_can_carry_out_waits
}

/// Killed after the charge, which is not stored.
async fn killed_in_the_old_release(place: &Place) {
    place.place_order().await;
    place.kill_at("after call do charge", &["saga=old"]);
}

async fn c17_killed_before_a_release_that_keeps_the_old_definition(place: &Place) {
    killed_in_the_old_release(place).await;
    place.finish(&["saga=both"]);
    assert_eq!(place.rest().await, Ok(Rest::Completed));
    let saga = place.saga().await;
    assert_eq!(saga.state.steps.len(), 2, "as version 1 has it");
    let charged = place.entry("payment");
    assert_eq!((charged.calls, charged.applied), (2, 1));
    assert_eq!(place.entry("shipping").calls, 0);
}

async fn c17_killed_before_a_release_that_has_another_definition(place: &Place) {
    // A later version alone, and one that says to be version 1.
    for other in ["saga=new", "saga=changed"] {
        let place = place.another();
        killed_in_the_old_release(&place).await;
        let parked = "commit [saga.parked]";
        place.kill_at(&format!("before {parked}"), &[other]);
        place.kill_at(&format!("after {parked}"), &[other]);
        place.finish(&[other]);
        assert_eq!(place.rest().await, Ok(Rest::Parked), "{other}");
        let (why, _) = place.saga().await.state.parked.expect("parked");
        assert_eq!(why, ParkedWhy::UnknownDefinition {});
        let parks = |event: &SagaEvent| matches!(event, SagaEvent::Parked(_));
        assert_eq!(place.count(parks).await, 1);
        assert_eq!(place.entry("payment").calls, 1, "nothing was guessed");
        // The old release comes back, and is killed when it has gone on.
        place.kill_at("after commit [saga.repaired]", &["saga=old"]);
        place.finish(&["saga=old"]);
        assert_eq!(place.rest().await, Ok(Rest::Completed));
        let charged = place.entry("payment");
        assert_eq!((charged.calls, charged.applied), (2, 1));
    }
}

/// The customer cancels while only the other release runs.
async fn c17_a_cancellation_that_no_release_can_carry_out_waits(place: &Place) {
    killed_in_the_old_release(place).await;
    place.cancel_order().await;
    let asked = "commit [saga.cancel_requested]";
    place.kill_at(&format!("before {asked}"), &["saga=new"]);
    place.kill_at(&format!("after {asked}"), &["saga=new"]);
    place.finish(&["saga=new"]);
    assert_eq!(place.rest().await, Ok(Rest::Parked));
    let requests = |event: &SagaEvent| matches!(event, SagaEvent::CancelRequested(_));
    assert_eq!(place.count(requests).await, 1);
    assert_eq!(place.entry("payment").undo_calls, 0);
    place.finish(&["saga=old"]);
    assert_eq!(place.rest().await, Ok(Rest::Compensated));
    let charged = place.entry("payment");
    assert_eq!((charged.applied, charged.undone), (1, true));
    assert_eq!(place.entry("inventory").calls, 0, "it went no further");
}
