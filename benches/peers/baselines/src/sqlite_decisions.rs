//! The baseline of decisions on SQLite: the tables of es-runtime, two threads that read and one that writes. A decision
//! is stored where no event came that it would have read.

use crate::{
    connect,
    record::now,
    school::{NAME, New, count, decide_and_prove, tags},
    sqlite_same::{EVENTS, Thread, readers, writer},
};
use bench_common::{Arguments, School, Tried, decisions};
use rusqlite::{Connection, OptionalExtension, params};
use std::path::Path;

const TAGS: &str = "
    CREATE TABLE IF NOT EXISTS tags (
        tag            TEXT    NOT NULL,
        position       INTEGER NOT NULL,
        event          TEXT    NOT NULL,
        PRIMARY KEY (tag, position)
    ) STRICT, WITHOUT ROWID;";

#[derive(Clone)]
struct Threads {
    write: Thread,
    read: Thread,
}

impl Threads {
    fn open(path: &Path) -> Self {
        let connection = connect::sqlite(path, true);
        connection.execute_batch(EVENTS).unwrap();
        connection.execute_batch(TAGS).unwrap();
        Self {
            write: writer(connection),
            read: readers(path, true),
        }
    }
}

/// The end of the store, and how many subscriptions have each tag, of one moment.
fn read(connection: &Connection, tags: &[String; 2]) -> (i64, [u64; 2]) {
    let snapshot = connection.unchecked_transaction().unwrap();
    let newest = "SELECT coalesce(max(position), 0) FROM events";
    let mut newest = snapshot.prepare_cached(newest).unwrap();
    let head = newest.query_row([], |row| row.get(0)).unwrap();
    let sql = "SELECT e.payload FROM tags t JOIN events e ON e.position = t.position
               WHERE t.tag = ?1 AND t.event = ?2 ORDER BY t.position";
    let mut select = snapshot.prepare_cached(sql).unwrap();
    let counts = [0, 1].map(|index: usize| {
        let mut rows = select.query(params![tags[index], NAME]).unwrap();
        let mut counted = 0;
        while let Some(row) = rows.next().unwrap() {
            count(&mut counted, row.get_ref(0).unwrap().as_bytes().unwrap());
        }
        counted
    });
    (head, counts)
}

/// Checks that nothing new has one of the tags, and inserts.
fn append(connection: &Connection, new: &New, tags: &[String; 2], after: i64) -> bool {
    let sql = "SELECT EXISTS (SELECT 1 FROM tags WHERE tag = ?1 AND position > ?2 AND event = ?3)";
    let mut guard = connection.prepare_cached(sql).unwrap();
    for tag in tags {
        let came = guard.query_row(params![tag, after, NAME], |row| row.get(0));
        if came.unwrap() {
            return false;
        }
    }
    let sql = "SELECT version FROM events WHERE aggregate = 'student' AND aggregate_id = ?1
               ORDER BY version DESC LIMIT 1";
    let mut version = connection.prepare_cached(sql).unwrap();
    let version: Option<i64> = version
        .query_row([&new.student], |row| row.get(0))
        .optional()
        .unwrap();
    let recorded_at = humantime::format_rfc3339_micros(now()).to_string();
    let sql =
        "INSERT INTO events (aggregate, aggregate_id, version, event, schema_version, recorded_at,
                                   event_id, metadata, content_type, payload)
               VALUES ('student', ?1, ?2, ?3, 1, ?4, ?5, '{}', 'application/json', ?6)";
    let mut insert = connection.prepare_cached(sql).unwrap();
    let payload = std::str::from_utf8(&new.payload).unwrap();
    let event_id = new.id.to_string();
    let next = version.unwrap_or(0) + 1;
    let values = params![new.student, next, NAME, recorded_at, event_id, payload];
    insert.execute(values).unwrap();
    let position = connection.last_insert_rowid();
    let mut tag = connection
        .prepare_cached("INSERT INTO tags VALUES (?1, ?2, ?3), (?4, ?2, ?3)")
        .unwrap();
    tag.execute(params![tags[0], position, NAME, tags[1]])
        .unwrap();
    true
}

impl School for Threads {
    async fn subscribe(&self, student: String, course: String) -> Tried {
        let tags = tags(&student, &course);
        let of = tags.clone();
        let found = self.read.run(move |connection| read(connection, &of));
        let (head, [taken, courses]) = found.await;
        let Some(new) = decide_and_prove(taken, courses, student, course) else {
            return Tried::Full;
        };
        let append = move |connection: &Connection| append(connection, &new, &tags, head);
        match self.write.run(append).await {
            true => Tried::Subscribed,
            false => Tried::Conflict,
        }
    }
}

pub(crate) async fn run(arguments: &Arguments) {
    let school = Threads::open(&arguments.folder.join("baseline.db"));
    let mut report = arguments.report("same");
    decisions(&mut report, &arguments.group, &school).await;
}
