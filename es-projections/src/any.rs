//! A read database without a type parameter: SQLite or PostgreSQL, chosen at run time, and handlers
//! that are written once for both.

use super::{
    Dialect, HandlerError, Job, Names, ReadDatabase, RolledBack, RowsOfQueries, SqlRow,
    SqlTransaction, SqlValue, TransactionError,
};
use es_runtime::{StorageError, StorageErrorKind};
use std::{any::Any, fmt, future::Future, pin::Pin, sync::Arc};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A read database whose type is known at run time only.
///
/// `Projections` without type parameters use it, and a [`Project`](super::Project) without a database
/// is a handler for it: its statements are in the SQL that both databases take. A clone is another
/// handle on the same database. Each transaction costs a few boxed futures more than with the
/// database's own type.
#[derive(Clone)]
pub struct AnyReadDatabase {
    inner: Arc<dyn ErasedDatabase>,
}

impl AnyReadDatabase {
    /// For this database.
    pub fn new<Db: ReadDatabase>(database: Db) -> Self
    where
        Db::Transaction: Sized + 'static,
    {
        Self {
            inner: Arc::new(database),
        }
    }

    /// The rows of a query, outside of any transaction. Parameters are `$1`, `$2`, ..
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
        let rows = self.inner.query(sql, values).await?;
        Ok(rows.into_iter().map(SqlRow::new).collect())
    }

    /// The rows of several queries, all from one snapshot: what is committed in between is not seen, a
    /// swap of builds included.
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

    /// The first row of a query, `None` without one.
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

    async fn transact<J: Job<Self>>(&self, job: J) -> Result<J::Output, TransactionError> {
        let answer = self.inner.transact(Box::new(job)).await?;
        answer
            .downcast::<J::Output>()
            .map(|output| *output)
            .map_err(|_| TransactionError {
                outcome: es_runtime::Outcome::Unknown,
                error: StorageError::new(StorageErrorKind::Other, "it answered another job"),
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

    fn transact<'a>(
        &'a self,
        job: Box<dyn ErasedJob>,
    ) -> Boxed<'a, Result<Answer, TransactionError>>;

    fn query<'a>(
        &'a self,
        sql: &'a str,
        values: &'a [SqlValue],
    ) -> Boxed<'a, Result<Vec<Vec<SqlValue>>, StorageError>>;

    fn query_together<'a>(
        &'a self,
        queries: &'a [(&'a str, &'a [SqlValue])],
    ) -> Boxed<'a, Result<RowsOfQueries, StorageError>>;
}

impl<Db: ReadDatabase> ErasedDatabase for Db
where
    Db::Transaction: Sized + 'static,
{
    fn dialect(&self) -> Dialect {
        ReadDatabase::dialect(self)
    }

    fn transact<'a>(
        &'a self,
        job: Box<dyn ErasedJob>,
    ) -> Boxed<'a, Result<Answer, TransactionError>> {
        Box::pin(ReadDatabase::transact(self, Unerased(job)))
    }

    fn query<'a>(
        &'a self,
        sql: &'a str,
        values: &'a [SqlValue],
    ) -> Boxed<'a, Result<Vec<Vec<SqlValue>>, StorageError>> {
        Box::pin(ReadDatabase::query(self, sql, values))
    }

    fn query_together<'a>(
        &'a self,
        queries: &'a [(&'a str, &'a [SqlValue])],
    ) -> Boxed<'a, Result<RowsOfQueries, StorageError>> {
        Box::pin(ReadDatabase::query_together(self, queries))
    }
}

trait ErasedJob: Send {
    fn run<'a>(
        self: Box<Self>,
        tx: &'a mut AnyTransaction,
    ) -> Boxed<'a, Result<Answer, RolledBack<Answer>>>;
}

impl<J: Job<AnyReadDatabase>> ErasedJob for J {
    fn run<'a>(
        self: Box<Self>,
        tx: &'a mut AnyTransaction,
    ) -> Boxed<'a, Result<Answer, RolledBack<Answer>>> {
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

/// A job for any database as one for this database.
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

/// The transaction that portable handlers get.
///
/// In every statement `{name}` stands for a table of the projection's own. The SQL is what SQLite and
/// PostgreSQL both take: parameters are `$1`, `$2`, .., whole numbers are `BIGINT`, and
/// `INSERT .. ON CONFLICT (id) DO UPDATE SET ..` works in both. Whoever called the handler commits; a
/// statement that would end the transaction is refused.
///
/// ```
/// use es_projections::{AnyTransaction, HandlerError, values};
///
/// async fn add(tx: &mut AnyTransaction, id: &str, cents: i64) -> Result<(), HandlerError> {
///     tx.run("INSERT INTO {orders} (id, cents) VALUES ($1, $2)", values![id, cents]).await?;
///     Ok(())
/// }
/// # let _ = add;
/// ```
pub type AnyTransaction = dyn ErasedTransaction;

/// A [`SqlTransaction`] as an object. Implemented for every one of them; see [`AnyTransaction`].
pub trait ErasedTransaction: Send {
    /// As [`SqlTransaction::dialect`].
    #[doc(hidden)]
    fn dialect_of(&self) -> Dialect;

    /// As [`SqlTransaction::statement`].
    #[doc(hidden)]
    fn boxed_statement<'a>(
        &'a mut self,
        sql: &'a str,
        values: &'a [SqlValue],
    ) -> Boxed<'a, Result<u64, StorageError>>;

    /// As [`SqlTransaction::rows`].
    #[doc(hidden)]
    fn boxed_rows<'a>(
        &'a mut self,
        sql: &'a str,
        values: &'a [SqlValue],
    ) -> Boxed<'a, Result<Vec<Vec<SqlValue>>, StorageError>>;

    /// As [`SqlTransaction::script`].
    #[doc(hidden)]
    fn boxed_script<'a>(&'a mut self, sql: &'a str) -> Boxed<'a, Result<(), StorageError>>;

    /// As [`SqlTransaction::set_names`].
    #[doc(hidden)]
    fn put_names(&mut self, names: Names);

    /// As [`SqlTransaction::is_open`].
    #[doc(hidden)]
    fn boxed_is_open(&mut self) -> Boxed<'_, bool>;

    /// As [`SqlTransaction::trouble`].
    #[doc(hidden)]
    fn trouble_behind(&self, error: &HandlerError) -> Option<StorageError>;

    /// As [`SqlTransaction::run_portable`].
    #[doc(hidden)]
    fn boxed_run<'a>(
        &'a mut self,
        sql: &'a str,
        values: &'a [SqlValue],
    ) -> Boxed<'a, Result<u64, HandlerError>>;

    /// As [`SqlTransaction::select_portable`].
    #[doc(hidden)]
    fn boxed_select<'a>(
        &'a mut self,
        sql: &'a str,
        values: &'a [SqlValue],
    ) -> Boxed<'a, Result<Vec<SqlRow>, HandlerError>>;
}

impl<T: SqlTransaction> ErasedTransaction for T {
    fn dialect_of(&self) -> Dialect {
        self.dialect()
    }

    fn boxed_statement<'a>(
        &'a mut self,
        sql: &'a str,
        values: &'a [SqlValue],
    ) -> Boxed<'a, Result<u64, StorageError>> {
        Box::pin(self.statement(sql, values))
    }

    fn boxed_rows<'a>(
        &'a mut self,
        sql: &'a str,
        values: &'a [SqlValue],
    ) -> Boxed<'a, Result<Vec<Vec<SqlValue>>, StorageError>> {
        Box::pin(self.rows(sql, values))
    }

    fn boxed_script<'a>(&'a mut self, sql: &'a str) -> Boxed<'a, Result<(), StorageError>> {
        Box::pin(self.script(sql))
    }

    fn put_names(&mut self, names: Names) {
        self.set_names(names);
    }

    fn boxed_is_open(&mut self) -> Boxed<'_, bool> {
        Box::pin(self.is_open())
    }

    fn trouble_behind(&self, error: &HandlerError) -> Option<StorageError> {
        self.trouble(error)
    }

    fn boxed_run<'a>(
        &'a mut self,
        sql: &'a str,
        values: &'a [SqlValue],
    ) -> Boxed<'a, Result<u64, HandlerError>> {
        Box::pin(self.run_portable(sql, values))
    }

    fn boxed_select<'a>(
        &'a mut self,
        sql: &'a str,
        values: &'a [SqlValue],
    ) -> Boxed<'a, Result<Vec<SqlRow>, HandlerError>> {
        Box::pin(self.select_portable(sql, values))
    }
}

impl AnyTransaction {
    /// Runs a statement and says how many rows it changed.
    ///
    /// # Errors
    /// The database's error; `?` in a handler passes it on.
    ///
    /// # Cancel safety
    /// Whoever called the handler rolls back when the handler is dropped.
    pub async fn run(&mut self, sql: &str, values: &[SqlValue]) -> Result<u64, HandlerError> {
        self.boxed_run(sql, values).await
    }

    /// The rows of a query.
    ///
    /// # Errors
    /// The database's error; `?` in a handler passes it on.
    ///
    /// # Cancel safety
    /// As for [`run`](AnyTransaction::run).
    pub async fn select(
        &mut self,
        sql: &str,
        values: &[SqlValue],
    ) -> Result<Vec<SqlRow>, HandlerError> {
        self.boxed_select(sql, values).await
    }

    /// The first row of a query, `None` without one.
    ///
    /// # Errors
    /// The database's error; `?` in a handler passes it on.
    ///
    /// # Cancel safety
    /// As for [`run`](AnyTransaction::run).
    pub async fn select_one(
        &mut self,
        sql: &str,
        values: &[SqlValue],
    ) -> Result<Option<SqlRow>, HandlerError> {
        Ok(self.select(sql, values).await?.into_iter().next())
    }
}

impl SqlTransaction for AnyTransaction {
    fn dialect(&self) -> Dialect {
        self.dialect_of()
    }

    async fn statement(&mut self, sql: &str, values: &[SqlValue]) -> Result<u64, StorageError> {
        self.boxed_statement(sql, values).await
    }

    async fn rows(
        &mut self,
        sql: &str,
        values: &[SqlValue],
    ) -> Result<Vec<Vec<SqlValue>>, StorageError> {
        self.boxed_rows(sql, values).await
    }

    async fn script(&mut self, sql: &str) -> Result<(), StorageError> {
        self.boxed_script(sql).await
    }

    fn set_names(&mut self, names: Names) {
        self.put_names(names);
    }

    async fn is_open(&mut self) -> bool {
        self.boxed_is_open().await
    }

    fn trouble(&self, error: &HandlerError) -> Option<StorageError> {
        self.trouble_behind(error)
    }

    async fn run_portable(&mut self, sql: &str, values: &[SqlValue]) -> Result<u64, HandlerError> {
        self.boxed_run(sql, values).await
    }

    async fn select_portable(
        &mut self,
        sql: &str,
        values: &[SqlValue],
    ) -> Result<Vec<SqlRow>, HandlerError> {
        self.boxed_select(sql, values).await
    }
}

impl fmt::Debug for AnyTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyTransaction")
            .field(&self.dialect_of().name())
            .finish()
    }
}

/// A projection with portable handlers, for places that want one for a certain database: projections
/// inside the appends of a store.
///
/// ```
/// # fn inline<P: es_projections::Dispatch>(projection: P, give: impl FnOnce(es_projections::Portable<P>)) {
/// give(es_projections::Portable(projection));
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Portable<P>(pub P);

impl<P: super::Projection> super::Projection for Portable<P> {
    const NAME: &'static str = P::NAME;
    const VERSION: u32 = P::VERSION;
    const ON_UNKNOWN_VERSION: super::OnUnknownVersion = P::ON_UNKNOWN_VERSION;
    const PARTITIONS: u32 = P::PARTITIONS;

    fn filter() -> es_runtime::EventFilter {
        P::filter()
    }

    fn key(event: &es_runtime::RecordedEvent) -> super::Key<'_> {
        P::key(event)
    }
}

impl<P: super::Dispatch, Db: ReadDatabase> super::Dispatch<Db> for Portable<P>
where
    Db::Transaction: Sized + 'static,
{
    fn schema(dialect: Dialect) -> std::borrow::Cow<'static, str> {
        P::schema(dialect)
    }

    async fn dispatch(
        &self,
        event: &es_runtime::RecordedEvent,
        tx: &mut Db::Transaction,
    ) -> Result<(), HandlerError> {
        self.0.dispatch(event, tx).await
    }
}
