//! Commits that change several streams, work items and a cursor at once,
//! and claims by the clock of the store.

use crate::{
    append::{self, Done, Task},
    errors::{Failed, corrupt, no_answer},
    options::Settings,
    rows::{Damage, exact, read_error, text},
    store::SqliteStore,
};
use es_runtime::{
    Claim, Claimed, Commit, CommitError, CommitStore, Committed, CursorMove, Outcome, Position,
    ReadError, StorageError, StreamId, Timestamp, WorkQueue,
};
use es_runtime::{WorkChange, WorkFilter, WorkItem, WorkStatus};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params, types::ValueRef};
use std::time::Duration;

/// Does a commit inside of the shared transaction; what refuses it leaves nothing behind.
pub(crate) fn commit(
    connection: &Connection,
    commit: &Commit,
    settings: &Settings,
) -> rusqlite::Result<Done> {
    run(connection, "SAVEPOINT work")?;
    let done = commit_parts(connection, commit, settings)?;
    if done.is_err() {
        run(connection, "ROLLBACK TO work")?;
    }
    run(connection, "RELEASE work")?;
    Ok(match done {
        Ok(committed) => Done::Committed(committed),
        Err(error) => Done::NotCommitted(error),
    })
}

fn run(connection: &Connection, sql: &str) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute([])
}

fn commit_parts(
    connection: &Connection,
    commit: &Commit,
    settings: &Settings,
) -> rusqlite::Result<Result<Committed, CommitError>> {
    let mut appended = Vec::with_capacity(commit.appends.len());
    for request in &commit.appends {
        match append::append(connection, request, settings)? {
            Done::Appended(first) if first.repeated => {
                let stream = request.stream.clone();
                return Ok(Err(CommitError::Repeated { stream, first }));
            }
            Done::Appended(done) => appended.push(done),
            Done::Refused(error) => return Ok(Err(CommitError::Append(error))),
            // No append is answered so.
            _ => {
                return Ok(Err(CommitError::Storage {
                    outcome: Outcome::NotApplied,
                    error: no_answer(),
                }));
            }
        }
    }
    let now = (settings.clock)().unix_micros();
    for row in &commit.work {
        if let Err(error) = change_row(connection, row, now)? {
            return Ok(Err(error));
        }
    }
    if let Some(moved) = &commit.cursor {
        if let Err(error) = move_cursor(connection, moved)? {
            return Ok(Err(error));
        }
    }
    Ok(Ok(Committed::new(appended)))
}

fn change_row(
    connection: &Connection,
    row: &WorkChange,
    now: i64,
) -> rusqlite::Result<Result<(), CommitError>> {
    let instance = &row.instance;
    let epoch: Option<i64> = connection
        .prepare_cached("SELECT epoch FROM es_work WHERE aggregate = ?1 AND aggregate_id = ?2")?
        .query_row([instance.aggregate(), instance.id()], |row| row.get(0))
        .optional()?;
    let actual = epoch.and_then(|epoch| u64::try_from(epoch).ok());
    let actual = actual.unwrap_or(0);
    if let Some(epoch) = row.epoch.filter(|_| row.is_fenced_by(actual)) {
        return Ok(Err(CommitError::Fenced {
            instance: instance.clone(),
            epoch,
            actual,
        }));
    }
    connection
        .prepare_cached(
            "INSERT INTO es_work (aggregate, aggregate_id, definition, status, phase, reason, due_at, epoch,
                                   updated_at)
             VALUES (:aggregate, :aggregate_id, :definition, :status, :phase, :reason, :due_at, 0, :now)
             ON CONFLICT (aggregate, aggregate_id) DO UPDATE SET
                 definition = excluded.definition, status = excluded.status,
                 phase = excluded.phase, reason = excluded.reason, due_at = excluded.due_at,
                 updated_at = excluded.updated_at,
                 owner = CASE WHEN :release THEN NULL ELSE owner END,
                 lease_until = CASE WHEN :release THEN NULL ELSE lease_until END",
        )?
        .execute(named_params! {
            ":aggregate": instance.aggregate(),
            ":aggregate_id": instance.id(),
            ":definition": row.definition,
            ":status": row.status.as_str(),
            ":phase": row.phase,
            ":reason": row.reason,
            ":due_at": row.due_at.map(Timestamp::unix_micros),
            ":now": now,
            ":release": row.release,
        })?;
    Ok(Ok(()))
}

fn move_cursor(
    connection: &Connection,
    moved: &CursorMove,
) -> rusqlite::Result<Result<(), CommitError>> {
    let consumer = moved.consumer.as_str();
    let actual = match cursor(connection, consumer)? {
        Ok(actual) => actual,
        Err(error) => {
            return Ok(Err(CommitError::Storage {
                outcome: Outcome::NotApplied,
                error,
            }));
        }
    };
    if actual != moved.from {
        let consumer = consumer.to_owned();
        return Ok(Err(CommitError::CursorMoved { consumer, actual }));
    }
    connection
        .prepare_cached(
            "INSERT INTO es_cursors (consumer, position) VALUES (?1, ?2)
             ON CONFLICT (consumer) DO UPDATE SET position = excluded.position",
        )?
        .execute([consumer, &moved.to.to_string()])?;
    Ok(Ok(()))
}

fn cursor(
    connection: &Connection,
    consumer: &str,
) -> rusqlite::Result<Result<Option<Position>, StorageError>> {
    let found: Option<String> = connection
        .prepare_cached("SELECT position FROM es_cursors WHERE consumer = ?1")?
        .query_row([consumer], |row| row.get(0))
        .optional()?;
    Ok(found
        .map(|text| text.parse())
        .transpose()
        .map_err(|_| corrupt(format!("the cursor of `{consumer}` is not a position"))))
}

/// Due and free, of one saga: id, due time, epoch, and whether a lease ran out.
const DUE: &str = "SELECT aggregate_id, due_at, epoch, lease_until IS NOT NULL FROM es_work
                   WHERE aggregate = ?1 AND status = 'running' AND due_at <= ?2
                     AND (lease_until IS NULL OR lease_until <= ?2)
                   ORDER BY due_at LIMIT ?3";

/// Takes what is due, inside of the shared transaction.
pub(crate) fn claim(
    connection: &Connection,
    claim: &Claim,
    settings: &Settings,
) -> rusqlite::Result<Done> {
    let now = (settings.clock)();
    let most = i64::try_from(claim.at_most).unwrap_or(i64::MAX);
    let mut due: Vec<(i64, &str, String, i64, bool)> = Vec::new();
    for aggregate in &claim.aggregates {
        let mut select = connection.prepare_cached(DUE)?;
        let mut rows = select.query(params![aggregate, now.unix_micros(), most])?;
        while let Some(row) = rows.next()? {
            due.push((
                row.get(1)?,
                aggregate,
                row.get(0)?,
                row.get(2)?,
                row.get(3)?,
            ));
        }
    }
    due.sort();
    due.truncate(claim.at_most);
    let mut claimed = Vec::with_capacity(due.len());
    for (_, aggregate, id, epoch, lease_expired) in due {
        let epoch = epoch.saturating_add(1);
        let (Ok(instance), Ok(number)) = (StreamId::new(aggregate, &id), u64::try_from(epoch))
        else {
            continue;
        };
        connection
            .prepare_cached(
                "UPDATE es_work SET epoch = ?3, owner = ?4, lease_until = ?5
                 WHERE aggregate = ?1 AND aggregate_id = ?2",
            )?
            .execute(params![
                aggregate,
                id,
                epoch,
                claim.owner,
                now.after(claim.lease).unix_micros()
            ])?;
        claimed.push(Claimed::new(instance, number).after_expired_lease(lease_expired));
    }
    Ok(Done::Claimed(claimed))
}

/// Lets a lease begin anew, inside of the shared transaction.
pub(crate) fn renew(
    connection: &Connection,
    claimed: &Claimed,
    lease: Duration,
    settings: &Settings,
) -> rusqlite::Result<Done> {
    let until = (settings.clock)().after(lease).unix_micros();
    let renewed = connection
        .prepare_cached(
            "UPDATE es_work SET lease_until = ?4 WHERE aggregate = ?1 AND aggregate_id = ?2 AND epoch = ?3",
        )?
        .execute(params![
            claimed.instance.aggregate(),
            claimed.instance.id(),
            exact(claimed.epoch)?,
            until
        ])?;
    Ok(Done::Renewed(renewed > 0))
}

fn list(connection: &Connection, filter: &WorkFilter) -> Result<Vec<WorkItem>, ReadError> {
    let mut aggregates: Vec<Option<&str>> =
        filter.aggregates.iter().map(|s| Some(s.as_str())).collect();
    aggregates.sort_unstable();
    aggregates.dedup();
    if aggregates.is_empty() {
        aggregates.push(None);
    }
    let mut found = Vec::new();
    for aggregate in aggregates {
        let left = filter.at_most.saturating_sub(found.len());
        let mut select = connection
            .prepare_cached(
                "SELECT aggregate, aggregate_id, definition, status, phase, reason, due_at, epoch, owner,
                        lease_until, updated_at
                 FROM es_work
                 WHERE (?1 IS NULL OR aggregate = ?1) AND (?2 IS NULL OR aggregate_id = ?2)
                   AND (?3 IS NULL OR status = ?3) AND (?4 IS NULL OR (aggregate, aggregate_id) > (?4, ?5))
                 ORDER BY aggregate, aggregate_id LIMIT ?6",
            )
            .map_err(read_error)?;
        let after = filter.after.as_ref();
        let mut rows = select
            .query(params![
                aggregate,
                filter.id,
                filter.status.map(WorkStatus::as_str),
                after.map(StreamId::aggregate),
                after.map(StreamId::id),
                i64::try_from(left).unwrap_or(i64::MAX),
            ])
            .map_err(read_error)?;
        while let Some(row) = rows.next().map_err(read_error)? {
            let row = work_item(row).map_err(|what| {
                ReadError::Storage(corrupt(format!("a row of es_work is damaged: {what}")))
            })?;
            found.push(row);
        }
    }
    Ok(found)
}

fn work_item(row: &Row<'_>) -> Result<WorkItem, Damage> {
    let aggregate = text(row, 0, "the aggregate is not text")?;
    let id = text(row, 1, "the id is not text")?;
    let instance = StreamId::new(aggregate, id).map_err(|_| "its stream cannot be one")?;
    let mut change = WorkChange::new(instance, text(row, 2, "the definition is not text")?);
    let status = text(row, 3, "the status is not text")?;
    change.status = WorkStatus::from_text(status).ok_or("the status is unknown")?;
    text(row, 4, "the phase is not text")?.clone_into(&mut change.phase);
    change.reason = optional_text(row, 5)?;
    change.due_at = optional_time(row, 6)?;
    let updated_at = optional_time(row, 10)?.ok_or("the time of its change is missing")?;
    let mut found = WorkItem::new(&change, updated_at);
    found.epoch = match row.get_ref(7) {
        Ok(ValueRef::Integer(epoch)) => {
            u64::try_from(epoch).map_err(|_| "the epoch is negative")?
        }
        _ => return Err("the epoch is not a number"),
    };
    found.owner = optional_text(row, 8)?;
    found.lease_until = optional_time(row, 9)?;
    Ok(found)
}

fn optional_text(row: &Row<'_>, column: usize) -> Result<Option<String>, Damage> {
    match row.get_ref(column) {
        Ok(ValueRef::Null) => Ok(None),
        _ => text(row, column, "a text is not text").map(|text| Some(text.to_owned())),
    }
}

fn optional_time(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>, Damage> {
    match row.get_ref(column) {
        Ok(ValueRef::Null) => Ok(None),
        Ok(ValueRef::Integer(micros)) => Timestamp::from_unix_micros(micros)
            .map(Some)
            .ok_or("a time is out of range"),
        _ => Err("a time is not a number"),
    }
}

/// The text that only this store has.
fn space(connection: &Connection) -> Result<String, ReadError> {
    connection
        .query_row(
            "SELECT value FROM es_meta WHERE name = 'store_id'",
            [],
            |row| row.get(0),
        )
        .map_err(read_error)
}

fn failed(failed: Failed) -> CommitError {
    CommitError::Storage {
        outcome: failed.outcome,
        error: failed.error,
    }
}

impl CommitStore for SqliteStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        commit.check(&self.shared().settings().limits)?;
        let done = self.shared().write(Task::Commit(Box::new(commit))).await;
        match done.map_err(failed)? {
            Done::Committed(committed) => Ok(committed),
            Done::NotCommitted(error) => Err(error),
            Done::Refused(error) => Err(CommitError::Append(error)),
            // No commit is answered so.
            _ => Err(CommitError::Storage {
                outcome: Outcome::Unknown,
                error: no_answer(),
            }),
        }
    }

    async fn cursor(&self, consumer: &str) -> Result<Option<Position>, ReadError> {
        let consumer = consumer.to_owned();
        self.shared()
            .read(move |connection, _| {
                let found = cursor(connection, &consumer).map_err(read_error)?;
                Ok(found?)
            })
            .await
    }
}

impl WorkQueue for SqliteStore {
    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StorageError> {
        // Usually there is nothing to take, and a look costs no write.
        let now = (self.shared().settings().clock)().unix_micros();
        let aggregates = claim.aggregates.clone();
        let any = self.shared().read(move |connection, _| {
            for aggregate in &aggregates {
                let mut select = connection.prepare_cached(DUE).map_err(read_error)?;
                let due = select
                    .exists(params![aggregate, now, 1])
                    .map_err(read_error)?;
                if due {
                    return Ok(true);
                }
            }
            Ok(false)
        });
        match any.await {
            Ok(true) => {}
            Ok(false) => return Ok(Vec::new()),
            Err(ReadError::Storage(error)) => return Err(error),
            Err(other) => return Err(corrupt(other.to_string())),
        }
        match self.shared().write(Task::Claim(Box::new(claim))).await {
            Ok(Done::Claimed(claimed)) => Ok(claimed),
            Ok(_) => Err(no_answer()),
            Err(failed) => Err(failed.error),
        }
    }

    async fn renew(&self, claimed: &Claimed, lease: Duration) -> Result<bool, StorageError> {
        let task = Task::Renew(Box::new(claimed.clone()), lease);
        match self.shared().write(task).await {
            Ok(Done::Renewed(renewed)) => Ok(renewed),
            Ok(_) => Err(no_answer()),
            Err(failed) => Err(failed.error),
        }
    }

    async fn work_items(&self, filter: &WorkFilter) -> Result<Vec<WorkItem>, ReadError> {
        let filter = filter.clone();
        let rows =
            move |connection: &Connection, _: &crate::store::Waiting<'_>| list(connection, &filter);
        self.shared().read(rows).await
    }

    async fn now(&self) -> Result<Timestamp, ReadError> {
        Ok((self.shared().settings().clock)())
    }

    async fn store_id(&self) -> Result<String, ReadError> {
        self.shared().read(|connection, _| space(connection)).await
    }
}

/// The rest of a task's kind: about how many bytes a commit brings.
pub(crate) fn size(commit: &Commit) -> usize {
    let events = commit.appends.iter().flat_map(|append| &append.events);
    events.map(|event| event.payload.len()).sum()
}
