//! Clocks that were wrong for a moment, forward or back: leases, timers, deadlines and retries come back to life
//! within a bounded time.

use super::process_timers::{self, Dunning, Sent};
use es_postgres::PostgresStore;
use es_runtime::{
    Aggregate, AnyStore, Append, AppendId, Apply, Claim, Envelope, Event, EventStore,
    ExpectedVersion, MemoryStore, Metadata, NewEvent, StreamId, Timestamp, WorkQueue,
};
use es_sagas::{
    Cx, Definition, Effect, Fail, OnTimer, Phase, ProcessManager, ReactTo, Reactions, Saga, Sagas,
    Start, StepRetry, Verb, log::SagaEvent,
};
use es_sqlite::SqliteStore;
use serde::{Deserialize, Serialize};
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const YEARS: Duration = Duration::from_secs(10 * 365 * 24 * 3_600);

#[derive(Event, Serialize, Deserialize)]
#[event("bell.pulled")]
struct Pulled {}

#[derive(Event, Serialize, Deserialize)]
#[event("ringer.rang")]
struct Rang {
    bell: String,
}

#[derive(Aggregate, ProcessManager, Default)]
#[aggregate("ringer", id = String, error = Infallible, events(Rang))]
#[process_manager(reacts(Pulled), timers)]
struct Ringer {
    pulls: u32,
}

impl Apply<Rang> for Ringer {
    fn apply(&mut self, _: &Rang) {
        self.pulls += 1;
    }
}

impl ReactTo<Pulled> for Ringer {
    fn correlate(pulled: &Envelope<Pulled>) -> Option<String> {
        Some(pulled.stream.id().to_owned())
    }

    fn react(&self, _: &Envelope<Pulled>) -> Reactions<Self> {
        let bell = format!("bell {}", self.pulls);
        Reactions::none()
            .timer(bell.clone(), HOUR)
            .event(Rang { bell })
    }
}

impl OnTimer for Ringer {
    fn timer(&self, _: &str) -> Reactions<Self> {
        Reactions::none()
    }
}

/// Its step fails once, and is then retried after an hour. It has two hours in all.
#[derive(Serialize, Deserialize)]
struct Climb {}

impl Saga for Climb {
    const NAME: &'static str = "climb";
    type Deps = ();

    fn definition() -> Definition<Self> {
        let mut saga = Definition::new();
        saga.deadline(HOUR * 2)
            .retry(StepRetry::times(3).first(HOUR).longest(HOUR));
        saga.step("up", |cx: Cx<Self>| async move {
            match cx.attempt() {
                1 => Err(Fail::transient("too steep").retry_after(HOUR)),
                2 if cx.id() == "retries" => Ok(()),
                _ => Err(Fail::transient("still too steep").retry_after(YEARS)),
            }
        })
        .undo(|_, _: Effect<()>| async { Ok(()) });
        saga
    }
}

/// A clock that can be set.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(1_500_000_000)))
    }

    fn read(&self) -> impl Fn() -> Timestamp + Send + Sync + 'static {
        let clock = Arc::clone(&self.0);
        move || (UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::SeqCst))).into()
    }

    fn forward(&self, time: Duration) {
        self.0.fetch_add(time.as_secs(), Ordering::SeqCst);
    }

    fn back(&self, time: Duration) {
        self.0.fetch_sub(time.as_secs(), Ordering::SeqCst);
    }
}

/// The same test in memory and on SQLite.
macro_rules! on_stores_with_a_clock {
    ($($name:ident)*) => {
        mod memory {
            use super::*;
            $(#[tokio::test] async fn $name() {
                let clock = Clock::new();
                let store = MemoryStore::with_clock(clock.read());
                super::$name(AnyStore::new(store), clock).await;
            })*
        }
        mod sqlite {
            use super::*;
            $(#[tokio::test] async fn $name() {
                let clock = Clock::new();
                let folder = es_tests::tiers::folder();
                let options = SqliteStore::options().clock(clock.read());
                let store = options.open(folder.path().join("events.db")).await;
                super::$name(AnyStore::new(store.expect("opens")), clock).await;
            })*
        }
        mod postgres {
            use super::*;
            $(#[tokio::test]
            #[cfg_attr(
                not(postgres),
                ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
            )]
            async fn $name() {
                let database = es_tests::server::database();
                let clock = Clock::new();
                let options = PostgresStore::options(&database.url()).expect("a url");
                let store = options.clock(clock.read()).open().await;
                super::$name(AnyStore::new(store.expect("opens")), clock).await;
            })*
        }
    };
}

on_stores_with_a_clock! {
    a_lease_of_a_clock_that_was_ahead_ends
    times_of_a_clock_that_was_ahead_begin_anew
    a_clock_that_is_behind_for_a_moment_changes_nothing
    an_operator_takes_an_instance_over
    a_timer_at_a_time_is_not_late_after_an_outage
    a_timer_at_a_time_does_not_follow_a_wrong_clock
}

async fn pull(store: &AnyStore) {
    let rope = StreamId::new("rope", "1").expect("usable");
    let event = NewEvent::json("bell.pulled", 1, "{}");
    let append = Append::new(rope, ExpectedVersion::Any).with_event(event);
    store.append(append).await.expect("stored");
}

fn runner(store: &AnyStore) -> Sagas {
    Sagas::new(store.clone())
        .from_the_beginning(true)
        .lease(MINUTE)
        .with_process_manager::<Ringer>()
        .with::<Climb>(())
}

async fn begin(sagas: &Sagas, id: &str) {
    let request = AppendId::new("start").expect("an id");
    let begun = sagas.begin(Start::new(id, Climb {}), request, Metadata::new());
    begun.await.expect("begun");
}

async fn run(sagas: &Sagas) -> u64 {
    sagas.run_until_idle().await.expect("runs").running
}

async fn phase(sagas: &Sagas, id: &str) -> Phase {
    sagas.show("climb", id).await.expect("shown").state.phase
}

async fn timers(sagas: &Sagas) -> usize {
    sagas
        .show_process("ringer", "1")
        .await
        .expect("shown")
        .state
        .timers
        .len()
}

/// A worker claims everything that is due, and is not seen again.
async fn claim_and_die(store: &AnyStore) -> usize {
    let kinds = ["saga:climb", "saga:ringer"]
        .map(ToOwned::to_owned)
        .to_vec();
    store
        .claim(Claim::new(kinds, "dead", MINUTE, 10))
        .await
        .expect("claimed")
        .len()
}

async fn a_lease_of_a_clock_that_was_ahead_ends(store: AnyStore, clock: Clock) {
    let sagas = runner(&store);
    begin(&sagas, "retries").await;
    clock.forward(YEARS);
    assert_eq!(claim_and_die(&store).await, 1);
    clock.back(YEARS);
    clock.forward(MINUTE * 2);
    run(&sagas).await;
    let attempts = sagas
        .show("climb", "retries")
        .await
        .expect("shown")
        .state
        .pending;
    assert_eq!(attempts.expect("it is retried").failures, 1);
}

async fn times_of_a_clock_that_was_ahead_begin_anew(store: AnyStore, clock: Clock) {
    let sagas = runner(&store);
    // One timer is set by a clock that is right, the other things while it is ahead.
    pull(&store).await;
    run(&sagas).await;
    clock.forward(MINUTE * 10);
    clock.forward(YEARS);
    let wrong = store.now().await.expect("a time");
    pull(&store).await;
    // The timer that was right fires too early. Nobody can know that.
    for id in ["retries", "times out"] {
        begin(&sagas, id).await;
    }
    run(&sagas).await;
    assert_eq!(timers(&sagas).await, 1);
    clock.back(YEARS);
    assert!(store.now().await.expect("a time") < wrong);
    // It may be this clock that is wrong, so nothing changes for some minutes.
    assert_eq!(run(&sagas).await, 3);
    clock.forward(MINUTE * 9);
    run(&sagas).await;
    assert_eq!(timers(&sagas).await, 1);
    // Then they begin anew.
    clock.forward(MINUTE * 2);
    run(&sagas).await;
    assert_eq!(timers(&sagas).await, 1);
    clock.forward(HOUR + MINUTE);
    run(&sagas).await;
    assert_eq!(timers(&sagas).await, 0);
    assert_eq!(phase(&sagas, "retries").await, Phase::Completed);
    assert_eq!(phase(&sagas, "times out").await, Phase::Running);
    clock.forward(HOUR);
    assert_eq!(run(&sagas).await, 1, "the process manager has not ended");
    assert_eq!(phase(&sagas, "times out").await, Phase::Compensated);
}

async fn a_clock_that_is_behind_for_a_moment_changes_nothing(store: AnyStore, clock: Clock) {
    let sagas = runner(&store);
    pull(&store).await;
    begin(&sagas, "retries").await;
    run(&sagas).await;
    clock.back(YEARS);
    run(&sagas).await;
    clock.forward(MINUTE * 5);
    run(&sagas).await;
    clock.forward(YEARS);
    clock.forward(MINUTE * 40);
    run(&sagas).await;
    assert_eq!(timers(&sagas).await, 1, "it is not an hour yet");
    assert_eq!(phase(&sagas, "retries").await, Phase::Running);
    clock.forward(MINUTE * 20);
    run(&sagas).await;
    assert_eq!(timers(&sagas).await, 0);
    assert_eq!(phase(&sagas, "retries").await, Phase::Completed);
}

async fn an_operator_takes_an_instance_over(store: AnyStore, clock: Clock) {
    let sagas = runner(&store);
    clock.forward(YEARS);
    pull(&store).await;
    begin(&sagas, "retries").await;
    run(&sagas).await;
    clock.back(YEARS);
    for (saga, id) in [("climb", "retries"), ("ringer", "1")] {
        let verb = Verb::TakeOver {};
        let taken = sagas
            .repair(saga, id, verb, "ada", "the clock was wrong")
            .await;
        taken.expect("taken over");
    }
    run(&sagas).await;
    assert_eq!(timers(&sagas).await, 1);
    clock.forward(HOUR + MINUTE);
    // A worker that hangs has both, on a clock that is right.
    assert_eq!(claim_and_die(&store).await, 2);
    run(&sagas).await;
    assert_eq!(timers(&sagas).await, 1);
    for (saga, id) in [("climb", "retries"), ("ringer", "1")] {
        let verb = Verb::TakeOver {};
        let taken = sagas.repair(saga, id, verb, "ada", "it hangs").await;
        taken.expect("taken over");
    }
    run(&sagas).await;
    assert_eq!(timers(&sagas).await, 0);
    assert_eq!(phase(&sagas, "retries").await, Phase::Completed);
    let history = sagas.show("climb", "retries").await.expect("shown").history;
    let repairs = history.iter().filter(
        |(_, event)| matches!(event, SagaEvent::Repaired(repaired) if repaired.by == "ada"),
    );
    assert_eq!(repairs.count(), 2);
}

async fn a_timer_at_a_time_is_not_late_after_an_outage(store: AnyStore, clock: Clock) {
    let due = store.now().await.expect("a time").after(HOUR * 2);
    process_timers::happen(&store, 1, Sent { due }).await;
    // Nobody handles it for some time.
    clock.forward(MINUTE * 50);
    process_timers::run(&store).await;
    clock.forward(MINUTE * 9);
    process_timers::run(&store).await;
    assert_eq!(process_timers::rang(&store, 1).await, [""; 0]);
    clock.forward(MINUTE);
    process_timers::run(&store).await;
    let rang = process_timers::rang(&store, 1).await;
    assert_eq!(rang, ["ask"], "an hour after it was sent");
    // All were down when both ran out.
    process_timers::happen(&store, 2, Sent { due }).await;
    clock.forward(HOUR * 5);
    process_timers::run(&store).await;
    assert_eq!(process_timers::rang(&store, 1).await, ["ask", "remind"]);
    assert_eq!(process_timers::rang(&store, 2).await.len(), 2);
}

async fn a_timer_at_a_time_does_not_follow_a_wrong_clock(store: AnyStore, clock: Clock) {
    let due = store.now().await.expect("a time").after(YEARS + HOUR);
    clock.forward(YEARS);
    process_timers::happen(&store, 1, Sent { due }).await;
    process_timers::run(&store).await;
    clock.back(YEARS);
    // What was set while the clock was ahead begins anew then, or at once when an operator says so.
    clock.forward(MINUTE * 11);
    process_timers::run(&store).await;
    assert_eq!(process_timers::state(&store, 1).await.timers["remind"], due);
    let sagas = Sagas::new(store.clone()).with_process_manager::<Dunning>();
    let verb = Verb::TakeOver {};
    let taken = sagas.repair("dunning", "1", verb, "ada", "the clock was wrong");
    taken.await.expect("taken over");
    assert_eq!(process_timers::state(&store, 1).await.timers["remind"], due);
}
