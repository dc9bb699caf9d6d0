//! Handlers that ask for more than their transaction: a command or a read of the same store, a timer, a
//! task. None of them holds up the store, and each says what is wrong.

use es_postgres::{PostgresReadDatabase, PostgresStore, PostgresTransaction};
use es_projections::{
    Delivery, HandlerError, Project, Projection, Projections, React, ReadDatabase, Subscription,
    backend::{Job, RolledBack},
};
use es_runtime::{
    Aggregate, AnyStore, AppendError, Apply, Envelope, Event, EventFilter, EventStore, Events,
    Outcome, Position, ReadLimit, Repository,
};
use es_sqlite::{SqliteReadDatabase, SqliteStore, SqliteTransaction};
use es_testkit::postgres::Database;
use es_tests::accounts::{Deposited, deposit};
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, future::Future, pin::Pin, sync::Arc, time::Duration};
use tokio::{runtime::Handle, time::timeout};

const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Event, Serialize, Deserialize)]
#[event("counter.raised")]
struct Raised {}

#[derive(Clone)]
struct Raise;

#[derive(Aggregate, Default)]
#[aggregate("counter", id = String, error = Infallible, events(Raised))]
struct Counter {
    value: u64,
}

impl Apply<Raised> for Counter {
    fn apply(&mut self, _: &Raised) {
        self.value += 1;
    }
}

impl es_runtime::Handle<Raise> for Counter {
    fn handle(&self, Raise: Raise) -> Result<Events<Self>, Infallible> {
        Ok(Raised {}.into())
    }
}

type Doing = Pin<Box<dyn Future<Output = Result<(), HandlerError>> + Send>>;
/// What a handler does with a store and the tasks of its runtime.
type Tempt = fn(AnyStore, Handle) -> Doing;
type Do = Arc<dyn Fn() -> Doing + Send + Sync>;

/// Does something else than its transaction.
#[derive(Projection, Clone)]
#[projection("more", events(Deposited))]
#[projection(schema(SqliteReadDatabase = ROWS, PostgresReadDatabase = ROWS))]
struct More(Do);

const ROWS: &str = "CREATE TABLE {rows} (account TEXT NOT NULL)";

impl More {
    fn new<F: Future<Output = Result<(), HandlerError>> + Send + 'static>(
        what: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(move || Box::pin(what())))
    }
}

impl Project<Deposited, SqliteReadDatabase> for More {
    async fn project(
        &self,
        event: &Envelope<Deposited>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        tx.execute("INSERT INTO {rows} VALUES (?1)", [event.stream.id()])?;
        if event.stream.id() == "bad" {
            (self.0)().await?;
        }
        Ok(())
    }
}

impl Project<Deposited, PostgresReadDatabase> for More {
    async fn project(
        &self,
        event: &Envelope<Deposited>,
        tx: &mut PostgresTransaction,
    ) -> Result<(), HandlerError> {
        tx.execute("INSERT INTO {rows} VALUES ($1)", &[&event.stream.id()])
            .await?;
        if event.stream.id() == "bad" {
            (self.0)().await?;
        }
        Ok(())
    }
}

/// A store that its own handlers get, after it was opened.
type Given<T> = Arc<std::sync::OnceLock<T>>;

async fn command(store: AnyStore) -> Result<(), HandlerError> {
    let counters = Repository::<Counter>::new(store);
    counters.execute("visits", Raise).await?;
    Ok(())
}

async fn read_feed(store: AnyStore) -> Result<(), HandlerError> {
    store
        .read_feed(Position::START, &EventFilter::all(), ReadLimit::default())
        .await?;
    Ok(())
}

/// Waits as an executor of one thread does.
fn blocking<T>(what: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut what = std::pin::pin!(what);
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    loop {
        match what.as_mut().poll(&mut context) {
            std::task::Poll::Ready(value) => return value,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

/// What a handler may do that it should not, with a store.
fn temptations() -> Vec<(&'static str, Tempt)> {
    vec![
        ("a command", |store, _| Box::pin(command(store))),
        ("a read", |store, _| Box::pin(read_feed(store))),
        ("a spawned command", |store, tasks| {
            Box::pin(async move {
                tasks
                    .spawn(command(store))
                    .await
                    .map_err(HandlerError::from)?
            })
        }),
        ("a command on another thread", |store, tasks| {
            Box::pin(async move {
                let (reply, answer) = tokio::sync::oneshot::channel();
                std::thread::spawn(move || reply.send(tasks.block_on(command(store))));
                answer.await.map_err(HandlerError::from)?
            })
        }),
        ("a command that blocks", |store, _| {
            Box::pin(async move { blocking(command(store)) })
        }),
        ("a timer", |_, _| {
            Box::pin(async {
                std::future::pending::<()>().await;
                Ok(())
            })
        }),
    ]
}

fn says_why(text: &str) -> bool {
    text.contains("subscription") && text.contains("transaction")
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_a_handler_that_waits_is_an_error_of_its_event() {
    for (what, tempt) in temptations() {
        for is_inline in [false, true] {
            let folder = es_tests::tiers::folder();
            let path = folder.path().join("all.db");
            let given = Given::<AnyStore>::default();
            let store_of = Arc::clone(&given);
            let tasks = Handle::current();
            let more =
                More::new(move || tempt(store_of.get().expect("a store").clone(), tasks.clone()));
            let mut options = SqliteStore::options();
            if is_inline {
                options = options.inline(more.clone());
            }
            let store = options.open(&path).await.expect("opens");
            let _ = given.set(AnyStore::new(store.clone()));
            let read = store.read_database();
            if is_inline {
                let refused = timeout(PATIENCE, deposit(&store, "bad", 1)).await;
                let refused = refused.unwrap_or_else(|_| panic!("{what} hangs inline"));
                let refused = refused.expect_err(what);
                let AppendError::Projection { error, .. } = &refused else {
                    panic!("{what}: {refused}");
                };
                assert_eq!(refused.outcome(), Outcome::NotApplied);
                assert!(says_why(&error.to_string()), "{what}: {error}");
            } else {
                deposit(&store, "bad", 1).await.expect("stored");
                let quick = Projections::new(store.clone(), read.clone()).with(more);
                let quick = quick.attempts(2, Duration::from_millis(1), Duration::from_millis(1));
                let caught_up = timeout(PATIENCE, quick.catch_up()).await;
                let _ = caught_up.unwrap_or_else(|_| panic!("{what} hangs"));
                let parked = quick.parked("more").await.expect("read");
                assert!(
                    says_why(&parked[0].event.reason),
                    "{what}: {:?}",
                    parked[0].event.reason
                );
            }
            // The store goes on.
            timeout(PATIENCE, deposit(&store, "good", 1))
                .await
                .expect(what)
                .expect(what);
            store.close().await;
        }
    }
}

fn database() -> Database<'static> {
    es_tests::server::database()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn on_postgres_an_inline_handler_that_waits_for_its_store_is_an_error_of_its_append() {
    for (what, tempt) in temptations() {
        let database = database();
        let given = Given::<AnyStore>::default();
        let store_of = Arc::clone(&given);
        let tasks = Handle::current();
        let more =
            More::new(move || tempt(store_of.get().expect("a store").clone(), tasks.clone()));
        let options = PostgresStore::options(&database.url()).expect("a connection string");
        let options = options
            .inline(more)
            .statement_timeout(Duration::from_secs(2));
        let store = options.open().await.expect("opens");
        let _ = given.set(AnyStore::new(store.clone()));
        let done = timeout(PATIENCE, deposit(&store, "bad", 1)).await;
        let done = done.unwrap_or_else(|_| panic!("{what} hangs inline"));
        let refused = done.expect_err(what);
        let AppendError::Projection { error, .. } = &refused else {
            panic!("{what}: {refused}");
        };
        assert_eq!(refused.outcome(), Outcome::NotApplied);
        let error = error.to_string();
        assert!(
            says_why(&error) || error.contains("took longer"),
            "{what}: {error}"
        );
        timeout(PATIENCE, deposit(&store, "good", 1))
            .await
            .expect(what)
            .expect(what);
        store.close().await;
    }
}

/// Outside of appends nothing waits for a handler. A command in it would still be run again with each rebuild.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn on_postgres_a_command_in_a_handler_is_refused() {
    let database = database();
    let store = PostgresStore::open(&database.url()).await.expect("opens");
    let any = AnyStore::new(store.clone());
    let more = More::new(move || command(any.clone()));
    deposit(&store, "bad", 1).await.expect("stored");
    let quick = Projections::new(store.clone(), store.read_database()).with(more);
    let quick = quick.attempts(2, Duration::from_millis(1), Duration::from_millis(1));
    let _ = timeout(PATIENCE, quick.catch_up()).await.expect("in time");
    let parked = quick.parked("more").await.expect("read");
    assert!(
        says_why(&parked[0].event.reason),
        "{:?}",
        parked[0].event.reason
    );
    assert_eq!(
        store.head().await.expect("read").to_parts()[2],
        1,
        "nothing was appended"
    );
    store.close().await;
}

/// Subscriptions are the place for commands, on both databases.
#[derive(Subscription)]
#[subscription("commands", events(Deposited))]
struct Commands(AnyStore);

impl React<Deposited> for Commands {
    async fn react(&self, _: &Envelope<Deposited>, _: &Delivery) -> Result<(), HandlerError> {
        command(self.0.clone()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_run_commands() {
    let folder = es_tests::tiers::folder();
    let store = SqliteStore::open(folder.path().join("all.db"))
        .await
        .expect("opens");
    deposit(&store, "alice", 1).await.expect("stored");
    let projections = Projections::new(store.clone(), store.read_database());
    let commands = Commands(AnyStore::new(store.clone()));
    let caught_up = projections.with_subscription(commands).catch_up().await;
    caught_up.expect("delivered");
    let counters = Repository::<Counter>::new(AnyStore::new(store.clone()));
    assert_eq!(counters.load("visits").await.expect("read").state.value, 1);
    store.close().await;
}

/// A transaction of the application's own.
struct Waits(AnyStore, bool);

impl Job<SqliteReadDatabase> for Waits {
    type Output = ();

    async fn run(self, _: &mut SqliteTransaction) -> Result<(), RolledBack<()>> {
        if self.1 {
            tokio::task::yield_now().await;
            return Ok(());
        }
        let head = self.0.head().await.map_err(|error| match error {
            es_runtime::ReadError::Storage(error) => error,
            other => panic!("{other}"),
        });
        head?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_and_queries_do_not_wait_for_their_own_store() {
    let folder = es_tests::tiers::folder();
    let store = SqliteStore::options().reader_threads(1);
    let store = store
        .open(folder.path().join("all.db"))
        .await
        .expect("opens");
    let read = store.read_database();
    for yields in [false, true] {
        let job = Waits(AnyStore::new(store.clone()), yields);
        let refused = timeout(PATIENCE, read.transact(job))
            .await
            .expect("in time");
        let refused = refused.expect_err("it waits");
        assert_eq!(refused.outcome, Outcome::NotApplied);
        assert!(refused.to_string().contains("wait"), "{refused}");
    }
    let inner = AnyStore::new(store.clone());
    let nested =
        read.snapshot(move |_| Ok(blocking(read_feed(inner.clone())).map_err(|e| e.to_string())));
    let nested = timeout(PATIENCE, nested)
        .await
        .expect("in time")
        .expect("read");
    assert!(nested.expect_err("refused").contains("wait for itself"));
    deposit(&store, "alice", 1).await.expect("stored");
    store.close().await;
}

/// A statement that never ends.
#[derive(Projection, Clone)]
#[projection("endless", events(Deposited))]
#[projection(schema(SqliteReadDatabase = "CREATE TABLE {counts} (number INTEGER NOT NULL)"))]
struct Endless(&'static str);

const COUNT: &str = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers)
    SELECT count(*) FROM numbers";
const INSERT: &str =
    "INSERT INTO {counts} WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers)
    SELECT count(*) FROM numbers";

impl Project<Deposited, SqliteReadDatabase> for Endless {
    async fn project(
        &self,
        event: &Envelope<Deposited>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        tx.execute("INSERT INTO {counts} VALUES (1)", [])?;
        if event.stream.id() == "bad" && self.0 == COUNT {
            tx.select_one(COUNT, [], |row| row.get::<_, i64>(0))?;
        } else if event.stream.id() == "bad" {
            tx.execute(INSERT, [])?;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_never_ends_is_ended() {
    for sql in [COUNT, INSERT] {
        for is_inline in [true, false] {
            let folder = es_tests::tiers::folder();
            let path = folder.path().join("all.db");
            let mut options = SqliteStore::options().statement_timeout(Duration::from_millis(200));
            if is_inline {
                options = options.inline(Endless(sql));
            }
            let store = options.open(&path).await.expect("opens");
            let read = store.read_database();
            deposit(&store, "good", 1).await.expect("stored");
            if is_inline {
                let refused = timeout(PATIENCE, deposit(&store, "bad", 1)).await;
                let refused = refused.expect("it ends").expect_err("refused");
                assert_eq!(refused.outcome(), Outcome::NotApplied, "{refused}");
                let text = format!("{refused} {refused:?}");
                assert!(text.contains("took longer than 200ms"), "{text}");
            } else {
                deposit(&store, "bad", 1).await.expect("stored");
                let quick = Projections::new(store.clone(), read.clone()).with(Endless(sql));
                let quick = quick.attempts(2, Duration::from_millis(1), Duration::from_millis(1));
                let _ = timeout(PATIENCE, quick.catch_up()).await.expect("it ends");
                let parked = quick.parked("endless").await.expect("read");
                let reason = &parked[0].event.reason;
                assert!(reason.contains("took longer than 200ms"), "{reason}");
            }
            // The store goes on, and its own statements have no limit.
            deposit(&store, "good", 1).await.expect("stored");
            let rows = read.select_one("SELECT count(*) FROM counts", [], |row| {
                row.get::<_, i64>(0)
            });
            let rows = rows.await.expect("read");
            assert_eq!(rows, Some(if is_inline { 2 } else { 1 }), "{sql}");
            store.close().await;
        }
    }
}

/// Changes what its connection does from then on, for whatever runs on it later.
#[derive(Projection, Clone)]
#[projection("sets", events(Deposited))]
#[projection(schema(SqliteReadDatabase = ROWS, PostgresReadDatabase = ROWS))]
struct Sets(&'static str);

impl Project<Deposited, SqliteReadDatabase> for Sets {
    async fn project(
        &self,
        event: &Envelope<Deposited>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        if event.stream.id() == "bad" {
            tx.execute(self.0, [])?;
        }
        Ok(())
    }
}

impl Project<Deposited, PostgresReadDatabase> for Sets {
    async fn project(
        &self,
        event: &Envelope<Deposited>,
        tx: &mut PostgresTransaction,
    ) -> Result<(), HandlerError> {
        if event.stream.id() == "bad" {
            tx.execute(self.0, &[]).await?;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_changes_no_setting_of_the_writer_of_sqlite() {
    for sql in [
        "PRAGMA query_only = 1",
        "/* x */ pragma cache_size = 1",
        "ATTACH ':memory:' AS other",
    ] {
        let folder = es_tests::tiers::folder();
        let options = SqliteStore::options().inline(Sets(sql));
        let store = options
            .open(folder.path().join("all.db"))
            .await
            .expect("opens");
        let refused = deposit(&store, "bad", 1).await;
        deposit(&store, "good", 1).await.expect(sql);
        let refused = refused.expect_err(sql).to_string();
        assert!(refused.contains("a handler may not run"), "{refused}");
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_handler_changes_no_setting_of_a_session_of_postgres() {
    let refused = [
        "SET default_transaction_read_only TO on",
        "/* x */ set SESSION statement_timeout TO 1",
        "SET search_path TO elsewhere",
        "RESET ALL",
        "LISTEN everything",
        "LOAD 'plpgsql'",
    ];
    let accepted = [
        "SET LOCAL statement_timeout TO 10000",
        "SET CONSTRAINTS ALL IMMEDIATE",
    ];
    for (sql, is_refused) in refused
        .map(|sql| (sql, true))
        .into_iter()
        .chain(accepted.map(|sql| (sql, false)))
    {
        let database = database();
        let options = PostgresStore::options(&database.url()).expect("a connection string");
        let store = options.inline(Sets(sql)).open().await.expect("opens");
        let done = deposit(&store, "bad", 1).await;
        deposit(&store, "good", 1).await.expect(sql);
        match done {
            Ok(_) => assert!(!is_refused, "{sql}"),
            Err(error) => {
                let error = error.to_string();
                assert!(
                    is_refused && error.contains("a handler may not run"),
                    "{sql}: {error}"
                );
            }
        }
        store.close().await;
    }
}
