//! Commits, work items, cursors, and claims by the clock of the server.

use crate::{
    connection::Param,
    errors::{closed, corrupt, no_answer, not_applied},
    rows::{clamped, cursor_of, natural, time},
    store::{NAME, PostgresStore},
    write::Message,
};
use es_runtime::{
    Claim, Claimed, Commit, CommitError, CommitStore, Committed, Outcome, Position, ReadError,
    StorageError, StreamId, Timestamp, WorkQueue, store::author,
};
use es_runtime::{WorkChange, WorkFilter, WorkItem, WorkStatus};
use std::time::{Duration, SystemTime};
use tokio::sync::oneshot;
use tokio_postgres::{Row, types::Type};

/// At most a thousand years: the server rejects times that it cannot represent.
fn micros(time: Duration) -> f64 {
    time.as_secs_f64().min(1_000.0 * 365.0 * 24.0 * 3_600.0) * 1_000_000.0
}

impl PostgresStore {
    fn work_clock(&self) -> Result<Option<SystemTime>, StorageError> {
        let now = self.shared().settings.now()?;
        Ok(now.map(SystemTime::from))
    }
}

impl CommitStore for PostgresStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        commit.check_appends(&self.shared().settings.limits)?;
        self.shared().check_open().map_err(not_applied)?;
        let since = author::Timer::start();
        let (reply, answer) = oneshot::channel();
        let message = Message::Commit(Box::new(commit), reply);
        if self.shared().writes.send(message).await.is_err() {
            return Err(not_applied(closed()));
        }
        let answer = answer.await.unwrap_or_else(|_| {
            Err(CommitError::Storage {
                outcome: Outcome::Unknown,
                error: no_answer(),
            })
        });
        author::committed(since, NAME, &answer);
        answer
    }

    async fn cursor(&self, consumer: &str) -> Result<Option<Position>, ReadError> {
        let params: [Param<'_>; 1] = [(&consumer, Type::TEXT)];
        let sql = &self.shared().statements.cursor;
        let found = self.shared().rows(sql, &params).await?;
        Ok(cursor_of(&found, consumer)?)
    }

    async fn cursor_inputs(&self, consumer: &str) -> Result<Option<String>, ReadError> {
        let params: [Param<'_>; 1] = [(&consumer, Type::TEXT)];
        let sql = &self.shared().statements.cursor;
        let found = self.shared().rows(sql, &params).await?;
        let inputs = found.first().map(|row| row.try_get(1));
        let damaged = |_| ReadError::Storage(corrupt("the inputs of a cursor are not text"));
        Ok(inputs.transpose().map_err(damaged)?.flatten())
    }
}

impl WorkQueue for PostgresStore {
    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StorageError> {
        let most = i64::try_from(claim.at_most).unwrap_or(i64::MAX);
        let params: [Param<'_>; 5] = [
            (&claim.aggregates, Type::TEXT_ARRAY),
            (&claim.owner, Type::TEXT),
            (&micros(claim.lease), Type::FLOAT8),
            (&most, Type::INT8),
            (&self.work_clock()?, Type::TIMESTAMPTZ),
        ];
        let sql = &self.shared().statements.work_claim;
        let mut found = self.shared().change(sql, &params).await?;
        found.sort_by_key(|row| row.try_get::<_, SystemTime>(3).ok());
        let claimed = found.iter().map(|row| {
            let damaged = || corrupt("a row of work is damaged: it cannot be claimed");
            let instance = instance(row).ok_or_else(damaged)?;
            let epoch = natural(row, 2).ok_or_else(damaged)?;
            let lease_expired = row.try_get(4).map_err(|_| damaged())?;
            Ok(Claimed::new(instance, epoch).after_expired_lease(lease_expired))
        });
        claimed.collect()
    }

    async fn renew(&self, claimed: &Claimed, lease: Duration) -> Result<bool, StorageError> {
        let params: [Param<'_>; 5] = [
            (&claimed.instance.aggregate(), Type::TEXT),
            (&claimed.instance.id(), Type::TEXT),
            (&clamped(claimed.epoch), Type::INT8),
            (&micros(lease), Type::FLOAT8),
            (&self.work_clock()?, Type::TIMESTAMPTZ),
        ];
        let sql = &self.shared().statements.work_renew;
        Ok(!self.shared().change(sql, &params).await?.is_empty())
    }

    async fn work_items(&self, filter: &WorkFilter) -> Result<Vec<WorkItem>, ReadError> {
        let after = filter.after.as_ref();
        let most = i64::try_from(filter.at_most).unwrap_or(i64::MAX);
        let changed_after = filter.changed_after.map(SystemTime::from);
        let due_before = filter.due_before.map(SystemTime::from);
        let params: [Param<'_>; 8] = [
            (&filter.aggregates, Type::TEXT_ARRAY),
            (&filter.id, Type::TEXT),
            (&filter.status.map(WorkStatus::as_str), Type::TEXT),
            (&after.map(StreamId::aggregate), Type::TEXT),
            (&after.map(StreamId::id), Type::TEXT),
            (&most, Type::INT8),
            (&changed_after, Type::TIMESTAMPTZ),
            (&due_before, Type::TIMESTAMPTZ),
        ];
        let statements = &self.shared().statements;
        let sql = match due_before {
            Some(_) => &statements.work_due,
            None => &statements.work_items,
        };
        let found = self.shared().rows(sql, &params).await?;
        let rows = found.iter().map(|row| {
            work_item(row).ok_or_else(|| ReadError::Storage(corrupt("a row of work is damaged")))
        });
        rows.collect()
    }

    async fn work_counts(
        &self,
        aggregates: Vec<String>,
    ) -> Result<Vec<(String, WorkStatus, u64)>, ReadError> {
        let params: [Param<'_>; 1] = [(&aggregates, Type::TEXT_ARRAY)];
        let sql = &self.shared().statements.work_counts;
        let found = self.shared().rows(sql, &params).await?;
        let counts = found.iter().map(|row| {
            let status = WorkStatus::from_text(row.try_get(1).ok()?)?;
            Some((row.try_get(0).ok()?, status, natural(row, 2)?))
        });
        let counts: Option<_> = counts.collect();
        counts.ok_or_else(|| ReadError::Storage(corrupt("a row of work is damaged")))
    }

    async fn now(&self) -> Result<Timestamp, ReadError> {
        if let Some(now) = self.shared().settings.now()? {
            return Ok(now);
        }
        let sql = &self.shared().statements.now;
        let found = self.shared().rows(sql, &[]).await?;
        let now = found.first().and_then(|row| time(row, 0).ok());
        now.ok_or_else(|| ReadError::Storage(corrupt("the server's clock gave no time")))
    }
}

fn instance(row: &Row) -> Option<StreamId> {
    StreamId::new(row.try_get(0).ok()?, row.try_get(1).ok()?).ok()
}

fn work_item(row: &Row) -> Option<WorkItem> {
    let optional = |index| -> Option<Option<Timestamp>> {
        let time: Option<SystemTime> = row.try_get(index).ok()?;
        Some(time.map(Timestamp::from))
    };
    let mut change = WorkChange::new(instance(row)?, row.try_get::<_, String>(2).ok()?);
    change.status = WorkStatus::from_text(row.try_get(3).ok()?)?;
    change.phase = row.try_get(4).ok()?;
    change.reason = row.try_get(5).ok()?;
    change.due_at = optional(6)?;
    let mut found = WorkItem::new(&change, optional(10)??);
    found.epoch = natural(row, 7)?;
    found.owner = row.try_get(8).ok()?;
    found.lease_until = optional(9)?;
    Some(found)
}
