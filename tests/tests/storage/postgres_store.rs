//! The PostgreSQL store on a real server: how it opens, what it needs, what it shares, and what it does
//! when the server goes away. The conformance suite has the rest.

use es_postgres::{Durability, PostgresStore};
use es_projections::{
    ReadDatabase,
    backend::{Job, RolledBack, SqlTransaction},
};
use es_runtime::WorkFilter;
use es_runtime::{
    Append, AppendError, EventFilter, EventStore, EventTag, ExpectedVersion, NewEvent, Outcome,
    Position, ReadLimit, StorageErrorKind, StreamId, StreamRange, UniqueChange, WorkQueue,
};
use es_testkit::postgres::{Database, Server};
use es_tests::{
    accounts::{Balances, deposit},
    proxy::Proxy,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

fn database() -> Database<'static> {
    es_tests::server::database()
}

async fn open(database: &Database<'_>) -> PostgresStore {
    PostgresStore::open(&database.url()).await.expect("opens")
}

async fn positions(store: &PostgresStore) -> Vec<u64> {
    let mut positions = Vec::new();
    let mut from = Position::START;
    loop {
        let page = store
            .read_feed(from, &EventFilter::all(), ReadLimit::default())
            .await
            .expect("the feed");
        positions.extend(page.events.iter().map(|event| event.position.to_parts()[2]));
        from = page.next;
        if page.at_end {
            return positions;
        }
    }
}

async fn refusal(url: &str) -> es_runtime::StorageError {
    let options = PostgresStore::options(url).expect("a url");
    let opened = options.patience(Duration::from_millis(200)).open().await;
    opened.expect_err("refused")
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn many_processes_may_open_a_fresh_database_at_once() {
    for _ in 0..5 {
        let database = database();
        let opening: Vec<_> = (0..8)
            .map(|number| {
                let url = database.url();
                es_tests::spawn(async move {
                    let store = PostgresStore::open(&url).await.expect("opens");
                    deposit(&store, &format!("a{number}"), 1)
                        .await
                        .expect("stored");
                    store.close().await;
                })
            })
            .collect();
        for task in opening {
            task.await.expect("ends");
        }
        assert_eq!(
            positions(&open(&database).await).await,
            (1..=8).collect::<Vec<_>>()
        );
    }
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn an_operator_makes_the_tables_and_the_store_needs_few_rights() {
    let database = database();
    let options = PostgresStore::options(&database.url()).expect("a url");
    let options = options.schema("shop_events").expect("a name");
    let missing = options.clone().migrate(false).open().await;
    let missing = missing.expect_err("there are no tables");
    assert_eq!(missing.kind, StorageErrorKind::Missing);
    assert!(missing.message.contains("migration_script"), "{missing}");

    database.query(&options.migration_script()).expect("made");
    let role = format!("app_{}", database.name());
    database
        .query(&format!(
            "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA shop_events TO {role};
             GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA shop_events TO {role};
             GRANT UPDATE ON shop_events.head, shop_events.snapshots, shop_events.unique_values TO {role};
             GRANT DELETE ON shop_events.snapshots, shop_events.unique_values TO {role}"
        ))
        .expect("granted");
    let url = database.url().replace("user=es", &format!("user={role}"));
    let store = PostgresStore::options(&url)
        .and_then(|options| options.schema("shop_events"))
        .expect("a name")
        .open()
        .await
        .expect("there is nothing to migrate");
    deposit(&store, "a", 1).await.expect("stored");
    assert_eq!(positions(&store).await, [1]);
    for change in [
        UniqueChange::claim("customer.email", "a"),
        UniqueChange::claim("customer.email", "b").keeping(Duration::from_secs(60)),
        UniqueChange::release("customer.email"),
    ] {
        let event = NewEvent::json("customer.changed", 1, "{}").with_unique(vec![change]);
        let customer = StreamId::new("customer", "1").expect("a name");
        let append = Append::new(customer, ExpectedVersion::Any).with_event(event);
        store.append(append).await.expect("stored");
    }
    let tagged = NewEvent::json("course.defined", 1, "{}");
    let tagged = tagged.with_tags(vec![EventTag::new("course").with("c1")]);
    let course = StreamId::new("course", "c1").expect("a name");
    let append = Append::new(course, ExpectedVersion::Any).with_event(tagged);
    store.append(append).await.expect("stored");
    // And no more than those.
    let denied = format!("SET ROLE {role}; DELETE FROM shop_events.appends");
    assert!(database.query(&denied).is_err());
    // Running the script again changes nothing.
    database
        .query(&options.migration_script())
        .expect("nothing");
    deposit(&store, "a", 1).await.expect("stored");
    assert_eq!(positions(&store).await, [1, 2, 3, 4, 5, 6]);
}

/// What versions 2 to 4 brought, taken away again.
const BACK_TO: &str = "DROP TABLE es.work, es.cursors, es.store_id, es.unique_values, es.rules,
     es.unique_walks, es.unique_duplicates, es.event_tags, es.tag_walks;
     ALTER TABLE es.head DROP COLUMN rules; UPDATE es.es_meta SET value = 1";

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn older_tables_are_brought_to_this_version_with_what_is_in_them() {
    for by_script in [false, true] {
        let database = database();
        let store = open(&database).await;
        deposit(&store, "a", 1).await.expect("stored");
        store.close().await;
        database.query(BACK_TO).expect("older");

        let options = PostgresStore::options(&database.url()).expect("a url");
        let refused = options.clone().migrate(false).open().await;
        let refused = refused.expect_err("the tables are older");
        assert_eq!(refused.kind, StorageErrorKind::Version);
        assert!(refused.message.contains("migration_script"), "{refused}");

        if by_script {
            database.query(&options.migration_script()).expect("made");
        }
        let store = options.migrate(!by_script).open().await.expect("opens");
        deposit(&store, "a", 1).await.expect("stored");
        assert_eq!(positions(&store).await, [1, 2]);
        let sagas = store.work_items(&WorkFilter::default()).await;
        assert!(sagas.expect("there is a table").is_empty());
    }
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn what_cannot_be_opened_says_why_without_the_password() {
    let database = database();
    let bad = PostgresStore::options("postgres://user:secret@host:notaport/db");
    let bad = bad.expect_err("no URL").to_string();
    assert!(!bad.contains("secret") && bad.contains("`port`"), "{bad}");
    let name = PostgresStore::options(&database.url()).expect("a url");
    let name = name.schema("Shop; DROP TABLE x").expect_err("no name");
    assert_eq!(name.kind, StorageErrorKind::CannotOpen);

    let unknown = database.url().replace(database.name(), "no_such_database");
    assert_eq!(refusal(&unknown).await.kind, StorageErrorKind::CannotOpen);
    let nobody = database.url().replace("user=es", "user=nobody_known");
    assert_eq!(refusal(&nobody).await.kind, StorageErrorKind::CannotOpen);
    let nowhere = "host=/nonexistent user=es password=secret dbname=x";
    let nowhere = refusal(nowhere).await;
    assert_eq!(nowhere.kind, StorageErrorKind::Unreachable);
    assert!(!format!("{nowhere} {nowhere:?}").contains("secret"));
    let closed = refusal("postgres://es:secret@127.0.0.1:1/x")
        .await
        .to_string();
    assert!(
        closed.contains("127.0.0.1:1: ")
            && closed.contains("refused")
            && !closed.contains("secret"),
        "{closed}"
    );
    let options = PostgresStore::options("host=localhost user=es password=secret");
    assert!(!format!("{:?}", options.expect("a url")).contains("secret"));

    database
        .query("CREATE SCHEMA es; CREATE TABLE es.events (mine INT)")
        .expect("made");
    let foreign = refusal(&database.url()).await;
    assert_eq!(foreign.kind, StorageErrorKind::CannotOpen);
    assert!(
        foreign.message.contains("PostgresOptions::schema"),
        "{foreign}"
    );
    database.query("DROP TABLE es.events").expect("dropped");
    let store = open(&database).await;
    deposit(&store, "a", 1).await.expect("stored");
    store.close().await;
    database
        .query("UPDATE es.es_meta SET value = 99")
        .expect("updated");
    let newer = refusal(&database.url()).await;
    assert_eq!(newer.kind, StorageErrorKind::Version);
    assert!(newer.message.contains("99"), "{newer}");
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn events_are_immutable_and_the_server_may_be_read_only() {
    let database = database();
    let store = open(&database).await;
    deposit(&store, "a", 1).await.expect("stored");
    for sql in [
        "UPDATE es.events SET version = 7",
        "DELETE FROM es.events",
        "TRUNCATE es.events",
    ] {
        let refused = database.query(sql).expect_err(sql).to_string();
        assert!(refused.contains("immutable"), "{refused}");
    }
    database
        .query(&format!(
            "ALTER DATABASE {} SET default_transaction_read_only TO on",
            database.name()
        ))
        .expect("set");
    let reader = open(&database).await;
    let refused = deposit(&reader, "a", 1).await.expect_err("refused");
    let AppendError::Storage { outcome, error, .. } = refused else {
        panic!("{refused}");
    };
    assert_eq!(
        (outcome, error.kind),
        (Outcome::NotApplied, StorageErrorKind::ReadOnly)
    );
    assert_eq!(positions(&reader).await, [1]);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn appends_that_wait_share_their_commits() {
    let database = database();
    let store = open(&database).await;
    let before = store.stats();
    // While the lock is held elsewhere, all of them wait.
    let url = database.url();
    let client = es_tests::client(&url).await;
    client
        .batch_execute("BEGIN; SELECT * FROM es.head FOR UPDATE")
        .await
        .expect("locked");
    let begun = Arc::new(AtomicUsize::new(0));
    let appends: Vec<_> = (0..500)
        .map(|number| {
            let (store, begun) = (store.clone(), begun.clone());
            es_tests::spawn(async move {
                begun.fetch_add(1, Ordering::SeqCst);
                deposit(&store, &format!("a{number}"), 1).await
            })
        })
        .collect();
    while begun.load(Ordering::SeqCst) < 500 {
        tokio::task::yield_now().await;
    }
    es_tests::somebody_waits_for_a_lock(&database).await;
    client.batch_execute("COMMIT").await.expect("released");
    for append in appends {
        append.await.expect("ends").expect("stored");
    }
    let after = store.stats();
    assert_eq!(after.writes - before.writes, 500);
    let commits = after.commits - before.commits;
    assert!(commits <= 10, "{commits} commits for 500 appends");
    assert_eq!(positions(&store).await, (1..=500).collect::<Vec<_>>());
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn whoever_waits_too_long_for_the_lock_gets_an_error_and_wrote_nothing() {
    let database = database();
    let options = PostgresStore::options(&database.url()).expect("a url");
    let store = options
        .busy_timeout(Duration::from_millis(100))
        .open()
        .await
        .expect("opens");
    let client = es_tests::client(&database.url()).await;
    client
        .batch_execute("BEGIN; SELECT * FROM es.head FOR UPDATE")
        .await
        .expect("locked");
    let refused = deposit(&store, "a", 1).await.expect_err("refused");
    let AppendError::Storage { outcome, error, .. } = refused else {
        panic!("{refused}");
    };
    assert_eq!(
        (outcome, error.kind),
        (Outcome::NotApplied, StorageErrorKind::Busy)
    );
    client.batch_execute("COMMIT").await.expect("released");
    deposit(&store, "a", 1).await.expect("stored");
    assert_eq!(positions(&store).await, [1]);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_server_that_comes_back_is_used_again() {
    let server = Server::start().expect("a server");
    let database = server.database().expect("a database");
    let options = PostgresStore::options(&database.url()).expect("a url");
    let store = options
        .patience(Duration::from_secs(60))
        .open()
        .await
        .expect("opens");
    assert_eq!(store.durability(), Durability::Full);
    deposit(&store, "a", 1).await.expect("stored");
    for round in 2..=4 {
        server.stop_immediate().expect("stopped");
        // Both wait for the server, one as a writer, one as a reader.
        let append = {
            let store = store.clone();
            es_tests::spawn(async move { deposit(&store, "a", 1).await })
        };
        let read = {
            let store = store.clone();
            es_tests::spawn(async move { positions(&store).await.len() })
        };
        server.start_again().expect("started");
        append.await.expect("ends").expect("stored");
        let read = read.await.expect("ends");
        assert!(
            read == round - 1 || read == round,
            "{read} in round {round}"
        );
        assert_eq!(positions(&store).await.len(), round);
    }
    // Where it does not come back in time, the error says that nothing was written.
    let options = PostgresStore::options(&database.url()).expect("a url");
    let hasty = options
        .patience(Duration::from_millis(100))
        .open()
        .await
        .expect("opens");
    server.stop_immediate().expect("stopped");
    let refused = deposit(&hasty, "b", 1).await.expect_err("refused");
    let AppendError::Storage { outcome, error, .. } = refused else {
        panic!("{refused}");
    };
    assert_eq!(
        (outcome, error.kind),
        (Outcome::NotApplied, StorageErrorKind::Unreachable)
    );
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_closed_store_says_so() {
    let database = database();
    let store = open(&database).await;
    deposit(&store, "a", 1).await.expect("stored");
    let pending = store.clone();
    let stream = StreamId::new("account", "a").expect("a name");
    let last = Append::new(stream.clone(), ExpectedVersion::Any).with_event(NewEvent::json(
        "account.deposited",
        1,
        r#"{"cents":1}"#,
    ));
    let (appended, ()) = tokio::join!(pending.append(last), store.close());
    // Handed over before or after: it is one or the other, and the answer says which.
    let stored = appended.is_ok();
    store.close().await;
    let refused = deposit(&store, "a", 1).await.expect_err("closed");
    assert_eq!(refused.outcome(), Outcome::NotApplied);
    let read = store.read_stream(&stream, StreamRange::forward(0), ReadLimit::default());
    assert!(read.await.is_err());
    let connections = "SELECT count(*) FROM pg_stat_activity WHERE application_name = \
                       'es-postgres' AND datname = current_database()";
    while database.query(connections).expect("asked") != "0\n" {
        tokio::task::yield_now().await;
    }
    let again = open(&database).await;
    assert_eq!(positions(&again).await.len(), 1 + usize::from(stored));
}

/// A server that takes connections and says nothing, as one whose machine is frozen, is one that cannot
/// be reached.
#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for_without_end() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let url = format!("host=127.0.0.1 port={port} user=es connect_timeout=1");
    let refused = tokio::time::timeout(Duration::from_secs(30), refusal(&url)).await;
    assert_eq!(
        refused.expect("in time").kind,
        StorageErrorKind::Unreachable
    );
}

/// A name of a schema may be a word of SQL.
#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn any_word_may_be_the_name_of_a_schema() {
    let database = database();
    let options = PostgresStore::options(&database.url()).expect("a url");
    for by_script in [false, true] {
        let (name, read) = if by_script {
            ("select", "table")
        } else {
            ("user", "order")
        };
        let options = options.clone().schema(name).expect("a name");
        let options = options.read_schema(read).expect("a name");
        if by_script {
            let script = options.migration_script();
            database.query(&script).expect("made");
        }
        let options = options.migrate(!by_script);
        let store = options.inline(Balances::new()).open().await;
        let store = store.expect("opens");
        assert_eq!(store.schema(), name);
        let other = options_of(&database, name).open().await.expect("opens");
        let heard = {
            let other = other.clone();
            es_tests::spawn(async move { other.changed(Position::START).await })
        };
        deposit(&store, "a", 1).await.expect("stored");
        assert_eq!(positions(&store).await, [1]);
        let heard = tokio::time::timeout(Duration::from_secs(120), heard).await;
        heard.expect("in time").expect("no panic");
        let sagas = store.work_items(&WorkFilter::default()).await;
        assert!(sagas.expect("there is a table").is_empty());
        store.close().await;
        other.close().await;
    }
}

fn options_of(database: &Database<'_>, schema: &str) -> es_postgres::PostgresOptions {
    let options = PostgresStore::options(&database.url()).expect("a url");
    options.schema(schema).expect("a name")
}

/// A clock that panics is the error of what asked it, and the store goes on.
#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_clock_that_panics_ends_no_store() {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };
    let database = database();
    for is_inline in [false, true] {
        let is_broken = Arc::new(AtomicBool::new(false));
        let clock = Arc::clone(&is_broken);
        let mut options = options_of(&database, "clocks").clock(move || {
            assert!(!clock.load(Ordering::SeqCst), "it is broken");
            es_runtime::Timestamp::now()
        });
        if is_inline {
            options = options.inline(Balances::new());
        }
        let store = options.open().await.expect("opens");
        deposit(&store, "a", 1).await.expect("stored");
        let before = positions(&store).await.len();
        is_broken.store(true, Ordering::SeqCst);
        for expected in [ExpectedVersion::NoStream, ExpectedVersion::Any] {
            let stream = StreamId::new("account", "b").expect("a name");
            let event = NewEvent::json("account.deposited", 1, r#"{"cents":1}"#);
            let append = Append::new(stream, expected).with_event(event);
            let refused = store.append(append).await.expect_err("there is no time");
            assert_eq!(refused.outcome(), Outcome::NotApplied, "{refused}");
            assert!(refused.to_string().contains("clock"), "{refused}");
        }
        assert!(store.now().await.is_err());
        is_broken.store(false, Ordering::SeqCst);
        deposit(&store, "a", 1).await.expect("stored");
        assert_eq!(positions(&store).await.len(), before + 1);
        store.close().await;
    }
}

/// The shortest timeout is a short one, and the longest patience a long one.
#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn timeouts_may_be_as_short_or_long_as_one_likes() {
    let database = database();
    let store = open(&database).await;
    let client = es_tests::client(&database.url()).await;
    client
        .batch_execute("BEGIN; SELECT * FROM es.head FOR UPDATE")
        .await
        .expect("locked");
    let hasty = options_of(&database, "es").busy_timeout(Duration::from_micros(10));
    let hasty = hasty.patience(Duration::MAX).open().await.expect("opens");
    let answer = tokio::time::timeout(Duration::from_secs(120), deposit(&hasty, "a", 1)).await;
    let refused = answer.expect("in time").expect_err("locked");
    let AppendError::Storage { outcome, error, .. } = refused else {
        panic!("{refused}");
    };
    let busy = (Outcome::NotApplied, StorageErrorKind::Busy);
    assert_eq!((outcome, error.kind), busy);
    client.batch_execute("COMMIT").await.expect("released");
    let calm = options_of(&database, "es")
        .busy_timeout(Duration::MAX)
        .statement_timeout(Duration::MAX);
    let calm = calm.open().await.expect("opens");
    deposit(&calm, "a", 1).await.expect("stored");
    for store in [store, hasty, calm] {
        store.close().await;
    }
}

/// What does not fit into a page does not cross the wire, and no event is left out for it.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn the_server_knows_how_many_bytes_a_page_may_have() {
    const EVENTS: usize = 100;
    const SIZE: usize = 100_000;
    let server = Server::options().tcp().start().expect("a server");
    let database = server.database().expect("a database");
    let address = server.tcp_address().expect("it listens");
    let proxy = Proxy::start(address).await.expect("a proxy");
    let url = database.url_through(proxy.address());
    let options = PostgresStore::options(&url).expect("a url").notify(false);
    let store = options.reader_connections(1).open().await.expect("opens");
    let stream = StreamId::new("large", "1").expect("a name");
    for number in 0..EVENTS {
        // The last ones are small, so that whole pages of them follow the large ones.
        let size = if number < EVENTS / 2 { SIZE } else { 10 };
        let payload = format!("\"{}\"", "x".repeat(size));
        let event = NewEvent::json("large.grown", 1, payload);
        let append = Append::new(stream.clone(), ExpectedVersion::Any).with_event(event);
        store.append(append).await.expect("stored");
    }
    let mut limit = ReadLimit::events(EVENTS);
    limit.bytes = 3 * SIZE;
    for filter in [EventFilter::all(), EventFilter::names(["large.grown"])] {
        let (mut from, mut found) = (Position::START, Vec::new());
        loop {
            let before = proxy.bytes();
            let page = store.read_feed(from, &filter, limit).await.expect("read");
            // Behind the rest of the page on the one connection.
            store.head().await.expect("read");
            let sent = proxy.bytes() - before;
            assert!(sent < 5 * SIZE, "{sent} bytes for a page");
            found.extend(page.events.iter().map(|event| event.version));
            from = page.next;
            if page.at_end {
                break;
            }
        }
        assert_eq!(found, (1..=EVENTS as u64).collect::<Vec<_>>());
    }
    for (range, first) in [
        (StreamRange::forward(0), [1, 2]),
        (StreamRange::backward(EVENTS as u64 / 2 + 1), [50, 49]),
    ] {
        let before = proxy.bytes();
        let page = store
            .read_stream(&stream, range, limit)
            .await
            .expect("read");
        store.head().await.expect("read");
        let sent = proxy.bytes() - before;
        assert!(sent < 5 * SIZE, "{sent} bytes for a page");
        let versions: Vec<u64> = page.iter().map(|event| event.version).collect();
        assert_eq!(versions, first);
    }
    store.close().await;
}

/// Texts of queries that are another each time do not fill the server's memory.
#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_connection_keeps_so_many_statements_and_no_more() {
    let database = database();
    let options = PostgresStore::options(&database.url()).expect("a url");
    let store = options.read_connections(1).open().await.expect("opens");
    let read = store.read_database();
    for number in 0..1_000 {
        let sql = format!("SELECT {number}::bigint");
        let found = read.select_one(&sql, &[], |row| row.try_get::<_, i64>(0));
        assert_eq!(found.await.expect("read"), Some(number));
    }
    let count = "SELECT count(*) FROM pg_prepared_statements";
    let kept = read.select_one(count, &[], |row| row.try_get::<_, i64>(0));
    let kept = kept.await.expect("read").expect("a count");
    assert!((1..=300).contains(&kept), "{kept} statements");
    store.close().await;
}

/// Reads a view whose columns change.
struct Look;

impl Job<es_postgres::PostgresReadDatabase> for Look {
    type Output = usize;

    async fn run(
        self,
        tx: &mut es_postgres::PostgresTransaction,
    ) -> Result<usize, RolledBack<usize>> {
        let rows = tx.rows("SELECT * FROM looks", &[]).await?;
        Ok(rows.first().map_or(0, Vec::len))
    }
}

/// A swap may change the columns of a view, while statements for the old ones are prepared.
#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_statement_for_older_columns_is_prepared_anew() {
    let database = database();
    let options = PostgresStore::options(&database.url()).expect("a url");
    let store = options.read_connections(1).open().await.expect("opens");
    let read = store.read_database();
    for columns in 1..=4 {
        let names: Vec<String> = (0..columns)
            .map(|number| format!("1 AS c{number}"))
            .collect();
        let names = names.join(", ");
        let change = format!("DROP VIEW IF EXISTS looks; CREATE VIEW looks AS SELECT {names}");
        database.query(&change).expect("changed");
        let look = "SELECT * FROM looks";
        let found = read.select_one(look, &[], |row| Ok(row.len())).await;
        assert_eq!(found.expect("read"), Some(columns));
        let found = read.query(look, &[]).await.expect("read");
        assert_eq!(found[0].len(), columns);
    }
    // In a transaction it is for the caller to begin again, as for a lock that was not to be had.
    assert_eq!(read.transact(Look).await.expect("read"), 4);
    let change = "DROP VIEW looks; CREATE VIEW looks AS SELECT 1 AS one";
    database.query(change).expect("changed");
    let refused = read.transact(Look).await.expect_err("the plan is old");
    let busy = (Outcome::NotApplied, StorageErrorKind::Busy);
    assert_eq!((refused.outcome, refused.error.kind), busy);
    assert_eq!(read.transact(Look).await.expect("read"), 1);
    store.close().await;
}

/// Whoever calls may be on any executor: connections are made in the runtime that opened the store.
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn an_open_store_is_used_from_outside_of_its_runtime() {
    let database = es_tests::server::database();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let store = runtime
        .block_on(PostgresStore::open(&database.url()))
        .expect("opens");
    let read = store.read_database();
    futures_executor::block_on(async {
        let stream = StreamId::new("order", "outside").expect("valid");
        let append = Append::new(stream.clone(), ExpectedVersion::NoStream)
            .with_event(NewEvent::json("order.placed", 1, "{}"));
        let appended = store.append(append).await.expect("stored");
        assert_eq!(store.head().await.expect("read"), appended.position);
        let rows = read.select("SELECT 1::bigint", &[], |row| row.try_get::<_, i64>(0));
        assert_eq!(rows.await.expect("read"), [1]);
    });
    drop(runtime);
    // Without the runtime there is an error and no panic.
    let late = futures_executor::block_on(store.head());
    assert!(late.is_err(), "{late:?}");
}
