//! What goes wrong around sagas and process managers without a crash: slow steps, rejections, events that
//! cannot be read, operators in the middle of a call, programs of two versions side by side.

use es_runtime::WorkStatus;
use es_runtime::{
    Aggregate, Append, AppendId, Apply, CommitStore, Envelope, Event, EventFilter, EventStore,
    Events, ExpectedVersion, Handle, MemoryStore, Metadata, NewEvent, Position, ReadLimit,
    Repository, StreamId, StreamRange, WorkQueue,
};
use es_sagas::{
    AggregateCommand, Cx, Definition, Effect, Fail, Interceptor, ParkedWhy, Phase, ProcessManager,
    Saga, SagaError, Sagas, Start, StepCall, StepCx, StepRetry, Verb, log::SagaEvent,
};
use es_testkit::{
    VirtualClock,
    saga::{Fuse, MortalStore},
};
use es_tests::orders::{self, Calm, OrderSaga};
use serde::{Deserialize, Serialize};
use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::sync::Notify;

const SOON: Duration = Duration::from_secs(20);
const HOUR: Duration = Duration::from_secs(3600);

/// What a future gives that never waits, as those of the in-memory store.
fn ready_now<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(done) => done,
        std::task::Poll::Pending => panic!("it waits"),
    }
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(SOON, future).await;
    done.unwrap_or_else(|_| panic!("{what}: not in time"))
}

async fn begin<T: Saga>(sagas: &Sagas, id: &str, saga: T) {
    let request = AppendId::new("start").expect("an id");
    let begun = sagas.begin(Start::new(id, saga), request, Metadata::new());
    begun.await.expect("begun");
}

async fn phase(sagas: &Sagas, saga: &str, id: &str) -> Phase {
    sagas.show(saga, id).await.expect("shown").state.phase
}

// A timer that is set while another one's work is given back.

#[derive(Event, Serialize, Deserialize)]
#[event("bell.pulled")]
struct Pulled {}

#[derive(Event, Serialize, Deserialize)]
#[event("bell.rang")]
struct Rang {}

#[derive(Aggregate, ProcessManager, Default)]
#[aggregate("bell", id = String, error = Infallible, events(Rang))]
#[process_manager(reacts(Pulled), timers)]
struct Bell {
    rang: u32,
}

impl Apply<Rang> for Bell {
    fn apply(&mut self, _: &Rang) {
        self.rang += 1;
    }
}

impl es_sagas::ReactTo<Pulled> for Bell {
    fn correlate(pulled: &Envelope<Pulled>) -> Option<String> {
        Some(pulled.stream.id().to_owned())
    }

    fn react(&self, _: &Envelope<Pulled>) -> es_sagas::Reactions<Self> {
        es_sagas::Reactions::none().timer("ring", HOUR)
    }
}

impl es_sagas::OnTimer for Bell {
    fn timer(&self, _: &str) -> es_sagas::Reactions<Self> {
        es_sagas::Reactions::none().event(Rang {})
    }
}

async fn pull<S: EventStore>(store: &S) {
    let rope = StreamId::new("rope", "b").expect("an id");
    let event = NewEvent::json("bell.pulled", 1, "{}");
    let append = Append::new(rope, ExpectedVersion::Any).with_event(event);
    store.append(append).await.expect("stored");
}

fn bells(store: impl WorkQueue) -> Sagas {
    Sagas::new(store)
        .from_the_beginning(true)
        .with_process_manager::<Bell>()
}

#[tokio::test]
async fn a_timer_that_is_set_while_an_instance_is_given_back_is_kept() {
    let (store, clock) = VirtualClock::with_store();
    pull(&store).await;
    bells(store.clone()).run_until_idle().await.expect("runs");
    clock.pass(HOUR);
    // In front of the commit that gives the instance back somebody else takes another input.
    let (inner, once) = (store.clone(), AtomicBool::new(false));
    let fuse = Fuse::new(None).watched(move |point| {
        if point == "before commit []" && !once.swap(true, Ordering::SeqCst) {
            ready_now(async {
                pull(&inner).await;
                let other = bells(inner.clone());
                other.run_until_idle().await.expect("runs");
            });
        }
    });
    let worker = bells(MortalStore::new(store.clone(), fuse));
    worker.run_until_idle().await.expect("runs");
    clock.pass(HOUR);
    bells(store.clone()).run_until_idle().await.expect("runs");
    let all = EventFilter::all();
    let rang = store.read_feed(Position::START, &all, ReadLimit::default());
    let rang = rang.await.expect("read").events;
    let rang = rang.iter().filter(|event| &*event.name == "bell.rang");
    assert_eq!(rang.count(), 2, "a timer was lost");
}

// Steps that are shorter than the lease, and together longer.

#[derive(Serialize, Deserialize)]
struct Marathon {}

impl Saga for Marathon {
    const NAME: &'static str = "marathon";
    type Deps = AtomicU32;

    fn definition() -> Definition<Self> {
        let mut saga = Definition::new();
        for name in ["a", "b", "c", "d", "e", "f"] {
            saga.step(name, |cx: Cx<Self>| async move {
                cx.deps().fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(1_400)).await;
                Ok::<u32, Fail>(1)
            })
            .no_undo();
        }
        saga
    }
}

#[tokio::test]
async fn a_lease_is_kept_from_step_to_step() {
    let store = MemoryStore::new();
    let runner = || {
        let sagas = Sagas::new(store.clone()).lease(Duration::from_secs(5));
        sagas.with::<Marathon>(AtomicU32::new(0))
    };
    let (one, two) = (runner(), runner());
    begin(&one, "1", Marathon {}).await;
    let running = [one.start().await, two.start().await];
    within("the marathon", async {
        while phase(&one, "marathon", "1").await != Phase::Completed {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    for running in running {
        running.expect("started").shutdown().await;
    }
    let view = one.show("marathon", "1").await.expect("shown");
    let cut_off = view.history.iter();
    let cut_off = cut_off.filter(|(_, event)| matches!(event, SagaEvent::StepInterrupted(_)));
    assert_eq!(cut_off.count(), 0, "somebody else took it");
}

// Commands are never in doubt.

#[derive(Event, Serialize, Deserialize)]
#[event("purse.changed")]
struct Changed {
    cents: i64,
    note: String,
}

#[derive(Clone)]
struct Change {
    cents: i64,
    note: String,
}

#[derive(Aggregate, Default)]
#[aggregate("purse", id = String, error = Infallible, events(Changed))]
struct Purse {
    cents: i64,
}

impl Apply<Changed> for Purse {
    fn apply(&mut self, changed: &Changed) {
        self.cents += changed.cents;
    }
}

impl Handle<Change> for Purse {
    fn handle(&self, Change { cents, note }: Change) -> Result<Events<Self>, Infallible> {
        Ok(Changed { cents, note }.into())
    }
}

async fn purse(store: &MemoryStore) -> i64 {
    let purses = Repository::<Purse, _>::without_snapshots(store.clone());
    purses
        .load(&"p".to_owned())
        .await
        .expect("loaded")
        .state
        .cents
}

fn change(cents: i64, note: String) -> AggregateCommand {
    AggregateCommand::new::<Purse, _>(&"p".to_owned(), Change { cents, note })
}

/// What a payment does before and in its command.
#[derive(Clone, Default)]
struct Habits {
    /// The text of the step before it.
    output: String,
    /// The text of the command's event.
    note: String,
    /// Whether the command cannot be made.
    unwell: bool,
    called: Arc<AtomicU32>,
    undone: Arc<AtomicU32>,
}

#[derive(Serialize, Deserialize)]
struct Pay {}

impl Saga for Pay {
    const NAME: &'static str = "pay";
    type Deps = Habits;

    fn definition() -> Definition<Self> {
        let mut saga = Definition::new();
        saga.retry(StepRetry::times(2).first(Duration::ZERO));
        saga.step("call", |cx: Cx<Self>| async move {
            cx.deps().called.fetch_add(1, Ordering::SeqCst);
            Ok::<String, Fail>(cx.deps().output.clone())
        })
        .undo(|cx, _: Effect<String>| async move {
            cx.deps().undone.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        saga.command("credit", |cx| {
            if cx.deps().unwell {
                return Err(Fail::transient("not now"));
            }
            Ok(change(100, cx.deps().note.clone()))
        })
        .undo_command(|_| Ok(change(-100, String::new())));
        saga
    }
}

#[tokio::test]
async fn a_command_that_was_not_carried_out_is_not_undone() {
    let store = MemoryStore::new();
    let unwell = Habits {
        unwell: true,
        ..Habits::default()
    };
    let sagas = Sagas::new(store.clone()).with::<Pay>(unwell.clone());
    begin(&sagas, "1", Pay {}).await;
    sagas.run_until_idle().await.expect("runs");
    assert_eq!(phase(&sagas, "pay", "1").await, Phase::Compensated);
    assert_eq!(purse(&store).await, 0);
    assert_eq!(unwell.undone.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_can_never_be_stored_is_a_failure_and_not_a_standstill() {
    let long = "x".repeat(3 * 1024 * 1024);
    let (output, note) = (long.clone(), long);
    for (what, habits, calls) in [
        (
            "an output",
            Habits {
                output,
                ..Habits::default()
            },
            2,
        ),
        (
            "the event of a command",
            Habits {
                note,
                ..Habits::default()
            },
            1,
        ),
    ] {
        let store = MemoryStore::new();
        let sagas = Sagas::new(store.clone()).with::<Pay>(habits.clone());
        begin(&sagas, "1", Pay {}).await;
        sagas.run_until_idle().await.expect(what);
        assert_eq!(
            phase(&sagas, "pay", "1").await,
            Phase::Compensated,
            "{what}"
        );
        assert_eq!(habits.called.load(Ordering::SeqCst), calls, "{what}");
        assert_eq!(habits.undone.load(Ordering::SeqCst), 1, "{what}");
        assert_eq!(purse(&store).await, 0, "{what}");
    }
}

// Events and streams that cannot be read.

fn fulfilling(store: &MemoryStore) -> Sagas {
    Sagas::new(store.clone())
        .from_the_beginning(true)
        .with::<OrderSaga>(Arc::new(Calm))
}

async fn spoil(store: &MemoryStore, stream: StreamId, name: &str) {
    let event = NewEvent::json(name.to_owned(), 1, r#"{"nonsense":1}"#);
    let append = Append::new(stream, ExpectedVersion::Any).with_event(event);
    store.append(append).await.expect("stored");
}

#[tokio::test]
async fn events_before_one_that_cannot_be_read_are_taken() {
    let store = MemoryStore::new();
    orders::place(&store, "1", 100).await;
    let poison = StreamId::new("order", "2").expect("an id");
    spoil(&store, poison, "order.placed").await;
    let sagas = fulfilling(&store);
    let stalled = sagas.run_until_idle().await.expect_err("it stalls");
    assert!(matches!(stalled, SagaError::Event { .. }), "{stalled}");
    let view = sagas.show("order", "1").await.expect("it began");
    assert!(view.state.started.is_some());

    // An operator has it go on after that event, and after no other.
    orders::place(&store, "3", 100).await;
    let SagaError::Event { position, .. } = stalled else {
        return;
    };
    let other = sagas.skip_event("order", Position::START, "ada", "a guess");
    let refused = other.await.expect_err("it is not at that one");
    assert!(matches!(refused, SagaError::NotNow { .. }), "{refused}");
    let skipped = sagas.skip_event("order", position, "ada", "nonsense");
    skipped.await.expect("skipped");
    sagas.run_until_idle().await.expect("runs");
    for id in ["1", "3"] {
        assert_eq!(phase(&sagas, "order", id).await, Phase::Completed);
    }
    let record = StreamId::new("saga-input", "order").expect("an id");
    let stored = store.read_stream(&record, StreamRange::forward(0), ReadLimit::default());
    assert_eq!(stored.await.expect("read").len(), 1);
}

/// Counts commits.
#[tokio::test]
async fn events_of_others_do_not_cost_a_commit_each() {
    let store = MemoryStore::new();
    let commits = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&commits);
    let fuse = Fuse::new(None).watched(move |point| {
        if point.starts_with("before commit") {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    let sagas = Sagas::new(MortalStore::new(store.clone(), fuse)).with::<OrderSaga>(Arc::new(Calm));
    let running = sagas.start().await.expect("starts");
    let began = std::time::Instant::now();
    for _ in 0..500 {
        pull(&store).await;
        tokio::task::yield_now().await;
    }
    // And the cursor follows all the same.
    let head = store.head().await.expect("a head");
    within("the cursor", async {
        while store.cursor("saga:order").await.expect("a cursor") != Some(head) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let most = 3 + began.elapsed().as_millis() / 200;
    let commits = commits.load(Ordering::SeqCst);
    assert!(u128::from(commits) <= most, "{commits} commits");
    running.shutdown().await;
}

#[tokio::test]
async fn an_input_of_a_saga_that_cannot_be_read_is_kept_and_holds_nobody_up() {
    let store = MemoryStore::new();
    let sagas = fulfilling(&store);
    orders::place(&store, "1", 100).await;
    // Of a newer program, say.
    let instance = StreamId::new("saga:order", "1").expect("an id");
    let begun = sagas.begin(
        OrderSaga::start("1"),
        AppendId::new("r").expect("an id"),
        Metadata::new(),
    );
    begun.await.expect("begun");
    spoil(&store, instance.clone(), "saga.something_newer").await;
    assert!(orders::cancel(&store, "1").await);
    orders::place(&store, "2", 100).await;
    sagas.run_until_idle().await.expect("runs");
    assert_eq!(phase(&sagas, "order", "2").await, Phase::Completed);
    let parked = sagas
        .list(Some("order"), Some(WorkStatus::Parked), None)
        .await;
    let parked = parked.expect("rows");
    assert_eq!(parked.len(), 1);
    assert_eq!(parked[0].phase, "unreadable");
    let stored = store.read_stream(&instance, StreamRange::forward(0), ReadLimit::default());
    let stored = stored.await.expect("read");
    let last = stored.last().map(|event| event.name.to_string());
    assert_eq!(last.as_deref(), Some("saga.cancel_requested"));
}

// Operators, and workers that come late.

/// Lets calls of one step wait, fail, or go on, as the test says.
#[derive(Clone)]
struct Gate {
    step: &'static str,
    calls: Arc<AtomicU32>,
    /// The attempt that waits.
    waits: u32,
    entered: Arc<Notify>,
    go: Arc<Notify>,
    fails: Arc<Mutex<Vec<Option<Fail>>>>,
}

impl Gate {
    fn at(step: &'static str, waits: u32, fails: impl IntoIterator<Item = Option<Fail>>) -> Self {
        Self {
            step,
            calls: Arc::default(),
            waits,
            entered: Arc::default(),
            go: Arc::default(),
            fails: Arc::new(Mutex::new(fails.into_iter().collect())),
        }
    }
}

impl Interceptor for Gate {
    fn call<'a>(&'a self, cx: &'a StepCx, call: StepCall<'a>) -> StepCall<'a> {
        Box::pin(async move {
            if cx.step() != self.step {
                return call.await;
            }
            let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
            if number == self.waits {
                self.entered.notify_one();
                self.go.notified().await;
            }
            let fail = {
                let mut fails = self.fails.lock().expect("not poisoned");
                if fails.is_empty() {
                    None
                } else {
                    fails.remove(0)
                }
            };
            match fail {
                Some(fail) => Err(fail),
                None => call.await,
            }
        })
    }
}

#[tokio::test]
async fn a_retry_in_the_middle_of_a_call_does_not_lose_its_outcome() {
    let store = MemoryStore::new();
    let gate = Gate::at("charge", 2, [Some(Fail::transient("first"))]);
    let sagas = fulfilling(&store).intercept(gate.clone());
    orders::place(&store, "1", 100).await;
    let worker = {
        let sagas = sagas.clone();
        es_tests::spawn(async move {
            loop {
                sagas.run_until_idle().await.expect("runs");
                if phase(&sagas, "order", "1").await == Phase::Completed {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
    };
    within("the second attempt", gate.entered.notified()).await;
    let retried = sagas
        .repair("order", "1", Verb::Retry {}, "ada", "now")
        .await;
    retried.expect("retried");
    gate.go.notify_one();
    within("the end", worker).await.expect("no panic");
    assert_eq!(gate.calls.load(Ordering::SeqCst), 2, "it was called again");
}

#[tokio::test]
async fn a_success_that_comes_late_spares_the_next_attempt() {
    let (store, clock) = VirtualClock::with_store();
    let store = &store;
    orders::place(store, "1", 100).await;
    let old_gate = Gate::at("charge", 1, []);
    let old = fulfilling(store).intercept(old_gate.clone());
    let slow = es_tests::spawn(async move { old.run_until_idle().await });
    within("the first call", old_gate.entered.notified()).await;
    clock.pass(HOUR / 2);
    let fails = Fail::transient("busy").retry_after(HOUR);
    let gate = Gate::at("charge", 0, [Some(fails)]);
    let new = fulfilling(store).intercept(gate.clone());
    new.run_until_idle().await.expect("runs");
    assert_eq!(gate.calls.load(Ordering::SeqCst), 1);
    old_gate.go.notify_one();
    let done = within("the late one", slow).await.expect("no panic");
    done.expect("answered");
    new.run_until_idle().await.expect("runs");
    assert_eq!(phase(&new, "order", "1").await, Phase::Completed);
    assert_eq!(gate.calls.load(Ordering::SeqCst), 1, "it was called again");
}

#[tokio::test]
async fn a_success_that_comes_while_the_end_is_rejected_is_undone() {
    let (store, clock) = VirtualClock::with_store();
    let store = &store;
    orders::place(store, "1", 100).await;
    let old_gate = Gate::at("charge", 1, []);
    let old = fulfilling(store).intercept(old_gate.clone());
    let slow = es_tests::spawn(async move { old.run_until_idle().await });
    within("the first call", old_gate.entered.notified()).await;
    clock.pass(HOUR / 2);
    // The order is settled by somebody, so that it rejects what the saga has to say at its end.
    let settled = es_tests::clients::client::<orders::Order, _>(store).await;
    let shipment = "by hand".to_owned();
    let settled = settled.execute("1".to_owned(), orders::Confirm { shipment });
    settled.await.expect("settled");
    let gate = Gate::at("charge", 0, [Some(Fail::fatal("no"))]);
    let new = fulfilling(store).intercept(gate.clone());
    new.run_until_idle().await.expect("runs");
    let end_rejected =
        |why: &Option<(ParkedWhy, String)>| matches!(why, Some((ParkedWhy::EndRejected { .. }, _)));
    let view = new.show("order", "1").await.expect("shown");
    assert!(end_rejected(&view.state.parked), "{:?}", view.state);
    old_gate.go.notify_one();
    let done = within("the late one", slow).await.expect("no panic");
    done.expect("answered");
    new.run_until_idle().await.expect("runs");
    let view = new.show("order", "1").await.expect("shown");
    assert!(end_rejected(&view.state.parked), "{:?}", view.state);
    let undone = view.history.iter();
    let undone = undone.filter(|(_, event)| matches!(event, SagaEvent::StepUndone(_)));
    assert_eq!(undone.count(), 1, "the charge stands");
}

// Starting and ending.

#[tokio::test]
async fn what_comes_after_the_start_is_read_and_after_the_end_it_can_start_again() {
    let store = MemoryStore::new();
    let sagas = Sagas::new(store.clone()).with::<OrderSaga>(Arc::new(Calm));
    for id in ["1", "2"] {
        let running = sagas.start().await.expect("starts");
        orders::place(&store, id, 100).await;
        within("the saga", async {
            while sagas.show("order", id).await.is_err()
                || phase(&sagas, "order", id).await != Phase::Completed
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        running.shutdown().await;
        within("idling", sagas.run_until_idle())
            .await
            .expect("runs");
    }
}

#[derive(Serialize, Deserialize)]
struct Old {}

#[derive(Serialize, Deserialize)]
struct New {}

macro_rules! versioned {
    ($saga:ty, $version:literal) => {
        impl Saga for $saga {
            const NAME: &'static str = "versioned";
            const VERSION: u32 = $version;
            type Deps = ();

            fn definition() -> Definition<Self> {
                let mut saga = Definition::new();
                saga.step("a", |_: Cx<Self>| async { Ok::<u32, Fail>($version) })
                    .no_undo();
                saga
            }
        }
    };
}
versioned!(Old, 1);
versioned!(New, 2);

#[tokio::test]
async fn what_an_older_program_parked_goes_on_in_one_that_runs_already() {
    let store = MemoryStore::new();
    let new = Sagas::new(store.clone())
        .lease(Duration::from_millis(100))
        .with::<New>(());
    let old = Sagas::new(store.clone()).with::<Old>(());
    let running = new.start().await.expect("starts");
    within("nothing to do", async {
        tokio::time::sleep(Duration::from_millis(20)).await;
    })
    .await;
    // Nothing here waits, so the new program's tasks do not come in between.
    begin(&new, "1", New {}).await;
    old.run_until_idle().await.expect("runs");
    let parked = old.show("versioned", "1").await.expect("shown");
    assert!(parked.state.parked.is_some(), "the older one had it");
    within("the newer program", async {
        while phase(&new, "versioned", "1").await != Phase::Completed {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    running.shutdown().await;
}
