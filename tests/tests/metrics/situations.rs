//! Situations in which the metrics of other systems said something wrong: a gauge that stays where it was when its loop
//! hangs or ends, a lag that is the age of the last event, labels whose number grows with the data.

use crate::{measured, recorder, value};
use es_decisions::{Decide, Decision, Decisions, Emitted};
#[cfg(unix)]
use es_postgres::PostgresStore;
use es_projections::{
    AnyReadDatabase, AnyTransaction, HandlerError, Project, Projection, Projections, WaitFor,
    values,
};
use es_runtime::{
    Aggregate, AnyStore, Append, Envelope, Event, EventStore, Events, ExpectedVersion, Handle,
    MemoryStore, NewEvent, Repository, StreamId, Timestamp,
};
use es_sagas::{OnTimer, ProcessManager, ReactTo, Reactions, Sagas};
use es_sqlite::{SqliteReadDatabase, SqliteStore};
use futures_executor::block_on;
use serde::{Deserialize, Serialize};
use std::{
    convert::Infallible,
    future::IntoFuture as _,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("parcel.sent")]
struct Sent {
    grams: i64,
}

/// Writes names of tables apart, so that each test has a gauge of its own.
macro_rules! projection {
    ($type:ident, $name:literal) => {
        #[derive(Projection)]
        #[projection($name, version = 1, events(Sent))]
        #[projection(schema = "CREATE TABLE {parcels} (grams BIGINT)")]
        struct $type;

        impl Project<Sent> for $type {
            async fn project(
                &self,
                sent: &Envelope<Sent>,
                tx: &mut AnyTransaction,
            ) -> Result<(), HandlerError> {
                if sent.event.grams < 0 {
                    return Err(HandlerError::new("it floats"));
                }
                tx.run(
                    "INSERT INTO {parcels} VALUES ($1)",
                    values![sent.event.grams],
                )
                .await?;
                Ok(())
            }
        }
    };
}

projection!(Nobody, "parcels_of_nobody");
projection!(Ended, "parcels_that_end");
projection!(Rebuilt, "parcels_rebuilt");
projection!(Closed, "parcels_closed");
projection!(Stuck, "parcels_stuck");
projection!(Away, "parcels_away");
#[cfg(unix)]
projection!(InPostgres, "parcels_in_postgres");

/// A store whose clock is what a test says.
struct World {
    _folder: TempDir,
    clock: Arc<AtomicI64>,
    store: AnyStore,
    read: AnyReadDatabase,
}

impl World {
    async fn open() -> Self {
        recorder();
        let folder = es_tests::tiers::folder();
        let clock = Arc::new(AtomicI64::new(Timestamp::now().unix_micros()));
        let now = Arc::clone(&clock);
        let time = move || Timestamp::from_unix_micros(now.load(Ordering::SeqCst)).expect("a time");
        let options = SqliteStore::options().clock(time);
        let store = options.open(folder.path().join("parcels.db")).await;
        let store = store.expect("opens");
        Self {
            _folder: folder,
            clock,
            read: AnyReadDatabase::new(store.read_database()),
            store: AnyStore::new(store),
        }
    }

    fn it_is(&self, ago: Duration) {
        let ago = i64::try_from(ago.as_micros()).expect("a time");
        let now = Timestamp::now().unix_micros();
        self.clock.store(now - ago, Ordering::SeqCst);
    }

    async fn send(&self, grams: i64) {
        let stream = StreamId::new("parcel", "1").expect("a stream");
        let event = NewEvent::json("parcel.sent", 1, format!(r#"{{"grams":{grams}}}"#));
        let append = Append::new(stream, ExpectedVersion::Any).with_event(event);
        self.store.append(append).await.expect("sent");
    }
}

const DAY: Duration = Duration::from_secs(24 * 3600);

fn lag(projection: &str) -> (f64, f64) {
    let labels = [("projection", projection), ("partition", "0")];
    let of = |name| value(name, &labels).expect("a gauge");
    (
        of("es_projection_lag_events"),
        of("es_projection_lag_seconds"),
    )
}

#[tokio::test]
async fn a_lag_grows_where_nobody_runs_the_projection_and_is_none_at_the_end() {
    let world = World::open().await;
    let projections = Projections::new(world.store.clone(), world.read.clone()).with(Nobody);
    projections.catch_up().await.expect("caught up");
    world.it_is(DAY);
    world.send(1).await;
    world.send(2).await;
    // No loop ever saw them.
    projections.record_metrics().await.expect("read");
    let (events, seconds) = lag("parcels_of_nobody");
    assert!(events > 1.0 && seconds > 86_000.0, "{events} {seconds}");
    projections.catch_up().await.expect("caught up");
    projections.record_metrics().await.expect("read");
    // Not the age of the last event.
    assert_eq!(lag("parcels_of_nobody"), (0.0, 0.0));
    world.it_is(Duration::ZERO);
    world.send(3).await;
    projections.record_metrics().await.expect("read");
    // Nor that of the last one handled.
    let (events, seconds) = lag("parcels_of_nobody");
    assert!(events > 0.0 && seconds < 3_600.0, "{events} {seconds}");
}

#[tokio::test]
async fn the_gauges_of_a_runner_that_was_shut_down_say_nothing() {
    let world = World::open().await;
    world.send(1).await;
    let projections = Projections::new(world.store.clone(), world.read.clone()).with(Ended);
    let running = projections.start().expect("starts");
    let end = world.store.head().await.expect("read");
    let wait = world.read.wait_for::<Ended>(end, Duration::from_secs(120));
    wait.await.expect("there");
    // The first measurement may have been before the tables were there.
    projections.record_metrics().await.expect("read");
    assert_eq!(lag("parcels_that_end"), (0.0, 0.0));
    running.shutdown().await;
    let left = value(
        "es_projection_stalled",
        &[("projection", "parcels_that_end")],
    );
    assert!(left.expect("a gauge").is_nan());
}

#[tokio::test]
async fn a_rebuild_has_a_lag_of_its_own() {
    let world = World::open().await;
    world.send(1).await;
    let projections = Projections::new(world.store.clone(), world.read.clone()).with(Rebuilt);
    projections.catch_up().await.expect("caught up");
    let rebuild = || {
        let name = [("projection", "parcels_rebuilt")];
        value("es_projection_rebuild_lag_events", &name).expect("a gauge")
    };
    projections
        .rebuild("parcels_rebuilt")
        .await
        .expect("asked for");
    projections.record_metrics().await.expect("read");
    assert_eq!(lag("parcels_rebuilt"), (0.0, 0.0));
    assert!(rebuild() > 0.0);
    let rebuilt = projections.rebuild_now("parcels_rebuilt").await;
    rebuilt.expect("rebuilt");
    projections.record_metrics().await.expect("read");
    assert_eq!(lag("parcels_rebuilt"), (0.0, 0.0));
    assert_eq!(rebuild(), 0.0);
}

#[tokio::test]
async fn what_cannot_be_measured_is_counted() {
    let world = World::open().await;
    world.send(1).await;
    let projections = Projections::new(world.store.clone(), world.read.clone()).with(Closed);
    projections.record_metrics().await.expect("read");
    let sagas = Sagas::new(world.store.clone()).with_process_manager::<ReminderClosed>();
    let failed = |name| value(name, &[("result", "failed")]).unwrap_or(0.0);
    let before = [
        "es_projection_observations_total",
        "es_saga_observations_total",
    ]
    .map(failed);
    world.store.close().await;
    projections.record_metrics().await.expect_err("closed");
    sagas.record_metrics().await.expect_err("closed");
    let after = [
        "es_projection_observations_total",
        "es_saga_observations_total",
    ]
    .map(failed);
    assert!(after[0] > before[0] && after[1] > before[1]);
}

/// A read database that is away has no status, and neither has one without tables yet.
#[tokio::test]
async fn a_read_database_that_is_away_is_no_empty_one() {
    let world = World::open().await;
    world.send(1).await;
    let folder = es_tests::tiers::folder();
    let read = SqliteReadDatabase::open(folder.path().join("read.db")).await;
    let read = read.expect("opens");
    let any = AnyReadDatabase::new(read.clone());
    let projections = Projections::new(world.store.clone(), any).with(Away);
    projections.record_metrics().await.expect("empty");
    read.close().await;
    projections.record_metrics().await.expect_err("closed");
}

#[tokio::test]
async fn appends_are_counted_by_what_became_of_them() {
    let world = World::open().await;
    let of = |result| appends("sqlite", result);
    let stream = StreamId::new("parcel", "1").expect("a stream");
    let again = Append::new(stream, ExpectedVersion::NoStream).with_event(NewEvent::json(
        "parcel.sent",
        1,
        r#"{"grams":1}"#,
    ));
    world.send(1).await;
    let before = ["ok", "refused", "failed"].map(of);
    assert!(before[0] > 0.0);
    let conflict = world.store.append(again.clone()).await;
    conflict.expect_err("a conflict");
    world.store.close().await;
    world.store.append(again).await.expect_err("closed");
    let after = ["ok", "refused", "failed"].map(of);
    // Others append meanwhile.
    assert!(after[1] > before[1] && after[2] > before[2]);
}

fn appends(store: &str, result: &str) -> f64 {
    let labels = [("store", store), ("result", result)];
    value("es_append_duration_seconds_count", &labels).unwrap_or(0.0)
}

#[cfg(unix)]
#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn postgresql_is_measured_as_sqlite_is() {
    recorder();
    let database = es_tests::server::database();
    let store = PostgresStore::open(&database.url()).await.expect("opens");
    let read = AnyReadDatabase::new(store.read_database());
    let store = AnyStore::new(store);
    let send = async |grams: i64| {
        let stream = StreamId::new("parcel", "1").expect("a stream");
        let payload = format!(r#"{{"grams":{grams}}}"#);
        let append = Append::new(stream, ExpectedVersion::NoStream);
        let append = append.with_event(NewEvent::json("parcel.sent", 1, payload));
        store.append(append).await
    };
    send(1).await.expect("sent");
    send(2).await.expect_err("a conflict");
    assert_eq!(appends("postgres", "ok"), 1.0);
    assert_eq!(appends("postgres", "refused"), 1.0);
    let groups = value("es_commit_group_size_count", &[("store", "postgres")]);
    assert!(groups.expect("a group") >= 1.0);
    let projections = Projections::new(store.clone(), read).with(InPostgres);
    projections.catch_up().await.expect("caught up");
    projections.record_metrics().await.expect("read");
    assert_eq!(lag("parcels_in_postgres"), (0.0, 0.0));
    let sagas = Sagas::new(store.clone())
        .from_the_beginning(true)
        .with_process_manager::<ReminderInPostgres>();
    sagas.run_until_idle().await.expect("idle");
    sagas.record_metrics().await.expect("read");
    assert!(appends("postgres", "ok") > 1.0, "commits count too");
    store.close().await;
}

#[tokio::test]
async fn what_fails_and_is_parked_is_seen() {
    let world = World::open().await;
    world.send(-1).await;
    let none = Duration::ZERO;
    let projections = Projections::new(world.store.clone(), world.read.clone())
        .attempts(3, none, none)
        .with(Stuck);
    projections.catch_up().await.expect("caught up");
    projections.record_metrics().await.expect("read");
    let of = |name| value(name, &[("projection", "parcels_stuck")]);
    assert_eq!(of("es_projection_retries_total"), Some(2.0));
    assert_eq!(of("es_projection_parks_total"), Some(1.0));
    assert_eq!(of("es_projection_parked_events"), Some(1.0));
    assert_eq!(of("es_projection_events_total"), Some(1.0));
    // It was there before it happened, so that its first increase is seen.
    assert_eq!(of("es_projection_leases_lost_total"), Some(0.0));
}

/// Reminds in an hour.
macro_rules! reminder {
    ($type:ident, $name:literal) => {
        #[derive(Aggregate, ProcessManager, Default)]
        #[aggregate($name, id = String, error = Infallible, events(ignore(Sent)))]
        #[process_manager(reacts(Sent), timers)]
        struct $type {}

        impl ReactTo<Sent> for $type {
            fn correlate(sent: &Envelope<Sent>) -> Option<String> {
                Some(sent.stream.id().to_owned())
            }

            fn react(&self, _: &Envelope<Sent>) -> Reactions<Self> {
                Reactions::none().timer("remind", Duration::from_secs(3_600))
            }
        }

        impl OnTimer for $type {
            fn timer(&self, _: &str) -> Reactions<Self> {
                Reactions::none().end()
            }
        }
    };
}

reminder!(Overdue, "reminder-overdue");
reminder!(Many, "reminder-of-many");
reminder!(ReminderClosed, "reminder-closed");
#[cfg(unix)]
reminder!(ReminderInPostgres, "reminder-in-postgres");

#[tokio::test]
async fn a_timer_that_nobody_fires_is_overdue() {
    let world = World::open().await;
    let sagas = Sagas::new(world.store.clone())
        .from_the_beginning(true)
        .with_process_manager::<Overdue>();
    world.it_is(DAY);
    world.send(1).await;
    sagas.run_until_idle().await.expect("idle");
    let overdue = async || {
        sagas.record_metrics().await.expect("read");
        let name = [("saga", "reminder-overdue")];
        value("es_saga_overdue_instances", &name).expect("a gauge")
    };
    assert_eq!(overdue().await, 0.0);
    // It was due 23 hours ago.
    world.it_is(Duration::ZERO);
    assert_eq!(overdue().await, 1.0);
    sagas.run_until_idle().await.expect("idle");
    assert_eq!(overdue().await, 0.0);
    let done = [("saga", "reminder-overdue"), ("status", "done")];
    assert_eq!(value("es_saga_instances", &done), Some(1.0));
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("turnstile.turned")]
struct Turned {}

/// While a command is decided the first time, another writer turns it.
#[derive(Aggregate, Clone, Default)]
#[aggregate("turnstile", id = String, error = Infallible, events(ignore(Turned)))]
struct Turnstile {}

#[derive(Clone)]
struct Turn(MemoryStore, Arc<AtomicI64>);

impl Turn {
    fn by_another(store: &MemoryStore) {
        let stream = StreamId::new("turnstile", "1").expect("a stream");
        let event = NewEvent::json("turnstile.turned", 1, "{}");
        let append = Append::new(stream, ExpectedVersion::Any).with_event(event);
        block_on(store.append(append)).expect("turned");
    }
}

impl Handle<Turn> for Turnstile {
    fn handle(&self, Turn(store, others): Turn) -> Result<Events<Self>, Infallible> {
        if others.fetch_sub(1, Ordering::SeqCst) > 0 {
            Turn::by_another(&store);
        }
        Ok(Turned {}.into())
    }
}

#[derive(Clone)]
struct Look;

impl Handle<Look> for Turnstile {
    fn handle(&self, _: Look) -> Result<Events<Self>, Infallible> {
        Ok(Events::none())
    }
}

#[derive(Aggregate, Default)]
#[aggregate("gate", id = String, error = Infallible, events(ignore(Turned)))]
struct Gate {}

#[derive(Clone)]
struct Open;

impl Handle<Open> for Gate {
    fn handle(&self, _: Open) -> Result<Events<Self>, Infallible> {
        Ok(Turned {}.into())
    }
}

#[tokio::test]
async fn conflicts_attempts_and_stale_states_are_counted() {
    recorder();
    let store = MemoryStore::new();
    let turnstiles = Repository::<Turnstile, _>::new(store.clone()).cached(10);
    let of = |name: &str, result: &str| {
        let labels = [("aggregate", "turnstile"), ("result", result)];
        value(
            name,
            if result.is_empty() {
                &labels[..1]
            } else {
                &labels
            },
        )
    };
    assert_eq!(of("es_command_conflicts_total", ""), Some(0.0));
    let turn =
        |others| turnstiles.execute("1", Turn(store.clone(), Arc::new(AtomicI64::new(others))));
    assert_eq!(turn(2).await.expect("turned").attempts, 3);
    assert_eq!(of("es_command_conflicts_total", ""), Some(2.0));
    assert_eq!(of("es_command_attempts_total", ""), Some(3.0));
    assert_eq!(of("es_cached_states_total", "miss"), Some(1.0));
    // On a cached state that is the newest, and on one that is not.
    turn(0).await.expect("turned");
    // A command that writes nothing reads what is new, and there is nothing.
    turnstiles.execute("1", Look).await.expect("looked");
    assert_eq!(of("es_cached_states_total", "stale"), None);
    Turn::by_another(&store);
    turn(0).await.expect("turned");
    assert_eq!(of("es_cached_states_total", "hit"), Some(3.0));
    assert_eq!(of("es_cached_states_total", "stale"), Some(1.0));
    let count = "es_command_duration_seconds_count";
    assert_eq!(of(count, "accepted"), Some(4.0));
    // With cached states each command takes one turn.
    assert_eq!(of("es_command_queue_duration_seconds_count", ""), Some(4.0));
    // Every attempt conflicts.
    turn(i64::MAX).await.expect_err("a conflict");
    assert_eq!(of(count, "conflict"), Some(1.0));
    let expecting = turnstiles.execute("1", Look).expect_version(1);
    expecting.await.expect_err("another version");
    assert_eq!(of(count, "mismatch"), Some(1.0));
    assert_eq!(of(count, "conflict"), Some(1.0));
}

#[derive(Decision)]
#[decision("pass", error = Infallible, reads(turnstile: Turnstile(id)))]
struct Pass {
    id: String,
    turn: Turn,
}

impl Decide for Pass {
    fn decide(&self, read: &PassReads) -> Result<Emitted<Self>, Infallible> {
        let turned = read.turnstile.handle(self.turn.clone())?;
        Ok(Emitted::new().on(&self.id, turned))
    }
}

/// Once, whoever asks for it.
pub(crate) fn decisions_meet() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        recorder();
        // The other writer blocks by an executor of another kind.
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let store = MemoryStore::new();
        let decisions = Decisions::new(store.clone());
        let pass = |others| {
            let turn = Turn(store.clone(), Arc::new(AtomicI64::new(others)));
            let id = "1".to_owned();
            let passed = decisions.execute(Pass { id, turn }).into_future();
            runtime.block_on(passed).expect("turned")
        };
        let of = |name| value(name, &[("decision", "pass")]);
        let waited = "es_decision_queue_duration_seconds_count";
        assert_eq!(pass(0).attempts, 1);
        assert_eq!(of(waited), None);
        assert_eq!(pass(1).attempts, 2);
        assert_eq!(of(waited), Some(1.0));
        assert_eq!(of("es_decision_conflicts_total"), Some(1.0));
        // Another writer was first at a version that the caller expects.
        let turn = Turn(store.clone(), Arc::new(AtomicI64::new(1)));
        let id = "1".to_owned();
        let expecting = decisions.execute(Pass { id, turn });
        let expecting = expecting.expect_version::<Turnstile>("1", 3).into_future();
        runtime.block_on(expecting).expect_err("another version");
        assert_eq!(of("es_decision_conflicts_total"), Some(2.0));
        let mismatches = [("decision", "pass"), ("result", "mismatch")];
        let ended = "es_decision_duration_seconds_count";
        assert_eq!(value(ended, &mismatches), Some(1.0));
    });
}

#[test]
fn the_wait_of_decisions_that_met_is_measured() {
    decisions_meet();
}

/// The number of series is that of the names in the program.
#[tokio::test]
async fn labels_do_not_grow_with_the_data() {
    let world = World::open().await;
    let sagas = Sagas::new(world.store.clone())
        .from_the_beginning(true)
        .with_process_manager::<Many>();
    let gates = Repository::<Gate>::new(world.store.clone());
    let mut series = Vec::new();
    for round in 0..2 {
        for number in 0..100 {
            let id = format!("{round}-{number}");
            gates.execute(&*id, Open).await.expect("opened");
            let stream = StreamId::new("parcel", &id).expect("a stream");
            let event = NewEvent::json("parcel.sent", 1, r#"{"grams":1}"#);
            let append = Append::new(stream, ExpectedVersion::Any).with_event(event);
            world.store.append(append).await.expect("sent");
        }
        sagas.run_until_idle().await.expect("idle");
        sagas.record_metrics().await.expect("read");
        let measured = measured();
        let samples = measured.values().flat_map(|family| &family.samples);
        let mine = samples.filter(|sample| {
            let mut values = sample.labels.values();
            values.any(|value| value == "gate" || value == "reminder-of-many")
        });
        series.push(mine.count());
    }
    assert!(series[0] > 10, "{series:?}");
    assert_eq!(series[0], series[1]);
}
