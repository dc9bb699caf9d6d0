//! What one write does inside the transaction that it shares with the others that waited with it.
//!
//! Every function here may run twice: when a shared transaction fails, each of its writes runs again
//! alone. So nothing is remembered outside of the database.

use crate::{
    options::Settings,
    rows::{self, Readable, exact},
    work,
};
use es_runtime::{
    Append, AppendError, AppendId, Appended, Claim, Claimed, Commit, CommitError, Committed,
    EventId, NewEvent, Outcome, Position, Snapshot, StorageError, StreamId,
};
use rusqlite::{CachedStatement, Connection, ErrorCode, OptionalExtension, named_params, params};
use std::time::Duration;

/// A write that waits for the writer.
pub(crate) enum Task {
    Append(Box<Append>),
    SaveSnapshot(Box<Snapshot>),
    DeleteSnapshot(StreamId),
    Commit(Box<Commit>),
    Claim(Box<Claim>),
    Renew(Box<Claimed>, Duration),
}

impl Task {
    /// About how many bytes it brings.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Append(append) => append.events.iter().map(|e| e.payload.len()).sum(),
            Self::SaveSnapshot(snapshot) => snapshot.state.len(),
            Self::Commit(commit) => work::size(commit),
            Self::DeleteSnapshot(_) | Self::Claim(_) | Self::Renew(..) => 0,
        }
    }
}

/// What became of a write. None of these leaves anything of a refused write behind.
pub(crate) enum Done {
    Appended(Appended),
    Refused(AppendError),
    Written,
    Committed(Committed),
    NotCommitted(CommitError),
    Claimed(Vec<Claimed>),
    Renewed(bool),
}

impl Task {
    /// What it appends.
    pub(crate) fn appends(&self) -> &[Append] {
        match self {
            Self::Append(append) => std::slice::from_ref(append),
            Self::Commit(commit) => &commit.appends,
            _ => &[],
        }
    }
}

impl Done {
    /// What it appended, in the order of the task.
    pub(crate) fn appended(&self) -> &[Appended] {
        match self {
            Self::Appended(appended) => std::slice::from_ref(appended),
            Self::Committed(committed) => &committed.appended,
            _ => &[],
        }
    }
}

/// Does one write.
///
/// # Errors
/// The driver's error when the transaction, or the database, cannot go on. The caller rolls back.
pub(crate) fn run(
    connection: &Connection,
    task: &Task,
    settings: &Settings,
) -> rusqlite::Result<Done> {
    match task {
        Task::Append(request) => append(connection, request, settings),
        Task::Commit(commit) => work::commit(connection, commit, settings),
        Task::Claim(claim) => work::claim(connection, claim, settings),
        Task::Renew(claimed, lease) => work::renew(connection, claimed, *lease, settings),
        Task::SaveSnapshot(snapshot) => save_snapshot(connection, snapshot),
        Task::DeleteSnapshot(stream) => connection
            .prepare_cached("DELETE FROM snapshots WHERE aggregate = ?1 AND aggregate_id = ?2")?
            .execute([stream.aggregate(), stream.id()])
            .map(|_| Done::Written),
    }
}

/// Appends to one stream.
pub(crate) fn append(
    connection: &Connection,
    append: &Append,
    settings: &Settings,
) -> rusqlite::Result<Done> {
    let stream = &append.stream;
    if let Some(id) = &append.append_id {
        match first_append(connection, stream, id)? {
            Some(Ok(first)) => return repeated(connection, append, id, first),
            Some(Err(error)) => return Ok(refused_as_damaged(stream, error)),
            None => {}
        }
    }
    let Some((actual, newest)) = stream_head(connection, stream)? else {
        let error = crate::errors::corrupt("the newest event of the stream has no usable version");
        return Ok(refused_as_damaged(stream, error));
    };
    if !append.expected.accepts(actual) {
        return Ok(Done::Refused(AppendError::Conflict {
            stream: stream.clone(),
            expected: append.expected,
            actual,
        }));
    }
    let recorded_at = (settings.clock)();
    if append.events.is_empty() && append.append_id.is_none() {
        return Ok(Done::Appended(Appended::new(
            actual,
            0,
            newest,
            recorded_at,
        )));
    }
    let time = recorded_at.to_string();
    // A single event is written whole or not by its own statement.
    let guarded = append.events.len() > 1;
    if guarded {
        connection
            .prepare_cached("SAVEPOINT one_append")?
            .execute([])?;
    }
    let written = insert_events(connection, append, actual, &time)?;
    let written = match written {
        Ok(written) => written,
        Err(event_id) => {
            if guarded {
                connection
                    .prepare_cached("ROLLBACK TO one_append")?
                    .execute([])?;
                connection
                    .prepare_cached("RELEASE one_append")?
                    .execute([])?;
            }
            return Ok(Done::Refused(AppendError::DuplicateEventId {
                stream: stream.clone(),
                event_id,
            }));
        }
    };
    if guarded {
        connection
            .prepare_cached("RELEASE one_append")?
            .execute([])?;
    }
    let position = written.position.unwrap_or(newest);
    let appended = Appended::new(written.version, written.events, position, recorded_at);
    if let Some(id) = &append.append_id {
        remember(connection, stream, id, actual, &appended, &time)?;
    }
    Ok(Done::Appended(appended))
}

fn refused_as_damaged(stream: &StreamId, error: StorageError) -> Done {
    Done::Refused(AppendError::Storage {
        stream: stream.clone(),
        outcome: Outcome::NotApplied,
        error,
    })
}

struct Written {
    version: u64,
    events: u64,
    position: Option<Position>,
}

/// Inserts the events; `Err` inside of `Ok` for one whose id is already there.
fn insert_events(
    connection: &Connection,
    append: &Append,
    actual: u64,
    time: &str,
) -> rusqlite::Result<Result<Written, EventId>> {
    let mut written = Written {
        version: actual,
        events: 0,
        position: None,
    };
    if append.events.is_empty() {
        return Ok(Ok(written));
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO events (aggregate, aggregate_id, version, event, schema_version, recorded_at,
                             event_id, metadata, content_type, payload)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    let metadata = append.metadata.to_json();
    for event in &append.events {
        let version = written.version.saturating_add(1);
        let inserted = insert_event(&mut insert, append, event, version, &metadata, time);
        match inserted {
            Ok(()) => {}
            Err(error) if is_unique(&error) && is_stored(connection, event.id)? => {
                return Ok(Err(event.id));
            }
            Err(error) => return Err(error),
        }
        written.version = version;
        written.events = written.events.saturating_add(1);
    }
    let position = u64::try_from(connection.last_insert_rowid())
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    written.position = Some(Position::from_parts([0, 0, position]));
    Ok(Ok(written))
}

fn insert_event(
    insert: &mut CachedStatement<'_>,
    append: &Append,
    event: &NewEvent,
    version: u64,
    metadata: &str,
    time: &str,
) -> rusqlite::Result<()> {
    let payload = Readable {
        content_type: &event.content_type,
        bytes: &event.payload,
    };
    insert.execute(params![
        append.stream.aggregate(),
        append.stream.id(),
        exact(version)?,
        &*event.name,
        event.schema_version,
        time,
        event.id.to_string(),
        metadata,
        &*event.content_type,
        payload,
    ])?;
    Ok(())
}

fn is_unique(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}

fn is_stored(connection: &Connection, id: EventId) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM events WHERE event_id = ?1)")?
        .query_row([id.to_string()], |row| row.get(0))
}

/// Version and position of the newest event, 0 and the start without one. `None` when they are not
/// numbers.
fn stream_head(
    connection: &Connection,
    stream: &StreamId,
) -> rusqlite::Result<Option<(u64, Position)>> {
    connection
        .prepare_cached(
            "SELECT version, position FROM events WHERE aggregate = ?1 AND aggregate_id = ?2
             ORDER BY version DESC LIMIT 1",
        )?
        .query_row([stream.aggregate(), stream.id()], |row| {
            Ok(rows::place(row, 0, 1)
                .ok()
                .map(|place| (place.version, place.position)))
        })
        .optional()
        .map(|found| found.unwrap_or(Some((0, Position::START))))
}

/// The result of the first append under this id.
pub(crate) fn first_append(
    connection: &Connection,
    stream: &StreamId,
    id: &AppendId,
) -> rusqlite::Result<Option<Result<Appended, StorageError>>> {
    connection
        .prepare_cached(
            "SELECT last_version, events, position, recorded_at FROM appends
             WHERE aggregate = ?1 AND aggregate_id = ?2 AND append_id = ?3",
        )?
        .query_row([stream.aggregate(), stream.id(), id.as_str()], |row| {
            Ok(rows::appended(row, stream, id))
        })
        .optional()
}

/// The answer to a request whose id was seen before: the first answer if it asks for the same.
fn repeated(
    connection: &Connection,
    append: &Append,
    id: &AppendId,
    first: Appended,
) -> rusqlite::Result<Done> {
    let stream = &append.stream;
    let mut select = connection.prepare_cached(
        "SELECT version, position, event, schema_version, content_type, payload FROM events
         WHERE aggregate = ?1 AND aggregate_id = ?2 AND version > ?3 AND version <= ?4
         ORDER BY version",
    )?;
    let mut stored = select.query(params![
        stream.aggregate(),
        stream.id(),
        exact(first.version.saturating_sub(first.events))?,
        exact(first.version)?,
    ])?;
    let mut same = usize::try_from(first.events) == Ok(append.events.len());
    let mut wanted = append.events.iter();
    let mut count = 0_u64;
    while let Some(row) = stored.next()? {
        count = count.saturating_add(1);
        let read = rows::place(row, 0, 1).and_then(|place| rows::stored_event(row, place));
        let old = match read {
            Ok(old) => old,
            Err(what) => {
                let error = crate::errors::corrupt(format!("the first append `{id}`: {what}"));
                return Ok(refused_as_damaged(stream, error));
            }
        };
        let payload = old.payload;
        same = same
            && wanted.next().is_some_and(|event| {
                event.same_content(
                    old.name,
                    payload.schema_version,
                    payload.content_type,
                    payload.bytes,
                )
            });
    }
    if count != first.events {
        let error =
            crate::errors::corrupt(format!("events of the first append `{id}` are missing"));
        return Ok(refused_as_damaged(stream, error));
    }
    Ok(if same {
        Done::Appended(first)
    } else {
        Done::Refused(AppendError::IdReused {
            stream: stream.clone(),
            append_id: id.clone(),
            version: first.version,
        })
    })
}

fn remember(
    connection: &Connection,
    stream: &StreamId,
    id: &AppendId,
    before: u64,
    appended: &Appended,
    time: &str,
) -> rusqlite::Result<()> {
    let [_, _, position] = appended.position.to_parts();
    connection
        .prepare_cached(
            "INSERT INTO appends (aggregate, aggregate_id, append_id, first_version, last_version,
                                  events, position, recorded_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            stream.aggregate(),
            stream.id(),
            id.as_str(),
            exact(before.saturating_add(1))?,
            exact(appended.version)?,
            exact(appended.events)?,
            exact(position)?,
            time,
        ])
        .map(|_| ())
}

fn save_snapshot(connection: &Connection, snapshot: &Snapshot) -> rusqlite::Result<Done> {
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
        .map(|_| Done::Written)
}
