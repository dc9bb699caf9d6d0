//! What a read database must do: run a job in one transaction, and execute the SQL of the runner.

use super::{
    dialect::Dialect,
    error::HandlerError,
    names::Names,
    stops::Stops,
    value::{SqlRow, SqlValue},
};
use es_runtime::StorageError;
use std::{future::Future, time::Duration};

/// A database that holds read models and the state of their projections.
///
/// Implemented by es-sqlite and es-postgres, and by [`AnyReadDatabase`](crate::AnyReadDatabase) for
/// either. A clone is another handle on the same database.
///
/// The runner keeps its state in tables of this database. It writes them through
/// [`SqlTransaction`](crate::backend::SqlTransaction) with statements that both SQLite and
/// PostgreSQL accept.
pub trait ReadDatabase: Clone + Send + Sync + 'static {
    /// The transaction that handlers get.
    type Transaction: SqlTransaction + ?Sized;

    /// The SQL dialect of the database.
    fn dialect(&self) -> Dialect;

    /// The name by which a runner of this process owns leases. A database may add what
    /// [`is_gone`](ReadDatabase::is_gone) needs.
    fn owner(&self, name: String) -> String {
        name
    }

    /// Whether the process of this owner is certainly gone, so that its leases have ended. Only a database
    /// whose processes share a machine can tell.
    fn is_gone(&self, owner: &str) -> bool {
        let _ = owner;
        false
    }

    /// Where the runners of this process note the projections that cannot run, one for all handles of the database. Without
    /// one, the default, who waits for such a projection waits to the end of the time.
    fn stops(&self) -> Option<&Stops> {
        None
    }

    /// Runs the job in one transaction. Commits if the job returns `Ok`, and rolls back otherwise.
    /// The job may run on a thread of the database.
    ///
    /// # Errors
    /// [`TransactionError`], which says whether the transaction took effect.
    ///
    /// # Cancel safety
    /// The transaction is committed completely or not at all.
    fn transact<J: Job<Self>>(
        &self,
        job: J,
    ) -> impl Future<Output = Result<J::Output, TransactionError>> + Send;

    /// Returns the rows of a query, outside of any transaction. The runner asks for its state with it,
    /// so a database answers it before the reports of the application where it can.
    ///
    /// # Errors
    /// [`StorageError`] of the database.
    fn query(
        &self,
        sql: &str,
        values: &[SqlValue],
    ) -> impl Future<Output = Result<Vec<Vec<SqlValue>>, StorageError>> + Send;

    /// Returns the rows of several queries, all from one snapshot: commits in between are not seen.
    ///
    /// # Errors
    /// [`StorageError`] of the database.
    fn query_together(
        &self,
        queries: &[(&str, &[SqlValue])],
    ) -> impl Future<Output = Result<RowsOfQueries, StorageError>> + Send;
}

/// The rows of several queries, query by query.
pub type RowsOfQueries = Vec<Vec<Vec<SqlValue>>>;

/// Work to do inside one transaction. Implemented by the runner; a read database only calls it.
pub trait Job<Db: ReadDatabase>: Send + 'static {
    /// The result, also if the transaction is rolled back.
    type Output: Send + 'static;

    /// Does the work. `Ok` commits. [`RolledBack`] undoes everything, and may still carry a result.
    fn run(
        self,
        tx: &mut Db::Transaction,
    ) -> impl Future<Output = Result<Self::Output, RolledBack<Self::Output>>> + Send;
}

/// Why a job wants its transaction rolled back.
#[derive(Debug)]
pub enum RolledBack<T> {
    /// The job has a result, but nothing may be committed.
    With(T),
    /// The database failed.
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

/// The source of the error of a transaction whose commit the database refused because of the rows in
/// it: a deferred constraint is broken. A read database gives it to the [`StorageError`]. The runner
/// then looks for the event that wrote the rows; other failures say nothing about the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a constraint that is checked at the commit is broken")]
pub struct BrokenConstraint;

impl BrokenConstraint {
    pub(crate) fn is_cause_of(error: &StorageError) -> bool {
        let source = error.source.as_ref();
        source.is_some_and(|source| source.is::<Self>())
    }
}

/// The statements of a transaction. Implemented by the transaction types of read databases.
///
/// The runner uses [`statement`](SqlTransaction::statement), [`rows`](SqlTransaction::rows) and
/// [`script`](SqlTransaction::script) for its own tables. Portable handlers use
/// [`run_portable`](SqlTransaction::run_portable) and
/// [`select_portable`](SqlTransaction::select_portable).
pub trait SqlTransaction: Send {
    /// The SQL dialect of the database.
    fn dialect(&self) -> Dialect;

    /// Runs one statement and returns the number of changed rows.
    ///
    /// # Errors
    /// [`StorageError`] of the database. The transaction can only be rolled back.
    fn statement(
        &mut self,
        sql: &str,
        values: &[SqlValue],
    ) -> impl Future<Output = Result<u64, StorageError>> + Send;

    /// Returns the rows of a query.
    ///
    /// # Errors
    /// [`StorageError`] of the database. The transaction can only be rolled back.
    fn rows(
        &mut self,
        sql: &str,
        values: &[SqlValue],
    ) -> impl Future<Output = Result<Vec<Vec<SqlValue>>, StorageError>> + Send;

    /// Runs several statements without parameters, such as a schema.
    ///
    /// # Errors
    /// [`StorageError`] of the database. The transaction can only be rolled back.
    fn script(&mut self, sql: &str) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// Makes a savepoint. There is one at a time.
    ///
    /// # Errors
    /// [`StorageError`] of the database. The transaction can only be rolled back.
    fn savepoint(&mut self) -> impl Future<Output = Result<(), StorageError>> + Send {
        self.script("SAVEPOINT es_savepoint")
    }

    /// Keeps what was done since the savepoint.
    ///
    /// # Errors
    /// [`StorageError`] of the database. The transaction can only be rolled back.
    fn release_savepoint(&mut self) -> impl Future<Output = Result<(), StorageError>> + Send {
        self.script("RELEASE SAVEPOINT es_savepoint")
    }

    /// Undoes what was done since the savepoint, also after a statement that failed. Other statements
    /// may follow.
    ///
    /// # Errors
    /// [`StorageError`] of the database. The transaction can only be rolled back.
    fn back_to_savepoint(&mut self) -> impl Future<Output = Result<(), StorageError>> + Send {
        self.script("ROLLBACK TO SAVEPOINT es_savepoint; RELEASE SAVEPOINT es_savepoint")
    }

    /// Sets the build whose tables `{name}` means in the handlers' statements from now on.
    fn set_names(&mut self, names: Names);

    /// Whether the transaction can still be committed. A handler may have ended it, and some
    /// databases end it when a statement fails. The runner asks after each handler that returned
    /// `Ok`.
    fn is_open(&mut self) -> impl Future<Output = bool> + Send;

    /// How long one handler may take, where others wait for it: longer is an error of its event. Zero
    /// means that it must not wait at all, because it runs on a thread of the database. The default
    /// is `None`, as long as it likes.
    fn handler_limit(&self) -> Option<Duration> {
        None
    }

    /// Returns the database's error if the handler failed because of the database, for example
    /// because the connection was lost. Such an error says nothing about the event, so the event is
    /// retried without a limit and not parked. The default is `None`, for transactions that report
    /// such an error when they are ended.
    fn database_error(&self, error: &HandlerError) -> Option<StorageError> {
        let _ = error;
        None
    }

    /// Runs one statement of a portable handler, with its table names replaced, and returns the
    /// number of changed rows.
    ///
    /// # Errors
    /// The database's error, or why the statement is refused.
    fn run_portable(
        &mut self,
        sql: &str,
        values: &[SqlValue],
    ) -> impl Future<Output = Result<u64, HandlerError>> + Send;

    /// Returns the rows of a query of a portable handler, with its table names replaced.
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
