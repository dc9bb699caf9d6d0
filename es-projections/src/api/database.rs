//! What a read database must do: run a job in one transaction, and take the SQL of the runner.

use super::{
    dialect::Dialect,
    error::HandlerError,
    names::Names,
    value::{SqlRow, SqlValue},
};
use es_runtime::StorageError;
use std::future::Future;

/// A database that read models live in.
///
/// Implemented by store crates for SQLite and PostgreSQL, and by [`AnyReadDatabase`](crate::AnyReadDatabase)
/// for either. A clone is another handle on the same database.
///
/// The state of projections is kept in tables of this database, written through [`SqlTransaction`] in
/// statements that SQLite and PostgreSQL both take: parameters are `$1`, `$2`, ..
pub trait ReadDatabase: Clone + Send + Sync + 'static {
    /// A transaction, as the handlers of projections get it.
    type Transaction: SqlTransaction + ?Sized;

    /// ParkedRow SQL the database takes.
    fn dialect(&self) -> Dialect;

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

/// Statements inside a transaction. Implemented by read databases.
///
/// The runner uses [`statement`](SqlTransaction::statement), [`rows`](SqlTransaction::rows) and
/// [`script`](SqlTransaction::script) for its own tables; portable handlers use
/// [`run_portable`](SqlTransaction::run_portable) and [`select_portable`](SqlTransaction::select_portable).
pub trait SqlTransaction: Send {
    /// ParkedRow SQL the database takes.
    fn dialect(&self) -> Dialect;

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

    /// Runs one statement of a portable handler, with its table names replaced, and says how many rows
    /// it changed.
    ///
    /// # Errors
    /// The database's error, or why the statement is refused.
    fn run_portable(
        &mut self,
        sql: &str,
        values: &[SqlValue],
    ) -> impl Future<Output = Result<u64, HandlerError>> + Send;

    /// The rows of a query of a portable handler, with its table names replaced.
    ///
    /// # Errors
    /// The database's error, or why the statement is refused.
    fn select_portable(
        &mut self,
        sql: &str,
        values: &[SqlValue],
    ) -> impl Future<Output = Result<Vec<SqlRow>, HandlerError>> + Send;
}

impl From<TransactionError> for StorageError {
    fn from(error: TransactionError) -> Self {
        error.error
    }
}
