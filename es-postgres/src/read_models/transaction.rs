//! The transaction that the handlers of projections get.

use crate::{
    connection::Session,
    errors::{kind, storage},
};
use es_runtime::{
    StorageError, StorageErrorKind,
    projection::{
        EndsTransaction, Expansions, NameTooLong, Names, SqlTransaction, SqlValue, refuse_end,
    },
};
use std::fmt;
use tokio_postgres::{
    Error, Row,
    error::SqlState,
    types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};

/// A transaction of the read database, in the hands of a handler.
///
/// In every statement `{name}` stands for a table of the projection's own, in the generation that
/// is being written; other tables are named as they are. The transaction is committed by whoever
/// called the handler; a statement that would end it is refused. After a statement that failed the
/// server takes no others, so a handler that goes on all the same fails too.
pub struct PostgresTransaction {
    session: Session,
    expansions: Expansions,
    /// A statement failed: the server will roll back, whatever it is told.
    is_dead: bool,
    /// Why, where it says nothing of the statement.
    passing: Option<StorageError>,
}

/// Why a statement of a handler failed.
///
/// Neither text nor debug form quotes a value out of a row; [`driver`](StatementError::driver) has
/// everything that the server said.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// The server, or the connection to it, said no.
    #[error("{}", storage_text(.0))]
    Driver(Error),
    /// The statement would end the transaction, or make a part of it that can be undone.
    #[error(transparent)]
    EndsTransaction(#[from] EndsTransaction),
    /// A name in braces is too long.
    #[error(transparent)]
    Name(#[from] NameTooLong),
}

impl StatementError {
    /// The driver's error, where there is one.
    pub const fn driver(&self) -> Option<&Error> {
        match self {
            Self::Driver(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Debug for StatementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StatementError({self})")
    }
}

fn storage_text(error: &Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} (SQLSTATE {})", db.message(), db.code().code()),
        None => error.to_string(),
    }
}

impl PostgresTransaction {
    pub(crate) fn new(session: Session) -> Self {
        Self {
            session,
            expansions: Expansions::default(),
            is_dead: false,
            passing: None,
        }
    }

    /// The session, and what went wrong on it.
    pub(crate) fn into_parts(self) -> (Session, Option<StorageError>) {
        (self.session, self.passing)
    }

    /// Whether a statement failed, and the transaction with it.
    pub(crate) fn is_dead(&self) -> bool {
        self.is_dead
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// The failure that says nothing of the statement it happened to, if there was one.
    pub(crate) fn take_passing(&mut self) -> Option<StorageError> {
        self.passing.take()
    }

    /// For appends with projections: a point to go back to.
    pub(crate) async fn savepoint(&mut self) -> Result<(), StorageError> {
        self.script("SAVEPOINT projected").await
    }

    /// Keeps what was done since.
    pub(crate) async fn release_savepoint(&mut self) -> Result<(), StorageError> {
        self.expansions.set_names(Names::plain());
        self.script("RELEASE SAVEPOINT projected").await
    }

    /// Undoes what was done since. Statements may follow again.
    pub(crate) async fn back_to_savepoint(&mut self) -> Result<(), StorageError> {
        self.expansions.set_names(Names::plain());
        self.script("ROLLBACK TO SAVEPOINT projected; RELEASE SAVEPOINT projected")
            .await?;
        self.is_dead = false;
        Ok(())
    }

    /// Runs a statement and says how many rows it changed. Parameters are `$1`, `$2`, ..
    ///
    /// # Errors
    /// [`StatementError`]; `?` in a handler passes it on.
    ///
    /// # Cancel safety
    /// Whoever called the handler rolls back when the handler is dropped.
    pub async fn execute(
        &mut self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, StatementError> {
        refuse_end(sql)?;
        let sql = self.expansions.expand(sql)?;
        let done = async {
            let statement = self.session.prepared(&sql).await?;
            self.session.client().execute(&statement, params).await
        };
        done.await.map_err(|error| self.failed(error))
    }

    /// Each row of a query, turned into a value by `row`.
    ///
    /// # Errors
    /// [`StatementError`], also for what `row` says.
    ///
    /// # Cancel safety
    /// As for [`execute`](PostgresTransaction::execute).
    pub async fn select<T>(
        &mut self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
        row: impl FnMut(&Row) -> Result<T, Error>,
    ) -> Result<Vec<T>, StatementError> {
        refuse_end(sql)?;
        let sql = self.expansions.expand(sql)?;
        let done = async {
            let statement = self.session.prepared(&sql).await?;
            self.session.client().query(&statement, params).await
        };
        let rows = done.await.map_err(|error| self.failed(error))?;
        let values: Result<Vec<T>, Error> = rows.iter().map(row).collect();
        values.map_err(StatementError::Driver)
    }

    /// The first row of a query, turned into a value by `row`; `None` without one.
    ///
    /// # Errors
    /// As for [`select`](PostgresTransaction::select).
    ///
    /// # Cancel safety
    /// As for [`execute`](PostgresTransaction::execute).
    pub async fn select_one<T>(
        &mut self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
        row: impl FnMut(&Row) -> Result<T, Error>,
    ) -> Result<Option<T>, StatementError> {
        Ok(self.select(sql, params, row).await?.into_iter().next())
    }

    fn failed(&mut self, error: Error) -> StatementError {
        self.note(&error);
        StatementError::Driver(error)
    }

    fn broken(&mut self, error: Error) -> StorageError {
        self.note(&error);
        storage(error)
    }

    fn note(&mut self, error: &Error) {
        self.is_dead = true;
        self.session.learn(error);
        if self.passing.is_none() && is_transient(error) {
            let text = storage_text(error);
            self.passing = Some(StorageError::new(kind(error), text));
        }
    }

    async fn query(&mut self, sql: &str, values: &[SqlValue]) -> Result<Vec<Row>, StorageError> {
        let done = async {
            let statement = self.session.prepared(sql).await?;
            let bound: Vec<Bound<'_>> = values.iter().map(Bound).collect();
            let bound: Vec<&(dyn ToSql + Sync)> = bound.iter().map(|value| value as _).collect();
            self.session.client().query(&statement, &bound).await
        };
        done.await.map_err(|error| self.broken(error))
    }
}

/// Whether the failure says nothing of the statement: the same may go well on another try. One that
/// took too long would do so again.
fn is_transient(error: &Error) -> bool {
    match kind(error) {
        StorageErrorKind::Unreachable | StorageErrorKind::Full => true,
        StorageErrorKind::Busy => error.code() != Some(&SqlState::QUERY_CANCELED),
        _ => error.is_closed(),
    }
}

impl SqlTransaction for PostgresTransaction {
    async fn statement(&mut self, sql: &str, values: &[SqlValue]) -> Result<u64, StorageError> {
        let done = async {
            let statement = self.session.prepared(sql).await?;
            let bound: Vec<Bound<'_>> = values.iter().map(Bound).collect();
            let bound: Vec<&(dyn ToSql + Sync)> = bound.iter().map(|value| value as _).collect();
            self.session.client().execute(&statement, &bound).await
        };
        done.await.map_err(|error| self.broken(error))
    }

    async fn rows(
        &mut self,
        sql: &str,
        values: &[SqlValue],
    ) -> Result<Vec<Vec<SqlValue>>, StorageError> {
        let rows = self.query(sql, values).await?;
        sql_values(&rows).map_err(storage)
    }

    async fn script(&mut self, sql: &str) -> Result<(), StorageError> {
        let done = self.session.client().batch_execute(sql).await;
        done.map_err(|error| self.broken(error))
    }

    fn set_names(&mut self, names: Names) {
        self.expansions.set_names(names);
    }

    async fn is_open(&mut self) -> bool {
        !self.is_dead
    }
}

/// The rows of a query of the books.
pub(super) fn sql_values(rows: &[Row]) -> Result<Vec<Vec<SqlValue>>, Error> {
    let value = |row: &Row, index: usize, kind: &Type| {
        Ok(match *kind {
            Type::INT8 => row.try_get::<_, Option<i64>>(index)?.map(SqlValue::Integer),
            Type::INT4 => row
                .try_get::<_, Option<i32>>(index)?
                .map(|number| SqlValue::Integer(number.into())),
            _ => row.try_get::<_, Option<String>>(index)?.map(SqlValue::Text),
        }
        .unwrap_or(SqlValue::Null))
    };
    rows.iter()
        .map(|row| {
            let columns = row.columns().iter().enumerate();
            columns
                .map(|(index, column)| value(row, index, column.type_()))
                .collect()
        })
        .collect()
}

/// A value of the books, in whichever type the server gave its parameter.
#[derive(Debug)]
pub(super) struct Bound<'v>(pub(super) &'v SqlValue);

impl ToSql for Bound<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match (self.0, kind) {
            (SqlValue::Null, _) => Ok(IsNull::Yes),
            (SqlValue::Integer(number), &Type::INT4) => i32::try_from(*number)?.to_sql(kind, out),
            (SqlValue::Integer(number), &Type::INT8) => number.to_sql(kind, out),
            (SqlValue::Integer(number), _) => number.to_string().to_sql(kind, out),
            (SqlValue::Text(text), _) => text.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl fmt::Debug for PostgresTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresTransaction")
            .field("is_open", &!self.is_dead)
            .finish_non_exhaustive()
    }
}
