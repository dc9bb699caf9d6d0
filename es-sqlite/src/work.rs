//! The other operations of the store: commits, claims, and the list of work items.

use crate::{
    commit::{DUE, cursor, cursor_inputs, gone_processes},
    errors::{Failed, corrupt, no_answer},
    queries::Waiting,
    rows::{Damage, read_error, text},
    settings::NAME,
    store::SqliteStore,
    task::{Done, Task},
};
use es_runtime::{
    Claim, Claimed, Commit, CommitError, CommitStore, Committed, Outcome, Position, ReadError,
    StorageError, StreamId, Timestamp, WorkQueue, store::author,
};
use es_runtime::{WorkChange, WorkFilter, WorkItem, WorkStatus};
use rusqlite::{Connection, Row, params, types::ValueRef};
use std::time::Duration;

fn list(connection: &Connection, filter: &WorkFilter) -> Result<Vec<WorkItem>, ReadError> {
    let mut aggregates: Vec<Option<&str>> =
        filter.aggregates.iter().map(|s| Some(s.as_str())).collect();
    aggregates.sort_unstable();
    aggregates.dedup();
    if aggregates.is_empty() {
        aggregates.push(None);
    }
    // The index of what is due has running items only.
    let due = match filter.due_before {
        Some(_) => "AND status = 'running' AND due_at < ?8",
        None => "AND ?8 IS NULL",
    };
    let sql = format!(
        "SELECT aggregate, aggregate_id, definition, status, phase, reason, due_at, epoch, owner,
                lease_until, updated_at
         FROM es_work
         WHERE (?1 IS NULL OR aggregate = ?1) AND (?2 IS NULL OR aggregate_id = ?2)
           AND (?3 IS NULL OR status = ?3) AND (?4 IS NULL OR (aggregate, aggregate_id) > (?4, ?5))
           AND (?7 IS NULL OR updated_at > ?7) {due}
         ORDER BY aggregate, aggregate_id LIMIT ?6"
    );
    let mut select = connection.prepare_cached(&sql).map_err(read_error)?;
    let after = filter.after.as_ref();
    let mut found = Vec::new();
    for aggregate in aggregates {
        let left = filter.at_most.saturating_sub(found.len());
        let mut rows = select
            .query(params![
                aggregate,
                filter.id,
                filter.status.map(WorkStatus::as_str),
                after.map(StreamId::aggregate),
                after.map(StreamId::id),
                i64::try_from(left).unwrap_or(i64::MAX),
                filter.changed_after.map(Timestamp::unix_micros),
                filter.due_before.map(Timestamp::unix_micros),
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

fn counts(
    connection: &Connection,
    aggregates: &[String],
) -> Result<Vec<(String, WorkStatus, u64)>, ReadError> {
    let damaged = || ReadError::Storage(corrupt("a row of es_work is damaged"));
    let mut select = connection
        .prepare_cached(
            "SELECT aggregate, status, count(*) FROM es_work GROUP BY aggregate, status",
        )
        .map_err(read_error)?;
    let mut rows = select.query([]).map_err(read_error)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(read_error)? {
        let aggregate: String = row.get(0).map_err(read_error)?;
        let status: String = row.get(1).map_err(read_error)?;
        let count: i64 = row.get(2).map_err(read_error)?;
        if aggregates.is_empty() || aggregates.contains(&aggregate) {
            let status = WorkStatus::from_text(&status).ok_or_else(damaged)?;
            let count = u64::try_from(count).map_err(|_| damaged())?;
            found.push((aggregate, status, count));
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

fn failed(failed: Failed) -> CommitError {
    CommitError::Storage {
        outcome: failed.outcome,
        error: failed.error,
    }
}

impl CommitStore for SqliteStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        commit.check_appends(&self.shared().settings().limits)?;
        let since = author::Timer::start();
        let done = self.shared().write(Task::Commit(Box::new(commit))).await;
        let answer = match done.map_err(failed) {
            Ok(Done::Committed(committed)) => Ok(committed),
            Ok(Done::NotCommitted(error)) | Err(error) => Err(error),
            Ok(Done::Rejected(error)) => Err(CommitError::Append(error)),
            // No commit is answered so.
            Ok(_) => Err(CommitError::Storage {
                outcome: Outcome::Unknown,
                error: no_answer(),
            }),
        };
        author::committed(since, NAME, &answer);
        answer
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

    async fn cursor_inputs(&self, consumer: &str) -> Result<Option<String>, ReadError> {
        let consumer = consumer.to_owned();
        self.shared()
            .read(move |connection, _| cursor_inputs(connection, &consumer).map_err(read_error))
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
                let gone = gone_processes(connection, aggregate, now).map_err(read_error)?;
                let mut select = connection.prepare_cached(DUE).map_err(read_error)?;
                let due = select
                    .exists(params![aggregate, now, 1, gone])
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
        let rows = move |connection: &Connection, _: &Waiting<'_>| list(connection, &filter);
        self.shared().read(rows).await
    }

    async fn work_counts(
        &self,
        aggregates: Vec<String>,
    ) -> Result<Vec<(String, WorkStatus, u64)>, ReadError> {
        let rows = move |connection: &Connection, _: &Waiting<'_>| counts(connection, &aggregates);
        self.shared().read(rows).await
    }

    async fn now(&self) -> Result<Timestamp, ReadError> {
        Ok((self.shared().settings().clock)())
    }
}
