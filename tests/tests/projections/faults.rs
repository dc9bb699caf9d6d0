//! What databases, operators and stores do to runners: passing failures, transactions that are ended,
//! stale orders, hints without a reason, names that cannot be used.

use es_projections::WaitFor;
use es_projections::{
    Delivery, HandlerError, Key, Measure, Project, Projection, ProjectionError, Projections, React,
    Stalled, Status, Subscription, WorkerState,
};
use es_runtime::{
    Envelope, EventFilter, EventStore, FeedPage, Position, ReadError, ReadLimit, RecordedEvent,
};
use es_sqlite::{SqliteReadDatabase, SqliteStore, SqliteTransaction, rusqlite::Connection};
use es_testkit::{Layered, StoreLayer};
use es_tests::accounts::{Balances, Deposited, Turnover, balances, deposit};
use std::{
    future::Future,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Notify;

const SOON: Duration = Duration::from_secs(20);

async fn open(folder: &Path) -> (SqliteStore, SqliteReadDatabase) {
    let store = SqliteStore::open(folder.join("events.db"))
        .await
        .expect("opens");
    let read = SqliteReadDatabase::open(folder.join("read.db"))
        .await
        .expect("opens");
    (store, read)
}

fn quick<S: EventStore>(
    store: &S,
    read: &SqliteReadDatabase,
) -> Projections<S, SqliteReadDatabase> {
    Projections::new(store.clone(), read.clone()).attempts(
        3,
        Duration::from_millis(1),
        Duration::from_millis(5),
    )
}

/// Looks at the status until it is as wanted.
async fn until<S: EventStore>(
    runner: &Projections<S, SqliteReadDatabase>,
    wanted: impl Fn(&[Status]) -> bool,
) -> Vec<Status> {
    let began = Instant::now();
    loop {
        let status = runner.status().await.expect("status");
        if wanted(&status) {
            return status;
        }
        assert!(began.elapsed() < SOON, "{status:#?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn waits_for_database(status: &[Status]) -> bool {
    let waits =
        |partition: &Status| matches!(partition.state, WorkerState::Stalled(Stalled::Database(_)));
    status.iter().any(waits)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_database_delays_a_swap_and_no_more() {
    let folder = es_tests::tiers::folder();
    let (store, _) = open(folder.path()).await;
    let file = folder.path().join("busy.db");
    let options = SqliteStore::options().busy_timeout(Duration::from_millis(10));
    let read = options.open(&file).await.expect("opens").read_database();
    let last = deposit(&store, "alice", 1).await.expect("stored");

    // As soon as it has handled everything, somebody else writes into the file, and takes long.
    let other = Connection::open(&file).expect("opens");
    let other = Arc::new(Mutex::new(other));
    let writer = Arc::clone(&other);
    let runner = quick(&store, &read)
        .meter(move |measure: &Measure<'_>| {
            if matches!(measure, Measure::Batch { .. }) {
                let writer = writer.lock().expect("one writes");
                writer.execute_batch("BEGIN IMMEDIATE").expect("begun");
            }
        })
        .with(Balances::new());
    let running = runner.start().expect("started");
    until(&runner, waits_for_database).await;
    let end = other.lock().expect("one writes").execute_batch("ROLLBACK");
    end.expect("ended");
    read.wait_for::<Balances>(last, SOON)
        .await
        .expect("it answers");
    until(&runner, |status| {
        status
            .iter()
            .all(|partition| partition.state == WorkerState::Running)
    })
    .await;
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_room_tables_are_made_when_there_is_some() {
    let folder = es_tests::tiers::folder();
    let (store, _) = open(folder.path()).await;
    let last = deposit(&store, "alice", 1).await.expect("stored");
    let file = folder.path().join("full.db");
    let large = SqliteStore::open(&file).await.expect("opens");
    // the projection state are there.
    quick(&store, &large.read_database())
        .with(Turnover)
        .catch_up()
        .await
        .expect("caught up");
    large.close().await;
    let other = Connection::open(&file).expect("opens");
    other
        .execute_batch(
            "CREATE TABLE filler (what); INSERT INTO filler VALUES (zeroblob(100000));
             PRAGMA wal_checkpoint(TRUNCATE);",
        )
        .expect("filled");
    let size = std::fs::metadata(&file).expect("there").len();
    let options = SqliteStore::options().max_bytes(size);
    let read = options.open(&file).await.expect("opens").read_database();
    let runner = quick(&store, &read).with(Balances::new());
    let running = runner.start().expect("started");
    until(&runner, waits_for_database).await;
    other.execute_batch("DROP TABLE filler").expect("room");
    read.wait_for::<Balances>(last, SOON)
        .await
        .expect("it answers");
    running.shutdown().await;
}

/// How a [`Watched`] store misbehaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Habit {
    /// Whenever somebody looks for its end, somebody else appends.
    Grows,
    /// Whenever somebody looks for its end, somebody else appends, and the first version of
    /// `turnover` has it at once, if it may.
    FeedsAnother,
    /// It always says that there is more.
    CriesWolf,
}

#[derive(Clone)]
struct Watched {
    inner: SqliteStore,
    read: SqliteReadDatabase,
    habit: Habit,
    reads: Arc<AtomicUsize>,
}

impl Watched {
    fn store(inner: &SqliteStore, read: &SqliteReadDatabase, habit: Habit) -> Layered<Self> {
        Layered(Self {
            inner: inner.clone(),
            read: read.clone(),
            habit,
            reads: Arc::default(),
        })
    }
}

impl StoreLayer for Watched {
    type Inner = SqliteStore;

    fn inner(&self) -> &SqliteStore {
        &self.inner
    }

    async fn read_feed(
        &self,
        after: Position,
        filter: &EventFilter,
        limit: ReadLimit,
    ) -> Result<FeedPage, ReadError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.inner.read_feed(after, filter, limit).await
    }

    async fn head(&self) -> Result<Position, ReadError> {
        if self.habit != Habit::CriesWolf {
            let last = deposit(&self.inner, "busy", 1).await.expect("stored");
            if self.habit == Habit::FeedsAnother {
                let moment = Duration::from_millis(200);
                let _ = self.read.wait_for::<Turnover>(last, moment).await;
            }
        }
        self.inner.head().await
    }

    async fn changed(&self, position: Position) {
        if self.habit != Habit::CriesWolf {
            self.inner.changed(position).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_swapped_while_others_append_all_the_time() {
    let folder = es_tests::tiers::folder();
    let (store, read) = open(folder.path()).await;
    let store = Watched::store(&store, &read, Habit::Grows);
    deposit(&store.inner, "alice", 1).await.expect("stored");
    let runner = quick(&store, &read).with(Divided).with(Turnover);
    let running = runner.start().expect("started");
    let live = |number| {
        move |status: &[Status]| {
            let there = |partition: &Status| partition.live && partition.build == number;
            status.iter().filter(|partition| there(partition)).count() == 5
        }
    };
    until(&runner, live(1)).await;
    for name in ["divided", "turnover"] {
        runner.rebuild(name).await.expect("asked for");
    }
    until(&runner, live(2)).await;
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_are_always_further_are_held_for_the_swap() {
    let folder = es_tests::tiers::folder();
    let (store, read) = open(folder.path()).await;
    deposit(&store, "alice", 1).await.expect("stored");
    let old = quick(&store, &read).with(Turnover);
    let running_old = old.start().expect("started");
    let head = store.head().await.expect("head");
    read.wait_for::<Turnover>(head, SOON).await.expect("there");

    let slow = Watched::store(&store, &read, Habit::FeedsAnother);
    let new = quick(&slow, &read).with(second::Turnover);
    let running_new = new.start().expect("started");
    until(&new, |status| {
        status
            .iter()
            .any(|partition| partition.live && partition.version == 2)
    })
    .await;
    let last = deposit(&store, "alice", 1).await.expect("stored");
    read.wait_for::<second::Turnover>(last, SOON)
        .await
        .expect("it goes on");
    let counted = "SELECT count(*) FROM turnover";
    let counted: Option<i64> = read
        .select_one(counted, [], |row| row.get(0))
        .await
        .expect("rows");
    let counted = counted.map(i64::cast_unsigned);
    assert!(counted >= Some(last.to_parts()[2]), "{counted:?} of {last}");
    running_old.shutdown().await;
    running_new.shutdown().await;
}

fn by_account(event: &RecordedEvent) -> Key<'_> {
    event.stream.id().into()
}

#[derive(Projection)]
#[projection("divided", events(Deposited), partitions = 4, key = by_account)]
#[projection(schema(SqliteReadDatabase = "CREATE TABLE {divided} (account TEXT)"))]
struct Divided;

impl Project<Deposited, SqliteReadDatabase> for Divided {
    async fn project(
        &self,
        event: &Envelope<Deposited>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        tx.execute("INSERT INTO {divided} VALUES (?1)", [event.stream.id()])?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_says_without_a_reason_that_there_is_more_is_polled() {
    let folder = es_tests::tiers::folder();
    let (store, read) = open(folder.path()).await;
    let store = Watched::store(&store, &read, Habit::CriesWolf);
    let last = deposit(&store, "alice", 1).await.expect("stored");
    let runner = quick(&store, &read)
        .poll_every(Duration::from_secs(3600))
        .with(Balances::new());
    let running = runner.start().expect("started");
    read.wait_for::<Balances>(last, SOON).await.expect("there");
    // Long enough for thousands.
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(500) {
        let reads = store.reads.load(Ordering::SeqCst);
        assert!(reads < 50, "read {reads} times, and once an hour was asked");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.shutdown().await;
}

#[tokio::test]
async fn a_page_of_no_events_is_one_of_one_event() {
    let folder = es_tests::tiers::folder();
    let (store, read) = open(folder.path()).await;
    for _ in 0..3 {
        deposit(&store, "alice", 1).await.expect("stored");
    }
    let runner = quick(&store, &read)
        .page(ReadLimit::events(0))
        .with(Balances::new());
    let caught_up = tokio::time::timeout(SOON, runner.catch_up()).await;
    caught_up.expect("it ends").expect("caught up");
    assert_eq!(balances(&read).await.expect("rows").1.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_that_was_given_up_leaves_the_next_start_alone() {
    let folder = es_tests::tiers::folder();
    let (store, read) = open(folder.path()).await;
    let runner = quick(&store, &read).with(Balances::new());
    // The loops are on other threads: they may end before the first poll of a shutdown does.
    let mut was_given_up = false;
    for _ in 0..100 {
        let running = runner.start().expect("started");
        let last = deposit(&store, "alice", 1).await.expect("stored");
        read.wait_for::<Balances>(last, SOON).await.expect("there");
        let mut ending = Box::pin(running.shutdown());
        was_given_up = std::future::poll_fn(|context| {
            std::task::Poll::Ready(ending.as_mut().poll(context).is_pending())
        })
        .await;
        drop(ending);
        if was_given_up {
            break;
        }
    }
    assert!(was_given_up, "each shutdown was over at once");
    let again = runner.start().expect("started");
    let last = deposit(&store, "alice", 1).await.expect("stored");
    read.wait_for::<Balances>(last, SOON).await.expect("there");
    again.shutdown().await;
}

mod second {
    use super::*;

    #[derive(Projection)]
    #[projection("turnover", version = 2, events(Deposited))]
    #[projection(schema(
        SqliteReadDatabase = "CREATE TABLE {turnover} (cents INTEGER, note TEXT)"
    ))]
    pub(super) struct Turnover;

    impl Project<Deposited, SqliteReadDatabase> for Turnover {
        async fn project(
            &self,
            event: &Envelope<Deposited>,
            tx: &mut SqliteTransaction,
        ) -> Result<(), HandlerError> {
            let cents = event.event.cents;
            tx.execute("INSERT INTO {turnover} VALUES (?1, 'second')", [cents])?;
            Ok(())
        }
    }
}

#[tokio::test]
async fn an_older_program_rebuilds_its_own_version_only() {
    let folder = es_tests::tiers::folder();
    let (store, read) = open(folder.path()).await;
    deposit(&store, "alice", 1).await.expect("stored");
    let old = quick(&store, &read).with(Turnover);
    old.catch_up().await.expect("caught up");
    let new = quick(&store, &read).with(second::Turnover);
    let newer = new.rebuild("turnover").await.expect("asked for");
    assert_eq!((newer.number, newer.version), (2, 2));
    let rebuilt = old.rebuild_now("turnover").await.expect("rebuilt");
    assert_eq!((rebuilt.number, rebuilt.version), (3, 1));
    let status = new.status().await.expect("status");
    let of_new = status.iter().find(|partition| partition.build == 2);
    assert_eq!(
        of_new.map(|partition| partition.position),
        Some(Position::START)
    );
}

#[tokio::test]
async fn a_status_that_cannot_be_read_is_no_empty_one() {
    let folder = es_tests::tiers::folder();
    let (store, read) = open(folder.path()).await;
    let runner = quick(&store, &read).with(Turnover);
    // Nothing was started, so there are no tables.
    assert_eq!(runner.status().await.expect("status").len(), 0);
    runner.catch_up().await.expect("caught up");
    assert_eq!(runner.status().await.expect("status").len(), 1);
    let file = Connection::open(folder.path().join("read.db")).expect("opens");
    file.execute_batch("ALTER TABLE es_builds RENAME COLUMN stage TO phase")
        .expect("renamed");
    let status = runner.status().await;
    assert!(
        matches!(status, Err(ProjectionError::Storage { .. })),
        "{status:?}"
    );
}

/// Ends its transaction, one way or another.
#[derive(Projection)]
#[projection("enders", events(Deposited))]
#[projection(schema(SqliteReadDatabase = "CREATE TABLE {enders} (id TEXT PRIMARY KEY)"))]
struct Enders(&'static str);

impl Project<Deposited, SqliteReadDatabase> for Enders {
    async fn project(
        &self,
        event: &Envelope<Deposited>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        let id = format!("{} {}", event.stream.id(), event.version);
        tx.execute("INSERT INTO {enders} VALUES (?1)", [&id])?;
        if event.stream.id() == "bad" {
            match self.0 {
                "conflict" => {
                    tx.execute("INSERT OR ROLLBACK INTO {enders} VALUES (?1)", [&id])?;
                }
                "goes on" => {
                    let _ = tx.execute("INSERT OR ROLLBACK INTO {enders} VALUES (?1)", [&id]);
                    let _ = tx.execute("INSERT INTO {enders} VALUES (?1)", [&id]);
                }
                ends => {
                    tx.execute(ends, [])?;
                }
            }
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_handler_that_ends_its_transaction_parks_its_event() {
    for how in ["conflict", "goes on", "COMMIT", " /* so */ end", "ROLLBACK"] {
        let folder = es_tests::tiers::folder();
        let (store, read) = open(folder.path()).await;
        for account in ["good", "bad", "good"] {
            deposit(&store, account, 1).await.expect("stored");
        }
        let runner = quick(&store, &read).with(Enders(how));
        let caught_up = tokio::time::timeout(SOON, runner.catch_up()).await;
        caught_up.expect(how).expect("caught up");
        let parked = runner.parked("enders").await.expect("parked");
        assert_eq!(parked.len(), 1, "{how}");
        assert_eq!(parked[0].event.attempts, 3, "{how}");
        let ids = "SELECT id FROM enders ORDER BY id";
        let ids: Vec<String> = read.select(ids, [], |row| row.get(0)).await.expect("rows");
        assert_eq!(ids, ["good 1", "good 2"], "{how}");
        let retried = runner.retry("enders", "account/bad").await.expect("tried");
        assert_eq!(retried.handled, 0, "{how}");
    }
}

/// A reaction that the test guides.
#[derive(Subscription)]
#[subscription("guided", events(Deposited))]
#[derive(Clone, Default)]
struct Recorder {
    broken: Arc<AtomicBool>,
    holds: Arc<AtomicBool>,
    held: Arc<Notify>,
    go_on: Arc<Notify>,
}

impl React<Deposited> for Recorder {
    async fn react(&self, _: &Envelope<Deposited>, _: &Delivery) -> Result<(), HandlerError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(HandlerError::new("no such address"));
        }
        if self.holds.swap(false, Ordering::SeqCst) {
            self.held.notify_one();
            self.go_on.notified().await;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_operator_takes_nothing_away_that_was_parked_meanwhile() {
    let folder = es_tests::tiers::folder();
    let (store, read) = open(folder.path()).await;
    let recorder = Recorder::default();
    let runner = quick(&store, &read).with_subscription(recorder.clone());
    recorder.broken.store(true, Ordering::SeqCst);
    deposit(&store, "alice", 1).await.expect("stored");
    runner.catch_up().await.expect("caught up");
    recorder.broken.store(false, Ordering::SeqCst);
    recorder.holds.store(true, Ordering::SeqCst);
    let slow = runner.clone();
    let slow = es_tests::spawn(async move { slow.retry("guided", "account/alice").await });
    recorder.held.notified().await;

    let quick = runner
        .retry("guided", "account/alice")
        .await
        .expect("tried");
    assert_eq!(quick.handled, 1);
    recorder.broken.store(true, Ordering::SeqCst);
    deposit(&store, "alice", 2).await.expect("stored");
    runner.catch_up().await.expect("caught up");

    recorder.go_on.notify_one();
    let slow = slow.await.expect("no panic").expect("tried");
    assert_eq!(slow.handled, 0);
    assert_eq!(slow.failed.map(|parked| parked.event.version), Some(2));
    let parked = runner.parked("guided").await.expect("parked");
    let versions: Vec<u64> = parked.iter().map(|parked| parked.event.version).collect();
    assert_eq!(versions, [2], "the second event was never delivered");
}

es_tests::reads_only!(Reserved, "reserved", "CREATE TABLE {order} (cents INTEGER)");
es_tests::reads_only!(Foreign, "foreign", "CREATE TABLE {theirs} (cents INTEGER)");

#[tokio::test]
async fn names_that_queries_cannot_use_are_refused_before_anything_is_built() {
    let folder = es_tests::tiers::folder();
    let (store, read) = open(folder.path()).await;
    let file = Connection::open(read.path()).expect("opens");
    file.execute_batch("CREATE TABLE theirs (a)").expect("made");
    let reserved = quick(&store, &read).with(Reserved).catch_up().await;
    let foreign = quick(&store, &read).with(Foreign).catch_up().await;
    for (name, refused) in [("order", reserved), ("theirs", foreign)] {
        let Err(ProjectionError::Schema { what, .. }) = refused else {
            panic!("{name}: {refused:?}");
        };
        let start = format!("queries cannot use the name `{name}`");
        assert!(what.starts_with(&start), "{what}");
    }
    let made = "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%\\_\\_g%' ESCAPE '\\'";
    let made: Option<i64> = read
        .select_one(made, [], |row| row.get(0))
        .await
        .expect("asked");
    assert_eq!(made, Some(0));
}

macro_rules! partitioned {
    ($module:ident, $partitions:literal) => {
        mod $module {
            use super::*;

            #[derive(Subscription)]
            #[subscription("partitions", events(Deposited), partitions = $partitions)]
            pub(super) struct Calls;

            impl React<Deposited> for Calls {
                async fn react(
                    &self,
                    _: &Envelope<Deposited>,
                    _: &Delivery,
                ) -> Result<(), HandlerError> {
                    Ok(())
                }
            }
        }
    };
}

partitioned!(two, 2);
partitioned!(three, 3);

#[tokio::test]
async fn a_subscription_with_other_partitions_says_what_can_be_done() {
    let folder = es_tests::tiers::folder();
    let (store, read) = open(folder.path()).await;
    let two = quick(&store, &read).with_subscription(two::Calls);
    two.catch_up().await.expect("caught up");
    let three = quick(&store, &read).with_subscription(three::Calls);
    let refused = three.catch_up().await.expect_err("refused").to_string();
    assert!(refused.contains("2 partitions"), "{refused}");
    assert!(refused.contains("new name"), "{refused}");
    assert!(!refused.contains("version"), "{refused}");
}
