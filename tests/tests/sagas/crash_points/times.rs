//! C13: a time that runs out counts once, however often its process dies, and not at all when what it
//! was for is over. The timers of process managers are killed in `process_kill.rs`.

use super::{audit::Rest, place::Place, worker::PATIENCE};
use es_sagas::{Cause, log::SagaEvent};
use std::time::{Duration, Instant};

on_each! {
    c13_killed_when_a_deadline_runs_out
    c13_killed_when_a_step_runs_out_of_time
    c13_a_deadline_behind_the_end_does_nothing
}

/// The reservation never gets through, and is not tried again before the saga's time is over.
async fn c13_killed_when_a_deadline_runs_out(place: &Place) {
    place.place_order().await;
    let args = ["saga=hasty", "services=inventory:loses"];
    let over = "commit [saga.unwind_started, saga.step_scheduled]";
    place.kill_at(&format!("before {over}"), &args);
    place.kill_at(&format!("after {over}"), &args);
    place.finish(&args);
    assert_eq!(place.rest().await, Ok(Rest::Compensated));
    let begun = |event: &SagaEvent| matches!(event, SagaEvent::UnwindStarted(_));
    assert_eq!(place.count(begun).await, 1);
    let saga = place.saga().await;
    let cause = saga.state.failure.map(|why| why.cause);
    assert_eq!(cause, Some(Cause::Deadline));
    let charged = place.entry("payment");
    assert_eq!((charged.applied, charged.undo_calls), (1, 1));
}

/// The inventory never answers.
async fn c13_killed_when_a_step_runs_out_of_time(place: &Place) {
    let over = "commit [saga.step_failed, saga.unwind_started, saga.step_scheduled]";
    for side in ["before", "after"] {
        let place = place.another();
        place.place_order().await;
        let args = ["saga=impatient", "services=inventory:hangs"];
        place.kill_at(&format!("{side} {over}"), &args);
        place.finish(&args);
        assert_eq!(place.rest().await, Ok(Rest::Compensated));
        let failed = |event: &SagaEvent| matches!(event, SagaEvent::StepFailed(_));
        assert_eq!(place.count(failed).await, 1);
        // Nobody knows whether the inventory got it: it is undone too.
        assert!(place.entry("inventory").undone);
        let charged = place.entry("payment");
        assert_eq!((charged.applied, charged.undo_calls), (1, 1));
    }
}

async fn c13_a_deadline_behind_the_end_does_nothing(place: &Place) {
    place.place_order().await;
    place.kill_at(
        "after commit [saga.step_succeeded, saga.completed]",
        &["saga=hasty"],
    );
    let before = place.saga().await;
    let started = before.state.started.expect("it has begun");
    let deadline = started.deadline.expect("it has a deadline");
    let began = Instant::now();
    while place.now().await <= deadline {
        assert!(began.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    place.finish(&["saga=hasty"]);
    let after = place.saga().await;
    assert_eq!(after.history, before.history);
    assert_eq!(after.row.expect("a row").due_at, None);
    assert_eq!(place.rest().await, Ok(Rest::Completed));
    assert_eq!(place.entry("payment").undo_calls, 0);
}
