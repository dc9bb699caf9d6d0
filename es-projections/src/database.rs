//! What a read database must do: run a job in one transaction, and SQL for the projection state.

use super::{HandlerError, Names, Projection, WaitError};
use es_runtime::{Position, StorageError};
use std::{future::Future, time::Duration};

/// A database that read models live in.
///
/// A handle: cloning it gives another handle on the same database.
///
/// The runner's state are tables in it, written through [`SqlTransaction`] in statements that
/// SQLite and PostgreSQL both take: parameters are `$1`, `$2`, .. in the order in which they first
/// appear.
pub trait ReadDatabase: Clone + Send + Sync + 'static {
    /// A transaction, as the handlers of projections get it.
    type Transaction: SqlTransaction;

    /// What it is called in messages and traces.
    const NAME: &'static str;
    /// An SQL expression for the database's clock: whole milliseconds since 1970.
    const NOW: &'static str;
    /// What stands behind a `SELECT` to lock its rows until the end of the transaction.
    const FOR_UPDATE: &'static str;
    /// The names of the tables whose names end with `$1`, one a row.
    const TABLES_ENDING_WITH: &'static str;
    /// A statement after which whoever else runs it waits until the end of this transaction, for
    /// those who make tables at the same time. Empty where only one transaction writes at a time.
    const ALONE: &'static str;

    /// Runs the job in one transaction and commits when it says so. The job may run on a thread of
    /// the database's own.
    ///
    /// # Errors
    /// [`TransactionError`], which says whether the transaction took effect.
    ///
    /// # Cancel safety
    /// The transaction was committed or not, never half.
    fn transact<J: Job<Self>>(
        &self,
        job: J,
    ) -> impl Future<Output = Result<J::Output, TransactionError>> + Send;

    /// The rows of a query, outside of any transaction.
    ///
    /// # Errors
    /// [`StorageError`] of the database.
    fn query(
        &self,
        sql: &str,
        values: &[SqlValue],
    ) -> impl Future<Output = Result<Vec<Vec<SqlValue>>, StorageError>> + Send;

    /// Waits until the read model has every event up to `position`, such as the
    /// [`position`](es_runtime::Executed::position) that executing a command gave: to read one's own
    /// writes. It only waits; a runner, here or in another process, must be at work.
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] when `at_most` is over, [`WaitError::Parked`] when the event at this
    /// very position is parked, [`WaitError::Stopped`] when the projection stopped before it,
    /// [`WaitError::Storage`] when the database failed until the end.
    fn wait_for<P: Projection>(
        &self,
        position: Position,
        at_most: Duration,
    ) -> impl Future<Output = Result<(), WaitError>> + Send {
        super::wait::wait_for::<P, Self>(self, position, at_most)
    }
}

/// What is done inside one transaction.
pub trait Job<Db: ReadDatabase>: Send + 'static {
    /// What comes out, also where the transaction is undone.
    type Output: Send + 'static;

    /// Does it. `Ok` commits, [`RolledBack`] undoes everything and still answers.
    fn run(
        self,
        tx: &mut Db::Transaction,
    ) -> impl Future<Output = Result<Self::Output, RolledBack<Self::Output>>> + Send;
}

/// The end of a job that wants its transaction undone.
#[derive(Debug)]
pub enum RolledBack<T> {
    /// With an answer all the same.
    With(T),
    /// Because the database failed.
    Failed(StorageError),
}

impl<T> From<StorageError> for RolledBack<T> {
    fn from(error: StorageError) -> Self {
        Self::Failed(error)
    }
}

/// Why a transaction failed, and whether it took effect.
#[derive(Debug, thiserror::Error)]
#[error("{error}; {outcome}")]
pub struct TransactionError {
    /// Whether something was written.
    pub outcome: es_runtime::Outcome,
    /// What failed.
    #[source]
    pub error: StorageError,
}

/// Statements inside a transaction, for the projection state of the runner.
pub trait SqlTransaction: Send {
    /// Runs one statement and says how many rows it changed.
    ///
    /// # Errors
    /// [`StorageError`] of the database. The transaction is lost.
    fn statement(
        &mut self,
        sql: &str,
        values: &[SqlValue],
    ) -> impl Future<Output = Result<u64, StorageError>> + Send;

    /// The rows of a query.
    ///
    /// # Errors
    /// [`StorageError`] of the database. The transaction is lost.
    fn rows(
        &mut self,
        sql: &str,
        values: &[SqlValue],
    ) -> impl Future<Output = Result<Vec<Vec<SqlValue>>, StorageError>> + Send;

    /// Runs several statements without parameters, as a schema has them.
    ///
    /// # Errors
    /// [`StorageError`] of the database. The transaction is lost.
    fn script(&mut self, sql: &str) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// Whose tables `{name}` stands for from now on, in the statements of handlers.
    fn set_names(&mut self, names: Names);

    /// Whether the transaction can still be committed: handlers must not end it, and some databases
    /// end it themselves when a statement fails. It is asked behind each handler that says that all
    /// went well.
    fn is_open(&mut self) -> impl Future<Output = bool> + Send;

    /// The database's own trouble behind what a handler said, such as a lost connection. It says
    /// nothing of the event, which is tried again for as long as it takes. By default there is none;
    /// a transaction that hears of it by itself gives it to whoever ends the transaction.
    fn trouble(&self, error: &HandlerError) -> Option<StorageError> {
        let _ = error;
        None
    }
}

/// A value that the projection state use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SqlValue {
    /// No value.
    Null,
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(String),
}

impl From<i64> for SqlValue {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<u32> for SqlValue {
    fn from(value: u32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<&str> for SqlValue {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for SqlValue {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}
