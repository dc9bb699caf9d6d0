//! One test for each rule of the saga runtime.
//!
//! Where a store can break the rule, the test runs once more on a store with that fault and must fail there.
//! `tests/mutants` has a mutation of the runtime for every rule, and names the test that finds it.

use es_runtime::{Commit, CommitStore, CursorMove, MemoryStore, Position};
use es_sagas::{Fail, Interceptor, Phase, Sagas, StepCall, StepCx, StepDirection, Verb};
use es_testkit::{
    PausingStore, VirtualClock,
    saga::{CrashPoint, SagaTest, Scripted},
};
use es_tests::{
    faulty::{Fault, Faulty},
    orders::{self, Calm, Order, OrderPlaced, OrderRejected, OrderSaga, Outside},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::sync::Notify;

const LEASE: Duration = Duration::from_secs(60);

fn calm() -> Arc<dyn Outside> {
    Arc::new(Calm)
}

/// A store with an order, and its clock.
struct World {
    store: MemoryStore,
    clock: VirtualClock,
}

impl World {
    async fn with_order() -> Self {
        let (store, clock) = VirtualClock::with_store();
        orders::place(&store, "1", 100).await;
        Self { store, clock }
    }

    fn lease_runs_out(&self) {
        self.clock.pass(LEASE);
    }

    fn runner(&self, faults: &[Fault]) -> Sagas {
        Sagas::new(Faulty::store(self.store.clone(), faults))
            .from_the_beginning(true)
            .lease(LEASE)
            .with::<OrderSaga>(calm())
    }

    async fn phase(&self) -> Phase {
        let sagas = self.runner(&[]);
        let view = sagas.show("order", "1").await.expect("shown");
        view.state.phase
    }
}

/// Holds the first call of a step until the test lets it go.
#[derive(Clone)]
struct Gate {
    step: &'static str,
    used: Arc<AtomicBool>,
    entered: Arc<Notify>,
    go: Arc<Notify>,
    answer: Option<Fail>,
    /// How often the effect stands outside: a provider that does not know keys.
    balance: Arc<AtomicI64>,
    /// Whether the effect happens before it waits.
    first: bool,
}

impl Gate {
    fn at(step: &'static str) -> Self {
        Self {
            step,
            used: Arc::default(),
            entered: Arc::default(),
            go: Arc::default(),
            answer: None,
            balance: Arc::default(),
            first: false,
        }
    }
}

impl Interceptor for Gate {
    fn call<'a>(&'a self, cx: &'a StepCx, call: StepCall<'a>) -> StepCall<'a> {
        Box::pin(async move {
            if cx.step() != self.step {
                return call.await;
            }
            if cx.direction() == StepDirection::Undo {
                let undone = call.await;
                self.balance.fetch_add(-1, Ordering::SeqCst);
                return undone;
            }
            if self.first {
                self.balance.fetch_add(1, Ordering::SeqCst);
            }
            if !self.used.swap(true, Ordering::SeqCst) {
                self.entered.notify_one();
                self.go.notified().await;
            }
            if let Some(fail) = &self.answer {
                return Err(fail.clone());
            }
            if !self.first {
                self.balance.fetch_add(1, Ordering::SeqCst);
            }
            call.await
        })
    }
}

/// Runs in the background until it is idle, over and over.
fn in_background(sagas: Sagas) -> tokio::task::JoinHandle<()> {
    es_tests::spawn(async move {
        sagas.run_until_idle().await.expect("runs");
    })
}

/// An event that is delivered again leaves no trace.
async fn inbox_holds(faults: &[Fault]) -> bool {
    let world = World::with_order().await;
    let sagas = world.runner(faults);
    sagas.run_until_idle().await.expect("runs");
    let before = world.store.len();
    let consumer = "saga:order";
    let at = world.store.cursor(consumer).await.expect("a cursor");
    let back = CursorMove::new(consumer, at, Position::START);
    let back = Commit::new().cursor(back);
    world.store.commit(back).await.expect("set back");
    sagas.run_until_idle().await.expect("runs");
    world.store.len() == before
}

#[tokio::test]
async fn an_event_is_taken_once() {
    assert!(inbox_holds(&[]).await);
    let faults = [Fault::ForgetsAppendIds];
    assert!(!inbox_holds(&faults).await, "the control saw nothing");
}

/// A reader that was paused after it read a page does not set the cursor back.
async fn cursor_holds(faults: &[Fault]) -> bool {
    let world = World::with_order().await;
    let other = world.runner(&[]);
    let (store, paused) = (world.store.clone(), Arc::new(AtomicBool::new(false)));
    let pausing = PausingStore::new(store.clone(), move || {
        let (store, other, paused) = (store.clone(), other.clone(), Arc::clone(&paused));
        Box::pin(async move {
            if !paused.swap(true, Ordering::SeqCst) {
                orders::place(&store, "2", 100).await;
                other.run_until_idle().await.expect("runs");
            }
        })
    });
    let sagas = Sagas::new(Faulty::store(pausing.clone(), faults))
        .from_the_beginning(true)
        .with::<OrderSaga>(calm());
    sagas.run_until_idle().await.expect("runs");
    let moves = pausing.moves();
    assert!(!moves.is_empty());
    moves
        .iter()
        .all(|moved| moved.from.is_none_or(|from| from <= moved.to))
}

#[tokio::test]
async fn the_place_in_the_feed_never_goes_back() {
    assert!(cursor_holds(&[]).await);
    let faults = [Fault::IgnoresCursors];
    assert!(!cursor_holds(&faults).await, "the control saw nothing");
}

/// Two runners are in one call; the answer of the one whose lease expired is refused.
async fn fence_holds(faults: &[Fault]) -> bool {
    let world = World::with_order().await;
    let old = Gate {
        answer: Some(Fail::fatal("what I heard long ago")),
        ..Gate::at("charge")
    };
    let new = Gate::at("charge");
    let first = in_background(world.runner(faults).intercept(old.clone()));
    old.entered.notified().await;
    world.lease_runs_out();
    let second = in_background(world.runner(faults).intercept(new.clone()));
    new.entered.notified().await;
    old.go.notify_one();
    first.await.expect("ends");
    new.go.notify_one();
    second.await.expect("ends");
    world.phase().await == Phase::Completed
}

#[tokio::test]
async fn the_word_of_a_runner_that_lost_its_lease_does_not_count() {
    assert!(fence_holds(&[]).await);
    let faults = [Fault::IgnoresEpochs];
    assert!(!fence_holds(&faults).await, "the control saw nothing");
}

/// R1: a process dies in a call; the saga is unwound before anybody calls again.
#[tokio::test]
async fn a_step_that_may_have_been_called_is_undone() {
    let world = World::with_order().await;
    let gate = Gate {
        first: true,
        ..Gate::at("reserve")
    };
    let dying = in_background(world.runner(&[]).intercept(gate.clone()));
    gate.entered.notified().await;
    dying.abort();
    assert!(dying.await.is_err(), "it died in the call");
    let operator = world.runner(&[]);
    let unwind = operator.repair("order", "1", Verb::Unwind {}, "ada", "it hangs");
    unwind.await.expect("unwound");
    world.lease_runs_out();
    let healthy = operator.intercept(gate.clone());
    healthy.run_until_idle().await.expect("runs");
    assert_eq!(world.phase().await, Phase::Compensated);
    let left = gate.balance.load(Ordering::SeqCst);
    assert_eq!(left, 0, "the effect of the call stands");
}

/// R7: a call comes through after everything was undone.
async fn late_success_is_undone(faults: &[Fault]) -> bool {
    let world = World::with_order().await;
    let gate = Gate::at("charge");
    let slow = in_background(world.runner(faults).intercept(gate.clone()));
    gate.entered.notified().await;
    world.lease_runs_out();
    let operator = world.runner(faults).intercept(gate.clone());
    let unwind = operator.repair("order", "1", Verb::Unwind {}, "ada", "it hangs");
    unwind.await.expect("unwound");
    operator.run_until_idle().await.expect("runs");
    assert_eq!(world.phase().await, Phase::Compensated);
    // The undo found nothing; this provider does not refuse the key afterwards.
    gate.balance.store(0, Ordering::SeqCst);
    gate.go.notify_one();
    slow.await.expect("ends");
    operator.run_until_idle().await.expect("runs");
    assert_eq!(world.phase().await, Phase::Compensated);
    gate.balance.load(Ordering::SeqCst) == 0
}

#[tokio::test]
async fn a_step_that_comes_through_after_its_undo_is_undone_again() {
    assert!(late_success_is_undone(&[]).await);
    let faults = [Fault::LosesLateSuccesses];
    assert!(
        !late_success_is_undone(&faults).await,
        "the control saw nothing"
    );
}

/// A placed order, whose saga is begun.
fn order() -> SagaTest<OrderSaga> {
    SagaTest::new(calm)
        .given::<Order>("1", OrderPlaced { cents: 100 })
        .when_begun(OrderSaga::start("1"))
}

/// R4: the newest first.
#[tokio::test]
async fn undos_run_in_the_reverse_order() {
    let reason = "no driver".to_owned();
    order()
        .step("schedule", [Scripted::Fatal("no driver")])
        .run()
        .await
        .then_compensated()
        .then_undone(["reserve", "charge"])
        .then::<Order>("1", OrderRejected { reason })
        .then_nothing_else();
}

/// The names of crash points say what is written or called there.
#[tokio::test]
async fn the_crash_points_are_those_that_are_named() {
    let ended = order().dying(&[CrashPoint { at: 4, after: true }]).await;
    let ended = ended.then_completed();
    let points = ended.points().concat();
    for named in [
        "commit [saga.started, saga.step_scheduled]",
        "claim",
        "call do charge",
        "commit [saga.step_succeeded, saga.step_scheduled]",
        "call do completed",
        "commit [saga.completed, order.confirmed]",
    ] {
        assert!(points.iter().any(|p| p == named), "{named}: {points:#?}");
    }
}
