//! What one write does inside the transaction that it shares with the others that waited with it.
//!
//! Every function here may run twice: when a shared transaction fails, each of its writes runs again
//! alone. So nothing is remembered outside of the database.

use crate::{
    errors::corrupt,
    rows::{self, Readable, exact},
    settings::StoreSettings,
    tags, unique,
};
use es_runtime::{
    Append, AppendError, AppendId, Appended, EventId, Position, Snapshot, StorageError, StreamId,
    store::author::{self, Accepted, Comparison, Decision, Earlier, RulesOn, StreamHead},
};
use rusqlite::{Connection, ErrorCode, OptionalExtension, ToSql, named_params, params};
use std::{collections::HashSet, sync::LazyLock};

/// Appends to one stream.
pub(crate) fn append(
    connection: &Connection,
    append: &Append,
    settings: &StoreSettings,
) -> rusqlite::Result<Result<Appended, AppendError>> {
    let earlier = earlier(connection, append)?;
    let Some(head) = stream_head(connection, &append.stream)? else {
        let error = corrupt("the newest event of the stream has no usable version");
        return Ok(Err(author::not_applied(append, error)));
    };
    let recorded_at = (settings.clock)();
    // Usually the events have just the kinds of tags that are on, or none: then nothing more is read.
    let decide = |on: &RulesOn| on.decide(append, earlier, head);
    let (decided, rules) = match settings.rules.with(connection, decide)? {
        Ok(decided) => (decided, None),
        Err(earlier) => {
            let mut rules = match unique::read(connection, append, settings)? {
                Ok(rules) => rules,
                Err(damaged) => return Ok(Err(author::not_applied(append, damaged))),
            };
            let end = unique::end(connection)?;
            let decided = rules.decide(append, earlier, head, end, recorded_at);
            (decided, Some(rules))
        }
    };
    let accepted = match decided {
        Ok(Decision::Write(accepted)) => accepted,
        Ok(Decision::Answer(first)) => return Ok(Ok(first)),
        Err(rejected) => return Ok(Err(rejected)),
    };
    if !accepted.writes() {
        return Ok(Ok(accepted.appended(head.position, recorded_at)));
    }
    let time = recorded_at.to_string();
    // One statement writes its events whole or not at all. Several must not fail half-way: a savepoint would copy
    // every page that they change.
    let is_whole = append.events.len() <= ROWS;
    if !is_whole && !are_newest(connection, append)? {
        if let Some(rejected) = known_event_id(connection, append)? {
            return Ok(Err(rejected));
        }
    }
    let last = match insert_events(connection, append, accepted, &time) {
        Ok(last) => last.unwrap_or(head.position),
        Err(error) if is_whole && is_unique(&error) => {
            return match known_event_id(connection, append)? {
                Some(rejected) => Ok(Err(rejected)),
                None => Err(error),
            };
        }
        Err(error) => return Err(error),
    };
    if let Some(rules) = &rules {
        unique::write(connection, rules, &settings.rules)?;
    }
    tags::write(connection, append, rules.as_ref(), last)?;
    let appended = accepted.appended(last, recorded_at);
    if let Some(id) = &append.append_id {
        remember(connection, append, id, accepted, &appended, &time)?;
    }
    Ok(Ok(appended))
}

/// So many events one statement inserts at most: it finds its place in the table and the indexes once for all of
/// them.
const ROWS: usize = 16;

/// The statements for 1, 2, .. events.
static INSERTS: LazyLock<Vec<String>> = LazyLock::new(|| (1..=ROWS).map(insert_of).collect());

/// The first parameters are what the events share: stream, time and metadata.
fn insert_of(rows: usize) -> String {
    let row = |number| {
        let [version, event, schema_version, id, content_type, payload] =
            [1, 2, 3, 4, 5, 6].map(|column| 4 + 6 * number + column);
        format!(
            "(?1, ?2, ?{version}, ?{event}, ?{schema_version}, ?3, ?{id}, ?4, ?{content_type}, ?{payload})"
        )
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    format!(
        "INSERT INTO events (aggregate, aggregate_id, version, event, schema_version, recorded_at,
                             event_id, metadata, content_type, payload) VALUES {}",
        rows.join(", ")
    )
}

/// Inserts the events. The position of the last one, `None` without any.
fn insert_events(
    connection: &Connection,
    append: &Append,
    accepted: Accepted,
    time: &str,
) -> rusqlite::Result<Option<Position>> {
    if append.events.is_empty() {
        return Ok(None);
    }
    let metadata = append.metadata.to_json();
    let mut versions = accepted.versions();
    for events in append.events.chunks(ROWS) {
        let sql = INSERTS.get(events.len() - 1).map_or("", String::as_str);
        let mut insert = connection.prepare_cached(sql)?;
        let mut next = 0;
        let mut bind = |value: &dyn ToSql| {
            next += 1;
            insert.raw_bind_parameter(next, value)
        };
        bind(&append.stream.aggregate())?;
        bind(&append.stream.id())?;
        bind(&time)?;
        bind(&metadata)?;
        for (event, version) in events.iter().zip(&mut versions) {
            bind(&exact(version)?)?;
            bind(&event.name)?;
            bind(&event.schema_version)?;
            bind(&event.id.to_string())?;
            bind(&event.content_type)?;
            bind(&Readable {
                content_type: &event.content_type,
                bytes: &event.payload,
            })?;
        }
        insert.raw_execute()?;
    }
    let position = u64::try_from(connection.last_insert_rowid())
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    Ok(Some(Position::from_parts([0, 0, position])))
}

fn is_unique(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}

/// Whether the event ids ascend, and all stored ones are smaller. Usually they do, since they begin with the time.
fn are_newest(connection: &Connection, append: &Append) -> rusqlite::Result<bool> {
    let newest: Option<String> = connection
        .prepare_cached("SELECT max(event_id) FROM events")?
        .query_row([], |row| row.get(0))?;
    let ids = append.events.iter().map(|event| event.id);
    let first = ids.clone().next().map(|id| id.to_string());
    Ok(newest < first && ids.is_sorted_by(|one, next| one < next))
}

/// The error for an event id that is stored, or twice in the append. Nothing of this append is stored.
fn known_event_id(
    connection: &Connection,
    append: &Append,
) -> rusqlite::Result<Option<AppendError>> {
    let mut known = HashSet::new();
    for event in &append.events {
        if is_stored(connection, event.id)? {
            known.insert(event.id);
        }
    }
    Ok(author::check_event_ids(append, |id| known.contains(&id)).err())
}

fn is_stored(connection: &Connection, id: EventId) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM events WHERE event_id = ?1)")?
        .query_row([id.to_string()], |row| row.get(0))
}

/// Where a stream ends. `None` when its newest event has no usable numbers.
fn stream_head(connection: &Connection, stream: &StreamId) -> rusqlite::Result<Option<StreamHead>> {
    connection
        .prepare_cached(
            "SELECT version, position FROM events WHERE aggregate = ?1 AND aggregate_id = ?2
             ORDER BY version DESC LIMIT 1",
        )?
        .query_row([stream.aggregate(), stream.id()], |row| {
            Ok(rows::place(row, 0, 1).ok().map(|place| StreamHead {
                version: place.version,
                position: place.position,
            }))
        })
        .optional()
        .map(|found| found.unwrap_or(Some(StreamHead::EMPTY)))
}

/// The result of the first append under this id.
pub(crate) fn first_append(
    connection: &Connection,
    stream: &StreamId,
    id: &AppendId,
) -> rusqlite::Result<Option<Result<Appended, StorageError>>> {
    connection
        .prepare_cached(
            "SELECT last_version, events, position, recorded_at, request FROM appends
             WHERE aggregate = ?1 AND aggregate_id = ?2 AND append_id = ?3",
        )?
        .query_row([stream.aggregate(), stream.id(), id.as_str()], |row| {
            Ok(rows::appended(row, stream, id))
        })
        .optional()
}

/// What an append under the same id did before, compared with this one.
pub(crate) fn earlier(
    connection: &Connection,
    append: &Append,
) -> rusqlite::Result<Option<Earlier>> {
    let stream = &append.stream;
    let Some(id) = &append.append_id else {
        return Ok(None);
    };
    let first = match first_append(connection, stream, id)? {
        None => return Ok(None),
        Some(Ok(first)) => first,
        Some(Err(error)) => return Ok(Some(Earlier::Unreadable(error))),
    };
    let mut comparison = Comparison::new(append, first);
    let mut select = connection.prepare_cached(
        "SELECT version, position, event, schema_version, content_type, payload FROM events
         WHERE aggregate = ?1 AND aggregate_id = ?2 AND version > ?3 ORDER BY version LIMIT ?4",
    )?;
    let mut stored = select.query(params![
        stream.aggregate(),
        stream.id(),
        exact(comparison.after())?,
        exact(comparison.count())?,
    ])?;
    while let Some(row) = stored.next()? {
        let read = rows::place(row, 0, 1).and_then(|place| rows::stored_event(row, place));
        match read {
            Ok(event) => comparison.event(&event),
            Err(what) => {
                let error = corrupt(format!("the first append `{id}`: {what}"));
                return Ok(Some(Earlier::Unreadable(error)));
            }
        }
    }
    Ok(Some(comparison.finish()))
}

fn remember(
    connection: &Connection,
    append: &Append,
    id: &AppendId,
    accepted: Accepted,
    appended: &Appended,
    time: &str,
) -> rusqlite::Result<()> {
    let [_, _, position] = appended.position.to_parts();
    connection
        .prepare_cached(
            "INSERT INTO appends (aggregate, aggregate_id, append_id, first_version, last_version,
                                  events, position, recorded_at, request)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            append.stream.aggregate(),
            append.stream.id(),
            id.as_str(),
            exact(accepted.before().version.saturating_add(1))?,
            exact(appended.version)?,
            exact(appended.events)?,
            exact(position)?,
            time,
            append.request,
        ])
        .map(|_| ())
}

pub(crate) fn save_snapshot(connection: &Connection, snapshot: &Snapshot) -> rusqlite::Result<()> {
    let state = Readable {
        content_type: &snapshot.content_type,
        bytes: &snapshot.state,
    };
    connection
        .prepare_cached(
            "INSERT INTO snapshots (aggregate, aggregate_id, version, position, fingerprint,
                                    content_type, state)
             VALUES (:aggregate, :id, :version, :position, :fingerprint, :content_type, :state)
             ON CONFLICT (aggregate, aggregate_id) DO UPDATE SET
                 version = excluded.version, position = excluded.position,
                 fingerprint = excluded.fingerprint, content_type = excluded.content_type,
                 state = excluded.state
             WHERE excluded.version > snapshots.version
                OR excluded.fingerprint <> snapshots.fingerprint",
        )?
        .execute(named_params! {
            ":aggregate": snapshot.stream.aggregate(),
            ":id": snapshot.stream.id(),
            ":version": exact(snapshot.version)?,
            ":position": snapshot.position.to_string(),
            ":fingerprint": snapshot.fingerprint.to_string(),
            ":content_type": snapshot.content_type,
            ":state": state,
        })
        .map(|_| ())
}

pub(crate) fn delete_snapshot(connection: &Connection, stream: &StreamId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM snapshots WHERE aggregate = ?1 AND aggregate_id = ?2")?
        .execute([stream.aggregate(), stream.id()])
        .map(|_| ())
}
