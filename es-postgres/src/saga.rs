//! Sagas in the schema of the events: commits that change several streams, rows and a cursor at once,
//! and claims by the clock of the server.

use crate::{
    connection::{Param, Session},
    decide::{Decider, Rows},
    errors::{closed, corrupt, no_answer, storage},
    read::{PostgresTransaction, inline::Behind},
    rows::{clamped, natural, time},
    store::PostgresStore,
    writer::{Abandoned, Cause, Decided, Message, Writer},
};
use es_runtime::{
    AppendError, Appended, Outcome, Position, ReadError, StorageError, StreamId, Timestamp,
    saga::{
        Claim, Claimed, Commit, CommitError, Committed, RowChange, RowFilter, SagaRow, SagaStatus,
        SagaStore,
    },
};
use futures_util::future::{OptionFuture, join, join4};
use std::time::{Duration, SystemTime};
use tokio::sync::oneshot;
use tokio_postgres::{Error, Row, types::Type};

/// How one attempt at a commit ended without one.
enum NotDone {
    Refused(CommitError),
    Abandoned(Abandoned),
}

impl From<Abandoned> for NotDone {
    fn from(abandoned: Abandoned) -> Self {
        Self::Abandoned(abandoned)
    }
}

impl From<CommitError> for NotDone {
    fn from(error: CommitError) -> Self {
        Self::Refused(error)
    }
}

fn not_applied(error: StorageError) -> CommitError {
    CommitError::Storage {
        outcome: Outcome::NotApplied,
        error,
    }
}

impl Writer {
    /// A commit in a transaction of its own; once more where the connection was lost before it
    /// committed.
    pub(crate) async fn commit_saga(&mut self, commit: &Commit) -> Result<Committed, CommitError> {
        let mut done = self.try_commit(commit).await;
        if let Err(NotDone::Abandoned(Abandoned::Lost(_))) = done {
            done = self.try_commit(commit).await;
        }
        match done {
            Ok(committed) => Ok(committed),
            Err(NotDone::Refused(error)) => Err(error),
            Err(NotDone::Abandoned(Abandoned::Lost(error))) => Err(not_applied(error)),
            Err(NotDone::Abandoned(Abandoned::Failed(failed))) => Err(CommitError::Storage {
                outcome: failed.outcome,
                error: failed.error,
            }),
            Err(NotDone::Abandoned(Abandoned::KnownEventId)) => {
                for append in &commit.appends {
                    let known = self.which_is_known(append).await;
                    if matches!(known, AppendError::DuplicateEventId { .. }) {
                        return Err(CommitError::Append(known));
                    }
                }
                Err(not_applied(corrupt(
                    "an event id is known and is not found",
                )))
            }
        }
    }

    async fn try_commit(&mut self, commit: &Commit) -> Result<Committed, NotDone> {
        let session = self.session().await.map_err(Abandoned::Lost)?;
        for (sql, types) in self.statements.of_commits() {
            let ready = session.prepare(sql, types).await;
            ready.map_err(|error| Abandoned::Lost(storage(error)))?;
        }
        let known = match self.lock_and_look(&session, &commit.appends).await {
            Ok(known) => known,
            Err(error) => return Err(self.give_up(session, error).await.into()),
        };
        let now = self.clock().unwrap_or(known.now);
        let before = known.head;
        let mut judge = Decider::new(known);
        let mut rows = Rows::default();
        let mut appended = Vec::with_capacity(commit.appends.len());
        let mut refused = None;
        for append in &commit.appends {
            match judge.one(append, Some(now), &mut rows) {
                Ok(first) if first.repeated => {
                    let stream = append.stream.clone();
                    refused = Some(CommitError::Repeated { stream, first });
                    break;
                }
                Ok(done) => appended.push(done),
                Err(error) => {
                    refused = Some(CommitError::Append(error));
                    break;
                }
            }
        }
        if refused.is_none() {
            refused = match self.refused_rows(&session, commit).await {
                Ok(refused) => refused,
                Err(error) => return Err(self.give_up(session, error).await.into()),
            };
        }
        if let Some(refused) = refused {
            self.roll_back(session).await;
            return Err(refused.into());
        }
        let mut decided = Decided {
            verdicts: Vec::new(),
            rows,
            is_written: false,
            head: judge.head(),
        };
        let session = if self.inlines.is_empty() {
            session
        } else {
            decided.is_written = true;
            self.project_commit(session, commit, &appended, &decided.rows)
                .await?
        };
        self.finish_commit(session, commit, decided, before, now)
            .await?;
        Ok(Committed::new(appended))
    }

    /// What the rows or the cursor refuse it for. Locks the rows.
    async fn refused_rows(
        &self,
        session: &Session,
        commit: &Commit,
    ) -> Result<Option<CommitError>, StorageError> {
        let instances = commit.rows.iter().map(|row| &row.instance);
        let (sagas, ids): (Vec<&str>, Vec<&str>) =
            instances.map(|i| (i.aggregate(), i.id())).unzip();
        let consumer = commit.cursor.as_ref().map(|moved| moved.consumer.as_str());
        let by_row: [Param<'_>; 2] = [(&sagas, Type::TEXT_ARRAY), (&ids, Type::TEXT_ARRAY)];
        let by_consumer: [Param<'_>; 1] = [(&consumer, Type::TEXT)];
        let (epochs, cursors) = join(
            session.rows(&self.statements.saga_epochs, &by_row),
            session.rows(&self.statements.saga_cursor, &by_consumer),
        )
        .await;
        let (epochs, cursors) = (epochs.map_err(storage)?, cursors.map_err(storage)?);
        for (number, row) in (1_u64..).zip(&commit.rows) {
            let mut found = epochs.iter();
            let found = found.find(|found| natural(found, 0) == Some(number));
            let actual = found.map_or(Some(0), |found| natural(found, 1));
            let actual = actual.ok_or_else(|| corrupt("the epoch of a saga is not a number"))?;
            if let Some(epoch) = row.epoch.filter(|_| row.is_fenced_by(actual)) {
                let instance = row.instance.clone();
                return Ok(Some(CommitError::Fenced {
                    instance,
                    epoch,
                    actual,
                }));
            }
        }
        let Some(moved) = &commit.cursor else {
            return Ok(None);
        };
        let actual = cursor_of(&cursors, &moved.consumer)?;
        Ok((actual != moved.from).then(|| CommitError::CursorMoved {
            consumer: moved.consumer.clone(),
            actual,
        }))
    }

    /// Writes the events and lets the inline projections handle them.
    async fn project_commit(
        &mut self,
        session: Session,
        commit: &Commit,
        appended: &[Appended],
        rows: &Rows<'_>,
    ) -> Result<Session, NotDone> {
        let mut tx = PostgresTransaction::new(session);
        let mut refused = None;
        let projected = async {
            let caught_up = self.inlines.catch_up(&mut tx, &self.statements).await;
            caught_up.map_err(StorageError::from)?;
            self.insert_events(tx.session(), rows).await?;
            self.insert_appends(tx.session(), rows).await?;
            for (append, appended) in commit.appends.iter().zip(appended) {
                if append.events.is_empty() {
                    continue;
                }
                match self.inlines.handle(&mut tx, append, appended).await {
                    Ok(()) => {}
                    Err(Behind::Storage(error)) => return Err(error.into()),
                    Err(Behind::Failure(failure)) => {
                        if let Some(error) = tx.take_passing() {
                            return Err(error.into());
                        }
                        refused = Some(AppendError::Projection {
                            stream: append.stream.clone(),
                            projection: failure.projection,
                            reason: failure.error.to_string(),
                        });
                        return Ok(());
                    }
                }
            }
            Ok::<_, Cause>(())
        };
        let projected = projected.await;
        let (session, passing) = tx.into_parts();
        if let Some(error) = passing {
            return Err(self.give_up(session, error).await.into());
        }
        if let Err(cause) = projected {
            return Err(self.give_up(session, cause).await.into());
        }
        if let Some(error) = refused {
            self.roll_back(session).await;
            return Err(CommitError::Append(error).into());
        }
        Ok(session)
    }

    /// Writes what is not written yet and commits: one flight. The move of the head is the proof that
    /// the transaction was alive until its end.
    async fn finish_commit(
        &mut self,
        session: Session,
        commit: &Commit,
        decided: Decided<'_>,
        before: u64,
        now: Timestamp,
    ) -> Result<(), NotDone> {
        let (head, before) = (clamped(decided.head), clamped(before));
        let to_head: [Param<'_>; 2] = [(&head, Type::INT8), (&before, Type::INT8)];
        let nothing = Rows::default();
        let rows = if decided.is_written {
            &nothing
        } else {
            &decided.rows
        };
        let now: SystemTime = now.into();
        // A flight is sent in its order only as far as it is sent at its first poll, which a list of any
        // length need not be. So one row is part of it, and others go ahead.
        let mut changes = commit.rows.iter();
        let first = changes.next().map(|row| self.put(&session, row, now));
        for row in changes {
            if let Err(error) = self.put(&session, row, now).await {
                drop(first);
                return Err(self.give_up(session, error).await.into());
            }
        }
        let moved = commit.cursor.as_ref().map(|moved| async {
            let to = moved.to.to_string();
            let params: [Param<'_>; 2] = [(&moved.consumer, Type::TEXT), (&to, Type::TEXT)];
            session.execute(&self.statements.saga_move, &params).await
        });
        let ((events, appends, put, at), (advanced, committed)) = join(
            join4(
                self.insert_events(&session, rows),
                self.insert_appends(&session, rows),
                OptionFuture::from(first),
                OptionFuture::from(moved),
            ),
            join(
                session.execute(&self.statements.advance, &to_head),
                session.client().batch_execute("COMMIT"),
            ),
        )
        .await;
        let mut writes = [events, appends].into_iter().chain(put).chain(at);
        let wrote = writes.try_for_each(|write| write.map(|_| ()));
        match (wrote, advanced, committed) {
            // What the server refused was not committed, whatever became of the rest.
            (Err(error), _, _) | (_, Err(error), _) if error.as_db_error().is_some() => {
                Err(self.give_up(session, error).await.into())
            }
            (Ok(()), Ok(1), Ok(())) => {
                self.session = Some(session);
                self.committed(&decided);
                Ok(())
            }
            (Ok(()), Ok(_), Ok(())) => {
                let error = corrupt("the end of the feed moved while it was locked");
                Err(not_applied(error).into())
            }
            (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => {
                drop(session);
                let error = storage(error);
                if decided.rows.is_empty() {
                    // Nothing was written that could be found again.
                    let outcome = Outcome::Unknown;
                    return Err(CommitError::Storage { outcome, error }.into());
                }
                self.resolve(decided, error).await?;
                Ok(())
            }
        }
    }

    async fn put(&self, session: &Session, row: &RowChange, now: SystemTime) -> Result<u64, Error> {
        let due: Option<SystemTime> = row.due_at.map(Into::into);
        let params: [Param<'_>; 9] = [
            (&row.instance.aggregate(), Type::TEXT),
            (&row.instance.id(), Type::TEXT),
            (&row.definition, Type::TEXT),
            (&row.status.as_str(), Type::TEXT),
            (&row.phase, Type::TEXT),
            (&row.reason, Type::TEXT),
            (&due, Type::TIMESTAMPTZ),
            (&now, Type::TIMESTAMPTZ),
            (&row.release, Type::BOOL),
        ];
        session.execute(&self.statements.saga_put, &params).await
    }
}

fn cursor_of(rows: &[Row], consumer: &str) -> Result<Option<Position>, StorageError> {
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let text: Option<&str> = row.try_get(0).ok();
    let position = text.and_then(|text| text.parse().ok());
    position
        .map(Some)
        .ok_or_else(|| corrupt(format!("the cursor of `{consumer}` is not a position")))
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000_000.0
}

impl PostgresStore {
    fn saga_clock(&self) -> Option<SystemTime> {
        let clock = self.shared().settings.clock.as_ref();
        clock.map(|clock| clock().into())
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
            (&self.saga_clock(), Type::TIMESTAMPTZ),
        ];
        let sql = &self.shared().statements.saga_claim;
        let mut found = self.shared().rows(sql, &params).await?;
        found.sort_by_key(|row| row.try_get::<_, SystemTime>(3).ok());
        let claimed = found.iter().map(|row| {
            let damaged = || corrupt("a row of sagas is damaged: it cannot be claimed");
            let instance = instance(row).ok_or_else(damaged)?;
            Ok(Claimed::new(instance, natural(row, 2).ok_or_else(damaged)?))
        });
        claimed.collect()
    }

    async fn renew(&self, claimed: &Claimed, lease: Duration) -> Result<bool, StorageError> {
        let params: [Param<'_>; 5] = [
            (&claimed.instance.aggregate(), Type::TEXT),
            (&claimed.instance.id(), Type::TEXT),
            (&clamped(claimed.epoch), Type::INT8),
            (&micros(lease), Type::FLOAT8),
            (&self.saga_clock(), Type::TIMESTAMPTZ),
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
        if let Some(clock) = &self.shared().settings.clock {
            return Ok(clock());
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
