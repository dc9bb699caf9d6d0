//! The tables of the store, and their creation and migration: by the store when it opens, or before
//! that by the owner of the schema.

use crate::{
    connection::Session,
    errors::{corrupt, storage},
    identifier::SchemaName,
};
use es_runtime::{__private::being_filled, StorageError, StorageErrorKind};

/// The version of the tables that this program writes.
const CURRENT: i64 = 4;

/// The migration to each version from the one before. `{s}` is the schema.
const MIGRATIONS: &[&str] = &[
    r#"
CREATE TABLE {s}.head (
    only_row BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (only_row),
    position BIGINT  NOT NULL CHECK (position >= 0)
);
INSERT INTO {s}.head (position) VALUES (0);

CREATE TABLE {s}.events (
    position       BIGINT      PRIMARY KEY CHECK (position > 0),
    version        BIGINT      NOT NULL CHECK (version > 0),
    event_id       UUID        NOT NULL CONSTRAINT events_event_id UNIQUE,
    recorded_at    TIMESTAMPTZ NOT NULL,
    schema_version INTEGER     NOT NULL CHECK (schema_version BETWEEN 1 AND 65535),
    aggregate      TEXT        COLLATE "C" NOT NULL,
    aggregate_id   TEXT        COLLATE "C" NOT NULL,
    event          TEXT        COLLATE "C" NOT NULL,
    content_type   TEXT        COLLATE "C" NOT NULL,
    metadata       JSON        NOT NULL,
    payload        BYTEA       NOT NULL,
    CONSTRAINT events_stream UNIQUE (aggregate, aggregate_id, version)
);

CREATE FUNCTION {s}.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are immutable: append an event that corrects or revokes this one';
END
$$;
CREATE TRIGGER events_are_not_changed BEFORE UPDATE OR DELETE ON {s}.events
    FOR EACH ROW EXECUTE FUNCTION {s}.refuse_change();
CREATE TRIGGER events_are_not_truncated BEFORE TRUNCATE ON {s}.events
    FOR EACH STATEMENT EXECUTE FUNCTION {s}.refuse_change();
-- Also for sessions that play the changes of another server, which fire no usual trigger.
ALTER TABLE {s}.events ENABLE ALWAYS TRIGGER events_are_not_changed;
ALTER TABLE {s}.events ENABLE ALWAYS TRIGGER events_are_not_truncated;

CREATE TABLE {s}.appends (
    aggregate      TEXT        COLLATE "C" NOT NULL,
    aggregate_id   TEXT        COLLATE "C" NOT NULL,
    append_id      TEXT        COLLATE "C" NOT NULL,
    last_version   BIGINT      NOT NULL,
    events         BIGINT      NOT NULL,
    position       BIGINT      NOT NULL,
    recorded_at    TIMESTAMPTZ NOT NULL,
    request        TEXT        COLLATE "C",
    PRIMARY KEY (aggregate, aggregate_id, append_id)
);

CREATE TABLE {s}.snapshots (
    aggregate      TEXT        COLLATE "C" NOT NULL,
    aggregate_id   TEXT        COLLATE "C" NOT NULL,
    version        BIGINT      NOT NULL,
    position       TEXT        NOT NULL,
    fingerprint    TEXT        NOT NULL,
    content_type   TEXT        NOT NULL,
    state          BYTEA       NOT NULL,
    PRIMARY KEY (aggregate, aggregate_id)
);
"#,
    // The id of the store is made once and goes with the schema. `inputs` says what a consumer read up to its
    // position.
    r#"
CREATE TABLE {s}.work (
    aggregate      TEXT        COLLATE "C" NOT NULL,
    aggregate_id   TEXT        COLLATE "C" NOT NULL,
    definition     TEXT        NOT NULL,
    status         TEXT        COLLATE "C" NOT NULL CHECK (status IN ('running', 'parked', 'done')),
    phase          TEXT        NOT NULL,
    reason         TEXT,
    due_at         TIMESTAMPTZ,
    epoch          BIGINT      NOT NULL,
    owner          TEXT,
    lease_until    TIMESTAMPTZ,
    updated_at     TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (aggregate, aggregate_id)
);
CREATE INDEX work_due ON {s}.work (aggregate, due_at) WHERE status = 'running';
CREATE INDEX work_status ON {s}.work (aggregate, status, aggregate_id);

CREATE TABLE {s}.cursors (
    consumer       TEXT        COLLATE "C" PRIMARY KEY,
    position       TEXT        NOT NULL,
    inputs         TEXT
);

CREATE TABLE {s}.store_id (
    only_row BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (only_row),
    id       UUID    NOT NULL
);
INSERT INTO {s}.store_id (id) VALUES (gen_random_uuid());
"#,
    // A value may have any character, also NUL, which is none of a text here. `rules` is another number
    // whenever a rule is turned on, so that a writer sees in the row that it locks whether it knows all of them.
    r#"
ALTER TABLE {s}.head ADD COLUMN rules BIGINT NOT NULL DEFAULT 0;

CREATE TABLE {s}.unique_values (
    rule           TEXT        COLLATE "C" NOT NULL,
    value          BYTEA       NOT NULL,
    aggregate      TEXT        COLLATE "C" NOT NULL,
    aggregate_id   TEXT        COLLATE "C" NOT NULL,
    position       BIGINT      NOT NULL,
    free_at        TIMESTAMPTZ,
    PRIMARY KEY (rule, value)
);
CREATE INDEX unique_values_holder ON {s}.unique_values (rule, aggregate, aggregate_id);

CREATE TABLE {s}.unique_rules (
    rule           TEXT        COLLATE "C" NOT NULL,
    event          TEXT        COLLATE "C" NOT NULL,
    PRIMARY KEY (rule, event)
);

CREATE TABLE {s}.unique_walks (
    rule           TEXT        COLLATE "C" PRIMARY KEY,
    position       BIGINT      NOT NULL
);

CREATE TABLE {s}.unique_duplicates (
    rule           TEXT        COLLATE "C" NOT NULL,
    aggregate      TEXT        COLLATE "C" NOT NULL,
    aggregate_id   TEXT        COLLATE "C" NOT NULL,
    value          BYTEA       NOT NULL,
    position       BIGINT      NOT NULL,
    PRIMARY KEY (rule, aggregate, aggregate_id)
);
"#,
    // The rules of unique values and the kinds of tags that are on. The name of the event is in the index, so that a
    // guard reads nothing else.
    r#"
ALTER TABLE {s}.unique_rules RENAME TO rules;

CREATE TABLE {s}.event_tags (
    tag            TEXT        COLLATE "C" NOT NULL,
    position       BIGINT      NOT NULL,
    event          TEXT        COLLATE "C" NOT NULL,
    PRIMARY KEY (tag, position) INCLUDE (event)
);

CREATE TABLE {s}.tag_walks (
    event          TEXT        COLLATE "C" NOT NULL,
    kind           TEXT        COLLATE "C" NOT NULL,
    position       BIGINT      NOT NULL,
    PRIMARY KEY (event, kind)
);
"#,
];

/// The statements that bring a database to this program's version, from whichever it has, in one
/// transaction. `read` is the schema of the read models, where they have one.
pub(crate) fn script(schema: &SchemaName, read: Option<String>) -> String {
    let mut schemas = vec![schema.quoted()];
    schemas.extend(read);
    let create = schemas
        .iter()
        .map(|name| ["CREATE SCHEMA IF NOT EXISTS ", name, ";\n"].concat());
    let (create, lock) = (create.collect::<String>(), schema.lock_key());
    let migrations = migrations(schema);
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED;\n{MAKING}\nSELECT pg_advisory_xact_lock({lock});\n\
         {create}{migrations}COMMIT;\n"
    )
}

/// What tables and functions mean while they are made, whatever the defaults of the server are. Who appends
/// meanwhile would wait behind a statement that waits for a table, so that has an end.
const MAKING: &str = "SET LOCAL search_path TO pg_catalog; SET LOCAL default_table_access_method TO \
    heap; SET LOCAL standard_conforming_strings TO on; SET LOCAL lock_timeout TO '10s';";

/// The statements that bring the tables to this program's version, to be run in a transaction. Each
/// migration checks whether it is the next one, so that the same text serves every version.
fn migrations(schema: &SchemaName) -> String {
    let mut text = String::from(
        "CREATE TABLE IF NOT EXISTS {s}.es_meta (name TEXT PRIMARY KEY, value BIGINT NOT NULL);\n\
         INSERT INTO {s}.es_meta VALUES ('tables_version', 0) ON CONFLICT (name) DO NOTHING;\n",
    );
    for (migration, version) in MIGRATIONS.iter().zip(1_i64..) {
        let before = version.saturating_sub(1);
        text.extend([
            "DO $migration$ BEGIN IF (SELECT value FROM {s}.es_meta WHERE name = 'tables_version') = ",
            &before.to_string(),
            " THEN",
            migration,
            "UPDATE {s}.es_meta SET value = ",
            &version.to_string(),
            " WHERE name = 'tables_version';\nEND IF; END $migration$;\n",
        ]);
    }
    text.replace("{s}", &schema.quoted())
}

/// Brings the tables to this program's version, in the caller's transaction. Several processes may do
/// this at the same time: one of them does it, and the others wait for as long as that takes.
pub(crate) async fn migrate(session: &Session, schema: &SchemaName) -> Result<(), StorageError> {
    // Without the lock first: usually there is nothing to do, and no right to do it.
    if version(session, schema).await? == CURRENT {
        return Ok(());
    }
    lock_schema(session, schema).await?;
    let client = session.client();
    client.batch_execute(MAKING).await.map_err(storage)?;
    upgrade(session, schema).await
}

/// Waits until no other process makes this schema or its tables. The lock goes with the transaction.
async fn lock_schema(session: &Session, schema: &SchemaName) -> Result<(), StorageError> {
    let key = schema.lock_key();
    let lock = format!("SET LOCAL lock_timeout TO 0; SELECT pg_advisory_xact_lock({key})");
    session.client().batch_execute(&lock).await.map_err(storage)
}

/// Rows that a policy hides would be gaps in the feed, and versions that look free.
pub(crate) async fn refuse_hidden_rows(
    session: &Session,
    schema: &SchemaName,
) -> Result<(), StorageError> {
    let name = schema.as_str();
    let names = TABLES.map(|table| format!("'{table}'")).join(", ");
    let select = format!(
        "SELECT c.relname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = \
         c.relnamespace WHERE n.nspname = '{name}' AND c.relname IN ({names}) AND \
         pg_catalog.row_security_active(c.oid)"
    );
    let rows = session.rows(&select, &[]).await.map_err(storage)?;
    match rows
        .first()
        .and_then(|row| row.try_get::<_, String>(0).ok())
    {
        None => Ok(()),
        Some(table) => Err(StorageError::new(
            StorageErrorKind::CannotOpen,
            format!(
                "row level security is on for {name}.{table} and may hide rows from this role. Use a role with \
                 BYPASSRLS, or disable row level security for the tables of the store"
            ),
        )),
    }
}

/// The tables of the store, besides that of their version.
const TABLES: [&str; 13] = [
    "head",
    "events",
    "appends",
    "snapshots",
    "work",
    "cursors",
    "store_id",
    "unique_values",
    "rules",
    "unique_walks",
    "unique_duplicates",
    "event_tags",
    "tag_walks",
];

async fn upgrade(session: &Session, schema: &SchemaName) -> Result<(), StorageError> {
    let from = version(session, schema).await?;
    if from == 0 {
        refuse_foreign_tables(session, schema).await?;
        make_schema(session, schema).await?;
    }
    let script = migrations(schema);
    session
        .client()
        .batch_execute(&script)
        .await
        .map_err(|error| {
            let mut error = storage(error);
            error.message = format!(
                "the tables in schema {} cannot be brought to version {CURRENT}: {}; \
             the owner of the schema can run PostgresOptions::migration_script",
                schema.as_str(),
                error.message
            );
            error
        })
}

/// The tables must be there already.
pub(crate) async fn check(session: &Session, schema: &SchemaName) -> Result<(), StorageError> {
    match version(session, schema).await? {
        CURRENT => Ok(()),
        0 => Err(StorageError::new(
            StorageErrorKind::Missing,
            format!(
                "schema {} has no tables of a store; run PostgresOptions::migration_script, or let the store \
                 migrate",
                schema.as_str()
            ),
        )),
        other => Err(StorageError::new(
            StorageErrorKind::Version,
            format!(
                "the tables in schema {} have version {other}, and this program needs version \
                 {CURRENT}; run PostgresOptions::migration_script, or let the store migrate",
                schema.as_str()
            ),
        )),
    }
}

/// The version of the tables in the schema, 0 without any.
async fn version(session: &Session, schema: &SchemaName) -> Result<i64, StorageError> {
    let name = schema.as_str();
    if !has_table(session, schema, "es_meta").await? {
        return Ok(0);
    }
    let quoted = schema.quoted();
    let select = format!("SELECT value FROM {quoted}.es_meta WHERE name = 'tables_version'");
    let rows = session.rows(&select, &[]).await.map_err(storage)?;
    let found = rows.first().and_then(|row| row.try_get::<_, i64>(0).ok());
    if found.is_none() {
        let old = format!("SELECT 1 FROM {quoted}.es_meta WHERE name = 'schema_version'");
        if !session.rows(&old, &[]).await.map_err(storage)?.is_empty() {
            return Err(StorageError::new(
                StorageErrorKind::Version,
                format!(
                    "the tables in schema {name} were made before the first release of this \
                     library. There is no migration from them: use another schema"
                ),
            ));
        }
    }
    match found {
        Some(version) if version > CURRENT => Err(StorageError::new(
            StorageErrorKind::Version,
            format!(
                "the tables in schema {name} have version {version}, and this program supports \
                 tables up to version {CURRENT}; use a newer release"
            ),
        )),
        Some(version) if version >= 0 => Ok(version),
        found => Err(match found.and_then(being_filled) {
            Some(why) => StorageError::new(
                StorageErrorKind::CannotOpen,
                format!("the store in schema {name}: {why}"),
            ),
            None => corrupt(format!(
                "the table {name}.es_meta has no usable tables_version"
            )),
        }),
    }
}

/// Makes the schema where it is missing, in the caller's transaction. Where it is there, no right to make
/// one is needed.
pub(crate) async fn make_schema(
    session: &Session,
    schema: &SchemaName,
) -> Result<(), StorageError> {
    if schema_exists(session, schema).await? {
        return Ok(());
    }
    lock_schema(session, schema).await?;
    let create = format!("CREATE SCHEMA IF NOT EXISTS {}", schema.quoted());
    session
        .client()
        .batch_execute(&create)
        .await
        .map_err(storage)
}

/// Whether this role may make schemas, here and now.
#[cfg(feature = "projections")]
pub(crate) async fn may_make_schemas(session: &Session) -> Result<bool, StorageError> {
    const SQL: &str = "SELECT 1 WHERE pg_catalog.has_database_privilege(current_database(), 'CREATE') \
                       AND pg_catalog.current_setting('transaction_read_only') = 'off'";
    let rows = session.rows(SQL, &[]).await.map_err(storage)?;
    Ok(!rows.is_empty())
}

async fn schema_exists(session: &Session, schema: &SchemaName) -> Result<bool, StorageError> {
    let name = schema.as_str();
    let select = format!("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = '{name}'");
    let rows = session.rows(&select, &[]).await.map_err(storage)?;
    Ok(!rows.is_empty())
}

async fn has_table(
    session: &Session,
    schema: &SchemaName,
    table: &str,
) -> Result<bool, StorageError> {
    let name = schema.as_str();
    let select = format!(
        "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = \
         c.relnamespace WHERE n.nspname = '{name}' AND c.relname = '{table}'"
    );
    let rows = session.rows(&select, &[]).await.map_err(storage)?;
    Ok(!rows.is_empty())
}

/// A schema may hold other tables, not others of the same names.
async fn refuse_foreign_tables(session: &Session, schema: &SchemaName) -> Result<(), StorageError> {
    for table in TABLES {
        if has_table(session, schema, table).await? {
            return Err(StorageError::new(
                StorageErrorKind::CannotOpen,
                format!(
                    "schema {} has a table `{table}` that is not this store's; choose another \
                     with PostgresOptions::schema",
                    schema.as_str()
                ),
            ));
        }
    }
    Ok(())
}
