//! Read models in a pool of `sqlx`: the promises of projections with a driver that takes a rolled back
//! transaction for a committed one and hands out connections inside of open transactions. Both faults
//! are shown next to it.

use es_postgres::{PostgresStore, SqlxReadDatabase, SqlxTransaction, sqlx};
use es_projections::WaitFor;
use es_projections::{
    HandlerError, Project, Projection, Projections, ReadDatabase, SqlValue,
    backend::{Job, RolledBack, SqlTransaction, TransactionError},
};
use es_runtime::{Envelope, Event, EventStore, MemoryStore, Outcome, StorageErrorKind};
use es_testkit::{
    conformance::{AnyFixture, Capabilities, StoreFixture, checkpoints},
    postgres::Database,
};
use es_tests::accounts::{Deposited, Withdrawn, deposit, withdraw};
use serde::{Deserialize, Serialize};
use sqlx::{
    Acquire, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{
    sync::atomic::{AtomicU32, Ordering},
    task::Poll,
    time::{Duration, Instant},
};

const SOON: Duration = Duration::from_secs(20);

struct Place {
    database: Database<'static>,
    store: PostgresStore,
    pool: PgPool,
    read: SqlxReadDatabase,
}

async fn place() -> Place {
    place_with(4).await
}

async fn place_with(connections: u32) -> Place {
    let server = es_tests::server::shared();
    let database = server.database().expect("a database");
    let store = PostgresStore::open(&database.url()).await.expect("opens");
    let options = PgConnectOptions::new()
        .host(server.folder().to_str().expect("a plain path"))
        .port(server.port())
        .username("es")
        .database(database.name());
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(SOON)
        .connect_with(options)
        .await
        .expect("connects");
    let read = SqlxReadDatabase::new(pool.clone());
    Place {
        database,
        store,
        pool,
        read,
    }
}

fn quick(place: &Place) -> Projections<PostgresStore, SqlxReadDatabase> {
    Projections::new(place.store.clone(), place.read.clone()).attempts(
        3,
        Duration::from_millis(1),
        Duration::from_millis(5),
    )
}

async fn caught_up(projections: &Projections<PostgresStore, SqlxReadDatabase>) {
    let done = tokio::time::timeout(SOON, projections.catch_up()).await;
    done.expect("in time").expect("caught up");
}

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {
    customer: String,
    total_cents: i64,
}

#[derive(Projection)]
#[projection("order_totals", version = 1, events(OrderPlaced))]
#[projection(schema(SqlxReadDatabase = "CREATE TABLE {order_totals} (id TEXT, cents BIGINT)"))]
struct OrderTotals;

impl Project<OrderPlaced, SqlxReadDatabase> for OrderTotals {
    async fn project(
        &self,
        placed: &Envelope<OrderPlaced>,
        tx: &mut SqlxTransaction,
    ) -> Result<(), HandlerError> {
        sqlx::query(tx.sql("INSERT INTO {order_totals} VALUES ($1, $2)")?)
            .bind(placed.stream.id())
            .bind(placed.event.total_cents)
            .execute(tx.connection())
            .await?;
        Ok(())
    }
}

#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn the_page_on_tables_shows_what_is_tested_here() {
    let page = include_str!("../../docs/read-model-tables.md");
    let (_, section) = page.split_once("## In a pool of sqlx").expect("a section");
    let (_, code) = section.split_once("```rust,ignore\n").expect("code");
    let (code, _) = code.split_once("```").expect("its end");
    let tested = include_str!("postgres_sqlx.rs");
    assert!(tested.contains(code), "it is not a part of this file");
}

/// Pools like this one next to a store in memory, for the checks that any read database must pass.
struct PoolNextToMemory(PgPool);

impl StoreFixture for PoolNextToMemory {
    type Store = MemoryStore;
    type Database = SqlxReadDatabase;

    async fn open(&self) -> MemoryStore {
        MemoryStore::new()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            read_database: true,
            lists_streams: true,
            event_ids: true,
            ..Capabilities::default()
        }
    }

    async fn read_database(&self, _: &MemoryStore) -> Option<SqlxReadDatabase> {
        let (options, database) = (self.0.options().clone(), self.0.connect_options());
        let pool = options.connect_lazy_with(PgConnectOptions::clone(&database));
        Some(SqlxReadDatabase::new(pool))
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn it_passes_the_checks_of_checkpoints() {
    checkpoints::a_replaced_owner_is_refused(AnyFixture::new(PoolNextToMemory(place().await.pool)))
        .await;
    checkpoints::an_owner_that_slept_past_its_lease_is_refused(AnyFixture::new(PoolNextToMemory(
        place().await.pool,
    )))
    .await;
    checkpoints::rows_and_checkpoint_move_together(AnyFixture::new(PoolNextToMemory(
        place().await.pool,
    )))
    .await;
    checkpoints::two_runners_count_once(AnyFixture::new(PoolNextToMemory(place().await.pool)))
        .await;
    checkpoints::projections_have_checkpoints_of_their_own(AnyFixture::new(PoolNextToMemory(
        place().await.pool,
    )))
    .await;
}

/// What a handler of [`Ledger`] does besides its work.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// Nothing.
    None,
    /// An error of its own, between its two statements.
    Poison,
    /// A statement fails, and it says that all went well.
    Swallowed,
    /// The same inside of a savepoint, which is as it should be.
    InSavepoint,
    /// It ends the transaction.
    Commits,
    /// It ends the transaction and begins one of its own.
    Restarts,
    /// It leaves a savepoint open.
    LeavesSavepoint,
    /// The server ends its connection, the first time.
    Disconnected,
    /// A statement waits too long for a lock, the first time.
    LockedOut,
    /// A statement that fails is passed on.
    Fails,
}

/// Two rows an event. Counting twice shows in both.
#[derive(Projection)]
#[projection("ledger", events(Deposited, Withdrawn))]
#[projection(schema(SqlxReadDatabase = "
    CREATE TABLE {balances} (account TEXT COLLATE \"C\" PRIMARY KEY, cents BIGINT NOT NULL);
    CREATE TABLE {entries} (account TEXT COLLATE \"C\", version BIGINT, cents BIGINT);
"))]
struct Ledger {
    /// For version 2 of account `a`.
    fault: Fault,
    met: AtomicU32,
}

impl Ledger {
    fn new(fault: Fault) -> Self {
        Self {
            fault,
            met: AtomicU32::new(0),
        }
    }

    async fn count<E>(
        &self,
        event: &Envelope<E>,
        cents: i64,
        tx: &mut SqlxTransaction,
    ) -> Result<(), HandlerError> {
        let account = event.stream.id();
        sqlx::query(tx.sql("INSERT INTO {entries} VALUES ($1, $2, $3)")?)
            .bind(account)
            .bind(event.version.cast_signed())
            .bind(cents)
            .execute(tx.connection())
            .await?;
        if account == "a" && event.version == 2 {
            let before = self.met.fetch_add(1, Ordering::SeqCst);
            self.meet(tx, before).await?;
        }
        let add = "INSERT INTO {balances} AS b VALUES ($1, $2) ON CONFLICT (account) DO UPDATE \
                   SET cents = b.cents + excluded.cents";
        let added = sqlx::query(tx.sql(add)?)
            .bind(account)
            .bind(cents)
            .execute(tx.connection())
            .await;
        match self.fault {
            Fault::Swallowed => Ok(()),
            _ => Ok(added.map(|_| ())?),
        }
    }

    async fn meet(&self, tx: &mut SqlxTransaction, before: u32) -> Result<(), HandlerError> {
        const BROKEN: &str = "INSERT INTO no_such_table VALUES (1)";
        match self.fault {
            Fault::None => {}
            Fault::Poison => return Err(HandlerError::new("not today")),
            Fault::Swallowed => {
                let failed = sqlx::query(BROKEN).execute(tx.connection()).await;
                assert!(failed.is_err());
            }
            Fault::InSavepoint => {
                let mut inner = tx.connection().begin().await?;
                let failed = sqlx::query(BROKEN).execute(&mut *inner).await;
                assert!(failed.is_err());
                inner.rollback().await?;
                let mut inner = tx.connection().begin().await?;
                sqlx::query("SELECT 1").execute(&mut *inner).await?;
                inner.commit().await?;
                // Dropped, it is undone.
                drop(tx.connection().begin().await?);
            }
            Fault::Commits => {
                sqlx::raw_sql("COMMIT").execute(tx.connection()).await?;
            }
            Fault::Restarts => {
                let restart = "ROLLBACK; BEGIN; SELECT pg_current_xact_id()";
                sqlx::raw_sql(restart).execute(tx.connection()).await?;
            }
            Fault::LeavesSavepoint => std::mem::forget(tx.connection().begin().await?),
            Fault::Disconnected if before == 0 => {
                let end = sqlx::query("SELECT pg_terminate_backend(pg_backend_pid())");
                end.execute(tx.connection()).await?;
            }
            Fault::LockedOut if before < 5 => {
                let wait = "SET LOCAL lock_timeout TO 1; LOCK TABLE held IN ACCESS EXCLUSIVE MODE";
                sqlx::raw_sql(wait).execute(tx.connection()).await?;
            }
            Fault::Disconnected | Fault::LockedOut => {}
            Fault::Fails => {
                sqlx::query("SELECT 1 / 0").execute(tx.connection()).await?;
            }
        }
        Ok(())
    }
}

impl Project<Deposited, SqlxReadDatabase> for Ledger {
    async fn project(
        &self,
        event: &Envelope<Deposited>,
        tx: &mut SqlxTransaction,
    ) -> Result<(), HandlerError> {
        self.count(event, event.event.cents, tx).await
    }
}

impl Project<Withdrawn, SqlxReadDatabase> for Ledger {
    async fn project(
        &self,
        event: &Envelope<Withdrawn>,
        tx: &mut SqlxTransaction,
    ) -> Result<(), HandlerError> {
        self.count(event, -event.event.cents, tx).await
    }
}

/// Ten events, five of each account.
async fn ten_events(store: &PostgresStore) {
    for number in 0..10 {
        let account = if number % 2 == 0 { "a" } else { "b" };
        deposit(store, account, 1).await.expect("stored");
    }
}

/// Each account with its balance and the number of its entries.
async fn balances(pool: &PgPool) -> Vec<(String, i64, i64)> {
    let sql = "SELECT account, cents, (SELECT count(*) FROM entries e WHERE e.account = b.account) \
               FROM balances b ORDER BY account";
    let rows = sqlx::query_as(sql).fetch_all(pool).await;
    rows.expect("rows")
}

fn row(account: &str, cents: i64) -> (String, i64, i64) {
    (account.to_owned(), cents, cents)
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn it_follows_and_can_be_waited_for() {
    let place = place().await;
    let running = quick(&place)
        .with(Ledger::new(Fault::None))
        .with(OrderTotals)
        .start()
        .expect("started");
    for number in 1..=20 {
        let position = deposit(&place.store, "a", 2).await.expect("stored");
        let there = place.read.wait_for::<Ledger>(position, SOON).await;
        there.expect("in the read model");
        assert_eq!(
            balances(&place.pool).await,
            [("a".into(), 2 * number, number)]
        );
    }
    let last = withdraw(&place.store, "a", 40).await.expect("stored");
    let there = place.read.wait_for::<Ledger>(last, SOON).await;
    there.expect("in the read model");
    running.shutdown().await;
    assert_eq!(balances(&place.pool).await, [("a".into(), 0, 21)]);
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn rows_and_checkpoint_are_written_by_one_transaction() {
    let place = place().await;
    ten_events(&place.store).await;
    let projections = quick(&place).with(Ledger::new(Fault::None));
    caught_up(&projections).await;
    // The lease is given back later, so what the transaction wrote last is asked of a log.
    let log = "CREATE TABLE log (what TEXT, xid TEXT);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO log VALUES (TG_TABLE_NAME, pg_current_xact_id()::text); RETURN NULL;
        END $$;
        CREATE TRIGGER note AFTER INSERT ON entries__b1 FOR EACH ROW EXECUTE FUNCTION note();
        CREATE TRIGGER note AFTER UPDATE OF position ON es_checkpoints FOR EACH ROW
            WHEN (old.position <> new.position) EXECUTE FUNCTION note();";
    sqlx::raw_sql(log).execute(&place.pool).await.expect("made");
    ten_events(&place.store).await;
    caught_up(&projections).await;
    let groups = "SELECT count(*) FILTER (WHERE what = 'entries__b1'),
                         count(*) FILTER (WHERE what = 'es_checkpoints') FROM log GROUP BY xid";
    let groups: Vec<(i64, i64)> = sqlx::query_as(groups)
        .fetch_all(&place.pool)
        .await
        .expect("rows");
    assert_eq!(groups, [(10, 1)], "ten rows and one checkpoint in one");
}

/// A projection with this fault has parked what it had to, and the rest flows; without it, the parked
/// events are handled once.
async fn is_parked(fault: Fault, because: &str) {
    let place = place().await;
    ten_events(&place.store).await;
    let projections = quick(&place).with(Ledger::new(fault));
    caught_up(&projections).await;
    let parked = projections.parked(Ledger::NAME).await.expect("parked");
    let versions: Vec<u64> = parked.iter().map(|parked| parked.event.version).collect();
    assert_eq!(versions, [2, 3, 4, 5], "{fault:?}");
    let reason = &parked[0].event.reason;
    assert!(reason.contains(because), "{fault:?}: {reason}");
    if fault != Fault::Commits {
        // One that commits by itself has written what stood in the transaction.
        let rows = balances(&place.pool).await;
        assert_eq!(rows, [row("a", 1), row("b", 5)], "{fault:?}");
        let good = quick(&place).with(Ledger::new(Fault::None));
        let retried = good.retry(Ledger::NAME, "account/a").await;
        retried.expect("retried");
        assert_eq!(balances(&place.pool).await, [row("a", 5), row("b", 5)]);
    }
    is_usable(&place.pool).await;
}

/// No connection of the pool is inside of a transaction: what is written now is seen by others.
async fn is_usable(pool: &PgPool) {
    let mut held = Vec::new();
    for _ in 0..pool.options().get_max_connections() {
        let mut connection = pool.acquire().await.expect("a connection");
        assert!(!is_in_transaction(&mut connection).await);
        held.push(connection);
    }
}

/// Asks the server: inside of a transaction block, a savepoint can be made.
async fn is_in_transaction(connection: &mut sqlx::PgConnection) -> bool {
    let savepoint = sqlx::raw_sql("SAVEPOINT probe");
    savepoint.execute(connection).await.is_ok()
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_poison_event_is_parked_with_its_key_and_the_rest_flows() {
    is_parked(Fault::Poison, "not today").await;
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_statement_that_fails_is_the_reason_of_parking() {
    is_parked(Fault::Fails, "division by zero").await;
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_swallowed_failure_is_never_taken_for_a_commit() {
    is_parked(Fault::Swallowed, "one of its statements had failed").await;
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_handler_that_ends_its_transaction_is_found_out() {
    is_parked(Fault::Commits, "the handler ended the transaction").await;
    is_parked(Fault::Restarts, "the handler ended the transaction").await;
    is_parked(Fault::LeavesSavepoint, "the handler ended the transaction").await;
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn savepoints_of_a_handler_are_its_own() {
    let place = place().await;
    ten_events(&place.store).await;
    let projections = quick(&place).with(Ledger::new(Fault::InSavepoint));
    caught_up(&projections).await;
    assert!(
        projections
            .parked(Ledger::NAME)
            .await
            .expect("parked")
            .is_empty()
    );
    assert_eq!(balances(&place.pool).await, [row("a", 5), row("b", 5)]);
    is_usable(&place.pool).await;
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn trouble_of_the_database_is_not_counted_against_an_event() {
    for fault in [Fault::Disconnected, Fault::LockedOut] {
        let place = place().await;
        ten_events(&place.store).await;
        let held = "CREATE TABLE held (a INT)";
        sqlx::query(held).execute(&place.pool).await.expect("made");
        let mut holder = place.pool.begin().await.expect("begun");
        let hold = sqlx::query("LOCK TABLE held IN ACCESS SHARE MODE");
        hold.execute(&mut *holder).await.expect("locked");
        // One try only: whatever counts is parked at once.
        let one = Duration::from_millis(1);
        let projections = quick(&place).attempts(1, one, one).with(Ledger::new(fault));
        caught_up(&projections).await;
        let parked = projections.parked(Ledger::NAME).await.expect("parked");
        assert!(parked.is_empty(), "{fault:?}: {parked:?}");
        assert_eq!(balances(&place.pool).await, [row("a", 5), row("b", 5)]);
    }
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_rebuild_stands_beside_and_takes_over() {
    let place = place().await;
    ten_events(&place.store).await;
    let projections = quick(&place).with(Ledger::new(Fault::None));
    caught_up(&projections).await;
    let before = balances(&place.pool).await;
    projections.rebuild(Ledger::NAME).await.expect("asked");
    let running = projections.start().expect("started");
    let until = Instant::now() + SOON;
    loop {
        assert_eq!(balances(&place.pool).await, before);
        let partitions = projections.status().await.expect("status");
        if partitions.len() == 1 && partitions[0].live && partitions[0].build == 2 {
            break;
        }
        assert!(Instant::now() < until, "{partitions:?}");
    }
    running.shutdown().await;
    assert_eq!(balances(&place.pool).await, before);
}

/// Writes a row; then it goes well, goes on after a failure, fails, or panics.
struct Writes(Fault);

impl Job<SqlxReadDatabase> for Writes {
    type Output = ();

    async fn run(self, tx: &mut SqlxTransaction) -> Result<(), RolledBack<()>> {
        tx.script("INSERT INTO written VALUES (1)").await?;
        match self.0 {
            Fault::None => {}
            Fault::Swallowed => {
                let _ = sqlx::query("SELECT 1 / 0").execute(tx.connection()).await;
            }
            Fault::Fails => {
                let _ = tx.statement("SELECT 1 / 0", &[]).await;
            }
            _ => panic!("in the middle"),
        }
        Ok(())
    }
}

async fn written(place: &Place) -> String {
    let count = place.database.query("SELECT count(*) FROM written");
    count.expect("asked").trim().to_owned()
}

async fn with_table(connections: u32) -> Place {
    let place = place_with(connections).await;
    let table = "CREATE TABLE written (a INT)";
    sqlx::query(table).execute(&place.pool).await.expect("made");
    place
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn the_commit_of_a_rolled_back_transaction_is_an_error() {
    let place = with_table(1).await;
    for fault in [Fault::Swallowed, Fault::Fails, Fault::Poison] {
        let result = place.read.transact(Writes(fault)).await;
        let Err(TransactionError { outcome, .. }) = result else {
            panic!("{fault:?} was taken for a commit");
        };
        assert_eq!(outcome, Outcome::NotApplied, "{fault:?}");
        assert_eq!(written(&place).await, "0", "{fault:?}");
        is_usable(&place.pool).await;
    }
    place
        .read
        .transact(Writes(Fault::None))
        .await
        .expect("committed");
    assert_eq!(written(&place).await, "1");

    // The control: the driver by itself says that it was committed.
    let mut tx = place.pool.begin().await.expect("begun");
    let insert = sqlx::query("INSERT INTO written VALUES (2)");
    insert.execute(&mut *tx).await.expect("inserted");
    let failed = sqlx::query("SELECT 1 / 0").execute(&mut *tx).await;
    assert!(failed.is_err());
    tx.commit()
        .await
        .expect("a rolled back transaction, which sqlx takes for a committed one");
    assert_eq!(written(&place).await, "1");
}

/// Polls at most so often, each time when it was woken; the output, if there was one.
async fn polled<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// An insert through the pool, which says that it was done, and whether others see it.
async fn next_insert_is_seen(place: &Place) -> bool {
    let insert = sqlx::query("INSERT INTO written VALUES (3)");
    insert.execute(&place.pool).await.expect("inserted");
    let seen = place
        .database
        .query("DELETE FROM written WHERE a = 3 RETURNING a");
    seen.expect("asked") == "3\n"
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn dropped_at_every_poll_the_pool_stays_usable() {
    let place = with_table(1).await;
    let mut ended = 0;
    for polls in 0..30 {
        let output = polled(place.read.transact(Writes(Fault::None)), polls).await;
        ended += u32::from(output.is_some());
        let query = place.read.query("SELECT 1", &[]);
        let output = polled(query, polls).await;
        if let Some(output) = output {
            assert_eq!(output.expect("rows"), [[SqlValue::Integer(1)]]);
        }
        // What goes on by itself has the one connection first.
        is_usable(&place.pool).await;
        assert!(next_insert_is_seen(&place).await, "after {polls} polls");
    }
    assert!(ended < 30, "nothing was dropped on the way");
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn control_a_dropped_begin_of_the_driver_poisons_its_pool() {
    // The fault has a narrow moment, between the server's answer and the driver's note of it.
    for attempt in 0..300 {
        let place = with_table(1).await;
        drop(polled(place.pool.begin(), attempt % 10).await);
        let poisoned = !next_insert_is_seen(&place).await;
        place.pool.close().await;
        if poisoned {
            return;
        }
    }
    panic!("sqlx no longer does this: the tasks can go");
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_pool_without_a_free_connection_is_an_error_in_time() {
    let place = with_table(1).await;
    let options = place.pool.connect_options();
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_millis(50))
        .connect_lazy_with((*options).clone());
    let read = SqlxReadDatabase::new(pool.clone());
    // On a busy machine connecting takes longer than that.
    let held = loop {
        if let Ok(held) = pool.acquire().await {
            break held;
        }
    };
    let refused = read.transact(Writes(Fault::None)).await;
    let refused = refused.expect_err("none is left");
    assert_eq!(refused.outcome, Outcome::NotApplied);
    assert_eq!(refused.error.kind, StorageErrorKind::Busy);
    drop(held);
    pool.close().await;
    let closed = read.query("SELECT 1", &[]).await.expect_err("is closed");
    assert_eq!(closed.kind, StorageErrorKind::Closed);
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn the_end_of_a_transaction_without_a_server_is_unknown_or_nothing() {
    let place = with_table(2).await;
    // A constraint that is looked at in the commit: the server refuses, the connection stands.
    let deferred = "CREATE TABLE once (a INT UNIQUE DEFERRABLE INITIALLY DEFERRED);
        INSERT INTO once VALUES (1)";
    sqlx::raw_sql(deferred)
        .execute(&place.pool)
        .await
        .expect("made");
    struct Twice;
    impl Job<SqlxReadDatabase> for Twice {
        type Output = ();

        async fn run(self, tx: &mut SqlxTransaction) -> Result<(), RolledBack<()>> {
            tx.script("INSERT INTO once VALUES (1)").await?;
            Ok(())
        }
    }
    let refused = place.read.transact(Twice).await.expect_err("is refused");
    assert_eq!(refused.outcome, Outcome::NotApplied);
    let text = refused.to_string();
    assert!(text.contains("SQLSTATE 23505"), "{text}");
    is_usable(&place.pool).await;

    // The server ends the connection in the middle: nothing was written, and the job is not to blame.
    struct Cut;
    impl Job<SqlxReadDatabase> for Cut {
        type Output = ();

        async fn run(self, tx: &mut SqlxTransaction) -> Result<(), RolledBack<()>> {
            tx.script("INSERT INTO written VALUES (1)").await?;
            let end = sqlx::query("SELECT pg_terminate_backend(pg_backend_pid())");
            let _ = end.execute(tx.connection()).await;
            Err(RolledBack::With(()))
        }
    }
    let cut = place.read.transact(Cut).await.expect_err("is gone");
    assert_eq!(cut.outcome, Outcome::NotApplied);
    assert_eq!(written(&place).await, "0");
    is_usable(&place.pool).await;
    assert!(place.store.head().await.is_ok());
}
