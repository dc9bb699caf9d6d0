//! The transaction that handlers get, with a `sqlx` connection in it.
//!
//! What a handler does on the connection is not seen from here, and `sqlx` takes the server's answer
//! to the commit of a failed transaction for a success. So the transaction is asked for its id
//! whenever a handler had the connection: only the one that was begun has it.

use super::{
    database::not_applied,
    values::{bind, outcome_of_commit, sql_values, storage, trouble},
};
use crate::read_models::errors::{dead_transaction, is_constraint};
use es_projections::{
    Dialect, HandlerError, SqlRow, SqlValue,
    backend::{
        BrokenConstraint, Expansions, NameError, Names, SqlTransaction, TransactionError,
        refuse_end,
    },
};
use es_runtime::StorageError;
use sqlx::{
    AssertSqlSafe, Error, PgConnection, PgPool, Postgres, SqlSafeStr, SqlStr, error::DatabaseError,
    pool::PoolConnection, postgres::PgTransactionManager,
};
use sqlx_core::transaction::TransactionManager;
use std::fmt;
use tokio_postgres::error::SqlState;

/// The transaction of a `sqlx` pool that a handler writes in.
///
/// The runner commits it together with the checkpoint. A handler that ends it, or ignores a failed
/// statement, fails. `begin` on the connection creates a savepoint, as usual in a `sqlx` transaction.
pub struct SqlxTransaction {
    connection: PoolConnection<Postgres>,
    /// The transaction's id at the server.
    id: String,
    expansions: Expansions,
    /// A statement of the projection state failed.
    is_dead: bool,
    /// A handler had the connection since the transaction was looked at.
    was_lent: bool,
    /// The connection is outside of any transaction.
    is_over: bool,
}

impl SqlxTransaction {
    pub(super) async fn begin(pool: &PgPool) -> Result<Self, Error> {
        const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
        let mut tx = Self {
            connection: pool.acquire().await?,
            id: String::new(),
            expansions: Expansions::new(Dialect::Postgres),
            is_dead: false,
            was_lent: false,
            is_over: false,
        };
        // Through it `sqlx` counts the transaction, so that `begin` of a handler makes a savepoint.
        PgTransactionManager::begin(&mut tx.connection, Some(BEGIN.into_sql_str())).await?;
        let id = sqlx::query_scalar("SELECT pg_current_xact_id()::text");
        tx.id = id.fetch_one(&mut *tx.connection).await?;
        Ok(tx)
    }

    /// The connection, for `sqlx`: `sqlx::query(..).execute(tx.connection()).await?`.
    ///
    /// Tables without braces in their names belong to no build of the read model: a rebuild
    /// does not empty them. `sqlx::query!` can name only such tables.
    pub fn connection(&mut self) -> &mut PgConnection {
        self.was_lent = true;
        &mut self.connection
    }

    /// The statement, with each `{name}` replaced by the table of this projection in the build that is
    /// being written.
    ///
    /// # Errors
    /// [`NameError`] for a name in braces that the schema does not declare.
    pub fn sql(&mut self, sql: impl SqlSafeStr) -> Result<SqlStr, NameError> {
        let sql = sql.into_sql_str();
        let expanded = self.expansions.expand(sql.as_str())?.into_owned();
        // What was added is the number of a build.
        Ok(AssertSqlSafe(expanded).into_sql_str())
    }

    /// Commits a transaction that is known to be open.
    pub(super) async fn commit(mut self) -> Result<(), TransactionError> {
        if !self.is_open().await {
            // Where this fails too, the connection is closed, and the server rolls back.
            let _ = self.roll_back().await;
            return Err(not_applied(dead_transaction()));
        }
        match PgTransactionManager::commit(&mut self.connection).await {
            Ok(()) => {
                self.is_over = true;
                Ok(())
            }
            Err(error) => {
                let outcome = outcome_of_commit(&error);
                let db = error.as_database_error();
                let code = db.and_then(DatabaseError::code);
                let broken = code.is_some_and(|code| is_constraint(&SqlState::from_code(&code)));
                let error = storage(error);
                let error = if broken {
                    error.with_source(BrokenConstraint)
                } else {
                    error
                };
                Err(TransactionError { outcome, error })
            }
        }
    }

    /// Undoes everything. A connection that is in another transaction by now, or in none, is closed.
    pub(super) async fn roll_back(mut self) -> Result<(), Error> {
        let is_outermost = self.is_outermost();
        PgTransactionManager::rollback(&mut self.connection).await?;
        self.is_over = is_outermost;
        Ok(())
    }

    /// Outside of every savepoint: elsewhere `commit` and `rollback` end the savepoint alone.
    fn is_outermost(&self) -> bool {
        PgTransactionManager::get_transaction_depth(&self.connection) == 1
    }

    async fn is_still_the_one(&mut self) -> bool {
        // Without statements that are prepared: a pooler allows none.
        let id = sqlx::raw_sql("SELECT pg_current_xact_id_if_assigned()::text");
        let row = id.fetch_one(&mut *self.connection).await;
        let found: Result<Option<String>, Error> =
            row.and_then(|row| sqlx::Row::try_get(&row, 0_usize));
        found.is_ok_and(|found| found.as_ref() == Some(&self.id))
    }

    fn failed(&mut self, error: Error) -> StorageError {
        self.is_dead = true;
        storage(error)
    }
}

impl Drop for SqlxTransaction {
    fn drop(&mut self) {
        if !self.is_over {
            self.connection.close_on_drop();
        }
    }
}

impl SqlTransaction for SqlxTransaction {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    async fn run_portable(&mut self, sql: &str, values: &[SqlValue]) -> Result<u64, HandlerError> {
        refuse_end(Dialect::Postgres, sql)?;
        let sql = self.expansions.expand(sql)?.into_owned();
        let done = bind(AssertSqlSafe(sql), values)
            .execute(&mut *self.connection)
            .await;
        self.is_dead |= done.is_err();
        Ok(done?.rows_affected())
    }

    async fn select_portable(
        &mut self,
        sql: &str,
        values: &[SqlValue],
    ) -> Result<Vec<SqlRow>, HandlerError> {
        refuse_end(Dialect::Postgres, sql)?;
        let sql = self.expansions.expand(sql)?.into_owned();
        let rows = bind(AssertSqlSafe(sql), values)
            .fetch_all(&mut *self.connection)
            .await;
        self.is_dead |= rows.is_err();
        Ok(sql_values(&rows?)?.into_iter().map(SqlRow::new).collect())
    }

    async fn statement(&mut self, sql: &str, values: &[SqlValue]) -> Result<u64, StorageError> {
        let query = bind(AssertSqlSafe(sql), values);
        let done = query.execute(&mut *self.connection).await;
        done.map(|done| done.rows_affected())
            .map_err(|error| self.failed(error))
    }

    async fn rows(
        &mut self,
        sql: &str,
        values: &[SqlValue],
    ) -> Result<Vec<Vec<SqlValue>>, StorageError> {
        let query = bind(AssertSqlSafe(sql), values);
        let rows = query.fetch_all(&mut *self.connection).await;
        rows.and_then(|rows| sql_values(&rows))
            .map_err(|error| self.failed(error))
    }

    async fn script(&mut self, sql: &str) -> Result<(), StorageError> {
        let script = sqlx::raw_sql(AssertSqlSafe(sql));
        let done = script.execute(&mut *self.connection).await;
        done.map(|_| ()).map_err(|error| self.failed(error))
    }

    async fn back_to_savepoint(&mut self) -> Result<(), StorageError> {
        self.script("ROLLBACK TO SAVEPOINT es_savepoint; RELEASE SAVEPOINT es_savepoint")
            .await?;
        self.is_dead = false;
        Ok(())
    }

    fn set_names(&mut self, names: Names) {
        self.expansions.set_names(names);
    }

    async fn is_open(&mut self) -> bool {
        if self.is_dead || !self.is_outermost() {
            return false;
        }
        if std::mem::take(&mut self.was_lent) {
            self.is_dead = !self.is_still_the_one().await;
        }
        !self.is_dead
    }

    fn database_error(&self, error: &HandlerError) -> Option<StorageError> {
        trouble(error)
    }
}

impl fmt::Debug for SqlxTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlxTransaction")
            .field("expansions", &self.expansions)
            .finish_non_exhaustive()
    }
}
