//! What sagas have in the schema of the events: their rows, their cursors, and claims by the clock of
//! the server.

use crate::{
    connection::Param,
    errors::{closed, corrupt, no_answer, not_applied},
    rows::{clamped, cursor_of, natural, time},
    store::PostgresStore,
    write::Message,
};
use es_runtime::{
    Outcome, Position, ReadError, StorageError, StreamId, Timestamp,
    saga::{
        Claim, Claimed, Commit, CommitError, Committed, RowChange, RowFilter, SagaRow, SagaStatus,
        SagaStore,
    },
};
use std::time::{Duration, SystemTime};
use tokio::sync::oneshot;
use tokio_postgres::{Row, types::Type};

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000_000.0
}

impl PostgresStore {
    fn saga_clock(&self) -> Result<Option<SystemTime>, StorageError> {
        let now = self.shared().settings.now()?;
        Ok(now.map(SystemTime::from))
    }
}

impl SagaStore for PostgresStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        commit.check(&self.shared().settings.limits)?;
        self.shared().check_open().map_err(not_applied)?;
        let (reply, answer) = oneshot::channel();
        let message = Message::Commit(Box::new(commit), reply);
        if self.shared().writes.send(message).await.is_err() {
            return Err(not_applied(closed()));
        }
        answer.await.unwrap_or_else(|_| {
            Err(CommitError::Storage {
                outcome: Outcome::Unknown,
                error: no_answer(),
            })
        })
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StorageError> {
        let most = i64::try_from(claim.at_most).unwrap_or(i64::MAX);
        let params: [Param<'_>; 5] = [
            (&claim.sagas, Type::TEXT_ARRAY),
            (&claim.owner, Type::TEXT),
            (&micros(claim.lease), Type::FLOAT8),
            (&most, Type::INT8),
            (&self.saga_clock()?, Type::TIMESTAMPTZ),
        ];
        let sql = &self.shared().statements.saga_claim;
        let mut found = self.shared().rows(sql, &params).await?;
        found.sort_by_key(|row| row.try_get::<_, SystemTime>(3).ok());
        let claimed = found.iter().map(|row| {
            let damaged = || corrupt("a row of sagas is damaged: it cannot be claimed");
            let instance = instance(row).ok_or_else(damaged)?;
            let epoch = natural(row, 2).ok_or_else(damaged)?;
            let lapsed = row.try_get(4).map_err(|_| damaged())?;
            Ok(Claimed::new(instance, epoch).after_lapse(lapsed))
        });
        claimed.collect()
    }

    async fn renew(&self, claimed: &Claimed, lease: Duration) -> Result<bool, StorageError> {
        let params: [Param<'_>; 5] = [
            (&claimed.instance.aggregate(), Type::TEXT),
            (&claimed.instance.id(), Type::TEXT),
            (&clamped(claimed.epoch), Type::INT8),
            (&micros(lease), Type::FLOAT8),
            (&self.saga_clock()?, Type::TIMESTAMPTZ),
        ];
        let sql = &self.shared().statements.saga_renew;
        Ok(!self.shared().rows(sql, &params).await?.is_empty())
    }

    async fn saga_rows(&self, filter: &RowFilter) -> Result<Vec<SagaRow>, ReadError> {
        let after = filter.after.as_ref();
        let most = i64::try_from(filter.at_most).unwrap_or(i64::MAX);
        let params: [Param<'_>; 6] = [
            (&filter.sagas, Type::TEXT_ARRAY),
            (&filter.id, Type::TEXT),
            (&filter.status.map(SagaStatus::as_str), Type::TEXT),
            (&after.map(StreamId::aggregate), Type::TEXT),
            (&after.map(StreamId::id), Type::TEXT),
            (&most, Type::INT8),
        ];
        let sql = &self.shared().statements.saga_rows;
        let found = self.shared().rows(sql, &params).await?;
        let rows = found.iter().map(|row| {
            saga_row(row).ok_or_else(|| ReadError::Storage(corrupt("a row of sagas is damaged")))
        });
        rows.collect()
    }

    async fn saga_cursor(&self, consumer: &str) -> Result<Option<Position>, ReadError> {
        let params: [Param<'_>; 1] = [(&consumer, Type::TEXT)];
        let sql = &self.shared().statements.saga_cursor;
        let found = self.shared().rows(sql, &params).await?;
        Ok(cursor_of(&found, consumer)?)
    }

    async fn saga_time(&self) -> Result<Timestamp, ReadError> {
        if let Some(now) = self.shared().settings.now()? {
            return Ok(now);
        }
        let sql = &self.shared().statements.saga_time;
        let found = self.shared().rows(sql, &[]).await?;
        let now = found.first().and_then(|row| time(row, 0).ok());
        now.ok_or_else(|| ReadError::Storage(corrupt("the server's clock gave no time")))
    }

    async fn saga_space(&self) -> Result<String, ReadError> {
        let sql = &self.shared().statements.saga_space;
        let found = self.shared().rows(sql, &[]).await?;
        let space = found.first().and_then(|row| row.try_get(0).ok());
        space.ok_or_else(|| {
            ReadError::Storage(corrupt("the table `store_id` does not have its one row"))
        })
    }
}

fn instance(row: &Row) -> Option<StreamId> {
    StreamId::new(row.try_get(0).ok()?, row.try_get(1).ok()?).ok()
}

fn saga_row(row: &Row) -> Option<SagaRow> {
    let optional = |index| -> Option<Option<Timestamp>> {
        let time: Option<SystemTime> = row.try_get(index).ok()?;
        Some(time.map(Timestamp::from))
    };
    let mut change = RowChange::new(instance(row)?, row.try_get::<_, String>(2).ok()?);
    change.status = SagaStatus::from_text(row.try_get(3).ok()?)?;
    change.phase = row.try_get(4).ok()?;
    change.reason = row.try_get(5).ok()?;
    change.due_at = optional(6)?;
    let mut found = SagaRow::new(&change, optional(10)??);
    found.epoch = natural(row, 7)?;
    found.owner = row.try_get(8).ok()?;
    found.lease_until = optional(9)?;
    Some(found)
}
