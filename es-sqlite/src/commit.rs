//! Commits that change several streams, work items and a cursor at once, and claims by the clock of the
//! store: what they do inside of the transaction that they share with other writes.

use crate::{append, errors::corrupt, process, rows::exact, settings::StoreSettings, tags};
use es_runtime::{
    Claim, Claimed, Commit, CommitError, Committed, CursorMove, Outcome, Position, StorageError,
    StreamId, Timestamp, WorkChange, store::author,
};
use rusqlite::{Connection, OptionalExtension, named_params, params};
use std::time::Duration;

/// Does a commit in the shared transaction. A rejected one leaves nothing in the file.
pub(crate) fn commit(
    connection: &Connection,
    commit: &Commit,
    settings: &StoreSettings,
) -> rusqlite::Result<Result<Committed, CommitError>> {
    run(connection, "SAVEPOINT work")?;
    let done = commit_parts(connection, commit, settings)?;
    if done.is_err() {
        run(connection, "ROLLBACK TO work")?;
        settings.rules.forget();
    }
    run(connection, "RELEASE work")?;
    Ok(done)
}

fn run(connection: &Connection, sql: &str) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute([])
}

fn commit_parts(
    connection: &Connection,
    commit: &Commit,
    settings: &StoreSettings,
) -> rusqlite::Result<Result<Committed, CommitError>> {
    if let Err(refused) = check_guards(connection, commit, settings)? {
        return Ok(Err(refused));
    }
    let mut appended = Vec::with_capacity(commit.appends.len());
    for request in &commit.appends {
        let done = append::append(connection, request, settings)?
            .map_err(CommitError::Append)
            .and_then(|done| author::check_first_time(request, done));
        match done {
            Ok(done) => appended.push(done),
            Err(rejected) => return Ok(Err(rejected)),
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

/// Checks the guards, before anything of the commit is written.
fn check_guards(
    connection: &Connection,
    commit: &Commit,
    settings: &StoreSettings,
) -> rusqlite::Result<Result<(), CommitError>> {
    if commit.guards.is_empty() {
        return Ok(Ok(()));
    }
    let Err(refused) = tags::check_guards(connection, commit, settings)? else {
        return Ok(Ok(()));
    };
    // What was done before comes first.
    for append in &commit.appends {
        if let Some(earlier) = append::earlier(connection, append)? {
            if let Err(repeated) = author::check_repeated(append, earlier) {
                return Ok(Err(repeated));
            }
        }
    }
    Ok(Err(refused))
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
    if let Err(rejected) = author::check_epoch(row, actual) {
        return Ok(Err(rejected));
    }
    connection
        .prepare_cached(
            "INSERT INTO es_work (aggregate, aggregate_id, definition, status, phase, reason, due_at, epoch,
                                   updated_at)
             VALUES (:aggregate, :aggregate_id, :definition, :status, :phase, :reason, :due_at, :epoch, :now)
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
            ":epoch": exact(row.first_epoch)?,
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
    if let Err(rejected) = author::check_cursor(moved, actual) {
        return Ok(Err(rejected));
    }
    if moved.inputs.is_some() {
        let inputs = cursor_inputs(connection, consumer)?;
        if let Err(rejected) = author::check_inputs(moved, actual, inputs.as_deref()) {
            return Ok(Err(rejected));
        }
    }
    let inputs = moved.inputs.as_ref().map(|(_, inputs)| inputs);
    connection
        .prepare_cached(
            "INSERT INTO es_cursors (consumer, position, inputs) VALUES (?1, ?2, ?3)
             ON CONFLICT (consumer) DO UPDATE SET
                 position = excluded.position, inputs = coalesce(excluded.inputs, inputs)",
        )?
        .execute(params![consumer, moved.to.to_string(), inputs])?;
    Ok(Ok(()))
}

pub(crate) fn cursor_inputs(
    connection: &Connection,
    consumer: &str,
) -> rusqlite::Result<Option<String>> {
    let found: Option<Option<String>> = connection
        .prepare_cached("SELECT inputs FROM es_cursors WHERE consumer = ?1")?
        .query_row([consumer], |row| row.get(0))
        .optional()?;
    Ok(found.flatten())
}

pub(crate) fn cursor(
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

/// Due and free, of one saga: id, due time, epoch, and whether a lease ran out. The last parameter has the
/// processes that are gone.
pub(crate) const DUE: &str =
    "SELECT aggregate_id, due_at, epoch, lease_until IS NOT NULL FROM es_work
                   WHERE aggregate = ?1 AND status = 'running' AND due_at <= ?2
                     AND (lease_until IS NULL OR lease_until <= ?2
                          OR process IN (SELECT value FROM json_each(?4)))
                   ORDER BY due_at LIMIT ?3";

/// The processes with work in progress that are gone, as a JSON list.
pub(crate) fn gone_processes(
    connection: &Connection,
    aggregate: &str,
    now: i64,
) -> rusqlite::Result<String> {
    let mut select = connection.prepare_cached(
        "SELECT DISTINCT process FROM es_work
         WHERE aggregate = ?1 AND status = 'running' AND due_at <= ?2 AND lease_until > ?2
           AND process IS NOT NULL",
    )?;
    let processes = select.query_map(params![aggregate, now], |row| row.get(0))?;
    let mut gone: Vec<String> = processes.collect::<Result<_, _>>()?;
    gone.retain(|process| process::is_gone(process));
    // The names have no character that JSON would escape.
    Ok(if gone.is_empty() {
        "[]".to_owned()
    } else {
        format!("[\"{}\"]", gone.join("\",\""))
    })
}

/// Takes what is due, inside of the shared transaction.
pub(crate) fn claim(
    connection: &Connection,
    claim: &Claim,
    settings: &StoreSettings,
) -> rusqlite::Result<Vec<Claimed>> {
    let now = (settings.clock)();
    let most = i64::try_from(claim.at_most).unwrap_or(i64::MAX);
    let mut due: Vec<(i64, &str, String, i64, bool)> = Vec::new();
    for aggregate in &claim.aggregates {
        let gone = gone_processes(connection, aggregate, now.unix_micros())?;
        let mut select = connection.prepare_cached(DUE)?;
        let mut rows = select.query(params![aggregate, now.unix_micros(), most, gone])?;
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
                "UPDATE es_work SET epoch = ?3, owner = ?4, lease_until = ?5, updated_at = ?6, process = ?7
                 WHERE aggregate = ?1 AND aggregate_id = ?2",
            )?
            .execute(params![
                aggregate,
                id,
                epoch,
                claim.owner,
                now.after(claim.lease).unix_micros(),
                now.unix_micros(),
                process::this_process()
            ])?;
        claimed.push(Claimed::new(instance, number).after_expired_lease(lease_expired));
    }
    Ok(claimed)
}

/// Lets a lease begin anew, inside of the shared transaction.
pub(crate) fn renew(
    connection: &Connection,
    claimed: &Claimed,
    lease: Duration,
    settings: &StoreSettings,
) -> rusqlite::Result<bool> {
    let now = (settings.clock)();
    let renewed = connection
        .prepare_cached(
            "UPDATE es_work SET lease_until = ?4, updated_at = ?5
             WHERE aggregate = ?1 AND aggregate_id = ?2 AND epoch = ?3",
        )?
        .execute(params![
            claimed.instance.aggregate(),
            claimed.instance.id(),
            exact(claimed.epoch)?,
            now.after(lease).unix_micros(),
            now.unix_micros()
        ])?;
    Ok(renewed > 0)
}
