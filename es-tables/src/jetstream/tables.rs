//! The tables that messages are put into. They have the names and columns of those of a store on SQLite, so that the same
//! statements read them, and only what those statements need: they live as long as the program.

use es_runtime::StreamId;
use rusqlite::Connection;

const TABLES: &str = "
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA cache_size = -65536;
    CREATE TABLE es_meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE events (
        position INTEGER PRIMARY KEY AUTOINCREMENT, aggregate TEXT NOT NULL, aggregate_id TEXT NOT NULL, version INTEGER NOT NULL,
        event TEXT NOT NULL, schema_version INTEGER NOT NULL, recorded_at TEXT NOT NULL, event_id TEXT NOT NULL,
        metadata TEXT NOT NULL, content_type TEXT NOT NULL, payload BLOB NOT NULL,
        UNIQUE (aggregate, aggregate_id, version)
    ) STRICT;
    CREATE INDEX events_ids ON events (event_id);
    CREATE TABLE commits (position INTEGER PRIMARY KEY, sequence INTEGER NOT NULL UNIQUE, events INTEGER NOT NULL) STRICT;
    CREATE TABLE used_ids (
        aggregate TEXT NOT NULL, aggregate_id TEXT NOT NULL, append_id TEXT NOT NULL,
        PRIMARY KEY (aggregate, aggregate_id, append_id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE names (event TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    CREATE TABLE appends (
        aggregate TEXT NOT NULL, aggregate_id TEXT NOT NULL, append_id TEXT NOT NULL, first_version INTEGER NOT NULL,
        last_version INTEGER NOT NULL, events INTEGER NOT NULL, position INTEGER NOT NULL, recorded_at TEXT NOT NULL,
        request TEXT, PRIMARY KEY (aggregate, aggregate_id, append_id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE snapshots (
        aggregate TEXT NOT NULL, aggregate_id TEXT NOT NULL, version INTEGER NOT NULL, position TEXT NOT NULL,
        fingerprint TEXT NOT NULL, content_type TEXT NOT NULL, state BLOB NOT NULL, PRIMARY KEY (aggregate, aggregate_id)
    ) STRICT;
    CREATE TABLE es_work (
        aggregate TEXT NOT NULL, aggregate_id TEXT NOT NULL, definition TEXT NOT NULL, status TEXT NOT NULL,
        phase TEXT NOT NULL, reason TEXT, due_at INTEGER, epoch INTEGER NOT NULL, owner TEXT, process TEXT,
        lease_until INTEGER, updated_at INTEGER NOT NULL, PRIMARY KEY (aggregate, aggregate_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX es_work_due ON es_work (aggregate, due_at) WHERE status = 'running';
    CREATE INDEX es_work_status ON es_work (aggregate, status, aggregate_id);
    CREATE TABLE es_cursors (consumer TEXT PRIMARY KEY, position TEXT NOT NULL, inputs TEXT) STRICT, WITHOUT ROWID;
    CREATE TABLE es_rules (rule TEXT NOT NULL, event TEXT NOT NULL, PRIMARY KEY (rule, event)) STRICT, WITHOUT ROWID;
    CREATE TABLE es_unique_values (
        rule TEXT NOT NULL, value TEXT NOT NULL, aggregate TEXT NOT NULL, aggregate_id TEXT NOT NULL,
        position INTEGER NOT NULL, free_at INTEGER, PRIMARY KEY (rule, value)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE es_unique_walks (rule TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE es_unique_duplicates (
        rule TEXT NOT NULL, aggregate TEXT NOT NULL, aggregate_id TEXT NOT NULL, value TEXT NOT NULL,
        position INTEGER NOT NULL, PRIMARY KEY (rule, aggregate, aggregate_id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE es_tags (
        tag TEXT NOT NULL, position INTEGER NOT NULL, event TEXT NOT NULL, others TEXT NOT NULL, PRIMARY KEY (tag, position)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE es_tag_walks (
        event TEXT NOT NULL, kind TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (event, kind)
    ) STRICT, WITHOUT ROWID;
";

/// The tables whose rows are made of no messages.
const OWN: [&str; 2] = ["es_meta", "sqlite_schema"];

/// Whether a statement may read rows that are made of messages.
pub(crate) fn are_of_messages(sql: &str) -> bool {
    let mut words = sql.split_whitespace().skip_while(|word| *word != "FROM");
    words.nth(1).is_some_and(|table| !OWN.contains(&table))
}

/// Makes them.
pub(crate) fn make(connection: &Connection, id: &str, version: i64) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)?;
    rename(connection, id, version)
}

/// Sets the id of the store and the version of its tables.
pub(crate) fn rename(connection: &Connection, id: &str, version: i64) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO es_meta VALUES ('store_id', ?1), ('tables_version', ?2)";
    connection.execute(sql, (id, version)).map(|_| ())
}

pub(crate) fn clear_snapshots(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM snapshots", []).map(|_| ())
}

/// Names of events without a message about their rules.
pub(crate) fn unregistered_names(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql =
        "SELECT DISTINCT event FROM events WHERE event NOT IN (SELECT event FROM names) ORDER BY 1";
    let mut statement = connection.prepare(sql)?;
    let names = statement.query_map([], |row| row.get(0))?;
    names.collect()
}

/// Append ids that would not be found again: those of commits that are not the last ones of their streams, without a message
/// of their own.
pub(crate) fn lost_ids(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let sql = "SELECT a.append_id, a.aggregate, a.aggregate_id FROM appends a WHERE NOT EXISTS (SELECT 1 FROM used_ids u
               WHERE u.aggregate = a.aggregate AND u.aggregate_id = a.aggregate_id AND u.append_id = a.append_id)
               AND EXISTS (SELECT 1 FROM events e WHERE e.aggregate = a.aggregate AND e.aggregate_id = a.aggregate_id
               AND e.version > a.last_version)";
    let mut statement = connection.prepare(sql)?;
    let lost = statement.query_map([], |row| {
        let (id, aggregate, stream): (String, String, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        let what =
            "no message says where it was used, so a repeated request would be written again";
        Ok((
            format!("append {id} of {aggregate}/{stream}"),
            what.to_owned(),
        ))
    })?;
    lost.collect()
}

/// Tags that another tag of their event names, and that no message has: their kinds, and the positions of the events.
pub(crate) fn lost_tags(connection: &Connection) -> rusqlite::Result<Vec<(String, i64)>> {
    let sql = "SELECT DISTINCT substr(o.value, 1, instr(o.value, ':') - 1), t.position FROM es_tags t, json_each(t.others) o
               WHERE NOT EXISTS (SELECT 1 FROM es_tags s WHERE s.tag = o.value AND s.position = t.position)
               ORDER BY 2, 1";
    let mut statement = connection.prepare(sql)?;
    let lost = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    lost.collect()
}

/// Removes what was put into the tables from messages.
pub(crate) fn clear_events(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "DELETE FROM events; DELETE FROM appends; DELETE FROM used_ids; DELETE FROM names; DELETE FROM es_rules;
         DELETE FROM es_cursors; DELETE FROM es_work; DELETE FROM es_unique_values; DELETE FROM es_tags; DELETE FROM es_tag_walks;",
    )
}

/// Up to which version all events of a stream were fetched one after the other, 0 where some are missing.
pub(crate) fn last_version(connection: &Connection, stream: &StreamId) -> rusqlite::Result<u64> {
    let sql = "SELECT count(*), coalesce(max(version), 0) FROM events WHERE aggregate = ?1 AND aggregate_id = ?2";
    let mut select = connection.prepare_cached(sql)?;
    select.query_row((stream.aggregate(), stream.id()), |row| {
        let (count, last): (i64, i64) = (row.get(0)?, row.get(1)?);
        let last = u64::try_from(last).unwrap_or(0);
        Ok(if u64::try_from(count) == Ok(last) {
            last
        } else {
            0
        })
    })
}
