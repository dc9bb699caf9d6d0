//! Tests of sagas: scripted outcomes, virtual time, and a process that dies at every point.
//! [`ProcessTest`] is for process managers.
//!
//! ```
//! use es_sagas::{Cx, Definition, Effect, Fail, Saga, Start};
//! use es_testkit::saga::{SagaTest, Scripted};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct BookTrip {}
//!
//! impl Saga for BookTrip {
//!     const NAME: &'static str = "book-trip";
//!     type Deps = ();
//!
//!     fn definition() -> Definition<Self> {
//!         let mut saga = Definition::new();
//!         saga.step("flight", |_: Cx<Self>| async { Ok::<_, Fail>("seat 12A".to_owned()) })
//!             .undo(|_, _: Effect<String>| async { Ok(()) });
//!         saga.step("hotel", |_: Cx<Self>| async { Ok::<_, Fail>(7_u32) })
//!             .undo(|_, _: Effect<u32>| async { Ok(()) });
//!         saga
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let trip = SagaTest::<BookTrip>::new(|| Start::new("7", BookTrip {}), || ());
//! let ended = trip.run().await;
//! ended.assert_completed();
//!
//! let full = trip.clone().step("hotel", [Scripted::Fatal("no room")]);
//! let ended = full.run().await;
//! ended.assert_compensated();
//! assert_eq!(ended.undone(), ["flight"]);
//!
//! // Dies before and after every write and every call, is started again, and must come to rest
//! // with every effect applied once or taken back, in reverse order.
//! assert!(full.crash_matrix().await.runs > 10);
//! # });
//! ```

#![allow(
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "an assertion of a test panics, and so do bad inputs of one"
)]

mod fuse;
mod ledger;
mod process;
mod store;

pub use fuse::{CrashPoint, Fuse};
pub use ledger::{Called, Ledger};
pub use process::{ProcessTest, Reacted};
pub use store::{Mortal, MortalStore};

use crate::VirtualClock;
use es_runtime::WorkStatus;
use es_runtime::{AppendId, MemoryStore, Metadata};
use es_sagas::{
    Fail, Interceptor, Phase, Saga, SagaState, SagaView, Sagas, Start, StepCall, StepCx,
    StepDirection, StepStatus, log::SagaEvent,
};
use fuse::call_of;
use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc, time::Duration};

/// The outcome of one call of a step or an undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scripted {
    /// The step's own code runs.
    Call,
    /// It is not called. The provider rejects it, so it did not happen.
    Fatal(&'static str),
    /// It is not called. The request is lost, so the outcome is unknown.
    Lost(&'static str),
    /// It is called and succeeds. The answer is lost, so the outcome is unknown.
    AnswerLost(&'static str),
}

type Scripts = BTreeMap<(String, StepDirection), Vec<Scripted>>;
type Prepare = Arc<dyn Fn(MemoryStore) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;
type Configure = Arc<dyn Fn(Sagas) -> Sagas + Send + Sync>;

/// A test of one saga. Every run has its own store, clock and providers.
#[must_use = "a test proves nothing before it is run"]
pub struct SagaTest<T: Saga> {
    start: Arc<dyn Fn() -> Start<T> + Send + Sync>,
    deps: Arc<dyn Fn() -> T::Deps + Send + Sync>,
    prepare: Prepare,
    configure: Configure,
    scripts: Scripts,
    cancelled_after: Option<usize>,
}

impl<T: Saga> Clone for SagaTest<T> {
    fn clone(&self) -> Self {
        Self {
            start: Arc::clone(&self.start),
            deps: Arc::clone(&self.deps),
            prepare: Arc::clone(&self.prepare),
            configure: Arc::clone(&self.configure),
            scripts: self.scripts.clone(),
            cancelled_after: self.cancelled_after,
        }
    }
}

impl<T: Saga> std::fmt::Debug for SagaTest<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SagaTest")
            .field("saga", &T::NAME)
            .field("scripts", &self.scripts)
            .finish_non_exhaustive()
    }
}

/// The lease of the runners in a test, in virtual time.
const LEASE: Duration = Duration::from_secs(60);
/// A saga that is not at rest after so many turns never will be.
const TURNS: usize = 2_000;

impl<T: Saga> SagaTest<T> {
    /// A test of the saga that `start` begins. Each process that runs it gets its own `deps`.
    pub fn new(
        start: impl Fn() -> Start<T> + Send + Sync + 'static,
        deps: impl Fn() -> T::Deps + Send + Sync + 'static,
    ) -> Self {
        Self {
            start: Arc::new(start),
            deps: Arc::new(deps),
            prepare: Arc::new(|_| Box::pin(std::future::ready(()))),
            configure: Arc::new(|sagas| sagas),
            scripts: BTreeMap::new(),
            cancelled_after: None,
        }
    }

    /// Fills the store before the saga begins, for example with the aggregates that get its commands.
    pub fn prepare<R>(mut self, prepare: impl Fn(MemoryStore) -> R + Send + Sync + 'static) -> Self
    where
        R: Future<Output = ()> + Send + 'static,
    {
        self.prepare = Arc::new(move |store| Box::pin(prepare(store)));
        self
    }

    /// Changes the runner of each process.
    pub fn configure(mut self, configure: impl Fn(Sagas) -> Sagas + Send + Sync + 'static) -> Self {
        self.configure = Arc::new(configure);
        self
    }

    /// The outcomes of the attempts of a step. Later attempts run the step's own code. An attempt that is
    /// repeated after a crash has the same outcome.
    pub fn step(self, step: &str, outcomes: impl IntoIterator<Item = Scripted>) -> Self {
        self.script(step, StepDirection::Do, outcomes)
    }

    /// The outcomes of the attempts of a step's undo. Later attempts run its own code.
    pub fn undo(self, step: &str, outcomes: impl IntoIterator<Item = Scripted>) -> Self {
        self.script(step, StepDirection::Undo, outcomes)
    }

    fn script(
        mut self,
        step: &str,
        to: StepDirection,
        outcomes: impl IntoIterator<Item = Scripted>,
    ) -> Self {
        let outcomes = outcomes.into_iter().collect();
        self.scripts.insert((step.to_owned(), to), outcomes);
        self
    }

    /// An operator unwinds the saga during call number `call`, counted from 1.
    pub fn unwound_during_call(mut self, call: usize) -> Self {
        self.cancelled_after = Some(call);
        self
    }

    /// Runs the saga until it has ended or is parked.
    pub async fn run(&self) -> Ended {
        self.dying(&[]).await
    }

    /// Runs the saga. The first process dies at the first crash point, the second one at the second, and so on.
    pub async fn dying(&self, crashes: &[CrashPoint]) -> Ended {
        let (store, clock) = VirtualClock::with_store();
        (self.prepare)(store.clone()).await;
        let world = World {
            ledger: Ledger::default(),
            scripts: Arc::new(self.scripts.clone()),
            cancelled_after: self.cancelled_after,
        };
        let mut points = Vec::new();
        let mut crashes = crashes.iter().copied();
        loop {
            let crash = crashes.next();
            let fuse = Fuse::new(crash);
            let lived = self.process(&store, &clock, &world, &fuse).await;
            points.push(fuse.passed());
            if lived {
                break;
            }
            assert!(crash.is_some(), "the last process died by itself");
            // Its leases run out.
            clock.pass(LEASE);
        }
        let start = (self.start)();
        let show = Sagas::new(store).with::<T>((self.deps)());
        let shown = show.show(T::NAME, &start.id).await;
        let view = shown.unwrap_or_else(|error| panic!("the saga cannot be shown: {error}"));
        Ended {
            ledger: world.ledger,
            view,
            points,
        }
    }

    /// One process, from its start to the rest of the saga, or to its death.
    async fn process(
        &self,
        store: &MemoryStore,
        clock: &VirtualClock,
        world: &World,
        fuse: &Fuse,
    ) -> bool {
        let start = (self.start)();
        let id = start.id.clone();
        let mortal = MortalStore::new(store.clone(), fuse.clone());
        let operator = Sagas::new(store.clone()).with::<T>((self.deps)());
        let around = Kit {
            world: world.clone(),
            fuse: fuse.clone(),
            unwind: Arc::new(move || {
                let (operator, id) = (operator.clone(), id.clone());
                Box::pin(async move {
                    let verb = es_sagas::Verb::Unwind {};
                    // In the middle of an unwinding there is nothing to do.
                    let _ = operator.repair(T::NAME, &id, verb, "test", "test").await;
                })
            }),
        };
        let sagas = Sagas::new(mortal)
            .key_space("test")
            .lease(LEASE)
            .intercept(around)
            .with::<T>((self.deps)());
        let sagas = (self.configure)(sagas);
        let request = AppendId::new("start").unwrap_or_else(|e| panic!("{e}"));
        let begun = sagas.begin(start, request, Metadata::new()).await;
        if fuse.is_dead() {
            return false;
        }
        begun.unwrap_or_else(|error| panic!("the saga cannot begin: {error}"));
        for _ in 0..TURNS {
            let idle = sagas.run_until_idle().await;
            if fuse.is_dead() {
                return false;
            }
            let idle = idle.unwrap_or_else(|error| panic!("the runner failed: {error}"));
            let Some(due) = idle.next_due else {
                assert_eq!(idle.running, 0, "it runs and is never due");
                return true;
            };
            clock.reach(due);
        }
        panic!("the saga does not come to rest")
    }

    /// Runs the saga once for each crash point: before and after every write and call. The process dies there
    /// and another one goes on. Every run must end as a run without a crash does, and pass
    /// [`Ended::assert_sound`].
    pub async fn crash_matrix(&self) -> Matrix {
        let whole = self.run().await;
        whole.assert_sound("without a crash");
        let points = whole.points.concat();
        let mut matrix = Matrix {
            points: points.len(),
            runs: 0,
        };
        for crash in crash_points(points.len()) {
            let ended = self.dying(&[crash]).await;
            ended.assert_like(&whole, &[crash]);
            matrix.runs += 1;
        }
        matrix
    }

    /// As [`crash_matrix`](SagaTest::crash_matrix), with two crashes in each run, at every pair of points.
    pub async fn crash_pairs(&self) -> Matrix {
        let whole = self.run().await;
        let points = whole.points.concat().len();
        let mut matrix = Matrix { points, runs: 0 };
        for first in crash_points(points) {
            let rest = self.dying(&[first]).await;
            let second_process = rest.points.get(1).map_or(0, Vec::len);
            for second in crash_points(second_process) {
                let crashes = [first, second];
                let ended = self.dying(&crashes).await;
                ended.assert_like(&whole, &crashes);
                matrix.runs += 1;
            }
        }
        matrix
    }
}

fn crash_points(points: usize) -> impl Iterator<Item = CrashPoint> {
    (1..=points).flat_map(|at| [false, true].map(|after| CrashPoint { at, after }))
}

/// How much a crash matrix covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// Writes and calls of a run without a crash.
    pub points: usize,
    /// Runs with crashes.
    pub runs: usize,
}

#[derive(Clone)]
struct World {
    ledger: Ledger,
    scripts: Arc<Scripts>,
    cancelled_after: Option<usize>,
}

impl World {
    /// By attempt, so that a call that is made again after a crash meets the same answer.
    fn scripted(&self, cx: &StepCx) -> Scripted {
        let script = self.scripts.get(&(cx.step().to_owned(), cx.direction()));
        let attempt = usize::try_from(cx.attempt()).unwrap_or(usize::MAX);
        let scripted = script.and_then(|script| script.get(attempt - 1));
        scripted.copied().unwrap_or(Scripted::Call)
    }
}

type Unwind = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Stands around the calls of one process.
struct Kit {
    world: World,
    fuse: Fuse,
    unwind: Unwind,
}

impl Interceptor for Kit {
    fn call<'a>(&'a self, cx: &'a StepCx, call: StepCall<'a>) -> StepCall<'a> {
        Box::pin(async move {
            let what = call_of(cx);
            let gone = || Fail::transient("the process died here");
            let scripted = async {
                let (answer, lost) = match self.world.scripted(cx) {
                    Scripted::Call => (self.world.ledger.provide(cx, call).await, None),
                    Scripted::AnswerLost(why) => {
                        (self.world.ledger.provide(cx, call).await, Some(why))
                    }
                    Scripted::Fatal(why) => (Err(Fail::fatal(why)), None),
                    Scripted::Lost(why) => (Err(Fail::transient(why)), None),
                };
                if self.world.cancelled_after == Some(self.world.ledger.calls().len()) {
                    (self.unwind)().await;
                }
                match lost {
                    Some(why) => Err(Fail::transient(why)),
                    None => answer,
                }
            };
            self.fuse.pass(what, scripted, gone).await
        })
    }
}

/// A saga at rest, and what the world outside knows of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ended {
    /// The saga, read back from its stream.
    pub view: SagaView,
    /// The world outside.
    pub ledger: Ledger,
    points: Vec<Vec<String>>,
}

impl Ended {
    /// Where it stands.
    pub const fn state(&self) -> &SagaState {
        &self.view.state
    }

    /// The writes and calls of each process, in order: what [`CrashPoint::at`] counts.
    pub fn points(&self) -> &[Vec<String>] {
        &self.points
    }

    /// The steps whose undo was stored, in that order.
    pub fn undone(&self) -> Vec<&str> {
        let events = self.view.history.iter();
        let undone = events.filter_map(|(_, event)| match event {
            SagaEvent::StepUndone(undone) => Some(undone.step.as_str()),
            _ => None,
        });
        undone.collect()
    }

    /// Asserts that the saga completed.
    #[track_caller]
    pub fn assert_completed(&self) {
        self.assert_phase(Phase::Completed);
    }

    /// Asserts that the saga was compensated.
    #[track_caller]
    pub fn assert_compensated(&self) {
        self.assert_phase(Phase::Compensated);
    }

    /// Asserts that the saga is parked, and sound.
    #[track_caller]
    pub fn assert_parked(&self) {
        let parked = self.state().parked.is_some();
        assert!(parked, "it is not parked: {:#?}", self.view.history);
        self.assert_sound("at rest");
    }

    #[track_caller]
    fn assert_phase(&self, phase: Phase) {
        let actual = self.state().phase;
        assert!(
            actual == phase && self.state().parked.is_none(),
            "it is not {phase:?}: {:#?}",
            self.view.history
        );
        self.assert_sound("at rest");
    }

    /// Checks what must hold in every run:
    /// - The saga has ended, or is parked with a reason.
    /// - Its work item agrees with its stream.
    /// - Each effect was applied at most once.
    /// - The provider has the effects of steps that were done and not undone, and no effect of a step that
    ///   was undone.
    /// - Undos were stored in the reverse order of the steps.
    #[track_caller]
    pub fn assert_sound(&self, when: &str) {
        let state = self.state();
        let row = self.view.row.as_ref();
        let status = row.map(|row| row.status);
        let expected = match (&state.parked, state.phase.is_ended()) {
            (Some((_, why)), false) => {
                assert!(!why.is_empty(), "{when}: parked without a reason");
                WorkStatus::Parked
            }
            (None, true) => WorkStatus::Done,
            other => panic!("{when}: not at rest: {other:?}"),
        };
        assert_eq!(
            status,
            Some(expected),
            "{when}: the row and the stream differ"
        );
        for (step, applied) in self.ledger.applied() {
            assert!(applied <= 1, "{when}: {step} was applied {applied} times");
        }
        let called = self.ledger.calls();
        for step in &state.steps {
            let outside = called.iter().any(|call| call.step == step.name);
            let live = self.ledger.live(&step.name);
            match step.status {
                StepStatus::Done if outside => {
                    assert_eq!(live, 1, "{when}: {} is done and not there", step.name);
                }
                StepStatus::Undone | StepStatus::DidNotHappen => {
                    assert_eq!(live, 0, "{when}: {} is there and undone", step.name);
                }
                _ => {}
            }
        }
        let order: Vec<_> = state.steps.iter().map(|step| step.name.as_str()).collect();
        let undone = self.undone();
        let mut places = undone
            .iter()
            .map(|step| order.iter().position(|known| known == step));
        let mut last = None;
        let mut again: Vec<&str> = Vec::new();
        for (_, event) in &self.view.history {
            if let SagaEvent::LateSuccess(late) = event {
                again.push(&late.step);
            }
        }
        for step in &undone {
            let place = places.next().flatten();
            if let (Some(last), Some(place)) = (last, place) {
                let reversed = place < last || again.contains(step);
                assert!(reversed, "{when}: undone in the order {undone:?}");
            }
            last = place.or(last);
        }
        let count = |is: fn(&SagaEvent) -> bool| {
            let events = self.view.history.iter();
            events.filter(|(_, event)| is(event)).count()
        };
        let starts = count(|event| matches!(event, SagaEvent::Started(_)));
        assert_eq!(starts, 1, "{when}: it began {starts} times");
    }

    /// Checks that it ended as the run without crashes did, with the same effects and at most one more call
    /// for each crash.
    #[track_caller]
    fn assert_like(&self, whole: &Self, crashes: &[CrashPoint]) {
        let when = format!("with crashes at {}", self.names(crashes));
        self.assert_sound(&when);
        let (mine, theirs) = (self.state(), whole.state());
        assert_eq!(mine.phase, theirs.phase, "{when}: another end");
        assert_eq!(
            mine.parked.is_some(),
            theirs.parked.is_some(),
            "{when}: another end"
        );
        assert_eq!(
            self.ledger.applied(),
            whole.ledger.applied(),
            "{when}: other effects"
        );
        let (calls, usual) = (self.ledger.calls().len(), whole.ledger.calls().len());
        assert!(
            (usual..=usual + crashes.len()).contains(&calls),
            "{when}: {calls} calls instead of {usual}"
        );
    }

    fn names(&self, crashes: &[CrashPoint]) -> String {
        let named = crashes.iter().zip(&self.points).map(|(crash, points)| {
            let side = if crash.after { "after" } else { "before" };
            let at = points.get(crash.at - 1).map_or("?", String::as_str);
            format!("{side} {} ({at})", crash.at)
        });
        named.collect::<Vec<_>>().join(", then ")
    }
}
