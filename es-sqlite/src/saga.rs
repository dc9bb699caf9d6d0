//! What sagas ask of the store: commits, claims, and the rows of the instances.

use crate::{
    commit::{DUE, cursor},
    errors::{Failed, corrupt, no_answer},
    queries::Waiting,
    rows::{Damage, read_error, text},
    store::SqliteStore,
    task::{Done, Task},
};
use es_runtime::{
    Outcome, Position, ReadError, StorageError, StreamId, Timestamp,
    saga::{
        Claim, Claimed, Commit, CommitError, Committed, RowChange, RowFilter, SagaRow, SagaStatus,
        SagaStore,
    },
};
use rusqlite::{Connection, Row, params, types::ValueRef};
use std::time::Duration;

fn list(connection: &Connection, filter: &RowFilter) -> Result<Vec<SagaRow>, ReadError> {
    let mut sagas: Vec<Option<&str>> = filter.sagas.iter().map(|s| Some(s.as_str())).collect();
    sagas.sort_unstable();
    sagas.dedup();
    if sagas.is_empty() {
        sagas.push(None);
    }
    let mut found = Vec::new();
    for saga in sagas {
        let left = filter.at_most.saturating_sub(found.len());
        let mut select = connection
            .prepare_cached(
                "SELECT saga, id, definition, status, phase, reason, due_at, epoch, owner,
                        lease_until, updated_at
                 FROM es_sagas
                 WHERE (?1 IS NULL OR saga = ?1) AND (?2 IS NULL OR id = ?2)
                   AND (?3 IS NULL OR status = ?3) AND (?4 IS NULL OR (saga, id) > (?4, ?5))
                 ORDER BY saga, id LIMIT ?6",
            )
            .map_err(read_error)?;
        let after = filter.after.as_ref();
        let mut rows = select
            .query(params![
                saga,
                filter.id,
                filter.status.map(SagaStatus::as_str),
                after.map(StreamId::aggregate),
                after.map(StreamId::id),
                i64::try_from(left).unwrap_or(i64::MAX),
            ])
            .map_err(read_error)?;
        while let Some(row) = rows.next().map_err(read_error)? {
            let row = saga_row(row).map_err(|what| {
                ReadError::Storage(corrupt(format!("a row of es_sagas is damaged: {what}")))
            })?;
            found.push(row);
        }
    }
    Ok(found)
}

fn saga_row(row: &Row<'_>) -> Result<SagaRow, Damage> {
    let saga = text(row, 0, "the saga is not text")?;
    let id = text(row, 1, "the id is not text")?;
    let instance = StreamId::new(saga, id).map_err(|_| "its stream cannot be one")?;
    let mut change = RowChange::new(instance, text(row, 2, "the definition is not text")?);
    let status = text(row, 3, "the status is not text")?;
    change.status = SagaStatus::from_text(status).ok_or("the status is unknown")?;
    text(row, 4, "the phase is not text")?.clone_into(&mut change.phase);
    change.reason = optional_text(row, 5)?;
    change.due_at = optional_time(row, 6)?;
    let updated_at = optional_time(row, 10)?.ok_or("the time of its change is missing")?;
    let mut found = SagaRow::new(&change, updated_at);
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

impl SagaStore for SqliteStore {
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

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StorageError> {
        // Usually there is nothing to take, and a look costs no write.
        let now = (self.shared().settings().clock)().unix_micros();
        let sagas = claim.sagas.clone();
        let any = self.shared().read(move |connection, _| {
            for saga in &sagas {
                let mut select = connection.prepare_cached(DUE).map_err(read_error)?;
                let due = select.exists(params![saga, now, 1]).map_err(read_error)?;
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

    async fn saga_rows(&self, filter: &RowFilter) -> Result<Vec<SagaRow>, ReadError> {
        let filter = filter.clone();
        let rows = move |connection: &Connection, _: &Waiting<'_>| list(connection, &filter);
        self.shared().read(rows).await
    }

    async fn saga_cursor(&self, consumer: &str) -> Result<Option<Position>, ReadError> {
        let consumer = consumer.to_owned();
        self.shared()
            .read(move |connection, _| {
                let found = cursor(connection, &consumer).map_err(read_error)?;
                Ok(found?)
            })
            .await
    }

    async fn saga_time(&self) -> Result<Timestamp, ReadError> {
        Ok((self.shared().settings().clock)())
    }

    async fn saga_space(&self) -> Result<String, ReadError> {
        self.shared().read(|connection, _| space(connection)).await
    }
}
