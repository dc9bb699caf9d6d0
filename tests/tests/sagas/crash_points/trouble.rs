//! C10 to C12: undos that do not work, calls that come too late, and two workers at one saga.

use super::{audit::Rest, place::Place};
use es_sagas::{Phase, StepStatus, log::SagaEvent};
use es_tests::{ledger::Entry, orders::OrderSaga};

on_each! {
    c10_killed_when_an_undo_used_up_its_attempts
    c11_a_call_that_comes_after_its_undo
    c11_killed_when_a_late_success_is_recorded
    c12_a_worker_wakes_when_another_one_has_finished
    c12_a_worker_wakes_in_the_middle_of_anothers_call
}

/// Shipping says no, and the payment is not given back.
const STUCK: &str = "services=shipping:refuses,payment:keeps";
const PARKED: &str = "commit [saga.step_failed, saga.parked]";

/// The last failed attempt and the parking are one commit: killed on both sides of it, then tried again
/// by an operator.
async fn c10_killed_when_an_undo_used_up_its_attempts(place: &Place) {
    place.place_order().await;
    place.kill_at(&format!("before {PARKED}"), &[STUCK]);
    assert_eq!(place.saga().await.state.parked, None, "not stored");
    place.kill_at(&format!("after {PARKED}"), &[STUCK]);
    let before = place.saga().await;
    assert_eq!(place.rest().await, Ok(Rest::Parked));
    // Whoever comes next leaves it to the operator.
    place.finish(&[STUCK]);
    let parked = place.saga().await;
    assert_eq!(parked.history.len(), before.history.len());
    assert_eq!(place.rest().await, Ok(Rest::Parked));
    let reason = parked.row.and_then(|row| row.reason).expect("a reason");
    assert!(reason.contains("`charge` used up its attempts"), "{reason}");
    let charged = place.entry("payment");
    assert_eq!((charged.applied, charged.undone), (1, false));
    assert_eq!(place.entry("inventory").undo_calls, 1, "it came first");

    place.retry::<OrderSaga>().await;
    place.finish(&[]);
    assert_eq!(place.rest().await, Ok(Rest::Compensated));
    let refunded = place.entry("payment");
    assert_eq!((refunded.applied, refunded.undone), (1, true));
    // Four attempts, the one that was not stored, and the one that worked.
    assert_eq!(refunded.undo_calls, 6);
    assert_eq!(place.entry("inventory").undo_calls, 1);
    assert_eq!(place.entry("shipping").applied, 0);
}

/// A worker is stopped before its request gets out; meanwhile everything is undone.
async fn late_call(place: &Place, args: &[&str]) -> super::worker::Worker {
    place.place_order().await;
    let mut late = place.worker(args);
    late.is_at("before call do charge");
    late.stop();
    place.cancel_order().await;
    place.finish(&[args[1]]);
    let saga = place.saga().await;
    assert_eq!(saga.state.phase, Phase::Compensated);
    let never_came = place.entry("payment");
    assert_eq!((never_came.calls, never_came.applied), (0, 0));
    late.go_on();
    late
}

async fn c11_a_call_that_comes_after_its_undo(place: &Place) {
    for killed in [false, true] {
        let place = place.another();
        let at = "at=before call do charge|after call do charge";
        let mut late = late_call(&place, &[at, "services="]).await;
        // The request gets out now, and the provider refuses its key.
        late.is_at("after call do charge");
        let refused = Entry {
            calls: 1,
            applied: 0,
            undo_calls: 1,
            undone: true,
        };
        assert_eq!(place.entry("payment"), refused);
        if killed {
            late.kill();
            place.finish(&[]);
        } else {
            late.go_on();
            late.comes_to_its_end();
        }
        assert_eq!(place.entry("payment"), refused);
        assert_eq!(place.rest().await, Ok(Rest::Compensated));
    }
}

fn is_late(event: &SagaEvent) -> bool {
    matches!(event, SagaEvent::LateSuccess(_))
}

/// A provider that forgot the undo serves the late call: that is recorded, and undone once more.
async fn c11_killed_when_a_late_success_is_recorded(place: &Place) {
    const LATE: &str = "after commit [saga.late_success, saga.step_scheduled]";
    let at = format!("at=before call do charge|{LATE}|{LATE}");
    let forgets = "services=payment:forgets";
    for killed in [false, true] {
        let place = place.another();
        let mut late = late_call(&place, &[&at, forgets]).await;
        // As one who has the saga it is refused; it tells it then as one who has not.
        late.is_at(LATE);
        assert_eq!(place.count(is_late).await, 0);
        late.go_on();
        late.is_at(LATE);
        assert_eq!(place.count(is_late).await, 1);
        let charged = place.entry("payment");
        assert_eq!((charged.applied, charged.undone), (1, false));
        if killed {
            late.kill();
            place.finish(&[forgets]);
        } else {
            late.go_on();
            late.comes_to_its_end();
        }
        assert_eq!(place.rest().await, Ok(Rest::Compensated));
        let charged = place.entry("payment");
        assert_eq!((charged.applied, charged.undone), (1, true));
        assert_eq!(place.count(is_late).await, 1);
        let undone =
            |event: &SagaEvent| matches!(event, SagaEvent::StepUndone(u) if u.step == "charge");
        assert_eq!(place.count(undone).await, 2);
    }
    // Without the record the money is gone.
    let place = place.another();
    let at = "at=before call do charge";
    let late = late_call(&place, &[at, forgets, "faults=loses-late-successes"]).await;
    late.comes_to_its_end();
    let found = place.rest().await.expect_err("the control saw nothing");
    assert!(found.contains("differ"), "{found}");
}

/// Stopped after its claim, or with an answer in its hands; the other one does everything. It may be
/// killed when it has been refused.
async fn c12_a_worker_wakes_when_another_one_has_finished(place: &Place) {
    const ANSWERED: &str = "before commit [saga.step_succeeded, saga.step_scheduled]";
    const REFUSED: &str = "after commit [saga.step_succeeded, saga.step_scheduled]";
    for (point, then, calls) in [
        ("after claim", None, 1),
        (ANSWERED, None, 2),
        (ANSWERED, Some(REFUSED), 2),
    ] {
        let place = place.another();
        place.place_order().await;
        let points = [&[point], then.as_slice()].concat();
        let mut slow = place.worker(&[&format!("at={}", points.join("|"))]);
        slow.is_at(point);
        slow.stop();
        place.finish(&[]);
        let before = place.saga().await;
        assert_eq!(place.rest().await, Ok(Rest::Completed));
        slow.go_on();
        if let Some(refused) = then {
            slow.is_at(refused);
            slow.kill();
            place.finish(&[]);
        } else {
            slow.comes_to_its_end();
        }
        let after = place.saga().await;
        assert_eq!(after.history, before.history, "what it wrote was refused");
        assert_eq!(
            after.row.map(|row| row.epoch),
            before.row.map(|row| row.epoch)
        );
        assert_eq!(place.rest().await, Ok(Rest::Completed));
        let charged = place.entry("payment");
        assert_eq!((charged.calls, charged.applied), (calls, 1));
    }
}

/// The answer of a worker that lost its lease is refused. A store that ignores epochs takes it.
async fn c12_a_worker_wakes_in_the_middle_of_anothers_call(place: &Place) {
    const NO: &str = "before commit [saga.step_failed, saga.unwind_started, saga.step_scheduled]";
    for (faults, rest, step) in [
        ("faults=", Rest::Completed, StepStatus::Done),
        (
            "faults=ignores-epochs",
            Rest::Compensated,
            StepStatus::Undone,
        ),
    ] {
        let place = place.another();
        place.place_order().await;
        let no = "services=payment:lies";
        let mut old = place.worker(&["mode=once", faults, no, &format!("at={NO}")]);
        old.is_at(NO);
        old.stop();
        // The other one keeps its lease for the whole test.
        let args = ["lease=60000", faults, "at=after call do charge"];
        let mut new = place.worker(&args);
        new.is_at("after call do charge");
        old.go_on();
        old.comes_to_its_end();
        new.go_on();
        new.comes_to_its_end();
        assert_eq!(place.rest().await, Ok(rest), "{faults}");
        let saga = place.saga().await;
        let charge = saga.state.step("charge").map(|step| step.status);
        assert_eq!(charge, Some(step), "{faults}");
    }
}
