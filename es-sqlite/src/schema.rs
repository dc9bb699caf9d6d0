//! The tables of the store, and their creation and migration. Their version is in the table `es_meta`:
//! applications keep other tables in the same file and may use `user_version` for those.

use crate::{
    connection::{name_file, retry_busy},
    errors::{corrupt, storage},
    rules,
    settings::StoreSettings,
    tags, unique,
};
use es_runtime::{__private::being_filled, StorageError, StorageErrorKind};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

/// The version of the tables that this program writes.
const CURRENT: i64 = 2;

/// The tables, each with the version that brought it.
const TABLES: [(&str, i64); 5] = [
    ("events", 1),
    ("appends", 1),
    ("snapshots", 1),
    ("es_work", 2),
    ("es_cursors", 2),
];

/// The migration to each version from the one before.
const MIGRATIONS: &[&str] = &[
    // The payload is the last column, so that a long one does not lie between the columns that filters
    // read. AUTOINCREMENT: a position is never given out twice, whatever happens to the rows.
    "
    CREATE TABLE events (
        position       INTEGER PRIMARY KEY AUTOINCREMENT,
        aggregate      TEXT    NOT NULL,
        aggregate_id   TEXT    NOT NULL,
        version        INTEGER NOT NULL CHECK (version > 0),
        event          TEXT    NOT NULL,
        schema_version INTEGER NOT NULL,
        recorded_at    TEXT    NOT NULL,
        event_id       TEXT    NOT NULL UNIQUE,
        metadata       TEXT    NOT NULL,
        content_type   TEXT    NOT NULL,
        payload        ANY     NOT NULL,
        UNIQUE (aggregate, aggregate_id, version)
    ) STRICT;

    CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events BEGIN
        SELECT RAISE(ABORT, 'events are immutable: append an event that corrects this one');
    END;

    CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events BEGIN
        SELECT RAISE(ABORT, 'events are immutable: append an event that revokes this one');
    END;

    CREATE TABLE appends (
        aggregate      TEXT    NOT NULL,
        aggregate_id   TEXT    NOT NULL,
        append_id      TEXT    NOT NULL,
        first_version  INTEGER NOT NULL,
        last_version   INTEGER NOT NULL,
        events         INTEGER NOT NULL,
        position       INTEGER NOT NULL,
        recorded_at    TEXT    NOT NULL,
        request        TEXT,
        PRIMARY KEY (aggregate, aggregate_id, append_id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE snapshots (
        aggregate      TEXT    NOT NULL,
        aggregate_id   TEXT    NOT NULL,
        version        INTEGER NOT NULL,
        position       TEXT    NOT NULL,
        fingerprint    TEXT    NOT NULL,
        content_type   TEXT    NOT NULL,
        state          ANY     NOT NULL,
        PRIMARY KEY (aggregate, aggregate_id)
    ) STRICT;
    ",
    // Times are microseconds since 1970, so that they compare as numbers. The id of the store is made
    // once and goes with the file. It is written as a UUID, as PostgreSQL gives its own.
    "
    CREATE TABLE es_work (
        aggregate      TEXT    NOT NULL,
        aggregate_id   TEXT    NOT NULL,
        definition     TEXT    NOT NULL,
        status         TEXT    NOT NULL CHECK (status IN ('running', 'parked', 'done')),
        phase          TEXT    NOT NULL,
        reason         TEXT,
        due_at         INTEGER,
        epoch          INTEGER NOT NULL,
        owner          TEXT,
        process        TEXT,
        lease_until    INTEGER,
        updated_at     INTEGER NOT NULL,
        PRIMARY KEY (aggregate, aggregate_id)
    ) STRICT, WITHOUT ROWID;

    CREATE INDEX es_work_due ON es_work (aggregate, due_at) WHERE status = 'running';
    CREATE INDEX es_work_status ON es_work (aggregate, status, aggregate_id);

    CREATE TABLE es_cursors (
        consumer       TEXT    PRIMARY KEY NOT NULL,
        position       TEXT    NOT NULL,
        inputs         TEXT
    ) STRICT, WITHOUT ROWID;

    INSERT INTO es_meta SELECT 'store_id', substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-' || substr(h, 13, 4)
        || '-' || substr(h, 17, 4) || '-' || substr(h, 21) FROM (SELECT lower(hex(randomblob(16))) AS h);
    ",
];

/// Brings the tables to this program's version, in one transaction. Several processes may do this
/// to one file at the same time.
pub(crate) fn migrate(
    connection: &mut Connection,
    settings: &StoreSettings,
) -> Result<(), StorageError> {
    retry_busy(settings.busy_timeout, || {
        // Without the lock first: usually there is nothing to do.
        if version(connection)? == CURRENT {
            return Ok(());
        }
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(storage)?;
        let from = version(&transaction)?;
        if from == 0 {
            refuse_foreign_tables(&transaction)?;
            transaction
                .execute_batch(
                    "CREATE TABLE es_meta (name TEXT PRIMARY KEY NOT NULL, value ANY NOT NULL)
                         STRICT, WITHOUT ROWID;
                     INSERT INTO es_meta VALUES ('tables_version', 0);",
                )
                .map_err(storage)?;
        }
        let done = usize::try_from(from).unwrap_or(usize::MAX);
        for migration in MIGRATIONS.iter().skip(done) {
            transaction.execute_batch(migration).map_err(storage)?;
        }
        transaction
            .execute(
                "UPDATE es_meta SET value = ?1 WHERE name = 'tables_version'",
                [CURRENT],
            )
            .map_err(storage)?;
        transaction.commit().map_err(storage)
    })
    .map_err(|error| name_file(settings, error))
}

/// Makes the tables of rules and tags, of which each is otherwise made by what first needs it.
pub(crate) fn make_all_tables(
    connection: &mut Connection,
    settings: &StoreSettings,
) -> Result<(), StorageError> {
    retry_busy(settings.busy_timeout, || {
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(storage)?;
        for make in [rules::make_tables, unique::make_tables, tags::make_tables] {
            make(&transaction).map_err(storage)?;
        }
        transaction.commit().map_err(storage)
    })
    .map_err(|error| name_file(settings, error))
}

/// For reading only: the tables must be there already.
pub(crate) fn check(connection: &Connection, settings: &StoreSettings) -> Result<(), StorageError> {
    match version(connection) {
        Ok(CURRENT) => Ok(()),
        Ok(other) => Err(StorageError::new(
            StorageErrorKind::Version,
            format!(
                "its tables have version {other}, and this program reads version {CURRENT}; open it \
                 for writing once to migrate it"
            ),
        )),
        Err(error) => Err(error),
    }
    .map_err(|error| name_file(settings, error))
}

/// The version of the tables in the file, 0 without any.
fn version(connection: &Connection) -> Result<i64, StorageError> {
    if !has_table(connection, "es_meta")? {
        return Ok(0);
    }
    if has_meta(connection, "schema_version")? {
        return Err(made_before_the_first_release());
    }
    let found: Option<rusqlite::types::Value> = connection
        .query_row(
            "SELECT value FROM es_meta WHERE name = 'tables_version'",
            [],
            |row| row.get(0),
        )
        .optional()
        .map_err(|_| corrupt("it has a table `es_meta` that is not this store's"))?;
    match found {
        Some(rusqlite::types::Value::Integer(version)) if version > CURRENT => {
            Err(StorageError::new(
                StorageErrorKind::Version,
                format!(
                    "its tables have version {version}, and this program supports \
                     tables up to version {CURRENT}; use a newer release"
                ),
            ))
        }
        Some(rusqlite::types::Value::Integer(version)) if version > 0 => {
            for (name, since) in TABLES {
                if since <= version && !has_table(connection, name)? {
                    return Err(corrupt(format!("its table `{name}` is missing")));
                }
            }
            if version >= 2 && !has_column(connection, "es_work", "process")? {
                return Err(made_before_the_first_release());
            }
            Ok(version)
        }
        found => {
            let version = match found {
                Some(rusqlite::types::Value::Integer(version)) => version,
                _ => 0,
            };
            Err(match being_filled(version) {
                Some(why) => StorageError::new(StorageErrorKind::CannotOpen, why),
                None => corrupt("the table es_meta has no usable tables_version"),
            })
        }
    }
}

fn made_before_the_first_release() -> StorageError {
    StorageError::new(
        StorageErrorKind::Version,
        "its tables were made before the first release of this library. There is no \
         migration from them: use a new file",
    )
}

/// A file may hold other tables, not others of the same names.
fn refuse_foreign_tables(connection: &Connection) -> Result<(), StorageError> {
    for (name, _) in TABLES {
        if has_table(connection, name)? {
            return Err(StorageError::new(
                StorageErrorKind::CannotOpen,
                format!("it has a table `{name}` that is not this store's; use another file"),
            ));
        }
    }
    Ok(())
}

fn has_meta(connection: &Connection, name: &str) -> Result<bool, StorageError> {
    connection
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM es_meta WHERE name = ?1)",
            [name],
            |row| row.get(0),
        )
        .map_err(|_| corrupt("it has a table `es_meta` that is not this store's"))
}

fn has_column(connection: &Connection, table: &str, column: &str) -> Result<bool, StorageError> {
    connection
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2)",
            [table, column],
            |row| row.get(0),
        )
        .map_err(storage)
}

fn has_table(connection: &Connection, name: &str) -> Result<bool, StorageError> {
    connection
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE)",
            [name],
            |row| row.get(0),
        )
        .map_err(storage)
}
