//! Defaults that an operator may set on a database, on a role or in the connection string: the store does
//! the same under each of them, or says what is in the way.

use es_postgres::{PostgresOptions, PostgresReadDatabase, PostgresStore, PostgresTransaction};
use es_projections::{HandlerError, Project, Projection, Projections};
use es_runtime::{
    Append, Claim, Commit, CommitStore, Envelope, Event, EventFilter, EventStore, ExpectedVersion,
    NewEvent, Outcome, Position, ReadLimit, StorageErrorKind, StreamId, WorkChange, WorkQueue,
};
use es_testkit::postgres::Database;
use es_tests::accounts::deposit;
use serde::{Deserialize, Serialize};
use std::time::Duration;

fn database() -> Database<'static> {
    es_tests::server::database()
}

#[derive(Event, Serialize, Deserialize)]
#[event("account.deposited")]
struct Deposited {
    cents: i64,
}

/// What the settings of a session could change: how values become text, how text becomes values.
#[derive(Projection)]
#[projection("texts", events(Deposited))]
#[projection(schema(PostgresReadDatabase = "CREATE TABLE {texts} (value TEXT NOT NULL)"))]
struct Texts;

impl Project<Deposited, PostgresReadDatabase> for Texts {
    async fn project(
        &self,
        _: &Envelope<Deposited>,
        tx: &mut PostgresTransaction,
    ) -> Result<(), HandlerError> {
        const SQL: &str = r"INSERT INTO {texts} SELECT concat_ws('; ',
            to_jsonb(0.1::float8 + 0.2::float8), timestamptz '2026-03-04 05:06:07+00',
            date '03-04-2026', interval '1 day -2 hours', '\x4142'::bytea, 'a\nb', 'a\\b',
            ((chr(123) || 'NULL' || chr(125))::text[])[1] IS NULL, (nullif(1, 1) = NULL) IS NULL,
            timestamptz '2026-03-04 23:30:00+00' AT TIME ZONE current_setting('TimeZone'))";
        tx.execute(SQL, &[]).await?;
        Ok(())
    }
}

const TEXTS: &str = r"0.30000000000000004; 2026-03-04 05:06:07+00; 2026-03-04; 1 day -02:00:00; \x4142; a\nb; a\\b; t; t; 2026-03-04 23:30:00";

fn options(database: &Database<'_>) -> PostgresOptions {
    PostgresStore::options(&database.url()).expect("a connection string")
}

async fn append(store: &PostgresStore, id: &str, expected: ExpectedVersion) -> Result<(), String> {
    let stream = StreamId::new("account", id).expect("a name");
    let event = NewEvent::json(
        "account.deposited",
        1,
        r#"{"cents":1,"text":"a\\b\u0000ü"}"#,
    );
    let append = Append::new(stream, expected).with_event(event);
    let done = store.append(append).await;
    done.map(|_| ()).map_err(|error| error.to_string())
}

async fn claim(store: &PostgresStore, owner: &str) -> Result<usize, String> {
    let claim = Claim::new(vec!["saga".to_owned()], owner, Duration::from_secs(60), 3);
    let claimed = store.claim(claim).await;
    claimed
        .map(|all| all.len())
        .map_err(|error| error.to_string())
}

/// What an application does in a day: two processes start at once, append to the same feed, share work,
/// and keep a read model.
async fn use_it(options: impl Fn() -> PostgresOptions) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let (one, two) = tokio::join!(options().open(), options().open());
    let stores = [one.map_err(|e| text(&e))?, two.map_err(|e| text(&e))?];
    for number in 0..30 {
        let instance = StreamId::new("saga", &number.to_string()).expect("a name");
        let mut row = WorkChange::new(instance, "v1");
        row.due_at = es_runtime::Timestamp::from_unix_micros(1);
        let commit = stores[0].commit(Commit::new().work(row)).await;
        commit.map_err(|error| text(&error))?;
    }
    let tasks: Vec<_> = (0..2)
        .flat_map(|process| (0..20).map(move |number| (process, number)))
        .map(|(process, number)| {
            let store = stores[process].clone();
            es_tests::spawn(async move {
                let id = format!("{process}-{number}");
                append(&store, &id, ExpectedVersion::NoStream).await?;
                append(&store, "shared", ExpectedVersion::Any).await?;
                if number < 5 {
                    return claim(&store, &id).await;
                }
                Ok::<_, String>(0)
            })
        })
        .collect();
    let mut claimed = 0;
    for task in tasks {
        claimed += task.await.expect("ends")?;
    }
    if claimed != 30 {
        return Err(format!("{claimed} of 30 were claimed"));
    }
    // A pause, as at night.
    options().open().await.map_err(|e| text(&e))?.close().await;
    let mut seen = Vec::new();
    let mut from = Position::START;
    loop {
        let page = stores[0]
            .read_feed(from, &EventFilter::all(), ReadLimit::events(7))
            .await;
        let page = page.map_err(|error| text(&error))?;
        seen.extend(page.events.iter().map(|event| event.position.to_parts()[2]));
        from = page.next;
        if page.at_end {
            break;
        }
    }
    if seen != (1..=80).collect::<Vec<_>>() {
        return Err(format!("the feed has {seen:?}"));
    }
    let read = stores[0].read_database();
    let projections = Projections::new(stores[0].clone(), read.clone()).with(Texts);
    let projections = projections.attempts(1, Duration::ZERO, Duration::ZERO);
    let caught_up = projections.catch_up().await;
    caught_up.map_err(|error| text(&error))?;
    let parked = projections.parked("texts").await;
    if let Some(parked) = parked.map_err(|error| text(&error))?.first() {
        return Err(format!("the handler failed: {}", parked.event.reason));
    }
    let texts = read.select("SELECT DISTINCT value FROM texts", &[], |row| {
        row.try_get(0)
    });
    let texts: Vec<String> = texts.await.map_err(|error| text(&error))?;
    if texts != [TEXTS] {
        return Err(format!("the read model has {texts:?}"));
    }
    for store in stores {
        store.close().await;
    }
    Ok(())
}

/// Each setting of a session that changes what a statement means or whether it is done. The server has
/// more settings; those choose plans, buffers, and what is logged.
const DEFAULTS: &[(&str, &str)] = &[
    ("default_transaction_isolation", "'serializable'"),
    ("default_transaction_isolation", "'repeatable read'"),
    ("default_transaction_deferrable", "on"),
    ("search_path", "evil, public, pg_catalog"),
    ("search_path", "public, evil"),
    ("statement_timeout", "'20ms'"),
    ("lock_timeout", "'1ms'"),
    ("idle_in_transaction_session_timeout", "'1ms'"),
    ("idle_session_timeout", "'100ms'"),
    ("exit_on_error", "on"),
    ("synchronous_commit", "off"),
    ("DateStyle", "'German, DMY'"),
    ("DateStyle", "'SQL, DMY'"),
    ("IntervalStyle", "'sql_standard'"),
    ("TimeZone", "'Asia/Kathmandu'"),
    ("standard_conforming_strings", "off"),
    ("backslash_quote", "off"),
    ("bytea_output", "'escape'"),
    ("extra_float_digits", "-15"),
    ("transform_null_equals", "on"),
    ("array_nulls", "off"),
    ("client_encoding", "'LATIN1'"),
    ("row_security", "off"),
    ("check_function_bodies", "off"),
    ("default_table_access_method", "'heap'"),
    ("plan_cache_mode", "'force_generic_plan'"),
    ("plan_cache_mode", "'force_custom_plan'"),
    ("enable_indexscan", "off"),
    ("enable_nestloop", "off"),
    ("jit", "on"),
    ("jit_above_cost", "0"),
    ("quote_all_identifiers", "on"),
    ("client_min_messages", "debug5"),
    ("session_replication_role", "replica"),
];

const EVIL: &str = "CREATE SCHEMA evil;
    CREATE FUNCTION evil.unnest(text[], text[], text[]) RETURNS TABLE (a text, b text, c text)
        LANGUAGE sql AS 'SELECT NULL::text, NULL::text, NULL::text WHERE false';
    CREATE FUNCTION evil.cardinality(anyarray) RETURNS int LANGUAGE sql AS 'SELECT 0';
    CREATE FUNCTION evil.count() RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
    GRANT USAGE ON SCHEMA evil TO public;";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn no_default_of_a_database_changes_what_the_store_does() {
    let mut wrong = Vec::new();
    for (name, value) in DEFAULTS {
        let database = database();
        let set = format!(
            "ALTER DATABASE {} SET {name} = {value}; {EVIL}",
            database.name()
        );
        if let Err(error) = database.query(&set) {
            // A setting of newer servers.
            assert!(error.to_string().contains("unrecognized"), "{error}");
            continue;
        }
        if let Err(error) = use_it(|| options(&database)).await {
            wrong.push(format!("{name} = {value}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// All of them together, on the role, and in the connection string.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn no_default_of_a_role_or_of_the_connection_changes_it_either() {
    const ALL: &[(&str, &str)] = &[
        ("default_transaction_isolation", "serializable"),
        ("default_transaction_deferrable", "on"),
        ("lock_timeout", "1"),
        ("idle_in_transaction_session_timeout", "1"),
        ("exit_on_error", "on"),
        ("DateStyle", "German"),
        ("IntervalStyle", "sql_standard"),
        ("TimeZone", "Asia/Kathmandu"),
        ("standard_conforming_strings", "off"),
        ("extra_float_digits", "-15"),
        ("bytea_output", "escape"),
        ("transform_null_equals", "on"),
        ("array_nulls", "off"),
    ];
    let of_role = database();
    let role = format!("app_{}", of_role.name());
    let name = of_role.name();
    let mut sql = format!("CREATE ROLE {role} LOGIN SUPERUSER;");
    for (setting, value) in ALL {
        sql += &format!("ALTER ROLE {role} SET {setting} = '{value}';");
    }
    of_role.query(&sql).expect(name);
    let url = of_role.url().replace("user=es", &format!("user={role}"));
    use_it(|| PostgresStore::options(&url).expect("a connection string"))
        .await
        .expect("by role");

    let in_string = database();
    let given: Vec<String> = ALL
        .iter()
        .map(|(name, value)| format!("-c {name}={value}"))
        .collect();
    let url = format!("{} options='{}'", in_string.url(), given.join(" "));
    use_it(|| PostgresStore::options(&url).expect("a connection string"))
        .await
        .expect("by the connection string");
}

/// The limits for commands are none for making the tables.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn making_the_tables_may_take_longer_than_a_command() {
    let database = database();
    // Each statement that makes something takes a while, and another process is at it already.
    let slow = "CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql
            AS 'BEGIN PERFORM pg_sleep(1.1); END';
        CREATE EVENT TRIGGER slow ON ddl_command_start
            WHEN TAG IN ('CREATE SCHEMA', 'CREATE FUNCTION', 'CREATE VIEW') EXECUTE FUNCTION slow();";
    database.query(slow).expect("made");
    let open = || {
        let limit = Duration::from_secs(1);
        let options = options(&database).schema("slow_store").expect("a name");
        let options = options.read_schema("slow_rows").expect("a name");
        let options = options
            .inline(Texts)
            .statement_timeout(limit)
            .busy_timeout(limit);
        async move { options.open().await }
    };
    let (one, two) = tokio::join!(open(), open());
    let (one, two) = (one.expect("opens"), two.expect("opens"));
    deposit(&one, "a", 1).await.expect("stored");
    deposit(&two, "a", 1).await.expect("stored");
    // They are limits still.
    let read = one.read_database();
    let late = read.select("SELECT pg_sleep(5)", &[], |_| Ok(())).await;
    assert_eq!(late.expect_err("too long").kind, StorageErrorKind::Busy);
}

/// Rows that a policy hides would be gaps in the feed and versions that are free again.
#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_store_whose_rows_are_hidden_does_not_open() {
    let database = database();
    let owner = options(&database).open().await.expect("opens");
    deposit(&owner, "a", 1).await.expect("stored");
    let role = format!("app_{}", database.name());
    let grant = format!(
        "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA es TO {role};
         GRANT ALL ON ALL TABLES IN SCHEMA es TO {role};"
    );
    database.query(&grant).expect("granted");
    let url = database.url().replace("user=es", &format!("user={role}"));
    let open = || {
        PostgresStore::options(&url)
            .expect("a connection string")
            .open()
    };
    let before = open().await.expect("opens");
    let hide = "ALTER TABLE es.events ENABLE ROW LEVEL SECURITY;
        CREATE POLICY tenants ON es.events USING (aggregate_id <> 'a');";
    database.query(hide).expect("hidden");
    let refused = open().await.expect_err("rows are hidden");
    assert_eq!(refused.kind, StorageErrorKind::CannotOpen);
    assert!(
        refused.message.contains("row level security") && refused.message.contains("es.events"),
        "{refused}"
    );
    // A store that is open already reads no shorter feed.
    let page = before
        .read_feed(Position::START, &EventFilter::all(), ReadLimit::default())
        .await;
    assert!(page.is_err(), "{page:?}");
    let refused = deposit(&before, "a", 1).await.expect_err("rows are hidden");
    assert_eq!(refused.outcome(), Outcome::NotApplied, "{refused}");
}

/// What protects the events protects them in sessions that play another server's changes, too.
#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn events_are_immutable_for_replicas_too() {
    let database = database();
    let store = options(&database).open().await.expect("opens");
    deposit(&store, "a", 1).await.expect("stored");
    for sql in [
        "DELETE FROM es.events",
        "UPDATE es.events SET version = 9",
        "TRUNCATE es.events",
    ] {
        let sql = format!("SET session_replication_role TO replica; {sql}");
        let refused = database.query(&sql).expect_err("refused").to_string();
        assert!(refused.contains("immutable"), "{refused}");
    }
}

/// A parameter of another driver is named, with what to use, and the password is not.
#[test]
fn parameters_of_other_drivers_are_named() {
    let url = "postgres://shop:secret@db.example.com/shop";
    let pairs = "host=db user=shop password=secret";
    let cases = [
        ("pgbouncer=true", "transaction_pool(true)"),
        ("schema=shop", "schema(\"..\")"),
        ("currentSchema=shop", "read_schema"),
        ("sslmode=verify-full", "tls"),
        ("sslmode=verify-ca", "tls"),
        ("sslmode=allow", "sslmode"),
        ("sslrootcert=/etc/ca.pem", "tls"),
        ("sslcert=/etc/me.pem", "tls"),
        ("ssl=true", "sslmode=require"),
        ("connection_limit=5", "reader_connections"),
        ("pool_timeout=5", "busy_timeout"),
        ("statement_timeout=5", "statement_timeout"),
        ("search_path=shop", "read_schema"),
        ("statement_cache_capacity=100", "transaction_pool"),
        ("client_encoding=utf8", "UTF-8"),
        ("passfile=secrets/pgpass", "password"),
        ("target_session_attrs=primary", "read-write"),
        ("connect_timeout=soon", "connect_timeout"),
        ("port=x", "port"),
    ];
    for (parameter, help) in cases {
        let name = parameter.split('=').next().expect("a name");
        for text in [
            format!("{url}?{parameter}"),
            format!("{url}?connect_timeout=3&{parameter}"),
            format!("{pairs} {parameter}"),
        ] {
            let refused = PostgresStore::options(&text).expect_err(&text);
            assert_eq!(refused.kind, StorageErrorKind::CannotOpen);
            let message = format!("{refused} {refused:?}");
            assert!(
                message.contains(name) && message.contains(help),
                "{text}: {message}"
            );
            assert!(!message.contains("secret"), "{message}");
        }
    }
    // What is unknown may be a part of the password.
    for text in [
        "postgres://shop:se@cret?word=x@db/shop",
        "postgres://shop:secret@db/shop?unknown_secret=1",
        "host=db password=sec ret=1",
        "jdbc:postgresql://shop:secret@db/shop",
        "postgresql+asyncpg://shop:secret@db/shop",
        "mysql://shop:secret@db/shop",
        "",
        "secret",
    ] {
        let Err(refused) = PostgresStore::options(text) else {
            assert_eq!(text, "");
            continue;
        };
        let message = format!("{refused} {refused:?}");
        assert!(
            message.contains("postgres://user@host/database"),
            "{message}"
        );
        for part in ["secret", "cret", "word", "ret="] {
            let known = message.replace("password", "");
            assert!(!known.contains(part), "{text}: {message}");
        }
    }
}
