//! A read database without a type parameter: SQLite or PostgreSQL, chosen at run time.

use super::{
    database::{Job, ReadDatabase, RolledBack, RowsOfQueries, TransactionError},
    dialect::Dialect,
    stops::Stops,
    transaction::AnyTransaction,
    value::{SqlRow, SqlValue},
};
use crate::boxed::BoxFuture;
use es_runtime::{StorageError, StorageErrorKind};
use std::{any::Any, fmt, sync::Arc};

/// A read database whose type is known at run time only.
///
/// [`Projections`](crate::Projections) without type parameters uses it. A
/// [`Project`](crate::Project) without a database is a handler for it, in [portable
/// SQL](crate::SqlValue#portable-sql). A clone is another handle on the same database. Compared
/// with the database's own type, each transaction costs a few more boxed futures.
#[derive(Clone)]
pub struct AnyReadDatabase {
    inner: Arc<dyn ErasedDatabase>,
}

impl AnyReadDatabase {
    /// Wraps this database.
    pub fn new<Db: ReadDatabase>(database: Db) -> Self
    where
        Db::Transaction: Sized + 'static,
    {
        Self {
            inner: Arc::new(database),
        }
    }

    /// Returns the rows of a query, outside of any transaction. Parameters are `$1`, `$2` and so
    /// on. Tables have their plain names, without braces.
    ///
    /// # Errors
    /// [`StorageError`] of the database.
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn select(
        &self,
        sql: &str,
        values: &[SqlValue],
    ) -> Result<Vec<SqlRow>, StorageError> {
        // As a report, which may take long; `query` is for what the runner asks.
        let found = self.snapshot(&[(sql, values)]).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Returns the rows of several queries, all from one snapshot: commits in between are not seen,
    /// nor is a new build that goes live.
    ///
    /// # Errors
    /// [`StorageError`] of the database.
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn snapshot(
        &self,
        queries: &[(&str, &[SqlValue])],
    ) -> Result<Vec<Vec<SqlRow>>, StorageError> {
        let found = self.inner.query_together(queries).await?;
        let rows = |rows: Vec<Vec<SqlValue>>| rows.into_iter().map(SqlRow::new).collect();
        Ok(found.into_iter().map(rows).collect())
    }

    /// Returns the first row of a query, or `None` if there is no row.
    ///
    /// # Errors
    /// [`StorageError`] of the database.
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn select_one(
        &self,
        sql: &str,
        values: &[SqlValue],
    ) -> Result<Option<SqlRow>, StorageError> {
        Ok(self.select(sql, values).await?.into_iter().next())
    }
}

impl fmt::Debug for AnyReadDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyReadDatabase")
            .field(&self.dialect().name())
            .finish()
    }
}

impl ReadDatabase for AnyReadDatabase {
    type Transaction = AnyTransaction;

    fn dialect(&self) -> Dialect {
        self.inner.dialect()
    }

    fn owner(&self, name: String) -> String {
        self.inner.owner(name)
    }

    fn is_gone(&self, owner: &str) -> bool {
        self.inner.is_gone(owner)
    }

    fn stops(&self) -> Option<&Stops> {
        self.inner.stops()
    }

    async fn transact<J: Job<Self>>(&self, job: J) -> Result<J::Output, TransactionError> {
        let answer = self.inner.transact(Box::new(job)).await?;
        answer
            .downcast::<J::Output>()
            .map(|output| *output)
            .map_err(|_| TransactionError {
                outcome: es_runtime::Outcome::Unknown,
                error: StorageError::new(
                    StorageErrorKind::Other,
                    "the read database returned the result of another job",
                ),
            })
    }

    async fn query(
        &self,
        sql: &str,
        values: &[SqlValue],
    ) -> Result<Vec<Vec<SqlValue>>, StorageError> {
        self.inner.query(sql, values).await
    }

    async fn query_together(
        &self,
        queries: &[(&str, &[SqlValue])],
    ) -> Result<RowsOfQueries, StorageError> {
        self.inner.query_together(queries).await
    }
}

type Answer = Box<dyn Any + Send>;

trait ErasedDatabase: Send + Sync {
    fn dialect(&self) -> Dialect;

    fn owner(&self, name: String) -> String;

    fn is_gone(&self, owner: &str) -> bool;

    fn stops(&self) -> Option<&Stops>;

    fn transact(&self, job: Box<dyn ErasedJob>) -> BoxFuture<'_, Result<Answer, TransactionError>>;

    fn query<'a>(
        &'a self,
        sql: &'a str,
        values: &'a [SqlValue],
    ) -> BoxFuture<'a, Result<Vec<Vec<SqlValue>>, StorageError>>;

    fn query_together<'a>(
        &'a self,
        queries: &'a [(&'a str, &'a [SqlValue])],
    ) -> BoxFuture<'a, Result<RowsOfQueries, StorageError>>;
}

impl<Db: ReadDatabase> ErasedDatabase for Db
where
    Db::Transaction: Sized + 'static,
{
    fn dialect(&self) -> Dialect {
        ReadDatabase::dialect(self)
    }

    fn owner(&self, name: String) -> String {
        ReadDatabase::owner(self, name)
    }

    fn is_gone(&self, owner: &str) -> bool {
        ReadDatabase::is_gone(self, owner)
    }

    fn stops(&self) -> Option<&Stops> {
        ReadDatabase::stops(self)
    }

    fn transact(&self, job: Box<dyn ErasedJob>) -> BoxFuture<'_, Result<Answer, TransactionError>> {
        Box::pin(ReadDatabase::transact(self, Unerased(job)))
    }

    fn query<'a>(
        &'a self,
        sql: &'a str,
        values: &'a [SqlValue],
    ) -> BoxFuture<'a, Result<Vec<Vec<SqlValue>>, StorageError>> {
        Box::pin(ReadDatabase::query(self, sql, values))
    }

    fn query_together<'a>(
        &'a self,
        queries: &'a [(&'a str, &'a [SqlValue])],
    ) -> BoxFuture<'a, Result<RowsOfQueries, StorageError>> {
        Box::pin(ReadDatabase::query_together(self, queries))
    }
}

trait ErasedJob: Send {
    fn run(
        self: Box<Self>,
        tx: &mut AnyTransaction,
    ) -> BoxFuture<'_, Result<Answer, RolledBack<Answer>>>;
}

impl<J: Job<AnyReadDatabase>> ErasedJob for J {
    fn run(
        self: Box<Self>,
        tx: &mut AnyTransaction,
    ) -> BoxFuture<'_, Result<Answer, RolledBack<Answer>>> {
        Box::pin(async move {
            let boxed = |output: J::Output| -> Answer { Box::new(output) };
            match Job::run(*self, tx).await {
                Ok(output) => Ok(boxed(output)),
                Err(RolledBack::With(output)) => Err(RolledBack::With(boxed(output))),
                Err(RolledBack::Failed(error)) => Err(RolledBack::Failed(error)),
            }
        })
    }
}

/// A type-erased job, run in a transaction of a concrete database.
struct Unerased(Box<dyn ErasedJob>);

impl<Db: ReadDatabase> Job<Db> for Unerased
where
    Db::Transaction: Sized + 'static,
{
    type Output = Answer;

    async fn run(self, tx: &mut Db::Transaction) -> Result<Answer, RolledBack<Answer>> {
        self.0.run(tx).await
    }
}
