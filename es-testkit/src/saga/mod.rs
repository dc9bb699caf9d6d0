//! Given, when, then of sagas and process managers, in virtual time: scripted outcomes, and a process that dies at
//! every point. [`SagaTest`] is for sagas, [`ProcessTest`] for process managers.
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
//! let trip = SagaTest::<BookTrip>::new(|| ()).when_begun(Start::new("7", BookTrip {}));
//! trip.run().await.then_completed().then_nothing_else();
//!
//! let full = trip.step("hotel", [Scripted::Fatal("no room")]);
//! full.run().await.then_compensated().then_undone(["flight"]).then_nothing_else();
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

mod ended;
mod fuse;
mod ledger;
mod process;
mod runs;
mod store;

pub use ended::Ended;
pub use fuse::{CrashPoint, Fuse};
pub use ledger::{Called, Ledger};
pub use process::{ProcessTest, Reacted};
pub use store::{Mortal, MortalStore};

use crate::{VirtualClock, feed, history};
use es_runtime::{
    Aggregate, Append, AppendId, AsId, EventStore, Events, MemoryStore, Metadata, Position,
};
use es_sagas::{
    Fail, Interceptor, Saga, SagaView, Sagas, Start, StepAction, StepCall, StepCx, StepDirection,
    StepStatus,
};
use fuse::call_of;
use runs::Written;
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
type Configure = Arc<dyn Fn(Sagas) -> Sagas + Send + Sync>;

/// What happens to a saga, and the outcomes of its calls. Every run has a store, a clock and providers of its
/// own; the clock goes from one call that is due to the next.
///
/// ```
/// # use es_runtime::{Aggregate, Apply, Envelope, Event, Events, Handle, events};
/// # use es_sagas::{AggregateCommand, Effect, Fail, Failure, Start, StepCx, saga};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
/// # #[event("order.placed")]
/// # struct OrderPlaced { cents: u64 }
/// # #[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
/// # #[event("order.paid")]
/// # struct OrderPaid {}
/// # #[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
/// # #[event("order.closed")]
/// # struct OrderClosed { reason: String }
/// # #[derive(Clone)]
/// # struct Pay;
/// # #[derive(Clone)]
/// # struct Close { reason: String }
/// # #[derive(Debug, PartialEq, thiserror::Error)]
/// # #[error("the order is closed")]
/// # struct IsClosed;
/// # #[derive(Aggregate, Default)]
/// # #[aggregate("order", id = String, error = IsClosed, events(ignore(OrderPlaced, OrderPaid), OrderClosed))]
/// # struct Order { closed: bool }
/// # impl Apply<OrderClosed> for Order {
/// #     fn apply(&mut self, _: &OrderClosed) { self.closed = true; }
/// # }
/// # impl Handle<Pay> for Order {
/// #     fn handle(&self, _: Pay) -> Result<Events<Self>, IsClosed> {
/// #         if self.closed { Err(IsClosed) } else { Ok(OrderPaid {}.into()) }
/// #     }
/// # }
/// # impl Handle<Close> for Order {
/// #     fn handle(&self, Close { reason }: Close) -> Result<Events<Self>, IsClosed> {
/// #         if self.closed { Ok(Events::none()) } else { Ok(OrderClosed { reason }.into()) }
/// #     }
/// # }
/// # struct Bank;
/// # #[derive(Serialize, Deserialize)]
/// # struct PayOrder { order: String, cents: u64 }
/// # #[saga("pay-order", version = 1, deps = Bank)]
/// # impl PayOrder {
/// #     #[start]
/// #     fn placed(placed: &Envelope<OrderPlaced>) -> Option<Start<Self>> {
/// #         let order = placed.stream.id().to_owned();
/// #         Some(Start::new(placed.stream.id(), Self { order, cents: placed.event.cents }))
/// #     }
/// #     #[step(undo = refund)]
/// #     async fn charge(&self, _: &Bank, _: &StepCx) -> Result<u64, Fail> { Ok(self.cents) }
/// #     #[undo]
/// #     async fn refund(&self, _: &Bank, _: Effect<&u64>) -> Result<(), Fail> { Ok(()) }
/// #     #[command(pivot)]
/// #     fn pay(&self) -> AggregateCommand { AggregateCommand::new::<Order, _>(&self.order, Pay) }
/// #     #[compensated]
/// #     fn close(&self, why: &Failure) -> AggregateCommand {
/// #         AggregateCommand::new::<Order, _>(&self.order, Close { reason: why.message.clone() })
/// #     }
/// # }
/// use es_testkit::saga::{SagaTest, Scripted};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let placed = SagaTest::<PayOrder>::new(|| Bank).when::<Order>("7", OrderPlaced { cents: 250 });
/// placed
///     .run()
///     .await
///     .then_completed()
///     .then::<Order>("7", OrderPaid {})
///     .then_nothing_else();
///
/// // The bank says no, so nothing was charged.
/// let declined = placed.clone().step("charge", [Scripted::Fatal("declined")]);
/// declined
///     .run()
///     .await
///     .then_compensated()
///     .then::<Order>("7", OrderClosed { reason: "declined".into() })
///     .then_nothing_else();
///
/// // The order rejects the command, so the money goes back.
/// let closed = events![OrderPlaced { cents: 250 }, OrderClosed { reason: "too late".into() }];
/// let late = SagaTest::<PayOrder>::new(|| Bank)
///     .given::<Order>("7", closed)
///     .when_begun(Start::new("7", PayOrder { order: "7".into(), cents: 250 }));
/// late.run()
///     .await
///     .then_compensated()
///     .then_undone(["charge"])
///     .then_nothing_else();
///
/// // Dies before and after every write and call, and is started again: it must come to the same end.
/// assert!(placed.crash_matrix().await.runs > 10);
/// # });
/// ```
#[must_use = "a test proves nothing before it is run"]
pub struct SagaTest<T: Saga> {
    deps: Arc<dyn Fn() -> T::Deps + Send + Sync>,
    given: Vec<Append>,
    when: Vec<Append>,
    /// The id and the data of the saga that code begins.
    begun: Option<(String, serde_json::Value)>,
    configure: Configure,
    scripts: Scripts,
    cancelled_after: Option<usize>,
}

impl<T: Saga> Clone for SagaTest<T> {
    fn clone(&self) -> Self {
        Self {
            deps: Arc::clone(&self.deps),
            given: self.given.clone(),
            when: self.when.clone(),
            begun: self.begun.clone(),
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
            .field("given", &self.given)
            .field("when", &self.when)
            .field("begun", &self.begun)
            .field("scripts", &self.scripts)
            .finish_non_exhaustive()
    }
}

/// The lease of the runners in a test, in virtual time.
const LEASE: Duration = Duration::from_secs(60);
/// A saga that is not at rest after so many turns never will be.
const TURNS: usize = 2_000;

impl<T: Saga> SagaTest<T> {
    /// Nothing has happened. Each process that runs the saga gets its own `deps`.
    pub fn new(deps: impl Fn() -> T::Deps + Send + Sync + 'static) -> Self {
        Self {
            deps: Arc::new(deps),
            given: Vec::new(),
            when: Vec::new(),
            begun: None,
            configure: Arc::new(|sagas| sagas),
            scripts: BTreeMap::new(),
            cancelled_after: None,
        }
    }

    /// These events of an aggregate have happened, and no saga was begun by them: one event, or `events![..]`.
    ///
    /// # Panics
    /// When an event cannot be stored.
    #[track_caller]
    pub fn given<A: Aggregate>(
        mut self,
        id: impl AsId<A::Id>,
        events: impl Into<Events<A>>,
    ) -> Self {
        self.given.push(history::append(id, events));
        self
    }

    /// This event has happened, on the stream that its tag names.
    ///
    /// # Panics
    /// When it has no such tag, or cannot be stored and read back.
    #[cfg(feature = "decisions")]
    #[track_caller]
    pub fn given_event<E: es_runtime::Event>(mut self, event: E) -> Self {
        self.given.push(history::append_event(event));
        self
    }

    /// These events of an aggregate happen, and one of them begins the saga: one event, or `events![..]`. All
    /// of them are stored before its first step.
    ///
    /// # Panics
    /// When an event cannot be stored.
    #[track_caller]
    pub fn when<A: Aggregate>(
        mut self,
        id: impl AsId<A::Id>,
        events: impl Into<Events<A>>,
    ) -> Self {
        self.when.push(history::append(id, events));
        self
    }

    /// This event happens, on the stream that its tag names. It may begin the saga, as in [`when`](Self::when).
    ///
    /// # Panics
    /// When it has no such tag, or cannot be stored and read back.
    #[cfg(feature = "decisions")]
    #[track_caller]
    pub fn when_event<E: es_runtime::Event>(mut self, event: E) -> Self {
        self.when.push(history::append_event(event));
        self
    }

    /// Code begins the saga, as [`Sagas::begin`] does.
    ///
    /// # Panics
    /// When the data of the saga cannot be stored.
    #[track_caller]
    #[allow(
        clippy::needless_pass_by_value,
        reason = "a start is written out in a test"
    )]
    pub fn when_begun(mut self, start: Start<T>) -> Self {
        let data = serde_json::to_value(&start.saga);
        let data = data.unwrap_or_else(|error| panic!("the saga cannot be stored: {error}"));
        self.begun = Some((start.id, data));
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

    /// An operator unwinds the saga during call number `call`, counted from 1, for the reason `test`.
    pub fn unwound_during_call(mut self, call: usize) -> Self {
        self.cancelled_after = Some(call);
        self
    }

    /// Runs the saga until it has ended or is parked, and checks what must hold in every run:
    /// - Its work item agrees with its stream.
    /// - Each effect was applied at most once.
    /// - The provider has the effects of steps that were done and not undone, and no effect of a step that
    ///   was undone.
    /// - Undos were stored in the reverse order of the steps.
    ///
    /// # Panics
    /// When one of these does not hold, when not exactly one saga was begun, or when it never comes to rest.
    pub async fn run(&self) -> Ended {
        self.dying(&[]).await
    }

    /// As [`run`](Self::run). The first process dies at the first crash point, the second one at the second, and so on.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    pub async fn dying(&self, crashes: &[CrashPoint]) -> Ended {
        let (store, clock) = VirtualClock::with_store();
        let asked_from = self.happen(&store).await;
        let world = World {
            ledger: Ledger::default(),
            scripts: Arc::new(self.scripts.clone()),
            cancelled_after: self.cancelled_after,
        };
        let mut points = Vec::new();
        let mut left = crashes.iter().copied();
        loop {
            let crash = left.next();
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
        let view = self.view(&store).await;
        for step in &T::definition().outline().steps {
            let mut states = view.state.steps.iter();
            let state = states.find(|state| state.name == step.name);
            let is_rejected = state.is_some_and(|state| state.status == StepStatus::DidNotHappen);
            if is_rejected && matches!(step.action, StepAction::Command(_)) {
                world.ledger.rejected(step.name);
            }
        }
        let written = self.written(&store, asked_from, &view).await;
        Ended::of(view, world.ledger, points, written, crashes)
    }

    /// Stores what is given and what happens. What comes after the position is asked about.
    async fn happen(&self, store: &MemoryStore) -> Position {
        let append = async |appends: &[Append]| {
            for append in appends {
                let stored = store.append(append.clone()).await;
                stored.unwrap_or_else(|error| panic!("the events cannot be stored: {error}"));
            }
        };
        append(&self.given).await;
        let asked_from = store.head().await.unwrap_or_else(|error| panic!("{error}"));
        if !self.when.is_empty() {
            // A saga that runs for the first time takes no earlier events.
            let first = self.sagas(store).run_until_idle().await;
            first.unwrap_or_else(|error| panic!("the runner failed: {error}"));
            append(&self.when).await;
        }
        asked_from
    }

    /// A runner that never dies.
    fn sagas(&self, store: &MemoryStore) -> Sagas {
        Sagas::new(store.clone()).with::<T>((self.deps)())
    }

    /// The saga that was begun.
    async fn view(&self, store: &MemoryStore) -> SagaView {
        let sagas = self.sagas(store);
        let begun = sagas.list(Some(T::NAME), None, None).await;
        let begun = begun.unwrap_or_else(|error| panic!("the sagas cannot be listed: {error}"));
        let [row] = &*begun else {
            let ids: Vec<_> = begun.iter().map(|row| row.instance.id()).collect();
            let parked = sagas.parked_inputs(T::NAME).await;
            let parked = parked.unwrap_or_else(|error| panic!("{error}"));
            let parked = parked.iter().map(|input| {
                let (name, reason) = (&input.name, &input.reason);
                format!("\n`{name}` cannot be taken: {reason}")
            });
            panic!(
                "one saga is expected to begin, by `when` or `when_begun`; those that began: {ids:?}{}",
                parked.collect::<String>()
            )
        };
        let shown = sagas.show(T::NAME, row.instance.id()).await;
        shown.unwrap_or_else(|error| panic!("the saga cannot be shown: {error}"))
    }

    /// What was stored on streams of aggregates, but for what happened.
    async fn written(&self, store: &MemoryStore, asked_from: Position, view: &SagaView) -> Written {
        let happened: Vec<_> = {
            let events = self.when.iter().flat_map(|append| &append.events);
            events.map(|event| event.id).collect()
        };
        let mut written = Written::default();
        for event in feed::all(store, asked_from).await {
            let is_own = event.stream.aggregate() == view.instance.aggregate();
            if !is_own && !happened.contains(&event.event_id) {
                written.push(event);
            }
        }
        written
    }

    /// One process, from its start to the rest of the saga, or to its death.
    async fn process(
        &self,
        store: &MemoryStore,
        clock: &VirtualClock,
        world: &World,
        fuse: &Fuse,
    ) -> bool {
        let mortal = MortalStore::new(store.clone(), fuse.clone());
        let operator = self.sagas(store);
        let interceptor = Kit {
            world: world.clone(),
            fuse: fuse.clone(),
            unwind: Arc::new(move |id| {
                let operator = operator.clone();
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
            .intercept(interceptor)
            .with::<T>((self.deps)());
        let sagas = (self.configure)(sagas);
        if let Some((id, data)) = &self.begun {
            let saga = serde_json::from_value::<T>(data.clone());
            let saga = saga.unwrap_or_else(|error| panic!("the saga cannot be read: {error}"));
            let request = AppendId::new("start").unwrap_or_else(|e| panic!("{e}"));
            let begun = sagas.begin(Start::new(id, saga), request, Metadata::new());
            let begun = begun.await;
            if fuse.is_dead() {
                return false;
            }
            begun.unwrap_or_else(|error| panic!("the saga cannot begin: {error}"));
        }
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
    /// and another one goes on. Every run must end as a run without a crash does, with the same effects, and
    /// aggregates must have stored the same events. So a step that returns something random fails here.
    ///
    /// # Panics
    /// When a run ends in another way, and as [`run`](Self::run).
    pub async fn crash_matrix(&self) -> Matrix {
        let whole = self.run().await;
        let points = whole.points().concat().len();
        let mut matrix = Matrix { points, runs: 0 };
        for crash in crash_points(points) {
            let ended = self.dying(&[crash]).await;
            ended.assert_like(&whole, &[crash]);
            matrix.runs += 1;
        }
        matrix
    }

    /// As [`crash_matrix`](SagaTest::crash_matrix), with two crashes in each run, at every pair of points.
    ///
    /// # Panics
    /// As [`crash_matrix`](SagaTest::crash_matrix).
    pub async fn crash_pairs(&self) -> Matrix {
        let whole = self.run().await;
        let points = whole.points().concat().len();
        let mut matrix = Matrix { points, runs: 0 };
        for first in crash_points(points) {
            let rest = self.dying(&[first]).await;
            let second_process = rest.points().get(1).map_or(0, Vec::len);
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

type Unwind = Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// The interceptor of the calls of one process.
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
                    (self.unwind)(cx.id().to_owned()).await;
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
