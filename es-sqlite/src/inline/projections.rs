//! Projections that run inside the appends of the store whose file they are in.

use crate::{
    SqliteReadDatabase, SqliteTransaction,
    errors::{TransactionFailure, storage},
    poll_once::{poll_once, waited},
    queries::{self, feed_rows},
    settings::StoreSettings,
    task::{self, Done, Task},
};
use es_projections::{
    Dispatch,
    backend::{FeedInside, InlineError, InlineProjection, Inlines},
};
use es_runtime::{
    AppendError, EventFilter, FeedPage, Position, ReadLimit, StorageError, StorageErrorKind,
};

/// The projections that a store is opened with.
#[derive(Clone, Default)]
pub(crate) struct Registered(Vec<InlineProjection<SqliteReadDatabase>>);

impl Registered {
    pub(crate) fn push<P: Dispatch<SqliteReadDatabase>>(&mut self, projection: P) {
        self.0.push(InlineProjection::new(projection));
    }
}

/// The feed, read on the connection of the writer.
struct Feed;

impl FeedInside<SqliteTransaction> for Feed {
    async fn page(
        &self,
        tx: &mut SqliteTransaction,
        after: Position,
        limit: ReadLimit,
    ) -> Result<FeedPage, StorageError> {
        let all = EventFilter::all();
        let page = feed_rows(tx.connection(), &|| true, after, &all, limit);
        page.map_err(StorageError::from)
    }

    async fn store_id(&self, tx: &mut SqliteTransaction) -> Result<String, StorageError> {
        queries::store_id(tx.connection()).map_err(storage)
    }
}

/// The projections that run inside appends.
pub(crate) struct Running(Inlines<SqliteReadDatabase>);

impl Running {
    /// Makes the tables and brings them up to date, in one transaction for each projection.
    pub(crate) fn open(
        registered: &Registered,
        tx: &mut SqliteTransaction,
    ) -> Result<Self, StorageError> {
        let mut opened = Inlines::default();
        let run = |tx: &SqliteTransaction, sql| tx.connection().execute_batch(sql).map_err(storage);
        for projection in &registered.0 {
            let mut ended = projection.ended_transactions();
            loop {
                run(tx, "BEGIN IMMEDIATE")?;
                let mut done =
                    poll_once(opened.open(projection, tx, &Feed)).unwrap_or_else(|| Err(waited()));
                if let Err(TransactionFailure::RolledBack(error)) = refuse_ended_statement(tx) {
                    done = Err(error);
                }
                let Err(error) = done.and_then(|()| run(tx, "COMMIT")) else {
                    break;
                };
                let _ = run(tx, "ROLLBACK");
                // A handler ended the transaction. The next time its event is parked.
                if projection.ended_transactions() <= ended {
                    return Err(error);
                }
                ended = projection.ended_transactions();
            }
        }
        Ok(Self(opened))
    }

    /// Handles the events that other processes appended without these projections, or parks them. It
    /// comes first in a transaction.
    pub(crate) fn catch_up(
        &mut self,
        tx: &mut SqliteTransaction,
    ) -> Result<(), TransactionFailure> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut ended = self.0.ended_transactions();
        loop {
            let done = poll_once(self.0.catch_up(tx, &Feed)).unwrap_or_else(|| Err(waited()));
            let refused = refuse_ended_statement(tx);
            if self.0.ended_transactions() <= ended {
                refused?;
                return done.map_err(TransactionFailure::Store);
            }
            // A handler ended the transaction, which had nothing else in it. Its event is parked now.
            ended = self.0.ended_transactions();
            if !tx.in_transaction() {
                run(tx, "BEGIN IMMEDIATE")?;
            }
        }
    }

    /// Does one write. Where a projection fails, nothing of the write is left.
    pub(crate) fn run(
        &self,
        tx: &mut SqliteTransaction,
        task: &Task,
        settings: &StoreSettings,
    ) -> Result<Done, TransactionFailure> {
        match task {
            Task::Append(_) | Task::Commit(_) if !self.0.is_empty() => {
                self.projected(tx, task, settings)
            }
            _ => Ok(task::run(tx.connection(), task, settings)?),
        }
    }

    fn projected(
        &self,
        tx: &mut SqliteTransaction,
        task: &Task,
        settings: &StoreSettings,
    ) -> Result<Done, TransactionFailure> {
        run(tx, "SAVEPOINT projected")?;
        let done = task::run(tx.connection(), task, settings)?;
        let mut handled = Ok(());
        let mut stream = None;
        for (append, appended) in task.appends().iter().zip(done.appended()) {
            if !appended.repeated && handled.is_ok() {
                handled = poll_once(self.0.handle(tx, append, appended))
                    .unwrap_or_else(|| Err(waited().into()));
                stream = Some(append.stream.clone());
            }
        }
        tx.forget_names();
        refuse_ended_statement(tx)?;
        if !tx.in_transaction() {
            return Err(TransactionFailure::Store(StorageError::new(
                StorageErrorKind::Other,
                "the handler of an inline projection ended the transaction",
            )));
        }
        match (handled, stream) {
            (Err(InlineError::Failure(failure)), Some(stream)) => {
                run(tx, "ROLLBACK TO projected")?;
                settings.rules.forget();
                run(tx, "RELEASE projected")?;
                Ok(Done::Rejected(AppendError::Projection {
                    stream,
                    projection: failure.projection,
                    error: failure.error.into_error(),
                }))
            }
            (Err(error), _) => Err(TransactionFailure::Store(error.into())),
            (Ok(()), _) => {
                run(tx, "RELEASE projected")?;
                Ok(done)
            }
        }
    }
}

/// Fails where a statement of a handler took too long and SQLite rolled back the transaction for it.
fn refuse_ended_statement(tx: &mut SqliteTransaction) -> Result<(), TransactionFailure> {
    match (tx.ended_statement(), tx.in_transaction()) {
        (Some(why), false) => {
            let error = StorageError::new(StorageErrorKind::Other, why);
            Err(TransactionFailure::RolledBack(error))
        }
        _ => Ok(()),
    }
}

fn run(tx: &SqliteTransaction, sql: &str) -> rusqlite::Result<usize> {
    tx.connection().prepare_cached(sql)?.execute([])
}
