//! The tables that the runner keeps in the read database, and their version.

use super::columns::Columns;
use crate::api::{Job, Names, ReadDatabase, RolledBack, SqlTransaction, TransactionError};
use es_runtime::{StorageError, StorageErrorKind};

/// The version of the projection state that this program keeps.
const STATE_VERSION: i64 = 3;

/// The tables. The statements may run again.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS es_projection_schema (version BIGINT NOT NULL);
    CREATE TABLE IF NOT EXISTS es_projections (
        name TEXT PRIMARY KEY NOT NULL,
        live BIGINT
    );
    CREATE TABLE IF NOT EXISTS es_builds (
        name       TEXT   NOT NULL,
        build      BIGINT NOT NULL,
        version    BIGINT NOT NULL,
        partitions BIGINT NOT NULL,
        stage      TEXT   NOT NULL,
        definition TEXT   NOT NULL,
        events     TEXT   NOT NULL,
        store      TEXT,
        created_at BIGINT NOT NULL,
        PRIMARY KEY (name, build)
    );
    CREATE TABLE IF NOT EXISTS es_checkpoints (
        name           TEXT   NOT NULL,
        build          BIGINT NOT NULL,
        partition      BIGINT NOT NULL,
        position       TEXT   NOT NULL,
        last_aggregate TEXT,
        last_id        TEXT,
        last_version   BIGINT,
        last_event     TEXT,
        last_recorded  BIGINT,
        epoch          BIGINT NOT NULL,
        owner          TEXT   NOT NULL,
        lease_until    BIGINT NOT NULL,
        events         BIGINT NOT NULL,
        parked         BIGINT NOT NULL,
        reason         TEXT,
        stall          TEXT,
        PRIMARY KEY (name, build, partition)
    );
    CREATE TABLE IF NOT EXISTS es_parked (
        name           TEXT   NOT NULL,
        build          BIGINT NOT NULL,
        partition      BIGINT NOT NULL,
        number         BIGINT NOT NULL,
        key            TEXT   NOT NULL,
        position       TEXT   NOT NULL,
        aggregate      TEXT   NOT NULL,
        aggregate_id   TEXT   NOT NULL,
        version        BIGINT NOT NULL,
        event_id       TEXT   NOT NULL,
        event          TEXT   NOT NULL,
        reason         TEXT   NOT NULL,
        attempts       BIGINT NOT NULL,
        parked_at      BIGINT NOT NULL,
        discarded_at   BIGINT,
        discarded_why  TEXT,
        PRIMARY KEY (name, build, partition, number)
    );
    CREATE INDEX IF NOT EXISTS es_parked_by_key ON es_parked (name, build, key);
";

/// Makes the tables of the projection state in a read database where they are missing. The runner does that when it
/// starts. For programs that fill a read database with rows of another one, such as `es copy`.
///
/// # Errors
/// [`TransactionError`]: the database failed, or its state is of another version.
///
/// # Cancel safety
/// All tables are made, or none.
///
/// ```
/// use es_projections::backend::create_state;
/// # use es_sqlite::SqliteStore;
///
/// # futures_executor::block_on(async {
/// # let folder = tempfile::tempdir()?;
/// # let store = SqliteStore::open(folder.path().join("shop.db")).await?;
/// create_state(&store.read_database()).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn create_state<Db: ReadDatabase>(read: &Db) -> Result<(), TransactionError> {
    read.transact(CreateState).await
}

struct CreateState;

impl<Db: ReadDatabase> Job<Db> for CreateState {
    type Output = ();

    async fn run(self, tx: &mut Db::Transaction) -> Result<(), RolledBack<()>> {
        tx.set_names(Names::default());
        create::<Db>(tx).await?;
        Ok(())
    }
}

/// Whether the tables are there. Before the first start of a runner they are not.
pub(crate) async fn is_created<Db: ReadDatabase>(db: &Db) -> Result<bool, StorageError> {
    let name = ["es_builds".into()];
    let found = db
        .query(db.dialect().relations_ending_with(), &name)
        .await?;
    Ok(!found.is_empty())
}

pub(crate) async fn create<Db: ReadDatabase>(tx: &mut Db::Transaction) -> Result<(), StorageError> {
    // `IF NOT EXISTS` does not protect against a concurrent transaction that creates the same
    // table.
    let alone = tx.dialect().create_tables_alone();
    tx.script(alone).await?;
    let select = tx.dialect().relations_ending_with();
    let old = tx.rows(select, &["es_books".into()]).await?;
    if !old.is_empty() {
        return Err(StorageError::new(
            StorageErrorKind::Version,
            "its projections were built before the first release of this library (it has a table \
             `es_books`), and there is no migration from them; use a new database, or drop the \
             tables whose names begin with `es_` and those of the read models",
        ));
    }
    tx.script(SCHEMA).await?;
    let found = tx
        .rows("SELECT max(version) FROM es_projection_schema", &[])
        .await?;
    let row = found.into_iter().next().unwrap_or_default();
    match Columns::new("", row).maybe_integer()? {
        Some(version) if version < STATE_VERSION => Err(StorageError::new(
            StorageErrorKind::Version,
            format!(
                "the state of its projections has version {version}, and there is no migration to \
                 version {STATE_VERSION}; use a new database, or drop the tables whose names begin \
                 with `es_` and those of the read models"
            ),
        )),
        Some(version) if version > STATE_VERSION => Err(StorageError::new(
            StorageErrorKind::Version,
            format!(
                "the state of its projections has version {version}, this program knows up to \
                 version {STATE_VERSION}"
            ),
        )),
        Some(_) => Ok(()),
        None => tx
            .statement(
                "INSERT INTO es_projection_schema VALUES ($1)",
                &[STATE_VERSION.into()],
            )
            .await
            .map(|_| ()),
    }
}
