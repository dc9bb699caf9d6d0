//! Definitions: deadlines, pivots, reconciling, other undos that go on, other versions.

use es_runtime::{AppendId, MemoryStore, Metadata};
use es_sagas::{
    Cause, Cx, Definition, Effect, Fail, InvalidDefinition, ParkedWhy, Phase, Saga, SagaError,
    Sagas, Start, StepRetry, StepStatus, Verb,
};
use es_testkit::saga::{SagaTest, Scripted};
use serde::{Deserialize, Serialize};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

const LOST: Scripted = Scripted::Lost("the line is dead");
const NO: Scripted = Scripted::Fatal("no");

async fn nothing(_: (), _: Effect<u32>) -> Result<(), Fail> {
    Ok(())
}

/// a and b can be undone, p is the pivot, z lies after it.
#[derive(Serialize, Deserialize)]
struct Pivoted {}

impl Saga for Pivoted {
    const NAME: &'static str = "pivoted";
    type Deps = ();

    fn definition() -> Definition<Self> {
        let mut saga = Definition::new();
        saga.retry(StepRetry::times(2))
            .undo_retry(StepRetry::times(2))
            .continue_others()
            .deadline(Duration::from_secs(3600));
        for name in ["a", "b"] {
            saga.step(name, |_: Cx<Self>| async { Ok::<u32, Fail>(1) })
                .undo(|_, did| nothing((), did));
        }
        saga.step("p", |_: Cx<Self>| async { Ok::<u32, Fail>(2) })
            .pivot();
        saga.step("z", |_: Cx<Self>| async { Ok::<u32, Fail>(3) })
            .no_undo();
        saga
    }
}

fn pivoted() -> SagaTest<Pivoted> {
    SagaTest::new(|| ()).when_begun(Start::new("1", Pivoted {}))
}

#[tokio::test]
async fn past_the_pivot_it_only_goes_forward() {
    let ended = pivoted().run().await;
    ended.then_completed().then_nothing_else();
    // The pivot said no: there is a way back.
    let ended = pivoted().step("p", [NO]).run().await;
    ended
        .then_compensated()
        .then_undone(["b", "a"])
        .then_nothing_else();
    // Nobody knows whether the pivot happened, or a step after it does not work: an operator decides.
    for (test, step, reason) in [
        (pivoted().step("p", [LOST; 2]), "p", "the line is dead"),
        (pivoted().step("z", [LOST; 2]), "z", "the line is dead"),
        (pivoted().step("z", [NO]), "z", "no"),
    ] {
        let ended = test.run().await.then_parked(reason);
        let why = ended.state().parked.as_ref().map(|(why, _)| why.clone());
        let step = step.to_owned();
        assert_eq!(why, Some(ParkedWhy::PastPivot { step }));
        ended.then_nothing_else();
    }
    // Unwinding during the pivot's call is refused; it goes on.
    let ended = pivoted().unwound_during_call(3).run().await;
    assert_ne!(ended.state().phase, Phase::Running);
    assert!(pivoted().step("z", [LOST]).crash_matrix().await.runs > 20);
}

#[tokio::test]
async fn a_deadline_undoes_what_is_not_past_its_pivot() {
    // The second attempt would come long after the deadline.
    #[derive(Serialize, Deserialize)]
    struct Slow {}
    impl Saga for Slow {
        const NAME: &'static str = "slow";
        type Deps = ();
        fn definition() -> Definition<Self> {
            let mut saga = Definition::new();
            saga.deadline(Duration::from_secs(600));
            saga.step("a", |_: Cx<Self>| async { Ok::<u32, Fail>(1) })
                .undo(|_, did| nothing((), did));
            let pause = Duration::from_secs(3600);
            saga.step("b", |_: Cx<Self>| async { Ok::<u32, Fail>(1) })
                .retry(StepRetry::times(3).first(pause).longest(pause))
                .undo(|_, did| nothing((), did));
            saga
        }
    }
    let slow = SagaTest::<Slow>::new(|| ()).when_begun(Start::new("1", Slow {}));
    let test = slow.step("b", [LOST]);
    let ended = test.run().await.then_compensated();
    let ended = ended.then_undone(["b", "a"]);
    let cause = ended.state().failure.as_ref().map(|why| why.cause);
    assert_eq!(cause, Some(Cause::Deadline));
    ended.then_nothing_else();
    assert!(test.crash_matrix().await.runs > 10);
    let pairs = test.crash_pairs().await;
    assert!(pairs.runs > 100, "{pairs:?}");
}

#[tokio::test]
async fn other_undos_go_on_before_it_is_parked() {
    let ended = pivoted().step("p", [NO]).undo("b", [LOST; 2]).run().await;
    let ended = ended.then_parked("the undo of `b`").then_undone(["a"]);
    let stuck = ended.state().step("b").map(|step| step.status);
    assert_eq!(stuck, Some(StepStatus::Stuck));
}

/// A provider that can be asked.
#[derive(Serialize, Deserialize)]
struct Asking {}

#[derive(Clone, Default)]
struct Counters {
    calls: Arc<AtomicU32>,
    asked: Arc<AtomicU32>,
}

impl Saga for Asking {
    const NAME: &'static str = "asking";
    type Deps = Counters;

    fn definition() -> Definition<Self> {
        let mut saga = Definition::new();
        saga.retry(StepRetry::times(3).first(Duration::from_millis(1)));
        saga.step("a", |cx: Cx<Self>| async move {
            cx.deps().calls.fetch_add(1, Ordering::SeqCst);
            Err::<u32, _>(Fail::transient("the answer got lost"))
        })
        .reconcile(|cx: Cx<Self>| async move {
            cx.deps().asked.fetch_add(1, Ordering::SeqCst);
            Ok(Some(7))
        })
        .undo(|_, did| nothing((), did));
        saga
    }
}

#[tokio::test]
async fn a_provider_that_can_be_asked_is_not_called_twice() {
    let counters = Counters::default();
    let sagas = Sagas::new(MemoryStore::new()).with::<Asking>(counters.clone());
    begin(&sagas, Asking {}).await;
    let view = loop {
        sagas.run_until_idle().await.expect("runs");
        let view = sagas.show("asking", "1").await.expect("shown");
        if view.state.phase.is_ended() {
            break view;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    assert_eq!(view.state.phase, Phase::Completed);
    assert_eq!(counters.calls.load(Ordering::SeqCst), 1);
    assert_eq!(counters.asked.load(Ordering::SeqCst), 1);
}

async fn begin<T: Saga>(sagas: &Sagas, saga: T) {
    let request = AppendId::new("start").expect("an id");
    let begun = sagas.begin(Start::new("1", saga), request, Metadata::new());
    begun.await.expect("begun");
}

/// Two versions of one saga, the first one as it was, and as it is kept next to the second.
#[derive(Serialize, Deserialize)]
struct First {}

#[derive(Serialize, Deserialize)]
struct Kept {}

#[derive(Serialize, Deserialize)]
struct Second {
    more: bool,
}

macro_rules! versioned {
    ($saga:ty, $version:literal, $frozen:literal) => {
        impl Saga for $saga {
            const NAME: &'static str = "versioned";
            const VERSION: u32 = $version;
            type Deps = bool;

            fn definition() -> Definition<Self> {
                let mut saga = Definition::new();
                if $frozen {
                    saga.frozen();
                }
                for name in ["a", "b"].into_iter().take(1 + usize::from($version == 2)) {
                    saga.step(name, |cx: Cx<Self>| async move {
                        if *cx.deps() {
                            return Ok::<u32, Fail>(1);
                        }
                        Err(Fail::transient("not now").retry_after(Duration::from_millis(1)))
                    })
                    .retry(StepRetry::times(100).first(Duration::from_millis(1)))
                    .undo(|_, did| nothing((), did));
                }
                saga
            }
        }
    };
}
versioned!(First, 1, false);
versioned!(Kept, 1, true);
versioned!(Second, 2, false);

#[tokio::test]
async fn an_instance_is_pinned_to_its_definition_and_parked_without_it() {
    let store = MemoryStore::new();
    let old = Sagas::new(store.clone()).with::<First>(false);
    begin(&old, First {}).await;
    old.run_until_idle().await.expect("runs");
    assert_eq!(old.running("versioned", 1).await.expect("counted"), 1);

    tokio::time::sleep(Duration::from_millis(5)).await;
    let new = Sagas::new(store.clone()).with::<Second>(true);
    new.run_until_idle().await.expect("runs");
    let parked = new.show("versioned", "1").await.expect("shown");
    let why = parked.state.parked.map(|(why, _)| why);
    assert_eq!(why, Some(ParkedWhy::UnknownDefinition {}));
    assert_eq!(parked.mermaid, None);
    let refused = new
        .repair("versioned", "1", Verb::Retry {}, "ada", "try")
        .await;
    assert!(
        matches!(refused, Err(SagaError::NotNow { .. })),
        "{refused:?}"
    );

    let both = Sagas::new(store.clone())
        .with::<Second>(true)
        .with::<Kept>(true);
    both.run_until_idle().await.expect("runs");
    let done = both.show("versioned", "1").await.expect("shown");
    assert_eq!(done.state.phase, Phase::Completed);
    assert_eq!(done.state.steps.len(), 1, "as its own definition has it");
    assert_eq!(both.running("versioned", 1).await.expect("counted"), 0);
    let _ = Second { more: true }.more;

    // A frozen definition starts nothing.
    let request = AppendId::new("again").expect("an id");
    let frozen = Sagas::new(store).with::<Kept>(true);
    let begun = frozen.begin(Start::new("2", Kept {}), request, Metadata::new());
    let refused = begun.await.expect_err("it is frozen");
    assert!(refused.to_string().contains("frozen"), "{refused}");
}

#[tokio::test]
async fn wrong_definitions_are_refused_before_anything_runs() {
    let twice = Sagas::new(MemoryStore::new())
        .with::<Pivoted>(())
        .with::<Pivoted>(());
    let error = twice.run_until_idle().await.expect_err("refused");
    assert!(matches!(
        error,
        SagaError::Definition(InvalidDefinition::RegisteredTwice { saga: "pivoted" })
    ));
    let mut empty = Definition::<Pivoted>::new();
    assert!(matches!(
        empty.check(),
        Err(InvalidDefinition::NoSteps { .. })
    ));
    let step = |saga: &mut Definition<Pivoted>, name, pivot: bool| {
        let step = saga.step(name, |_: Cx<Pivoted>| async { Ok::<u32, Fail>(1) });
        if pivot {
            step.pivot();
        } else {
            step.undo(|_, did| nothing((), did));
        }
    };
    step(&mut empty, "a", true);
    assert_eq!(empty.check(), Ok(()));
    step(&mut empty, "b", false);
    assert!(matches!(
        empty.check(),
        Err(InvalidDefinition::UndoPastPivot { step: "b", .. })
    ));
    let mut pivots = Definition::<Pivoted>::new();
    step(&mut pivots, "a", true);
    step(&mut pivots, "b", true);
    assert!(matches!(
        pivots.check(),
        Err(InvalidDefinition::TwoPivots { .. })
    ));
    let mut same = Definition::<Pivoted>::new();
    step(&mut same, "a", false);
    step(&mut same, "a", false);
    assert!(matches!(same.check(), Err(InvalidDefinition::Twice { .. })));
    let mut reserved = Definition::<Pivoted>::new();
    step(&mut reserved, "completed", false);
    assert!(matches!(
        reserved.check(),
        Err(InvalidDefinition::Name { .. })
    ));
}

#[test]
fn a_saga_can_be_drawn() {
    let text = Pivoted::definition().mermaid();
    for line in [
        "flowchart LR",
        "s2{{\"p\"}}",
        "s0 --> s1",
        "u1 --> u0",
        "u0 --> compensated",
        "s3 --> completed",
    ] {
        assert!(text.lines().any(|l| l.trim() == line), "{line}: {text}");
    }
}
