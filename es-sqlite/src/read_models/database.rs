//! A SQLite file with read models, and queries of them.

use super::{SqliteTransaction, transaction};
use crate::{
    errors::{closed, no_answer, outcome_of_commit, panicked, storage},
    poll_once::{poll_once, waited},
    process,
    store::Shared,
    writer,
};
use es_projections::{
    Dialect, ReadDatabase, SqlValue,
    backend::{BrokenConstraint, Job, RolledBack, RowsOfQueries, Stops, TransactionError},
};
use es_runtime::{Outcome, ReadError, StorageError};
use rusqlite::{Connection, ErrorCode, Params, Row};
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};
use tokio::sync::oneshot;

/// Read models in a SQLite file: a separate file ([`open`](SqliteReadDatabase::open)), or the file of a
/// store ([`SqliteStore::read_database`](crate::SqliteStore::read_database)).
///
/// Clones are handles of the same database.
///
/// A separate file is written with [`Durability::Normal`](crate::Durability::Normal). After a power failure
/// the newest rows and their checkpoint may be missing together; the projection then handles those events
/// again. The file has the tables of the projections and the projection state, in tables whose names begin
/// with `es_`.
///
/// # Queries
/// Query read models in SQL, on connections that only read. A table has the name that is in braces in the
/// schema. [`select`](SqliteReadDatabase::select) runs one query;
/// [`snapshot`](SqliteReadDatabase::snapshot) runs several on one state of the database.
///
/// ```
/// use es_runtime::{Append, Envelope, Event, EventStore, ExpectedVersion, NewEvent, StreamId};
/// use es_projections::{HandlerError, Project, Projection, Projections};
/// use es_sqlite::{SqliteReadDatabase, SqliteStore, SqliteTransaction};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("order.placed")]
/// struct OrderPlaced {
///     cents: i64,
/// }
///
/// #[derive(Projection)]
/// #[projection("orders", events(OrderPlaced))]
/// #[projection(schema(SqliteReadDatabase = "CREATE TABLE {orders} (id TEXT, cents INTEGER)"))]
/// struct Orders;
///
/// impl Project<OrderPlaced, SqliteReadDatabase> for Orders {
///     async fn project(
///         &self,
///         placed: &Envelope<OrderPlaced>,
///         tx: &mut SqliteTransaction,
///     ) -> Result<(), HandlerError> {
///         let row = (placed.stream.id(), placed.event.cents);
///         tx.execute("INSERT INTO {orders} VALUES (?1, ?2)", row)?;
///         Ok(())
///     }
/// }
///
/// # pollster::block_on(async {
/// # let folder = tempfile::tempdir()?;
/// let store = SqliteStore::open(folder.path().join("events.db")).await?;
/// let read = SqliteReadDatabase::open(folder.path().join("read.db")).await?;
/// let order = Append::new(StreamId::new("order", "4711")?, ExpectedVersion::NoStream);
/// store.append(order.with_event(NewEvent::json("order.placed", 1, r#"{"cents":5}"#))).await?;
/// Projections::new(store, read.clone()).with(Orders).catch_up().await?;
///
/// let large = read.select("SELECT id FROM orders WHERE cents > ?1", [3], |row| row.get(0));
/// let large: Vec<String> = large.await?;
/// assert_eq!(large, ["4711"]);
/// let (count, sum): (i64, i64) = read
///     .snapshot(|rows| {
///         let count = rows.query_row("SELECT count(*) FROM orders", [], |row| row.get(0))?;
///         let sum = rows.query_row("SELECT sum(cents) FROM orders", [], |row| row.get(0))?;
///         Ok((count, sum))
///     })
///     .await?;
/// assert_eq!((count, sum), (1, 5));
/// # read.close().await;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SqliteReadDatabase {
    shared: Arc<Shared>,
}

impl SqliteReadDatabase {
    pub(crate) fn of(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The rows of a query, each turned into a value by `row`.
    ///
    /// # Errors
    /// [`StorageError`] when the query is wrong, `row` fails, or the database does.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn select<T: Send + 'static>(
        &self,
        sql: impl Into<String>,
        params: impl Params + Send + 'static,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<Vec<T>, StorageError> {
        let sql = sql.into();
        self.on_reader(move |connection| {
            let mut select = connection.prepare_cached(&sql)?;
            select.query_map(params, row)?.collect()
        })
        .await
    }

    /// The first row of a query, turned into a value by `row`; `None` without one.
    ///
    /// # Errors
    /// As for [`select`](SqliteReadDatabase::select).
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn select_one<T: Send + 'static>(
        &self,
        sql: impl Into<String>,
        params: impl Params + Send + 'static,
        row: impl FnOnce(&Row<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<Option<T>, StorageError> {
        let sql = sql.into();
        self.on_reader(move |connection| {
            let mut select = connection.prepare_cached(&sql)?;
            let mut rows = select.query(params)?;
            rows.next()?.map(row).transpose()
        })
        .await
    }

    /// Runs several queries on one state of the database. They do not see what is committed meanwhile, a
    /// swap of builds included. They cannot write.
    ///
    /// # Errors
    /// [`StorageError`] when `read` fails or the database does.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn snapshot<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StorageError> {
        self.on_reader(move |connection| {
            let whole = connection.unchecked_transaction()?;
            let result = read(&whole)?;
            whole.finish()?;
            Ok(result)
        })
        .await
    }

    async fn on_reader<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StorageError> {
        let done = self
            .shared
            .report(move |connection, _| read(connection).map_err(driver_error))
            .await;
        done.map_err(StorageError::from)
    }

    /// Ends the threads and closes the file, as [`SqliteStore::close`](crate::SqliteStore::close)
    /// does; where the file is a store's, the store is closed.
    ///
    /// # Cancel safety
    /// Call it again.
    pub async fn close(&self) {
        self.shared.close().await;
    }

    /// The file, as an absolute path.
    pub fn path(&self) -> &Path {
        self.shared.path()
    }
}

impl ReadDatabase for SqliteReadDatabase {
    type Transaction = SqliteTransaction;

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn owner(&self, name: String) -> String {
        process::owner(&name)
    }

    fn is_gone(&self, owner: &str) -> bool {
        process::is_owner_gone(owner)
    }

    fn stops(&self) -> Option<&Stops> {
        Some(&self.shared.stops)
    }

    async fn transact<J: Job<Self>>(&self, job: J) -> Result<J::Output, TransactionError> {
        let not_applied = |error| TransactionError {
            outcome: Outcome::NotApplied,
            error,
        };
        let writes = self.shared.queue_of_writes().map_err(not_applied)?;
        let (reply, answer) = oneshot::channel();
        let run: writer::Job = Box::new(move |given| {
            let tx = match given {
                Ok(tx) => tx,
                Err(error) => {
                    let _ = reply.send(Err(not_applied(error)));
                    return None;
                }
            };
            let (result, tx) = transaction::<J>(tx, job);
            let _ = reply.send(result);
            tx
        });
        writes
            .send(writer::Message::Job(run))
            .await
            .map_err(|_| not_applied(closed()))?;
        answer.await.unwrap_or_else(|_| {
            Err(TransactionError {
                outcome: Outcome::Unknown,
                error: no_answer(),
            })
        })
    }

    async fn query(
        &self,
        sql: &str,
        values: &[SqlValue],
    ) -> Result<Vec<Vec<SqlValue>>, StorageError> {
        let (sql, values) = (sql.to_owned(), values.to_vec());
        let rows = self.shared.read(move |connection, _| {
            transaction::rows(connection, &sql, &values).map_err(driver_error)
        });
        rows.await.map_err(StorageError::from)
    }

    async fn query_together(
        &self,
        queries: &[(&str, &[SqlValue])],
    ) -> Result<RowsOfQueries, StorageError> {
        let owned = |(sql, values): &(&str, &[SqlValue])| ((*sql).to_owned(), values.to_vec());
        let queries: Vec<_> = queries.iter().map(owned).collect();
        self.snapshot(move |connection| {
            let rows = |(sql, values): &(String, Vec<SqlValue>)| {
                transaction::rows(connection, sql, values)
            };
            queries.iter().map(rows).collect()
        })
        .await
    }
}

pub(super) fn driver_error(error: rusqlite::Error) -> ReadError {
    ReadError::Storage(storage(error))
}

/// One transaction on this thread. The connection is given back unless it is in doubt.
pub(super) fn transaction<J: Job<SqliteReadDatabase>>(
    mut tx: SqliteTransaction,
    job: J,
) -> (
    Result<J::Output, TransactionError>,
    Option<SqliteTransaction>,
) {
    let failed = |outcome, error| Err(TransactionError { outcome, error });
    if let Err(error) = tx.connection().execute_batch("BEGIN IMMEDIATE") {
        return (failed(Outcome::NotApplied, storage(error)), Some(tx));
    }
    let ran = catch_unwind(AssertUnwindSafe(|| {
        poll_once(job.run(&mut tx)).unwrap_or_else(|| Err(RolledBack::Failed(waited())))
    }));
    tx.forget_names();
    let ended = !tx.in_transaction();
    let result = match ran {
        Err(panic) => {
            let error = panicked("a transaction of the read database", panic);
            return (failed(Outcome::NotApplied, error), None);
        }
        // Nothing was to be committed, and a handler cannot commit.
        Ok(Err(RolledBack::With(output))) if ended => return (Ok(output), None),
        Ok(_) if ended => {
            let error = StorageError::new(
                es_runtime::StorageErrorKind::Other,
                "a handler ended the transaction that it was given",
            );
            return (failed(Outcome::Unknown, error), None);
        }
        Ok(Ok(output)) => match tx.connection().execute_batch("COMMIT") {
            Ok(()) => return (Ok(output), Some(tx)),
            Err(error) => {
                // SQLite may have rolled back by itself; only then is the outcome in question.
                let outcome = if tx.in_transaction() {
                    Outcome::NotApplied
                } else {
                    outcome_of_commit(&error)
                };
                let broken = error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation);
                let error = storage(error);
                let error = if broken {
                    error.with_source(BrokenConstraint)
                } else {
                    error
                };
                failed(outcome, error)
            }
        },
        Ok(Err(RolledBack::With(output))) => Ok(output),
        Ok(Err(RolledBack::Failed(error))) => failed(Outcome::NotApplied, error),
    };
    let clean = !tx.in_transaction() || tx.connection().execute_batch("ROLLBACK").is_ok();
    (result, clean.then_some(tx))
}

impl fmt::Debug for SqliteReadDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqliteReadDatabase")
            .field(&self.path())
            .finish()
    }
}
