//! The transaction of a portable handler.

use super::{
    database::SqlTransaction,
    dialect::Dialect,
    error::HandlerError,
    names::Names,
    value::{SqlRow, SqlValue},
};
use crate::boxed::BoxFuture;
use es_runtime::StorageError;
use std::{fmt, time::Duration};

/// The transaction that portable handlers get.
///
/// | Method | Returns |
/// |---|---|
/// | `run(sql, values)` | the number of changed rows |
/// | `select(sql, values)` | the rows, as a `Vec` of [`SqlRow`] |
/// | `select_one(sql, values)` | the first row, `None` without one |
///
/// Statements are [portable SQL](SqlValue#portable-sql). `{name}` means a table of the projection. The
/// runner commits the transaction together with the checkpoint, so a statement that would end it is
/// refused.
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

/// A [`SqlTransaction`] as a trait object. Implemented for every [`SqlTransaction`]. See
/// [`AnyTransaction`].
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
    ) -> BoxFuture<'a, Result<u64, StorageError>>;

    /// As [`SqlTransaction::rows`].
    #[doc(hidden)]
    fn boxed_rows<'a>(
        &'a mut self,
        sql: &'a str,
        values: &'a [SqlValue],
    ) -> BoxFuture<'a, Result<Vec<Vec<SqlValue>>, StorageError>>;

    /// As [`SqlTransaction::script`].
    #[doc(hidden)]
    fn boxed_script<'a>(&'a mut self, sql: &'a str) -> BoxFuture<'a, Result<(), StorageError>>;

    /// As [`SqlTransaction::back_to_savepoint`].
    #[doc(hidden)]
    fn boxed_back_to_savepoint(&mut self) -> BoxFuture<'_, Result<(), StorageError>>;

    /// As [`SqlTransaction::set_names`].
    #[doc(hidden)]
    fn put_names(&mut self, names: Names);

    /// As [`SqlTransaction::is_open`].
    #[doc(hidden)]
    fn boxed_is_open(&mut self) -> BoxFuture<'_, bool>;

    /// As [`SqlTransaction::handler_limit`].
    #[doc(hidden)]
    fn limit_of_handler(&self) -> Option<Duration>;

    /// As [`SqlTransaction::database_error`].
    #[doc(hidden)]
    fn database_trouble(&self, error: &HandlerError) -> Option<StorageError>;

    /// As [`SqlTransaction::run_portable`].
    #[doc(hidden)]
    fn boxed_run<'a>(
        &'a mut self,
        sql: &'a str,
        values: &'a [SqlValue],
    ) -> BoxFuture<'a, Result<u64, HandlerError>>;

    /// As [`SqlTransaction::select_portable`].
    #[doc(hidden)]
    fn boxed_select<'a>(
        &'a mut self,
        sql: &'a str,
        values: &'a [SqlValue],
    ) -> BoxFuture<'a, Result<Vec<SqlRow>, HandlerError>>;
}

impl<T: SqlTransaction> ErasedTransaction for T {
    fn dialect_of(&self) -> Dialect {
        self.dialect()
    }

    fn boxed_statement<'a>(
        &'a mut self,
        sql: &'a str,
        values: &'a [SqlValue],
    ) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(self.statement(sql, values))
    }

    fn boxed_rows<'a>(
        &'a mut self,
        sql: &'a str,
        values: &'a [SqlValue],
    ) -> BoxFuture<'a, Result<Vec<Vec<SqlValue>>, StorageError>> {
        Box::pin(self.rows(sql, values))
    }

    fn boxed_script<'a>(&'a mut self, sql: &'a str) -> BoxFuture<'a, Result<(), StorageError>> {
        Box::pin(self.script(sql))
    }

    fn boxed_back_to_savepoint(&mut self) -> BoxFuture<'_, Result<(), StorageError>> {
        Box::pin(self.back_to_savepoint())
    }

    fn put_names(&mut self, names: Names) {
        self.set_names(names);
    }

    fn boxed_is_open(&mut self) -> BoxFuture<'_, bool> {
        Box::pin(self.is_open())
    }

    fn limit_of_handler(&self) -> Option<Duration> {
        self.handler_limit()
    }

    fn database_trouble(&self, error: &HandlerError) -> Option<StorageError> {
        self.database_error(error)
    }

    fn boxed_run<'a>(
        &'a mut self,
        sql: &'a str,
        values: &'a [SqlValue],
    ) -> BoxFuture<'a, Result<u64, HandlerError>> {
        Box::pin(self.run_portable(sql, values))
    }

    fn boxed_select<'a>(
        &'a mut self,
        sql: &'a str,
        values: &'a [SqlValue],
    ) -> BoxFuture<'a, Result<Vec<SqlRow>, HandlerError>> {
        Box::pin(self.select_portable(sql, values))
    }
}

impl AnyTransaction {
    /// Runs a statement and returns the number of changed rows.
    ///
    /// # Errors
    /// The database's error; `?` in a handler passes it on.
    ///
    /// # Cancel safety
    /// When the handler is dropped, the runner rolls the transaction back.
    pub async fn run(&mut self, sql: &str, values: &[SqlValue]) -> Result<u64, HandlerError> {
        self.boxed_run(sql, values).await
    }

    /// Returns the rows of a query.
    ///
    /// # Errors
    /// The database's error; `?` in a handler passes it on.
    ///
    /// # Cancel safety
    /// As for `run`.
    pub async fn select(
        &mut self,
        sql: &str,
        values: &[SqlValue],
    ) -> Result<Vec<SqlRow>, HandlerError> {
        self.boxed_select(sql, values).await
    }

    /// Returns the first row of a query, or `None` if there is no row.
    ///
    /// # Errors
    /// The database's error; `?` in a handler passes it on.
    ///
    /// # Cancel safety
    /// As for `run`.
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

    async fn back_to_savepoint(&mut self) -> Result<(), StorageError> {
        self.boxed_back_to_savepoint().await
    }

    fn set_names(&mut self, names: Names) {
        self.put_names(names);
    }

    async fn is_open(&mut self) -> bool {
        self.boxed_is_open().await
    }

    fn handler_limit(&self) -> Option<Duration> {
        self.limit_of_handler()
    }

    fn database_error(&self, error: &HandlerError) -> Option<StorageError> {
        self.database_trouble(error)
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
