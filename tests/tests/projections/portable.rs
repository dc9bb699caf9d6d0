//! Portable handlers: one text of SQL on SQLite and on PostgreSQL, through `AnyStore` and `AnyReadDatabase`.

use crate::places::Place;
use es_postgres::PostgresStore;
use es_projections::{
    AnyReadDatabase, AnyTransaction, HandlerError, Portable, Project, Projection, SqlValue,
    WaitFor, values,
};
use es_runtime::{AnyStore, AppendError, Envelope, EventStore};
use es_sqlite::SqliteStore;
use es_tests::accounts::{Deposited, deposit};
use std::time::Duration;

on_both!(
    values_come_back_as_they_went_in,
    numbers_above_i64_max,
    parameters_count_by_number,
    a_wrong_number_of_values_is_an_error,
    names_in_braces_and_other_braces,
    text_that_looks_like_a_table_is_text,
    a_name_that_is_not_declared_is_an_error,
    handlers_may_not_end_the_transaction,
    a_column_of_another_type_is_an_error_without_the_value,
    sums_need_a_cast,
    rebuilds_and_upserts,
    failed_events_are_parked_and_retried,
);

/// One statement with its values, run for each event.
#[derive(Projection)]
#[projection("probe", version = 1, events(Deposited))]
#[projection(schema(sqlite = SQLITE_PROBE, postgres = POSTGRES_PROBE))]
struct Probe {
    sql: &'static str,
    values: Vec<SqlValue>,
    is_query: bool,
}

const SQLITE_PROBE: &str = "
    CREATE TABLE {probe} (n BIGINT, truth BOOLEAN, number DOUBLE PRECISION, words TEXT, bytes BLOB,
                          big NUMERIC, at TEXT)";
const POSTGRES_PROBE: &str = "
    CREATE TABLE {probe} (n BIGINT, truth BOOLEAN, number DOUBLE PRECISION, words TEXT, bytes BYTEA,
                          big NUMERIC, at TIMESTAMPTZ)";

impl Project<Deposited> for Probe {
    async fn project(
        &self,
        _: &Envelope<Deposited>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        if self.is_query {
            tx.select_one(self.sql, &self.values).await?;
        } else {
            tx.run(self.sql, &self.values).await?;
        }
        Ok(())
    }
}

impl Place {
    /// Runs the statement in a handler, and gives why it failed.
    async fn probe(
        &self,
        sql: &'static str,
        values: &[SqlValue],
        is_query: bool,
    ) -> Result<(), String> {
        let probe = Probe {
            sql,
            values: values.to_vec(),
            is_query,
        };
        let account = format!("a{}", es_runtime::EventId::new());
        deposit(&self.store, &account, 1).await.expect("stored");
        let runner = self.runner().with(probe);
        runner.catch_up().await.expect("caught up");
        let parked = runner.parked("probe").await.expect("parked events");
        match parked
            .into_iter()
            .find(|parked| parked.key.contains(&account))
        {
            Some(parked) => Err(parked.event.reason),
            None => Ok(()),
        }
    }

    async fn run(&self, sql: &'static str, values: &[SqlValue]) -> Result<(), String> {
        self.probe(sql, values, false).await
    }
}

async fn values_come_back_as_they_went_in(place: &Place) {
    let at = es_runtime::Timestamp::now();
    place
        .run(
            "INSERT INTO {probe} (n, truth, number, words, bytes, big, at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            values![
                i64::MIN,
                true,
                0.1,
                "Grüße, 'x' {probe}",
                &[0_u8, 255][..],
                None::<i64>,
                at
            ],
        )
        .await
        .expect("inserted");
    let row = place
        .one(
            "SELECT n, truth, number, words, bytes, CAST(big AS TEXT) FROM probe",
            &[],
        )
        .await;
    assert_eq!(row.get::<i64>(0), Ok(i64::MIN));
    assert_eq!(row.get::<bool>(1), Ok(true));
    assert_eq!(row.get::<f64>(2), Ok(0.1));
    assert_eq!(row.get::<String>(3), Ok("Grüße, 'x' {probe}".to_owned()));
    assert_eq!(row.get::<Vec<u8>>(4), Ok(vec![0, 255]));
    assert_eq!(row.get::<Option<String>>(5), Ok(None));
    // A time is given as text, to a column of TIMESTAMPTZ too, and compared as one.
    let same = place
        .one("SELECT count(*) FROM probe WHERE at = $1", values![at])
        .await;
    assert_eq!(same.get::<i64>(0), Ok(1));
    // NULL fits every column.
    place
        .run(
            "INSERT INTO {probe} (n, truth, number, words, bytes, at) VALUES ($1, $2, $3, $4, $5, $6)",
            &[const { SqlValue::Null }; 6],
        )
        .await
        .expect("inserted");
    let nulls = place
        .one(
            "SELECT count(*) FROM probe WHERE n IS NULL AND truth IS NULL AND number IS NULL \
             AND words IS NULL AND bytes IS NULL AND at IS NULL",
            &[],
        )
        .await;
    assert_eq!(nulls.get::<u64>(0), Ok(1));
}

async fn numbers_above_i64_max(place: &Place) {
    let insert = "INSERT INTO {probe} (big) VALUES ($1)";
    place
        .run(insert, values![i64::MAX.unsigned_abs()])
        .await
        .expect("i64::MAX");
    let outcome = place.run(insert, values![u64::MAX]).await;
    if place.is_postgres() {
        outcome.expect("NUMERIC takes it");
        let row = place
            .one("SELECT CAST(max(big) AS TEXT) FROM probe", &[])
            .await;
        assert_eq!(row.get::<String>(0), Ok(u64::MAX.to_string()));
        let outcome = place
            .run("INSERT INTO {probe} (n) VALUES ($1)", values![u64::MAX])
            .await;
        outcome.expect_err("BIGINT does not");
    } else {
        let reason = outcome.expect_err("SQLite has no such number");
        assert!(reason.contains("9223372036854775807"), "{reason}");
        assert!(!reason.contains(&u64::MAX.to_string()), "{reason}");
    }
}

async fn parameters_count_by_number(place: &Place) {
    place
        .run(
            "INSERT INTO {probe} (words, n) VALUES ($2, $1)",
            values![8_i64, "second"],
        )
        .await
        .expect("inserted");
    let row = place
        .one(
            "SELECT n, words FROM probe WHERE words = $2 AND n = $1",
            values![8_i64, "second"],
        )
        .await;
    assert_eq!(row.get::<i64>(0), Ok(8));
    assert_eq!(row.get::<String>(1), Ok("second".to_owned()));
}

async fn a_wrong_number_of_values_is_an_error(place: &Place) {
    let insert = "INSERT INTO {probe} (n, words) VALUES ($1, $2)";
    for values in [values![], values![1_i64], values![1_i64, "a", "b"]] {
        let reason = place.run(insert, values).await.expect_err("refused");
        assert!(!reason.contains("panicked"), "{reason}");
        assert!(reason.contains("parameter"), "{reason}");
    }
    let row = place.one("SELECT count(*) FROM probe", &[]).await;
    assert_eq!(row.get::<i64>(0), Ok(0));
    let outcome = place.read.select("SELECT $1", &[]).await;
    outcome.expect_err("one is missing");
}

async fn names_in_braces_and_other_braces(place: &Place) {
    place
        .run(
            r#"INSERT INTO {probe} (words) SELECT '{"a":1}' WHERE NOT EXISTS (SELECT 1 FROM {probe})"#,
            &[],
        )
        .await
        .expect("inserted");
    let row = place.one("SELECT words FROM probe", &[]).await;
    assert_eq!(row.get::<String>(0), Ok(r#"{"a":1}"#.to_owned()));
    let long = "DELETE FROM {a_name_that_is_longer_than_forty_eight_bytes_is_refused}";
    let reason = place.run(long, &[]).await.expect_err("refused");
    assert!(reason.contains("longer than 48 bytes"), "{reason}");
}

async fn text_that_looks_like_a_table_is_text(place: &Place) {
    let texts: &[(&'static str, &str)] = &[
        ("'Dear {probe}, welcome'", "Dear {probe}, welcome"),
        ("'it''s {probe}'", "it's {probe}"),
        ("'{nothing}' /* {nothing} */ -- {nothing}\n", "{nothing}"),
        (
            "(SELECT \"{probe}\" FROM (SELECT 'x' AS \"{probe}\") AS q)",
            "x",
        ),
    ];
    let of_postgres: &[(&'static str, &str)] = &[
        ("$$Dear {probe}$$", "Dear {probe}"),
        ("$t$Dear $$ {probe}$t$", "Dear $$ {probe}"),
        ("E'it\\'s {probe}'", "it's {probe}"),
        (
            "CAST(jsonb_set('{\"probe\":1}', '{probe}', '2') AS TEXT)",
            "{\"probe\": 2}",
        ),
        ("array_to_string(CAST('{probe}' AS TEXT[]), '')", "probe"),
    ];
    let of_sqlite: &[(&'static str, &str)] = &[
        ("(SELECT [{probe}] FROM (SELECT 'x' AS [{probe}]))", "x"),
        ("(SELECT `{probe}` FROM (SELECT 'x' AS `{probe}`))", "x"),
        (
            "/* /* */ (SELECT 'x' || '{a}' FROM {probe} LIMIT 1)",
            "x{a}",
        ),
    ];
    let own = if place.is_postgres() {
        of_postgres
    } else {
        of_sqlite
    };
    for (text, expected) in texts.iter().chain(own) {
        let insert = format!("INSERT INTO {{probe}} (words) VALUES ({text})");
        let insert: &'static str = insert.leak();
        place.run(insert, &[]).await.expect(text);
        let newest = if place.is_postgres() { "ctid" } else { "rowid" };
        let sql = format!("SELECT words FROM probe__b1 ORDER BY {newest} DESC LIMIT 1");
        let row = place.one(&sql, &[]).await;
        assert_eq!(row.get::<String>(0).as_deref(), Ok(*expected), "{text}");
    }
}

async fn a_name_that_is_not_declared_is_an_error(place: &Place) {
    for (sql, says) in [
        (
            "DELETE FROM {prob}",
            "`{prob}` is not declared in the schema of the projection, which declares `probe`",
        ),
        (
            "INSERT INTO {probe} (n) SELECT n FROM {events}",
            "`{events}` is not declared",
        ),
        (
            "DELETE FROM {Probe}",
            "no table name follows the brace in `{Probe}`",
        ),
        ("DELETE FROM {probe", "no table name follows the brace"),
    ] {
        let reason = place.run(sql, &[]).await.expect_err(sql);
        assert!(reason.contains(says), "{reason}");
    }
}

async fn handlers_may_not_end_the_transaction(place: &Place) {
    for sql in ["COMMIT", "-- now\nROLLBACK", "SAVEPOINT a"] {
        let reason = place.run(sql, &[]).await.expect_err("refused");
        assert!(reason.contains("may not run"), "{reason}");
    }
}

async fn a_column_of_another_type_is_an_error_without_the_value(place: &Place) {
    place
        .run(
            "INSERT INTO {probe} (n, words) VALUES (4711, 'secret')",
            &[],
        )
        .await
        .expect("inserted");
    let row = place.one("SELECT n, words FROM probe", &[]).await;
    let error = row.get::<i64>(1).expect_err("a text").to_string();
    assert_eq!(
        error,
        "column 1 holds a text, not a whole number of 64 bits"
    );
    let error = row.get::<i64>(2).expect_err("no column").to_string();
    assert!(error.contains("fewer columns"), "{error}");
    // A type that has no value here is named by the error.
    if place.is_postgres() {
        let sql = "SELECT CAST(4711 AS NUMERIC)";
        let reason = place.probe(sql, &[], true).await.expect_err("unknown");
        assert!(
            reason.contains("numeric") && !reason.contains("4711"),
            "{reason}"
        );
        let error = place.read.select(sql, &[]).await.expect_err("unknown");
        assert!(error.to_string().contains("numeric"), "{error}");
    }
}

async fn sums_need_a_cast(place: &Place) {
    for _ in 0..2 {
        place
            .run("INSERT INTO {probe} (n) VALUES (2)", &[])
            .await
            .expect("inserted");
    }
    let row = place
        .one("SELECT CAST(sum(n) AS BIGINT), count(*) FROM probe", &[])
        .await;
    assert_eq!((row.get::<i64>(0), row.get::<i64>(1)), (Ok(4), Ok(2)));
    let bare = place.read.select("SELECT sum(n) FROM probe", &[]).await;
    assert_eq!(bare.is_err(), place.is_postgres());
}

/// What each account has: one schema for both databases.
#[derive(Projection, Clone, Copy)]
#[projection("totals", version = 1, events(Deposited))]
#[projection(
    schema = "CREATE TABLE {totals} (account TEXT PRIMARY KEY NOT NULL, cents BIGINT NOT NULL)"
)]
struct Totals {
    limit: i64,
}

impl Project<Deposited> for Totals {
    async fn project(
        &self,
        deposited: &Envelope<Deposited>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        let (account, cents) = (deposited.stream.id(), deposited.event.cents);
        if cents > self.limit {
            return Err(HandlerError::new("too much at once"));
        }
        tx.run(
            "INSERT INTO {totals} (account, cents) VALUES ($1, $2) \
             ON CONFLICT (account) DO UPDATE SET cents = {totals}.cents + excluded.cents",
            values![account, cents],
        )
        .await?;
        Ok(())
    }
}

const ANY: Totals = Totals { limit: i64::MAX };

async fn total(read: &AnyReadDatabase, account: &str) -> Option<i64> {
    let sql = "SELECT cents FROM totals WHERE account = $1";
    let row = read.select_one(sql, values![account]).await;
    row.expect("a query")
        .map(|row| row.get(0).expect("a number"))
}

async fn rebuilds_and_upserts(place: &Place) {
    let runner = place.runner().with(ANY);
    let mut last = None;
    for cents in 1..=4 {
        last = Some(deposit(&place.store, "ann", cents).await.expect("stored"));
    }
    runner.catch_up().await.expect("caught up");
    let waited = place
        .read
        .wait_for::<Totals>(last.expect("a position"), Duration::from_secs(5));
    waited.await.expect("it is there");
    assert_eq!(total(&place.read, "ann").await, Some(10));
    let build = runner.rebuild_now("totals").await.expect("rebuilt");
    assert_eq!(build.number, 2);
    assert_eq!(total(&place.read, "ann").await, Some(10));
    deposit(&place.store, "ann", 5).await.expect("stored");
    runner.catch_up().await.expect("caught up");
    assert_eq!(total(&place.read, "ann").await, Some(15));
}

async fn failed_events_are_parked_and_retried(place: &Place) {
    for (account, cents) in [("ann", 1), ("bob", 2), ("ann", 500), ("ann", 3), ("bob", 4)] {
        deposit(&place.store, account, cents).await.expect("stored");
    }
    let strict = place.runner().with(Totals { limit: 100 });
    strict.catch_up().await.expect("caught up");
    assert_eq!(total(&place.read, "ann").await, Some(1));
    assert_eq!(total(&place.read, "bob").await, Some(6));
    let parked = strict.parked("totals").await.expect("parked events");
    let reasons: Vec<_> = parked.iter().map(|parked| &*parked.event.reason).collect();
    assert_eq!(
        reasons,
        ["too much at once", "an earlier event of its key is parked"]
    );
    let lenient = place.runner().with(ANY);
    let outcome = lenient
        .retry("totals", &parked[0].key)
        .await
        .expect("tried");
    assert_eq!((outcome.handled, outcome.failed), (2, None));
    assert_eq!(total(&place.read, "ann").await, Some(504));
}

/// Appends through a store that runs [`Totals`] inside its appends.
async fn appends_write_the_rows(store: AnyStore, read: AnyReadDatabase) {
    for cents in 1..=3 {
        deposit(&store, "ann", cents).await.expect("stored");
        assert_eq!(total(&read, "ann").await, Some(cents * (cents + 1) / 2));
    }
    let refused = deposit(&store, "bob", 101).await.expect_err("refused");
    assert!(
        matches!(refused, AppendError::Projection { .. }),
        "{refused:?}"
    );
    assert_eq!(total(&read, "bob").await, None);
    let head = store.head().await.expect("the end");
    read.wait_for::<Totals>(head, Duration::from_secs(5))
        .await
        .expect("it is there");
}

#[tokio::test]
async fn a_portable_projection_inside_appends_on_sqlite() {
    let folder = es_tests::tiers::folder();
    let store = SqliteStore::options()
        .inline(Portable(Totals { limit: 100 }))
        .open(folder.path().join("all.db"))
        .await
        .expect("opens");
    let read = AnyReadDatabase::new(store.read_database());
    appends_write_the_rows(AnyStore::new(store), read).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_portable_projection_inside_appends_on_postgres() {
    let database = es_tests::server::database();
    let store = PostgresStore::options(&database.url())
        .expect("a url")
        .inline(Portable(Totals { limit: 100 }))
        .open()
        .await
        .expect("opens");
    let read = AnyReadDatabase::new(store.read_database());
    appends_write_the_rows(AnyStore::new(store), read).await;
}
