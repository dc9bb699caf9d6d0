//! Sagas on the in-memory store with virtual time: what holds, wherever a process dies.

use es_runtime::MemoryStore;
use es_runtime::WorkStatus;
use es_sagas::{Cause, Phase, Sagas, StepStatus, Verb, log::SagaEvent};
use es_testkit::saga::{CrashPoint, SagaTest, Scripted};
use es_tests::{
    orders::{self, Calm, Order, OrderPlaced, OrderSaga, Outside, confirmed, rejected},
    tries,
};
use std::sync::Arc;

fn calm() -> Arc<dyn Outside> {
    Arc::new(Calm)
}

/// A placed order, whose saga is begun.
fn order() -> SagaTest<OrderSaga> {
    SagaTest::new(calm)
        .given::<Order>("4711", OrderPlaced { cents: 2_973 })
        .when_begun(OrderSaga::start("4711"))
}

const LOST: Scripted = Scripted::Lost("the line is dead");
const UNSEEN: Scripted = Scripted::AnswerLost("the line went dead");

#[tokio::test]
async fn an_order_is_charged_reserved_scheduled_and_confirmed() {
    let ended = order().run().await.then_completed();
    let calls: Vec<_> = ended
        .ledger
        .calls()
        .into_iter()
        .map(|call| call.step)
        .collect();
    assert_eq!(calls, ["charge", "reserve", "schedule", "completed"]);
    let names: Vec<_> = ended.view.history.iter().map(|(_, e)| name(e)).collect();
    assert_eq!(
        names,
        [
            "saga.started",
            "saga.step_scheduled",
            "saga.step_succeeded",
            "saga.step_scheduled",
            "saga.step_succeeded",
            "saga.step_scheduled",
            "saga.step_succeeded",
            "saga.step_scheduled",
            "saga.completed",
        ]
    );
    ended
        .then::<Order>("4711", confirmed("4711"))
        .then_nothing_else();
}

fn name(event: &SagaEvent) -> &'static str {
    es_runtime::EventSet::event_type(event).name
}

#[tokio::test]
async fn a_no_undoes_what_was_done_in_reverse_order_and_not_the_step_that_said_no() {
    let ended = order()
        .step("schedule", [Scripted::Fatal("no driver")])
        .run()
        .await
        .then_compensated()
        .then_undone(["reserve", "charge"]);
    assert_eq!(
        ended.state().step("schedule").map(|step| step.status),
        Some(StepStatus::DidNotHappen)
    );
    let why = ended.state().failure.as_ref().expect("a reason");
    assert_eq!((why.cause, &*why.message), (Cause::Step, "no driver"));
    ended
        .then::<Order>("4711", rejected("no driver"))
        .then_nothing_else();
}

#[tokio::test]
async fn an_unknown_outcome_is_retried_with_the_same_key_and_then_undone_too() {
    let ended = order().step("reserve", [LOST, UNSEEN]).run().await;
    let ended = ended.then_completed();
    let reserved = ended.ledger.calls();
    let keys = reserved.iter().filter(|call| call.step == "reserve");
    let keys: Vec<_> = keys.map(|call| call.key).collect();
    assert_eq!(keys.len(), 2, "one was lost before it got there");
    assert_eq!(keys[0], keys[1]);

    // It was done the first time, and nobody ever heard of it.
    let ended = order().step("reserve", [UNSEEN, LOST, LOST]).run().await;
    let ended = ended.then_compensated().then_undone(["reserve", "charge"]);
    assert_eq!(ended.ledger.applied().get("reserve"), Some(&1));
    assert_eq!(ended.ledger.live("reserve"), 0);
}

#[tokio::test]
async fn an_undo_that_fails_is_tried_again_and_then_parked_until_an_operator_comes() {
    let no_driver = order().step("schedule", [Scripted::Fatal("no driver")]);
    let retried = no_driver.clone().undo("reserve", [LOST, UNSEEN]);
    retried
        .run()
        .await
        .then_compensated()
        .then_undone(["reserve", "charge"])
        .then::<Order>("4711", rejected("no driver"))
        .then_nothing_else();

    // The charge waits for the reservation, and the order for both.
    let stuck = no_driver.undo("reserve", [LOST; 4]);
    stuck
        .run()
        .await
        .then_parked("the undo of `reserve`")
        .then_nothing_else();
}

/// A crash is no attempt; a call in which process after process died is not made for ever.
#[tokio::test]
async fn a_call_that_is_cut_off_too_often_has_used_up_its_attempts() {
    for (scripted, call, undone) in [
        (None, "call do reserve", ["reserve", "charge"].as_slice()),
        (Some("no driver"), "call undo reserve", &[]),
    ] {
        let test = match scripted {
            Some(why) => order().step("schedule", [Scripted::Fatal(why)]),
            None => order(),
        };
        let mut crashes: Vec<CrashPoint> = Vec::new();
        let ended = loop {
            let ended = test.dying(&crashes).await;
            let last = ended.points().last().expect("a process");
            let Some(at) = last.iter().position(|point| point == call) else {
                break ended;
            };
            let at = at + 1;
            crashes.push(CrashPoint { at, after: false });
            assert!(crashes.len() < 20, "it is called for ever");
        };
        assert_eq!(crashes.len(), 10, "{call}");
        let ended = match scripted {
            Some(_) => ended.then_parked("the undo of `reserve`"),
            None => ended.then_compensated(),
        };
        let _ = ended.then_undone(undone.iter().copied());
        let usual = test.run().await;
        let nearly = test.dying(&crashes[..9]).await;
        assert_eq!(nearly.state().phase, usual.state().phase, "{call}");
    }
}

#[tokio::test]
async fn an_unwinding_in_the_middle_of_each_call_undoes_everything() {
    for call in 1..=3 {
        let ended = order().unwound_during_call(call).run().await;
        let steps = ["charge", "reserve", "schedule"];
        let mut done: Vec<_> = steps.into_iter().take(call).collect();
        done.reverse();
        ended
            .then_compensated()
            .then_undone(done)
            .then::<Order>("4711", rejected("test"))
            .then_nothing_else();
    }
}

/// Those that are killed twice; all others behave like one of them.
const PAIRS: [&str; 4] = ["ok", "schedule says no", "reserve unknown", "undo retried"];

/// Every outcome that matters, killed at every point, and at every pair of points.
#[tokio::test]
async fn wherever_it_dies_it_comes_to_the_same_end() {
    let no = Scripted::Fatal("no");
    let pairs = tries(PAIRS.len(), 1);
    let mut runs = 0;
    for (name, test) in [
        ("ok", order()),
        ("charge says no", order().step("charge", [no])),
        ("reserve says no", order().step("reserve", [no])),
        ("schedule says no", order().step("schedule", [no])),
        ("retried", order().step("reserve", [LOST, UNSEEN])),
        (
            "charge unknown",
            order().step("charge", [UNSEEN, LOST, LOST]),
        ),
        (
            "reserve unknown",
            order().step("reserve", [UNSEEN, LOST, LOST]),
        ),
        (
            "schedule unknown",
            order().step("schedule", [LOST, LOST, UNSEEN]),
        ),
        (
            "undo retried",
            order()
                .step("schedule", [no])
                .undo("reserve", [LOST, UNSEEN]),
        ),
        (
            "undo stuck",
            order().step("schedule", [no]).undo("reserve", [LOST; 4]),
        ),
    ] {
        let single = test.crash_matrix().await;
        assert!(single.points > 6, "{name}: {single:?}");
        runs += single.runs;
        if PAIRS[..pairs].contains(&name) {
            let pairs = test.crash_pairs().await;
            assert!(pairs.runs > single.runs, "{name}: {pairs:?}");
            runs += pairs.runs;
        }
    }
    // As many as there were when this was written, so that none gets lost unseen.
    println!("{runs} runs");
    assert!(runs > tries(2_000, 500), "{runs} runs");
}

#[tokio::test]
async fn inputs_that_come_twice_or_too_late_are_recorded_and_change_nothing() {
    let store = MemoryStore::new();
    let sagas = Sagas::new(store.clone())
        .from_the_beginning(true)
        .with::<OrderSaga>(calm());
    orders::place(&store, "1", 100).await;
    sagas.run_until_idle().await.expect("runs");
    assert_eq!(
        sagas.show("order", "1").await.expect("shown").state.phase,
        Phase::Completed
    );
    // It was confirmed; a cancellation from elsewhere comes too late.
    let late = es_runtime::NewEvent::json("order.cancelled", 1, "{}");
    let stream = es_runtime::StreamId::new("order", "1").expect("an id");
    let append = es_runtime::Append::new(stream, es_runtime::ExpectedVersion::Any);
    es_runtime::EventStore::append(&store, append.with_event(late))
        .await
        .expect("appended");
    sagas.run_until_idle().await.expect("runs");
    let view = sagas.show("order", "1").await.expect("shown");
    assert_eq!(view.state.phase, Phase::Completed);
    let last = view.history.last().map(|(_, event)| name(event));
    assert_eq!(last, Some("saga.input_ignored"));
}

#[tokio::test]
async fn an_event_cancels_a_saga_and_a_saga_that_has_not_begun_is_not_made_by_it() {
    let store = MemoryStore::new();
    let sagas = Sagas::new(store.clone())
        .from_the_beginning(true)
        .with::<OrderSaga>(calm());
    orders::place(&store, "1", 100).await;
    assert!(orders::cancel(&store, "1").await);
    sagas.run_until_idle().await.expect("runs");
    let view = sagas.show("order", "1").await.expect("shown");
    assert_eq!(view.state.phase, Phase::Compensated);
    let cause = view.state.failure.map(|why| why.cause);
    assert_eq!(cause, Some(Cause::Cancelled));
    let order = es_runtime::Repository::<Order, _>::new(store.clone())
        .load(&"1".to_owned())
        .await
        .expect("loads");
    assert_eq!(order.state.settled, Some(false));
    assert!(sagas.show("order", "2").await.is_err());
}

#[tokio::test]
async fn operators_retry_skip_complete_unwind_and_abandon_with_their_names() {
    let stuck = || {
        order()
            .step("schedule", [Scripted::Fatal("no")])
            .undo("reserve", [LOST; 4])
    };
    let _ = stuck().run().await.then_parked("the undo of `reserve`");
    for (verb, expected) in [
        (Verb::Retry {}, Some(Phase::Compensated)),
        (
            Verb::Skip {
                step: "reserve".into(),
            },
            Some(Phase::Compensated),
        ),
        (Verb::Abandon {}, Some(Phase::Abandoned)),
        (Verb::Unwind {}, None),
        (
            Verb::Skip {
                step: "charge".into(),
            },
            None,
        ),
        (
            Verb::CompleteWith {
                step: "reserve".into(),
                output: serde_json::json!({"shelf": "A1"}),
            },
            None,
        ),
    ] {
        let store = MemoryStore::new();
        orders::place(&store, "1", 100).await;
        let sagas = Sagas::new(store.clone())
            .from_the_beginning(true)
            .with::<OrderSaga>(Arc::new(Broken));
        let until_parked = async {
            loop {
                let idle = sagas.run_until_idle().await.expect("runs");
                if idle.parked == 1 {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        until_parked.await;
        let mended = Sagas::new(store.clone()).with::<OrderSaga>(calm());
        let name = verb.name();
        let done = mended.repair("order", "1", verb, "ada", "seen to it").await;
        assert_eq!(done.is_ok(), expected.is_some(), "{name}: {done:?}");
        mended.run_until_idle().await.expect("runs");
        let view = mended.show("order", "1").await.expect("shown");
        match expected {
            Some(phase) => assert_eq!(view.state.phase, phase, "{name}"),
            None => assert!(view.state.parked.is_some(), "{name}"),
        }
        let repaired = view.history.iter().find_map(|(_, event)| match event {
            SagaEvent::Repaired(repaired) => Some((&*repaired.by, &*repaired.reason)),
            _ => None,
        });
        assert_eq!(repaired, expected.map(|_| ("ada", "seen to it")), "{name}");
    }
}

/// Charges and reserves, never schedules, and takes no reservation back.
struct Broken;

impl Outside for Broken {
    fn act(
        &self,
        service: &'static str,
        order: &str,
        key: es_sagas::Key,
        cents: u64,
    ) -> orders::Answer<String> {
        if service == "shipping" {
            return Box::pin(async { Err(es_sagas::Fail::fatal("no driver")) });
        }
        Calm.act(service, order, key, cents)
    }

    fn undo(
        &self,
        _: &'static str,
        _: &str,
        _: es_sagas::Key,
        _: es_sagas::Key,
    ) -> orders::Answer<()> {
        Box::pin(async { Err(es_sagas::Fail::fatal("the shelf is gone")) })
    }
}

#[tokio::test]
async fn a_stuck_step_can_be_completed_by_hand_with_a_value_that_fits() {
    let store = MemoryStore::new();
    orders::place(&store, "1", 100).await;
    let sagas = Sagas::new(store.clone())
        .from_the_beginning(true)
        .with::<OrderSaga>(Arc::new(Deaf));
    sagas.run_until_idle().await.expect("runs");
    let complete = |output| Verb::CompleteWith {
        step: "reserve".into(),
        output,
    };
    let unfit = complete(serde_json::json!({"shelf": 7}));
    let refused = sagas.repair("order", "1", unfit, "ada", "by phone").await;
    let refused = refused.expect_err("does not fit").to_string();
    assert!(refused.contains("does not fit"), "{refused}");
    let fit = complete(serde_json::json!({"shelf": "A1"}));
    sagas
        .repair("order", "1", fit, "ada", "by phone")
        .await
        .expect("repaired");
    let mended = Sagas::new(store.clone()).with::<OrderSaga>(calm());
    mended.run_until_idle().await.expect("runs");
    let view = mended.show("order", "1").await.expect("shown");
    assert_eq!(view.state.phase, Phase::Completed);
    let shipment = view.state.step("schedule").and_then(|s| s.output.clone());
    assert_eq!(
        shipment,
        Some(serde_json::json!({"tracking": "shipping-1 from A1"}))
    );
}

/// The inventory does not answer.
struct Deaf;

impl Outside for Deaf {
    fn act(
        &self,
        service: &'static str,
        order: &str,
        key: es_sagas::Key,
        cents: u64,
    ) -> orders::Answer<String> {
        if service == "inventory" {
            let fail = es_sagas::Fail::transient("deaf");
            let later = fail.retry_after(std::time::Duration::from_secs(3600));
            return Box::pin(async move { Err(later) });
        }
        Calm.act(service, order, key, cents)
    }

    fn undo(
        &self,
        _: &'static str,
        _: &str,
        _: es_sagas::Key,
        _: es_sagas::Key,
    ) -> orders::Answer<()> {
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test]
async fn rows_can_be_listed_by_status() {
    let store = MemoryStore::new();
    let sagas = Sagas::new(store.clone())
        .from_the_beginning(true)
        .with::<OrderSaga>(calm());
    for id in ["1", "2", "3"] {
        orders::place(&store, id, 100).await;
    }
    sagas.run_until_idle().await.expect("runs");
    let done = sagas
        .list(Some("order"), Some(WorkStatus::Done), None)
        .await;
    assert_eq!(done.expect("rows").len(), 3);
    let parked = sagas.list(None, Some(WorkStatus::Parked), None).await;
    assert!(parked.expect("rows").is_empty());
}
