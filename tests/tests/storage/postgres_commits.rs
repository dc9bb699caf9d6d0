//! Commits whose answer is lost, and what else a driver or a server does at the end of a transaction:
//! no append is there twice, none that was acknowledged is gone, and none is called a failure that
//! was written. Next to each, what a plain client makes of the same.
#![cfg(unix)]

use es_postgres::{PostgresOptions, PostgresStore, tokio_postgres};
use es_projections::{
    ReadDatabase, SqlValue,
    backend::{Job, RolledBack, SqlTransaction},
};
use es_runtime::{
    Append, AppendError, AppendId, Commit, CommitStore, EventStore, ExpectedVersion, NewEvent,
    Outcome, StorageErrorKind, StreamId,
};
use es_testkit::postgres::Database;
use es_tests::{
    proxy::{Cut, Proxy},
    server::{database, shared},
};
use std::{future::Future, pin::pin, time::Duration};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

fn stream(id: impl ToString) -> StreamId {
    StreamId::new("commits", &id.to_string()).expect("usable")
}

fn append(stream: &StreamId, id: impl AsRef<str>) -> Append {
    let id = id.as_ref();
    let event = |part: u32| NewEvent::json("test.part", 1, format!("\"{id}/{part}\""));
    Append::new(stream.clone(), ExpectedVersion::Any)
        .with_events([event(0), event(1)])
        .with_append_id(AppendId::new(id).expect("usable"))
}

async fn proxied(database: &Database<'_>) -> (Proxy, PostgresOptions) {
    let proxy = Proxy::start(shared().tcp_address().expect("it listens")).await;
    let proxy = proxy.expect("a proxy");
    let options = PostgresStore::options(&database.url_through(proxy.address()));
    (proxy, options.expect("a connection string"))
}

fn count(database: &Database<'_>, sql: &str) -> u64 {
    let text = database.query(sql).expect("readable");
    text.trim().parse().expect("a count")
}

#[derive(Debug, Default, PartialEq)]
struct Counts {
    cuts: usize,
    acknowledged: usize,
    /// Called a failure although it was written.
    false_failures: usize,
    unknown: usize,
    missing: usize,
    twice: usize,
}

/// So many appends, each with the answer to its commit lost in this way, each repeated under its id
/// until it is answered.
async fn lose_answers(cut: Cut, appends: usize) -> Counts {
    let database = database();
    let (proxy, options) = proxied(&database).await;
    let gone = matches!(cut, Cut::AfterThenGone | Cut::BeforeThenGone);
    let patience = Duration::from_millis(if gone { 300 } else { 10_000 });
    let store = options.patience(patience).open().await.expect("opens");
    let order = stream("answers");
    let mut counts = Counts::default();
    for number in 0..appends {
        let id = format!("request-{number}");
        let there = format!("SELECT count(*) FROM es.appends WHERE append_id = '{id}'");
        proxy.cut_next(cut);
        loop {
            let answer = timeout(PATIENCE, store.append(append(&order, &id))).await;
            match answer.expect("in time") {
                Ok(_) => break,
                Err(error) => {
                    match error.outcome() {
                        Outcome::NotApplied if count(&database, &there) > 0 => {
                            counts.false_failures += 1;
                        }
                        Outcome::NotApplied => {}
                        _ => counts.unknown += 1,
                    }
                    proxy.come_back();
                }
            }
        }
        counts.acknowledged += 1;
        assert!(proxy.is_done(), "the commit was not cut");
        let events = format!(
            "SELECT count(*) FROM es.events WHERE convert_from(payload, 'UTF8') LIKE '\"{id}/%'"
        );
        match count(&database, &events) {
            2 => {}
            0 => counts.missing += 1,
            _ => counts.twice += 1,
        }
    }
    counts.cuts = proxy.cuts();
    store.close().await;
    counts
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn a_lost_answer_to_a_commit_is_found_out() {
    const EACH: usize = 25;
    for cut in [
        Cut::Before,
        Cut::During,
        Cut::After,
        Cut::Reset,
        Cut::Stall(Duration::from_millis(20)),
    ] {
        let counts = lose_answers(cut, EACH).await;
        println!("{cut:?}: {counts:?}");
        let wanted = Counts {
            cuts: EACH,
            acknowledged: EACH,
            ..Counts::default()
        };
        assert_eq!(counts, wanted, "{cut:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn where_the_server_is_gone_the_outcome_is_unknown_and_the_id_resolves_it() {
    const EACH: usize = 5;
    for cut in [Cut::AfterThenGone, Cut::BeforeThenGone] {
        let counts = lose_answers(cut, EACH).await;
        println!("{cut:?}: {counts:?}");
        let wanted = Counts {
            cuts: EACH,
            acknowledged: EACH,
            unknown: EACH,
            ..Counts::default()
        };
        assert_eq!(counts, wanted, "{cut:?}");
    }
}

/// The control: a client that repeats what failed writes twice what was written.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_client_that_just_repeats_writes_twice() {
    const EACH: usize = 10;
    let database = database();
    database.query("CREATE TABLE notes (id INT)").expect("made");
    let proxy = Proxy::start(shared().tcp_address().expect("it listens")).await;
    let proxy = proxy.expect("a proxy");
    let url = database.url_through(proxy.address());
    for number in 0..EACH {
        proxy.cut_next(Cut::After);
        loop {
            let client = es_tests::client(&url).await;
            let insert = format!("BEGIN; INSERT INTO notes VALUES ({number})");
            client.batch_execute(&insert).await.expect("inserted");
            if client.batch_execute("COMMIT").await.is_ok() {
                break;
            }
        }
    }
    assert_eq!(
        count(&database, "SELECT count(*) FROM notes"),
        2 * EACH as u64
    );
}

async fn plain(database: &Database<'_>) -> tokio_postgres::Client {
    es_tests::client(&database.url()).await
}

fn refused(answer: Result<es_runtime::Appended, AppendError>) -> StorageErrorKind {
    match answer.expect_err("it was not committed") {
        AppendError::Storage { outcome, error, .. } => {
            assert_eq!(outcome, Outcome::NotApplied, "{error}");
            error.kind
        }
        other => panic!("the database refused it, not: {other}"),
    }
}

/// A transaction that the server rolls back at its commit, or before it, is no success; the driver
/// says it is.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_commit_that_the_server_rolled_back_is_no_success() {
    let database = database();
    let mut client = plain(&database).await;
    client
        .batch_execute("CREATE TABLE notes (id INT)")
        .await
        .expect("made");
    let tx = client.transaction().await.expect("begun");
    tx.execute("INSERT INTO notes VALUES (1)", &[])
        .await
        .expect("inserted");
    tx.execute("SELECT 1 / 0", &[]).await.expect_err("it fails");
    tx.commit()
        .await
        .expect("the driver says that it is committed");
    assert_eq!(
        count(&database, "SELECT count(*) FROM notes"),
        0,
        "it is not"
    );

    let options = PostgresStore::options(&database.url()).expect("a connection string");
    let store = options.open().await.expect("opens");
    let order = stream("rolled-back");
    store
        .append(append(&order, "before"))
        .await
        .expect("appended");
    let traps = [
        // The commit itself fails.
        "CREATE CONSTRAINT TRIGGER trap AFTER INSERT ON es.events DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION trap()",
        "CREATE CONSTRAINT TRIGGER trap AFTER INSERT ON es.appends DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION trap()",
        // A statement fails that others follow.
        "CREATE TRIGGER trap BEFORE INSERT ON es.events FOR EACH ROW EXECUTE FUNCTION trap()",
        "CREATE TRIGGER trap BEFORE INSERT ON es.appends FOR EACH ROW EXECUTE FUNCTION trap()",
        "CREATE TRIGGER trap BEFORE UPDATE ON es.head FOR EACH ROW EXECUTE FUNCTION trap()",
    ];
    for (number, trap) in traps.into_iter().enumerate() {
        let make = format!(
            "CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE 'it is a trap'; END $$; {trap}"
        );
        database.query(&make).expect("made");
        let id = format!("trapped-{number}");
        refused(store.append(append(&order, &id)).await);
        let both = [
            append(&order, format!("{id}-a")),
            append(&order, format!("{id}-b")),
        ];
        let both = both.map(|append| {
            let store = store.clone();
            es_tests::spawn(async move { store.append(append).await })
        });
        for answer in both {
            refused(answer.await.expect("no panic"));
        }
        assert_eq!(
            count(&database, "SELECT count(*) FROM es.events"),
            2 + 2 * number as u64
        );
        database
            .query("DROP FUNCTION trap CASCADE")
            .expect("dropped");
        // Under its id it can be done now.
        let done = store.append(append(&order, &id)).await.expect("appended");
        assert!(!done.repeated);
    }
    // A statement that silently does nothing: the end of the feed does not move.
    database
        .query(
            "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RETURN NULL; END $$;
             CREATE TRIGGER nothing BEFORE UPDATE ON es.head
             FOR EACH ROW EXECUTE FUNCTION nothing()",
        )
        .expect("made");
    let before = count(&database, "SELECT count(*) FROM es.events");
    refused(store.append(append(&order, "nothing")).await);
    assert_eq!(count(&database, "SELECT count(*) FROM es.events"), before);
    // Nor do the rows come.
    database
        .query(
            "DROP TRIGGER nothing ON es.head;
             CREATE TRIGGER nothing BEFORE INSERT ON es.events
             FOR EACH ROW EXECUTE FUNCTION nothing()",
        )
        .expect("made");
    let head = count(&database, "SELECT position FROM es.head");
    refused(store.append(append(&order, "no rows")).await);
    assert_eq!(count(&database, "SELECT position FROM es.head"), head);
    store.close().await;
}

/// Two processes that expect the same version: each time one of them writes and the other gets the conflict,
/// also where the second statement had compared its version before the first one was committed.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn of_two_processes_with_one_version_one_writes() {
    const ROUNDS: u64 = 100;
    let database = database();
    let mut stores = Vec::new();
    for _ in 0..2 {
        let store = PostgresStore::open(&database.url()).await.expect("opens");
        stores.push(store);
    }
    let order = stream("raced");
    // The lock is held until both statements wait for it, so both have compared by then.
    let holder = es_tests::client(&database.url()).await;
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
                   AND datname = current_database()";
    for version in 0..ROUNDS {
        let holds = version % 10 == 0;
        if holds {
            let lock = holder.batch_execute("BEGIN; SELECT FROM es.head FOR UPDATE");
            lock.await.expect("locked");
        }
        let appends = [0, 1].map(|process: usize| {
            let (store, order) = (stores[process].clone(), order.clone());
            es_tests::spawn(async move {
                let event = NewEvent::json("test.part", 1, format!("{process}"));
                let expected = match version {
                    0 => ExpectedVersion::NoStream,
                    version => ExpectedVersion::Exact(version),
                };
                store
                    .append(Append::new(order, expected).with_event(event))
                    .await
            })
        });
        if holds {
            let both = timeout(PATIENCE, async {
                while count(&database, waiting) < 2 {
                    tokio::task::yield_now().await;
                }
            });
            both.await.expect("both wait");
            holder.batch_execute("COMMIT").await.expect("released");
        }
        let mut written = 0;
        for append in appends {
            match append.await.expect("no panic") {
                Ok(done) => {
                    assert_eq!(done.version, version + 1);
                    written += 1;
                }
                Err(AppendError::Conflict { actual, .. }) => assert_eq!(actual, version + 1),
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(written, 1);
    }
    let dense = "SELECT count(*) FROM es.events WHERE version = position";
    assert_eq!(count(&database, dense), ROUNDS);
    assert_eq!(count(&database, "SELECT position FROM es.head"), ROUNDS);
    for store in stores {
        store.close().await;
    }
}

/// A statement that takes too long is given up as busy, and nothing of it is written later.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_statement_that_takes_too_long_is_given_up() {
    let database = database();
    // The tables are made without the limit: on a busy machine that alone takes longer than it.
    let made = PostgresStore::open(&database.url()).await.expect("opens");
    made.close().await;
    let store = PostgresStore::options(&database.url())
        .expect("a connection string")
        .statement_timeout(Duration::from_secs(2))
        .open()
        .await
        .expect("opens");
    let order = stream("slow");
    store
        .append(append(&order, "first"))
        .await
        .expect("appended");
    database
        .query(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN PERFORM pg_sleep(20); RETURN NULL; END $$;
             CREATE TRIGGER slow AFTER INSERT ON es.events
             FOR EACH STATEMENT EXECUTE FUNCTION slow()",
        )
        .expect("made");
    let answer = timeout(
        Duration::from_secs(15),
        store.append(append(&order, "second")),
    )
    .await;
    assert_eq!(refused(answer.expect("in time")), StorageErrorKind::Busy);
    database
        .query("DROP FUNCTION slow CASCADE")
        .expect("dropped");
    let done = store
        .append(append(&order, "second"))
        .await
        .expect("appended");
    assert_eq!((done.version, done.repeated), (4, false));
    store.close().await;
}

/// Adds one to a counter.
struct Add;

impl<Db: ReadDatabase> Job<Db> for Add {
    type Output = ();

    async fn run(self, tx: &mut Db::Transaction) -> Result<(), RolledBack<()>> {
        tx.statement("UPDATE counter SET value = value + $1", &[1_i64.into()])
            .await?;
        Ok(())
    }
}

struct Dropped<F>(F, u32);

impl<F: Future + Unpin> Future for Dropped<F> {
    type Output = bool;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<bool> {
        if self.1 == 0 {
            return std::task::Poll::Ready(false);
        }
        self.1 -= 1;
        std::pin::Pin::new(&mut self.0).poll(context).map(|_| true)
    }
}

/// A transaction of a read database that is dropped after any poll leaves no connection inside it:
/// whoever comes next writes for all to see, and nothing stays open on the server.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_dropped_transaction_poisons_nobody() {
    let database = database();
    let options = PostgresStore::options(&database.url()).expect("a connection string");
    let store = options.reader_connections(1).open().await.expect("opens");
    let read = store.read_database();
    database
        .query("CREATE TABLE counter AS SELECT 0::bigint AS value; CREATE SCHEMA IF NOT EXISTS es_read")
        .expect("made");
    let value = || count(&database, "SELECT value FROM counter");
    let (mut ended, mut rounds) = (0_u32, 0_u32);
    // How often one is polled until its end depends on the pieces in which the server answers.
    for polls in 0..1_000 {
        if ended >= 10 {
            break;
        }
        for _ in 0..5 {
            let before = value();
            let done = Dropped(pin!(read.transact(Add)), polls).await;
            ended += u32::from(done);
            rounds += 1;
            read.transact(Add).await.expect("committed");
            let after = value();
            let dropped = after - before - 1;
            assert!(dropped <= 1, "it counted {dropped} times");
            assert!(!done || dropped == 1, "it said that it was committed");
        }
    }
    assert!(ended >= 10, "{ended} ran to their end");
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                AND state LIKE 'idle in transaction%'";
    let began = std::time::Instant::now();
    while count(&database, open) > 0 {
        assert!(began.elapsed() < PATIENCE, "a transaction stays open");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let rows = read
        .query("SELECT value FROM counter", &[])
        .await
        .expect("readable");
    assert!(matches!(rows[0][0], SqlValue::Integer(value) if value >= i64::from(rounds + ended)));
    store.close().await;
}

/// With one connection for reads, and none more to be had from the server, many callers wait their
/// turn; where there is no connection at all they hear so in time.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn connections_that_run_out_are_waited_for_or_said() {
    let database = database();
    let role = format!("limited_{}", database.name());
    let name = database.name().to_owned();
    database
        .query(&format!(
            "CREATE ROLE {role} LOGIN; ALTER DATABASE {name} OWNER TO {role}"
        ))
        .expect("a role");
    let url = database.url().replace("user=es ", &format!("user={role} "));
    let store = PostgresStore::options(&url)
        .expect("a connection string")
        .reader_connections(1)
        .notify(false)
        .patience(Duration::from_millis(500))
        .open()
        .await
        .expect("opens");
    let order = stream("pool");
    store
        .append(append(&order, "first"))
        .await
        .expect("appended");
    let reads = |store: &PostgresStore| {
        (0..50)
            .map(|_| {
                let store = store.clone();
                es_tests::spawn(async move { store.head().await })
            })
            .collect::<Vec<_>>()
    };
    for read in reads(&store) {
        let read = timeout(PATIENCE, read).await.expect("in time");
        read.expect("no panic").expect("readable");
    }
    // The readers' connection is taken away, and no other is given.
    database
        .query(&format!(
            "ALTER ROLE {role} CONNECTION LIMIT 0;
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'"
        ))
        .expect("limited");
    let mut kinds = Vec::new();
    for read in reads(&store) {
        let read = timeout(PATIENCE, read).await.expect("in time");
        match read.expect("no panic").expect_err("there is no connection") {
            es_runtime::ReadError::Storage(error) => kinds.push(error.kind),
            other => panic!("no connection, not: {other}"),
        }
    }
    let fits = |kind: &StorageErrorKind| {
        matches!(kind, StorageErrorKind::Busy | StorageErrorKind::Unreachable)
    };
    assert!(kinds.iter().all(fits), "{kinds:?}");
    let kind = refused(store.append(append(&order, "second")).await);
    assert!(fits(&kind), "{kind:?}");
    database
        .query(&format!("ALTER ROLE {role} CONNECTION LIMIT -1"))
        .expect("unlimited");
    let done = store
        .append(append(&order, "second"))
        .await
        .expect("appended");
    assert_eq!(done.version, 4);
    store.close().await;
}

/// Polls so long that what it does is in the store's queue.
async fn begun<F: Future>(mut future: std::pin::Pin<&mut F>) {
    let polled = std::future::poll_fn(|context| {
        std::task::Poll::Ready(future.as_mut().poll(context).is_ready())
    });
    assert!(!polled.await, "it ended at once");
}

/// Waits until so many sessions of the database wait for a lock.
async fn waits_for_a_lock(database: &Database<'_>) {
    let began = std::time::Instant::now();
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                   AND wait_event_type = 'Lock'";
    while count(database, waiting) == 0 {
        assert!(began.elapsed() < PATIENCE, "nobody waits for the lock");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Three appends share a transaction that is not committed. While their store looks for it, the
/// client of the first has it done by another process, under its append id and with its event ids.
/// That says nothing of the other two.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn what_another_process_wrote_proves_no_commit() {
    for is_named in [true, false] {
        let database = database();
        let (proxy, options) = proxied(&database).await;
        let store = options.open().await.expect("opens");
        let other = PostgresStore::open(&database.url()).await.expect("opens");
        let mut x = append(&stream("x"), "x");
        if !is_named {
            x.append_id = None;
            x.expected = ExpectedVersion::NoStream;
        }
        let again = x.clone();

        let holder = plain(&database).await;
        holder
            .batch_execute("BEGIN; SELECT * FROM es.head FOR UPDATE")
            .await
            .expect("locked");
        let mut before = append(&stream("before"), "before");
        before.expected = ExpectedVersion::NoStream;
        let mut before = pin!(store.append(before));
        begun(before.as_mut()).await;
        waits_for_a_lock(&database).await;
        let mut x = pin!(store.append(x));
        let mut y = pin!(store.append(append(&stream("y"), "y")));
        let mut z = pin!(store.append(append(&stream("z"), "z")));
        begun(x.as_mut()).await;
        begun(y.as_mut()).await;
        begun(z.as_mut()).await;
        proxy.cut_next(Cut::BeforeThenGone);
        holder.batch_execute("COMMIT").await.expect("released");
        before.await.expect("appended");
        let began = std::time::Instant::now();
        while !proxy.is_done() {
            assert!(began.elapsed() < PATIENCE, "the commit was not cut");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let first = other.append(again).await.expect("done by another process");
        proxy.come_back();
        let x = timeout(PATIENCE, x).await.expect("in time");
        if is_named {
            let x = x.expect("it is there");
            assert_eq!(
                (x.version, x.position, x.repeated),
                (2, first.position, true)
            );
        } else {
            let conflict = matches!(x, Err(AppendError::Conflict { .. }));
            assert!(conflict, "{x:?}");
        }
        for (name, answer) in [
            ("y", timeout(PATIENCE, y).await.expect("in time")),
            ("z", timeout(PATIENCE, z).await.expect("in time")),
        ] {
            answer.expect("appended");
            let there = format!("SELECT count(*) FROM es.events WHERE aggregate_id = '{name}'");
            assert_eq!(count(&database, &there), 2, "{name} was acknowledged");
        }
        assert_eq!(count(&database, "SELECT count(*) FROM es.events"), 8);
        store.close().await;
        other.close().await;
    }
}

/// An event id that is there for long proves no commit either.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn an_old_event_of_the_same_id_proves_no_commit() {
    let database = database();
    let (proxy, options) = proxied(&database).await;
    let store = options.open().await.expect("opens");
    let old = append(&stream("old"), "old");
    let id = old.events[0].id;
    store.append(old).await.expect("appended");
    for cut in [Cut::Before, Cut::During] {
        let event = NewEvent::json("test.part", 1, "7").with_id(id);
        let new = Append::new(stream("new"), ExpectedVersion::Any).with_event(event);
        proxy.cut_next(cut);
        let answer = timeout(PATIENCE, store.append(new)).await.expect("in time");
        let refused = matches!(&answer, Err(AppendError::DuplicateEventId { event_id, .. }) if *event_id == id);
        assert!(refused, "{cut:?}: {answer:?}");
        assert!(proxy.is_done(), "the commit was not cut");
    }
    assert_eq!(count(&database, "SELECT count(*) FROM es.events"), 2);
    store.close().await;
}

/// A statement that comes to the server after the store has looked for it, and before the store does
/// it again: what it wrote is this append, and not somebody else's that was first.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn an_append_is_not_refused_because_of_itself() {
    let database = database();
    let (proxy, options) = proxied(&database).await;
    let store = options.open().await.expect("opens");
    for number in 0..5_u32 {
        let order = stream(format!("late-{number}"));
        let event = |part: u32| NewEvent::json("test.part", 1, part.to_string());
        let append =
            Append::new(order, ExpectedVersion::NoStream).with_events([event(0), event(1)]);
        proxy.deliver_next_single_round_trip_late();
        let answer = timeout(PATIENCE, store.append(append))
            .await
            .expect("in time");
        assert!(proxy.has_delivered(), "it was not late");
        let done = answer.expect("it is there");
        let place = u64::from(number) * 2 + 2;
        assert_eq!((done.version, done.position.to_parts()[2]), (2, place));
        assert_eq!(count(&database, "SELECT count(*) FROM es.events"), place);
    }
    // Somebody else's event is a conflict as ever.
    let late = Append::new(stream("late-0"), ExpectedVersion::NoStream).with_event(NewEvent::json(
        "test.part",
        1,
        "1",
    ));
    let answer = store.append(late).await;
    assert!(
        matches!(answer, Err(AppendError::Conflict { .. })),
        "{answer:?}"
    );
    store.close().await;
}

/// A server may be set up to speak another language: what it refuses is refused all the same.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_refusal_is_known_in_any_language() {
    let database = database();
    let (proxy, options) = proxied(&database).await;
    proxy.translate();
    let store = options.open().await.expect("opens");
    let make = "CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE 'it is a trap'; END $$;
                CREATE TRIGGER trap BEFORE INSERT ON es.events FOR EACH ROW EXECUTE FUNCTION trap();
                CREATE TABLE counter AS SELECT 0::bigint AS value;
                CREATE CONSTRAINT TRIGGER trap AFTER UPDATE ON counter DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION trap()";
    database.query(make).expect("made");
    for expected in [ExpectedVersion::NoStream, ExpectedVersion::Any] {
        let mut append = append(&stream("trapped"), "trapped");
        append.expected = expected;
        refused(store.append(append).await);
    }
    let failed = store.read_database().transact(Add).await;
    let failed = failed.expect_err("its commit is refused");
    assert_eq!(failed.outcome, Outcome::NotApplied, "{}", failed.error);
    store.close().await;
}

/// While the server is gone, those that wait for it wait at the same time.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn patience_is_not_added_up() {
    const MANY: usize = 100;
    const EACH: Duration = Duration::from_millis(1_000);
    let database = database();
    let (proxy, options) = proxied(&database).await;
    let options = options.patience(EACH).reader_connections(1).notify(false);
    let store = options.open().await.expect("opens");
    store.head().await.expect("readable");
    store
        .append(append(&stream("gone"), "first"))
        .await
        .expect("appended");
    proxy.cut_next(Cut::BeforeThenGone);
    let cut = store.append(append(&stream("gone"), "second")).await;
    assert_eq!(
        cut.expect_err("nobody is there").outcome(),
        Outcome::Unknown
    );
    let (mut reads, mut commits, mut appends) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..MANY {
        let one = store.clone();
        reads.push(es_tests::spawn(async move { one.head().await.is_err() }));
        let one = store.clone();
        let id = format!("commit-{number}");
        let commit = Commit::new().append(append(&stream(&id), &id));
        commits.push(es_tests::spawn(async move {
            let answer = one.commit(commit).await.expect_err("nobody is there");
            answer.outcome() == Outcome::NotApplied
        }));
        let one = store.clone();
        let append = append(&stream("gone"), format!("append-{number}"));
        appends.push(es_tests::spawn(async move {
            let answer = one.append(append).await.expect_err("nobody is there");
            answer.outcome() == Outcome::NotApplied
        }));
    }
    // One after the other would take more than a minute and a half for each kind.
    let all = futures_all(reads.into_iter().chain(commits).chain(appends));
    let refused = timeout(PATIENCE, all).await.expect("in time");
    assert_eq!(refused, 3 * MANY);
    proxy.come_back();
    store.head().await.expect("readable");
    let done = store.append(append(&stream("gone"), "last")).await;
    assert_eq!(done.expect("appended").version, 4);
    store.close().await;
}

async fn futures_all(tasks: impl Iterator<Item = tokio::task::JoinHandle<bool>>) -> usize {
    let mut held = 0;
    for task in tasks {
        held += usize::from(task.await.expect("no panic"));
    }
    held
}
