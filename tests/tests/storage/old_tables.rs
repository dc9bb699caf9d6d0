//! Tables that were made before the first release: every way to open them refuses them, says so, and
//! changes nothing.

use es_postgres::{PostgresReadDatabase, PostgresStore, tokio_postgres};
use es_projections::{ProjectionError, Projections};
use es_runtime::{MemoryStore, StorageError, StorageErrorKind};
use es_sqlite::{SqliteReadDatabase, SqliteStore};
use es_testkit::postgres::Database;
use es_tests::accounts::Balances;
use rusqlite::Connection;
use std::path::Path;

/// The tables of a store, as far as an older program can be recognised by them.
const OLD_SQLITE_STORE: &str = "
    CREATE TABLE es_meta (name TEXT PRIMARY KEY NOT NULL, value ANY NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO es_meta VALUES ('schema_version', 2);
    CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT, payload ANY NOT NULL) STRICT;
    CREATE TABLE es_sagas (saga TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (saga, id));
";

const OLD_POSTGRES_STORE: &str = "
    CREATE SCHEMA es;
    CREATE TABLE es.es_meta (name TEXT PRIMARY KEY, value BIGINT NOT NULL);
    INSERT INTO es.es_meta VALUES ('schema_version', 3);
    CREATE TABLE es.head (only_row BOOLEAN PRIMARY KEY DEFAULT TRUE, position BIGINT NOT NULL);
    CREATE TABLE es.sagas (saga TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (saga, id));
";

/// What projections kept, in both databases.
const OLD_PROJECTIONS: &str = "
    CREATE TABLE es_books (version BIGINT NOT NULL);
    INSERT INTO es_books VALUES (1);
    CREATE TABLE es_read_models (name TEXT PRIMARY KEY NOT NULL, live BIGINT);
";

fn sqlite_tables(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).expect("opens");
    let mut select = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .expect("prepares");
    let names = select.query_map([], |row| row.get(0)).expect("queries");
    names.collect::<Result<_, _>>().expect("names")
}

fn sqlite_file(path: &Path, tables: &str) -> Vec<String> {
    let connection = Connection::open(path).expect("opens");
    let mode = "PRAGMA journal_mode = WAL";
    let mode: String = connection
        .query_row(mode, [], |row| row.get(0))
        .expect("set");
    assert_eq!(mode, "wal");
    connection.execute_batch(tables).expect("made");
    drop(connection);
    sqlite_tables(path)
}

fn is_refused(error: &StorageError, words: &[&str]) {
    assert_eq!(error.kind, StorageErrorKind::Version, "{error}");
    let text = error.to_string();
    for word in words.iter().chain(&["before the first release"]) {
        assert!(text.contains(word), "{text} does not say `{word}`");
    }
}

fn projection_is_refused(error: &ProjectionError) {
    let ProjectionError::Storage { source, .. } = error else {
        panic!("{error}");
    };
    is_refused(source, &["es_books", "drop the tables"]);
}

#[tokio::test]
async fn sqlite_refuses_an_old_store() {
    let folder = es_tests::tiers::folder();
    let path = folder.path().join("shop.db");
    let before = sqlite_file(&path, OLD_SQLITE_STORE);
    let name = path.display().to_string();
    for read_only in [false, true] {
        let options = SqliteStore::options().read_only(read_only);
        let error = options.open(&path).await.expect_err("refused");
        is_refused(&error, &[&name, "use a new file"]);
    }
    let options = SqliteStore::options().inline(Balances::new());
    let error = options.open(&path).await.expect_err("refused");
    is_refused(&error, &[&name, "use a new file"]);
    assert_eq!(sqlite_tables(&path), before);
}

/// The same version with other columns.
#[tokio::test]
async fn sqlite_refuses_a_store_of_the_same_version_without_its_columns() {
    let folder = es_tests::tiers::folder();
    let path = folder.path().join("shop.db");
    SqliteStore::open(&path).await.expect("opens").close().await;
    let connection = Connection::open(&path).expect("opens");
    let older = "ALTER TABLE es_work DROP COLUMN process";
    connection.execute_batch(older).expect("made");
    drop(connection);
    let error = SqliteStore::open(&path).await.expect_err("refused");
    is_refused(&error, &["use a new file"]);
}

#[tokio::test]
async fn sqlite_refuses_old_projections() {
    let folder = es_tests::tiers::folder();
    let path = folder.path().join("read.db");
    let before = sqlite_file(&path, OLD_PROJECTIONS);
    let read = SqliteReadDatabase::open(&path).await.expect("opens");
    let projections = Projections::new(MemoryStore::new(), read.clone()).with(Balances::new());
    let error = projections.catch_up().await.expect_err("refused");
    projection_is_refused(&error);
    read.close().await;
    assert_eq!(sqlite_tables(&path), before);
}

async fn postgres(database: &Database<'_>, tables: &str) -> tokio_postgres::Client {
    let url = database.url();
    let client = es_tests::client(&url).await;
    client.batch_execute(tables).await.expect("made");
    client
}

async fn postgres_tables(client: &tokio_postgres::Client) -> Vec<String> {
    let select = "SELECT table_schema || '.' || table_name FROM information_schema.tables
                  WHERE table_schema IN ('es', 'public') ORDER BY 1";
    let rows = client.query(select, &[]).await.expect("queries");
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn postgres_refuses_an_old_store() {
    let database = es_tests::server::database();
    let client = postgres(&database, OLD_POSTGRES_STORE).await;
    let before = postgres_tables(&client).await;
    let url = database.url();
    for migrate in [true, false] {
        let options = PostgresStore::options(&url)
            .expect("a url")
            .migrate(migrate);
        let error = options.open().await.expect_err("refused");
        is_refused(&error, &["schema es", "use another schema"]);
    }
    let options = PostgresStore::options(&url).expect("a url");
    let script = options.migration_script();
    let error = client.batch_execute(&script).await;
    error.expect_err("an operator's script changes nothing either");
    client.batch_execute("ROLLBACK").await.expect("ended");
    assert_eq!(postgres_tables(&client).await, before);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn postgres_refuses_old_projections() {
    let database = es_tests::server::database();
    let client = postgres(&database, OLD_PROJECTIONS).await;
    let before = postgres_tables(&client).await;
    let url = database.url();
    let read = PostgresReadDatabase::open(&url).await.expect("opens");
    let projections = Projections::new(MemoryStore::new(), read).with(Balances::new());
    let error = projections.catch_up().await.expect_err("refused");
    projection_is_refused(&error);
    assert_eq!(postgres_tables(&client).await, before);
}
