//! Projections in PostgreSQL: the same runner and the same promises as in SQLite, on a database whose
//! transactions die with their first failed statement.

use es_postgres::{PostgresReadDatabase, PostgresStore, PostgresTransaction};
use es_projections::WaitFor;
use es_projections::{
    HandlerError, Key, Project, Projection, ProjectionError, Projections, ReadDatabase, Stalled,
    WaitError, WorkerState,
    backend::{Job, RolledBack, SqlTransaction, TransactionError},
};
use es_runtime::{
    Append, AppendError, AppendId, Envelope, EventStore, ExpectedVersion, ReadLimit, RecordedEvent,
    StorageErrorKind, StreamId,
};
use es_testkit::postgres::Database;
use es_tests::accounts::{Balances, Deposited, deposit, postgres_balances, withdraw};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

const SOON: Duration = Duration::from_secs(20);

struct Place {
    database: Database<'static>,
    store: PostgresStore,
    read: PostgresReadDatabase,
}

async fn place() -> Place {
    let database = es_tests::server::database();
    let store = PostgresStore::open(&database.url()).await.expect("opens");
    let read = store.read_database();
    Place {
        database,
        store,
        read,
    }
}

fn quick(
    store: &PostgresStore,
    read: &PostgresReadDatabase,
) -> Projections<PostgresStore, PostgresReadDatabase> {
    Projections::new(store.clone(), read.clone()).attempts(
        3,
        Duration::from_millis(1),
        Duration::from_millis(5),
    )
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_running_projection_follows_and_can_be_waited_for() {
    let Place { store, read, .. } = place().await;
    let projections = quick(&store, &read)
        .poll_every(Duration::from_secs(3600))
        .with(Balances::new());
    let running = projections.start().expect("started");
    for number in 1..=20 {
        let position = deposit(&store, "alice", 1).await.expect("stored");
        read.wait_for::<Balances>(position, SOON)
            .await
            .expect("in the read model");
        let (accounts, _) = postgres_balances(&read).await.expect("rows");
        assert_eq!(accounts, [("alice".into(), number)]);
    }
    let partitions = projections.status().await.expect("status");
    assert!(
        partitions
            .iter()
            .all(|partition| partition.events_behind == Some(0))
    );
    running.shutdown().await;
    let after = deposit(&store, "alice", 1).await.expect("stored");
    let missing = read
        .wait_for::<Balances>(after, Duration::from_millis(50))
        .await;
    assert!(matches!(missing, Err(WaitError::TimedOut { .. })));
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn another_process_wakes_the_runner_through_the_server() {
    let Place {
        database,
        store,
        read,
    } = place().await;
    let projections = quick(&store, &read)
        .poll_every(Duration::from_secs(3600))
        .with(Balances::new());
    let running = projections.start().expect("started");
    let first = deposit(&store, "alice", 1).await.expect("stored");
    read.wait_for::<Balances>(first, SOON).await.expect("there");
    // Another handle with connections of its own stands for another process: the poll is an hour away.
    let other = PostgresStore::open(&database.url()).await.expect("opens");
    for _ in 0..5 {
        let position = deposit(&other, "bob", 1).await.expect("stored");
        read.wait_for::<Balances>(position, SOON)
            .await
            .expect("woken");
    }
    running.shutdown().await;
    other.close().await;
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_poison_event_is_parked_with_its_key_and_the_rest_flows() {
    let Place { store, read, .. } = place().await;
    let broken = Arc::new(AtomicBool::new(true));
    let projections = {
        let broken = Arc::clone(&broken);
        quick(&store, &read).with(Balances::hooked(move |place, stream, version| {
            let bad = stream.id() == "a" && version == 2 && place == "between";
            if bad && broken.load(Ordering::SeqCst) {
                return Err(HandlerError::new("not today"));
            }
            Ok(())
        }))
    };
    for number in 0..10 {
        let account = if number % 2 == 0 { "a" } else { "b" };
        deposit(&store, account, 1).await.expect("stored");
    }
    projections.catch_up().await.expect("caught up");
    let (accounts, entries) = postgres_balances(&read).await.expect("rows");
    assert_eq!(accounts, [("a".into(), 1), ("b".into(), 5)]);
    assert_eq!(entries.len(), 6);
    let parked = projections.parked(Balances::NAME).await.expect("parked");
    assert_eq!(parked.len(), 4);
    broken.store(false, Ordering::SeqCst);
    projections
        .retry(Balances::NAME, "account/a")
        .await
        .expect("retried");
    let (accounts, entries) = postgres_balances(&read).await.expect("rows");
    assert_eq!(accounts, [("a".into(), 5), ("b".into(), 5)]);
    let versions: Vec<i64> = entries
        .iter()
        .filter(|(account, _, _)| account == "a")
        .map(|(_, version, _)| *version)
        .collect();
    assert_eq!(versions, [1, 2, 3, 4, 5], "in order, each once");
}

/// Goes on after a statement that the server refused.
#[derive(Projection)]
#[projection("careless", events(Deposited))]
#[projection(schema(PostgresReadDatabase = "CREATE TABLE {careless} (id TEXT PRIMARY KEY)"))]
struct Careless {
    bad: AtomicBool,
}

impl Project<Deposited, PostgresReadDatabase> for Careless {
    async fn project(
        &self,
        event: &Envelope<Deposited>,
        tx: &mut PostgresTransaction,
    ) -> Result<(), HandlerError> {
        let insert = "INSERT INTO {careless} VALUES ($1)";
        if self.bad.load(Ordering::SeqCst) {
            let refused = tx.execute("COMMIT", &[]).await;
            assert!(refused.is_err(), "a handler cannot commit");
            // The error is dropped: the transaction is dead all the same.
            let _ = tx
                .execute("INSERT INTO no_such_table VALUES (1)", &[])
                .await;
            let _ = tx.execute(insert, &[&event.stream.id()]).await;
            return Ok(());
        }
        tx.execute(insert, &[&event.stream.id()]).await?;
        Ok(())
    }
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_dead_transaction_is_never_taken_for_a_committed_one() {
    let Place { store, read, .. } = place().await;
    deposit(&store, "a", 1).await.expect("stored");
    let projections = quick(&store, &read).with(Careless {
        bad: AtomicBool::new(true),
    });
    projections.catch_up().await.expect("caught up");
    let parked = projections.parked(Careless::NAME).await.expect("parked");
    assert_eq!(parked.len(), 1);
    let reason = &parked[0].event.reason;
    assert!(
        reason.contains("one of its statements had failed"),
        "{reason}"
    );
    let good = quick(&store, &read).with(Careless {
        bad: AtomicBool::new(false),
    });
    good.retry(Careless::NAME, "account/a")
        .await
        .expect("retried");
    let ids = "SELECT id FROM careless";
    let ids: Vec<String> = read
        .select(ids, &[], |row| row.try_get(0))
        .await
        .expect("rows");
    assert_eq!(ids, ["a"]);
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn what_a_statement_said_is_the_reason_of_parking() {
    let Place { store, read, .. } = place().await;
    deposit(&store, "a", 1).await.expect("stored");
    quick(&store, &read)
        .with(Divides)
        .catch_up()
        .await
        .expect("caught up");
    let projections = quick(&store, &read).with(Divides);
    let parked = projections.parked(Divides::NAME).await.expect("parked");
    let reason = &parked[0].event.reason;
    assert!(reason.contains("division by zero"), "{reason}");
}

/// Passes on what the server says.
#[derive(Projection)]
#[projection("divides", events(Deposited))]
#[projection(schema(PostgresReadDatabase = "CREATE TABLE {divides} (id TEXT)"))]
struct Divides;

impl Project<Deposited, PostgresReadDatabase> for Divides {
    async fn project(
        &self,
        _: &Envelope<Deposited>,
        tx: &mut PostgresTransaction,
    ) -> Result<(), HandlerError> {
        tx.execute("INSERT INTO {divides} VALUES (1 / 0)", &[])
            .await?;
        Ok(())
    }
}

struct Dead;

impl Job<PostgresReadDatabase> for Dead {
    type Output = ();

    async fn run(self, tx: &mut PostgresTransaction) -> Result<(), RolledBack<()>> {
        tx.script("CREATE TABLE kept (a INT)").await?;
        let _ = tx.statement("SELECT 1 / 0", &[]).await;
        Ok(())
    }
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn the_commit_of_a_rolled_back_transaction_is_an_error() {
    let Place { database, read, .. } = place().await;
    let result = read.transact(Dead).await;
    let Err(TransactionError { outcome, .. }) = result else {
        panic!("the server answers such a commit with success; the store must not");
    };
    assert_eq!(outcome, es_runtime::Outcome::NotApplied);
    let there = database.query("SELECT to_regclass('kept') IS NULL");
    assert_eq!(there.expect("asked"), "t\n");
}

struct Panics;

impl Job<PostgresReadDatabase> for Panics {
    type Output = ();

    async fn run(self, tx: &mut PostgresTransaction) -> Result<(), RolledBack<()>> {
        tx.script("CREATE TABLE kept (a INT)").await?;
        panic!("in the middle");
    }
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn panics_and_dropped_futures_poison_no_connection() {
    let database = es_tests::server::database();
    let options = PostgresStore::options(&database.url()).expect("a url");
    let read = options
        .read_connections(1)
        .busy_timeout(Duration::from_secs(20))
        .open_read_database()
        .await
        .expect("opens");
    for polls in 0..30 {
        let mut future = Box::pin(read.transact(Panics));
        for _ in 0..polls {
            if poll_once(future.as_mut()).await.is_some() {
                break;
            }
        }
        drop(future);
        // The one connection of the pool is usable, and outside of any transaction.
        let mut waiting = Box::pin(read.snapshot());
        if poll_once(waiting.as_mut()).await.is_none() {
            drop(waiting);
        }
        let one: Vec<i32> = read
            .select("SELECT 1", &[], |row| row.try_get(0))
            .await
            .expect("answers");
        assert_eq!(one, [1], "after {polls} polls");
    }
    let there = database.query("SELECT to_regclass('kept') IS NULL");
    assert_eq!(there.expect("asked"), "t\n");
}

/// Polls once, after letting others run.
async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    tokio::task::yield_now().await;
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_pool_without_a_free_connection_is_an_error_in_time() {
    let database = es_tests::server::database();
    let options = PostgresStore::options(&database.url()).expect("a url");
    let read = options
        .read_connections(1)
        .busy_timeout(Duration::from_millis(50))
        .open_read_database()
        .await
        .expect("opens");
    let held = read.snapshot().await.expect("the one connection");
    let refused = read.snapshot().await.expect_err("none is left");
    assert_eq!(refused.kind, StorageErrorKind::Busy);
    held.end().await;
    read.snapshot().await.expect("free again").end().await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn of_two_runners_the_stale_one_is_refused_by_its_epoch() {
    let Place {
        database,
        store,
        read,
    } = place().await;
    for _ in 0..50 {
        deposit(&store, "a", 1).await.expect("stored");
    }
    let entered = Arc::new(AtomicBool::new(false));
    let (go_on, waits) = mpsc::channel::<()>();
    let waits = Mutex::new(waits);
    let slow = {
        let entered = Arc::clone(&entered);
        quick(&store, &read)
            .lease(Duration::from_millis(1))
            .poll_every(Duration::from_secs(3600))
            .with(Balances::hooked(move |_, _, _| {
                if !entered.swap(true, Ordering::SeqCst) {
                    // Sleeps with a page in its hands until the other has handled it.
                    let _ = waits.lock().expect("one waits").recv();
                }
                Ok(())
            }))
    };
    let running = slow.start().expect("started");
    while !entered.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    // The sleeper holds the checkpoint's row inside its transaction; as with a process that is gone,
    // the server ends that.
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = \
                current_database() AND state = 'idle in transaction'";
    let other = PostgresReadDatabase::open(&database.url())
        .await
        .expect("opens");
    let fast = quick(&store, &other).with(Balances::new());
    database.query(kill).expect("ended");
    fast.catch_up().await.expect("caught up");
    drop(go_on);
    let last = store.head().await.expect("head");
    read.wait_for::<Balances>(last, SOON).await.expect("there");
    running.shutdown().await;
    let (accounts, entries) = postgres_balances(&read).await.expect("rows");
    assert_eq!(accounts, [("a".into(), 50)]);
    assert_eq!(entries.len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_rebuild_stands_beside_and_takes_over() {
    let Place { store, read, .. } = place().await;
    for number in 0..300 {
        deposit(&store, &format!("a{}", number % 5), 1)
            .await
            .expect("stored");
    }
    let projections = quick(&store, &read).with(Balances::new());
    projections.catch_up().await.expect("caught up");
    let before = postgres_balances(&read).await.expect("rows");
    projections.rebuild(Balances::NAME).await.expect("asked");
    let running = projections.start().expect("started");
    let until = std::time::Instant::now() + SOON;
    loop {
        // Readers see whole tables at every moment.
        let now = postgres_balances(&read).await.expect("rows");
        assert_eq!(now, before);
        let partitions = projections.status().await.expect("status");
        if partitions.len() == 1 && partitions[0].live && partitions[0].build == 2 {
            break;
        }
        assert!(std::time::Instant::now() < until, "{partitions:?}");
    }
    running.shutdown().await;
    assert_eq!(postgres_balances(&read).await.expect("rows"), before);
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_store_that_is_not_the_one_is_noticed() {
    let Place { store, read, .. } = place().await;
    deposit(&store, "a", 1).await.expect("stored");
    quick(&store, &read)
        .with(Balances::new())
        .catch_up()
        .await
        .expect("caught up");
    let other = place().await;
    for _ in 0..2 {
        let another = quick(&other.store, &read)
            .with(Balances::new())
            .catch_up()
            .await;
        assert!(
            matches!(another, Err(ProjectionError::OtherStore { .. })),
            "{another:?}"
        );
        deposit(&other.store, "a", 1).await.expect("stored");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn inline_rows_are_there_with_the_append() {
    let database = es_tests::server::database();
    let url = database.url();
    let plain = PostgresStore::open(&url).await.expect("opens");
    deposit(&plain, "early", 5).await.expect("stored");
    let refuses = |place: &str, stream: &es_runtime::StreamId, version: u64| {
        if stream.id() == "bad" && version == 2 && place == "between" {
            return Err(HandlerError::new("never"));
        }
        Ok(())
    };
    let options = PostgresStore::options(&url).expect("a url");
    let store = options
        .inline(Balances::hooked(refuses))
        .open()
        .await
        .expect("opens");
    let read = store.read_database();
    let (accounts, _) = postgres_balances(&read).await.expect("rows");
    assert_eq!(
        accounts,
        [("early".into(), 5)],
        "caught up when it was opened"
    );
    // Appends that wait together, one of them refused by the projection.
    let mut tasks = Vec::new();
    for number in 0..40_i64 {
        let store = store.clone();
        let account = if number % 10 == 0 { "bad" } else { "good" };
        tasks.push(es_tests::spawn(async move {
            (account, deposit(&store, account, 1).await)
        }));
    }
    let (mut good, mut refused) = (0, 0);
    for task in tasks {
        match task.await.expect("ends") {
            (_, Ok(_)) => good += 1,
            ("bad", Err(AppendError::Projection { .. })) => refused += 1,
            (account, Err(error)) => panic!("{account}: {error}"),
        }
    }
    assert_eq!((good, refused), (37, 3));
    // What another process without the projection appends comes with the next append.
    withdraw(&plain, "good", 6).await.expect("stored");
    deposit(&store, "last", 1).await.expect("stored");
    let (accounts, entries) = postgres_balances(&read).await.expect("rows");
    let all = [("bad", 1), ("early", 5), ("good", 30), ("last", 1)];
    let all = all.map(|(account, cents)| (account.to_owned(), cents));
    assert_eq!(accounts, all);
    assert_eq!(entries.len(), 40);
    let feed = store
        .read_feed(
            es_runtime::Position::START,
            &es_runtime::EventFilter::all(),
            ReadLimit::events(100),
        )
        .await
        .expect("the feed");
    let places: Vec<u64> = feed
        .events
        .iter()
        .map(|e| e.position.to_parts()[2])
        .collect();
    assert_eq!(places, (1..=40).collect::<Vec<_>>(), "dense");
    let partitions = Projections::new(store.clone(), read.clone())
        .with(Balances::new())
        .catch_up()
        .await;
    assert!(
        matches!(partitions, Err(ProjectionError::RunsInline { .. })),
        "{partitions:?}"
    );
    // Opened again: nothing is counted twice.
    store.close().await;
    let options = PostgresStore::options(&url).expect("a url");
    let store = options.inline(Balances::new()).open().await.expect("opens");
    let (again, _) = postgres_balances(&store.read_database())
        .await
        .expect("rows");
    assert_eq!(again, all);
}

/// Looks for rows by an index that is only read by bitmap scans, and keeps how that was done.
#[derive(Projection)]
#[projection("notes", events(Deposited))]
#[projection(schema(PostgresReadDatabase = "
    CREATE TABLE {notes} (number BIGINT PRIMARY KEY, tags BIGINT[] NOT NULL);
    CREATE INDEX {notes_by_tag} ON {notes} USING GIN (tags);
    CREATE TABLE {plans} (version BIGINT, line TEXT);
"))]
struct Notes;

impl Project<Deposited, PostgresReadDatabase> for Notes {
    async fn project(
        &self,
        event: &Envelope<Deposited>,
        tx: &mut PostgresTransaction,
    ) -> Result<(), HandlerError> {
        if event.version == 1 {
            let fill =
                "INSERT INTO {notes} SELECT n, ARRAY[n] FROM generate_series(1, 5000) AS t (n)";
            tx.execute(fill, &[]).await?;
        }
        let find = "EXPLAIN SELECT FROM {notes} WHERE tags @> '{7}' AND number > 0";
        let plan = tx
            .select(find, &[], |row| row.try_get::<_, String>(0))
            .await?;
        let keep = "INSERT INTO {plans} VALUES ($1, $2)";
        let version = event.version.cast_signed();
        tx.execute(keep, &[&version, &plan.join("\n")]).await?;
        Ok(())
    }
}

/// The store turns bitmap scans off for its own statements. Handlers have them: in an append, in a commit, and where they
/// catch up.
#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn inline_handlers_use_bitmap_scans_and_the_store_does_not() {
    let database = es_tests::server::database();
    let url = database.url();
    let plain = PostgresStore::open(&url).await.expect("opens");
    deposit(&plain, "a", 1).await.expect("stored");
    let options = PostgresStore::options(&url).expect("a url");
    let store = options.inline(Notes).open().await.expect("opens");
    deposit(&store, "a", 1).await.expect("stored");
    deposit(&plain, "a", 1).await.expect("stored");
    deposit(&store, "a", 1).await.expect("stored");
    let stream = StreamId::new("account", "a").expect("a name");
    let event = es_runtime::NewEvent::json("account.deposited", 1, r#"{"cents":1}"#);
    let append = Append::new(stream, ExpectedVersion::Any).with_event(event);
    let commit = es_runtime::Commit::new().append(append);
    es_runtime::CommitStore::commit(&store, commit)
        .await
        .expect("stored");
    let read = store.read_database();
    let plans = read
        .query("SELECT version, line FROM plans ORDER BY version", &[])
        .await
        .expect("rows");
    assert_eq!(plans.len(), 5);
    for plan in plans {
        let text = format!("{plan:?}");
        assert!(text.contains("Bitmap Index Scan on notes_by_tag"), "{text}");
    }
}

/// An append that only notes its id writes no event, and what was handled stays handled.
#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn an_append_without_events_moves_no_checkpoint() {
    let database = es_tests::server::database();
    let options = PostgresStore::options(&database.url()).expect("a url");
    let store = options.inline(Balances::new()).open().await.expect("opens");
    for account in ["a", "b", "b"] {
        deposit(&store, account, 1).await.expect("stored");
    }
    let stream = StreamId::new("account", "a").expect("a name");
    let empty = Append::new(stream, ExpectedVersion::Any)
        .with_append_id(AppendId::new("nothing").expect("an id"));
    store.append(empty).await.expect("noted");
    deposit(&store, "a", 1).await.expect("stored");
    let (accounts, entries) = postgres_balances(&store.read_database())
        .await
        .expect("rows");
    assert_eq!(accounts, [("a".into(), 2), ("b".into(), 2)]);
    assert_eq!(entries.len(), 4, "each once");
}

/// Writes more than an index takes.
#[derive(Projection)]
#[projection("longs", events(Deposited))]
#[projection(schema(PostgresReadDatabase = "CREATE TABLE {longs} (text TEXT PRIMARY KEY)"))]
struct Longs;

impl Project<Deposited, PostgresReadDatabase> for Longs {
    async fn project(
        &self,
        event: &Envelope<Deposited>,
        tx: &mut PostgresTransaction,
    ) -> Result<(), HandlerError> {
        let insert = "INSERT INTO {longs} SELECT string_agg(md5(n::text), '') FROM \
                      generate_series(1, $1::bigint) n";
        tx.execute(insert, &[&event.event.cents]).await?;
        Ok(())
    }
}

/// What the server can never store is the event's fault, and not that of a full disk.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_row_that_no_index_takes_is_parked() {
    let Place { store, read, .. } = place().await;
    for (account, texts) in [("a", 1), ("b", 300), ("c", 2)] {
        deposit(&store, account, texts).await.expect("stored");
    }
    let projections = quick(&store, &read).with(Longs);
    let caught_up = tokio::time::timeout(SOON, projections.catch_up()).await;
    caught_up.expect("in time").expect("caught up");
    let parked = projections.parked(Longs::NAME).await.expect("parked");
    assert_eq!(parked.len(), 1);
    let reason = &parked[0].event.reason;
    assert!(reason.contains("index row"), "{reason}");
    let count = "SELECT count(*) FROM longs";
    let count: Vec<i64> = read
        .select(count, &[], |row| row.try_get(0))
        .await
        .expect("rows");
    assert_eq!(count, [2]);
    // In an append it is that append which is refused.
    let database = es_tests::server::database();
    let options = PostgresStore::options(&database.url()).expect("a url");
    let store = options.inline(Longs).open().await.expect("opens");
    let refused = deposit(&store, "b", 300).await.expect_err("refused");
    assert!(
        matches!(refused, AppendError::Projection { .. }),
        "{refused}"
    );
    let source = std::error::Error::source(&refused);
    assert!(source.is_some_and(|source| source.is::<es_postgres::StatementError>()));
    deposit(&store, "a", 1).await.expect("stored");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_report_that_holds_the_view_delays_a_swap_and_no_more() {
    let Place {
        database,
        store,
        read: reports,
    } = place().await;
    deposit(&store, "a", 1).await.expect("stored");
    let options = PostgresStore::options(&database.url()).expect("a url");
    let read = options
        .busy_timeout(Duration::from_millis(50))
        .open_read_database()
        .await
        .expect("opens");
    let projections = quick(&store, &read).with(Balances::new());
    projections.catch_up().await.expect("caught up");
    let report = reports.snapshot().await.expect("begun");
    let sql = "SELECT account FROM balances";
    let accounts: Vec<String> = report
        .select(sql, &[], |row| row.try_get(0))
        .await
        .expect("rows");
    assert_eq!(accounts, ["a"]);

    projections.rebuild(Balances::NAME).await.expect("asked");
    let running = projections.start().expect("started");
    let until = std::time::Instant::now() + SOON;
    loop {
        let partitions = projections.status().await.expect("status");
        let waits = |partition: &es_projections::Status| {
            matches!(partition.state, WorkerState::Stalled(Stalled::Database(_)))
        };
        if partitions
            .iter()
            .any(|partition| partition.build == 2 && waits(partition))
        {
            break;
        }
        assert!(std::time::Instant::now() < until, "{partitions:#?}");
    }
    // The tables that answer are kept up meanwhile.
    let last = deposit(&store, "a", 1).await.expect("stored");
    read.wait_for::<Balances>(last, SOON).await.expect("there");
    report.end().await;
    loop {
        let partitions = projections.status().await.expect("status");
        if partitions.len() == 1 && partitions[0].live && partitions[0].build == 2 {
            break;
        }
        assert!(std::time::Instant::now() < until, "{partitions:#?}");
    }
    running.shutdown().await;
    let (accounts, _) = postgres_balances(&read).await.expect("rows");
    assert_eq!(accounts, [("a".into(), 2)]);
}

/// Keys and reasons that PostgreSQL has no place for.
#[derive(Projection)]
#[projection("odd", events(Deposited), key = odd_key)]
#[projection(schema(PostgresReadDatabase = "CREATE TABLE {odd} (id TEXT)"))]
struct Odd {
    broken: AtomicBool,
}

fn odd_key(event: &RecordedEvent) -> Key<'_> {
    Key::Owned(format!("a\0{}{}", event.stream.id(), "k".repeat(5_000)))
}

impl Project<Deposited, PostgresReadDatabase> for Odd {
    async fn project(
        &self,
        event: &Envelope<Deposited>,
        tx: &mut PostgresTransaction,
    ) -> Result<(), HandlerError> {
        if self.broken.load(Ordering::SeqCst) && event.stream.id() == "bad" {
            return Err(HandlerError::new(format!("x\0{}", "y".repeat(100_000))));
        }
        tx.execute("INSERT INTO {odd} VALUES ($1)", &[&event.stream.id()])
            .await?;
        Ok(())
    }
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn what_the_server_has_no_place_for_can_be_parked() {
    let Place { store, read, .. } = place().await;
    for account in ["bad", "good", "bad"] {
        deposit(&store, account, 1).await.expect("stored");
    }
    let odd = |broken| Odd {
        broken: AtomicBool::new(broken),
    };
    let projections = quick(&store, &read).with(odd(true));
    let caught_up = tokio::time::timeout(SOON, projections.catch_up()).await;
    caught_up.expect("in time").expect("caught up");
    let parked = projections.parked(Odd::NAME).await.expect("parked");
    assert_eq!(parked.len(), 2);
    let reason = &parked[0].event.reason;
    assert!(reason.starts_with("x\u{fffd}yyy"), "{reason}");
    assert!(reason.len() < 10_000);
    assert_eq!(parked[0].key, parked[1].key);

    // By either form of the key.
    let whole = format!("a\0bad{}", "k".repeat(5_000));
    let mended = quick(&store, &read).with(odd(false));
    let discarded = mended.discard(Odd::NAME, &whole, "why\0").await;
    assert!(discarded.expect("discarded").is_some());
    let retried = mended.retry(Odd::NAME, &parked[1].key).await;
    assert_eq!(retried.expect("retried").handled, 1);
    let ids = "SELECT id FROM odd ORDER BY id";
    let ids: Vec<String> = read
        .select(ids, &[], |row| row.try_get(0))
        .await
        .expect("rows");
    assert_eq!(ids, ["bad", "good"]);
}
