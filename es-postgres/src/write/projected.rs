//! Writes of a store with inline projections: they handle each append in its own transaction.

use super::{
    changes::Changes,
    commits::{CommitVerdict, NotDone},
    decide::{Decider, Known, Rows},
    queue::Verdict,
    transaction::{Cause, Decided},
    writer::{Abandoned, Writer},
};
use crate::{PostgresTransaction, connection::Session, inline::Feed, session::HANDLERS};
use es_projections::backend::{InlineError, SqlTransaction};
use es_runtime::{Append, AppendError, Appended, Commit, CommitError, Timestamp};
use futures_util::future::join3;

impl Writer {
    /// Appends to streams whose state is known, under the lock.
    pub(super) async fn append_known(
        &mut self,
        session: Session,
        appends: &[Append],
        known: Known,
        clock: Option<Timestamp>,
    ) -> Result<Vec<Verdict>, Abandoned> {
        if self.inlines.is_empty() {
            self.append_directly(session, appends, known, clock).await
        } else {
            self.with_projections(session, appends, known, clock).await
        }
    }

    /// A transaction in which projections handle each append.
    async fn with_projections(
        &mut self,
        session: Session,
        appends: &[Append],
        known: Known,
        clock: Option<Timestamp>,
    ) -> Result<Vec<Verdict>, Abandoned> {
        let mut tx = PostgresTransaction::of_append(session, self.settings.statement_timeout);
        let projected = self.project(&mut tx, appends, known, clock).await;
        let (session, transient) = tx.into_parts();
        match (projected, transient) {
            (Ok(_), Some(error)) => Err(self.give_up(session, error).await),
            (Err(cause), _) => Err(self.give_up(session, cause).await),
            (Ok((decided, verdicts)), None) => {
                if decided.rows.is_empty() {
                    self.roll_back(session).await;
                } else {
                    self.finish(session, decided).await?;
                }
                Ok(verdicts)
            }
        }
    }

    /// Writes the appends one by one; where a projection fails, nothing of its append is left.
    async fn project<'a>(
        &mut self,
        tx: &mut PostgresTransaction,
        appends: &'a [Append],
        known: Known,
        clock: Option<Timestamp>,
    ) -> Result<(Decided<'a>, Vec<Verdict>), Cause> {
        let feed = Feed(&self.statements);
        self.inlines.catch_up(tx, &feed).await?;
        let mut verdicts = Vec::with_capacity(appends.len());
        let mut decided = Decided {
            writes: appends.len(),
            rows: Rows::default(),
            is_written: true,
            changes: Changes::at(known.now),
            before: known.head,
            head: known.head,
        };
        let mut rules = Decider::new(known);
        for append in appends {
            let mark = rules.mark(append);
            let mut rows = Rows::default();
            let verdict = match rules.one(append, clock, &mut rows) {
                Ok(appended) if !rows.is_empty() => {
                    tx.savepoint().await?;
                    self.insert_events(tx.session(), &rows).await?;
                    self.insert_appends(tx.session(), &rows).await?;
                    match self.inlines.handle(tx, append, &appended).await {
                        Ok(()) => {
                            tx.release_savepoint().await?;
                            decided.rows.absorb(rows);
                            Ok(appended)
                        }
                        Err(InlineError::Failure(failure)) => {
                            if let Some(error) = tx.take_transient() {
                                return Err(error.into());
                            }
                            tx.back_to_savepoint().await?;
                            rules.back(append, &mark);
                            Err(AppendError::Projection {
                                stream: append.stream.clone(),
                                projection: failure.projection,
                                error: failure.error.into_error(),
                            })
                        }
                        Err(error) => return Err(es_runtime::StorageError::from(error).into()),
                    }
                }
                other => other,
            };
            verdicts.push(verdict);
        }
        decided.head = rules.head();
        decided.changes.uniques = rules.into_uniques();
        Ok((decided, verdicts))
    }

    /// Writes the events of a commit that the projections handle, before its other changes.
    pub(super) async fn write_projected(
        &mut self,
        session: Session,
        commits: &[Commit],
        verdicts: &[CommitVerdict],
        decided: &mut Decided<'_>,
    ) -> Result<Session, NotDone> {
        match (commits, verdicts) {
            ([commit], [Ok(done)]) if !self.inlines.is_empty() => {
                decided.is_written = true;
                self.project_commit(session, commit, &done.appended, &decided.rows)
                    .await
            }
            _ => Ok(session),
        }
    }

    /// Writes the events and lets the inline projections handle them.
    async fn project_commit(
        &mut self,
        session: Session,
        commit: &Commit,
        appended: &[Appended],
        rows: &Rows<'_>,
    ) -> Result<Session, NotDone> {
        let mut tx = PostgresTransaction::of_append(session, self.settings.statement_timeout);
        let mut rejected = None;
        let projected = async {
            let feed = Feed(&self.statements);
            self.inlines.catch_up(&mut tx, &feed).await?;
            let session = tx.session();
            // One flight. No savepoint says that handlers follow: where one fails, nothing of the commit is left.
            let (events, appends, prepared) = join3(
                self.insert_events(session, rows),
                self.insert_appends(session, rows),
                session.client().batch_execute(HANDLERS),
            )
            .await;
            events.and(appends).and(prepared.map(|()| 0))?;
            for (append, appended) in commit.appends.iter().zip(appended) {
                match self.inlines.handle(&mut tx, append, appended).await {
                    Ok(()) => {}
                    Err(InlineError::Failure(failure)) => {
                        if let Some(error) = tx.take_transient() {
                            return Err(error.into());
                        }
                        rejected = Some(AppendError::Projection {
                            stream: append.stream.clone(),
                            projection: failure.projection,
                            error: failure.error.into_error(),
                        });
                        return Ok(());
                    }
                    Err(error) => return Err(es_runtime::StorageError::from(error).into()),
                }
            }
            Ok::<_, Cause>(())
        };
        let projected = projected.await;
        let (session, transient) = tx.into_parts();
        if let Some(error) = transient {
            return Err(self.give_up(session, error).await.into());
        }
        if let Err(cause) = projected {
            return Err(self.give_up(session, cause).await.into());
        }
        if let Some(error) = rejected {
            self.roll_back(session).await;
            return Err(CommitError::Append(error).into());
        }
        Ok(session)
    }
}
