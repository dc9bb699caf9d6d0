//! The transaction that the handlers of projections get.

use crate::{
    connection::Session,
    errors::{kind, storage, text},
    session::{HANDLERS, NO_HANDLERS},
};
use es_projections::{
    Dialect, HandlerError, SqlRow, SqlValue,
    backend::{EndsTransaction, Expansions, NameError, Names, SqlTransaction, refuse_end},
};
use es_runtime::{StorageError, StorageErrorKind};
use std::{fmt, time::Duration};
use tokio_postgres::{
    Error, Row,
    error::SqlState,
    types::{Format, IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};

/// The transaction of the read database that a handler writes in.
///
/// In every statement `{name}` is a table of this projection, in the build that is being written. Other
/// tables have their plain names. The runner commits the transaction together with the checkpoint. A
/// statement that would end it is rejected. After a failed statement the server accepts no others, so a
/// handler that ignores the failure fails too.
pub struct PostgresTransaction {
    session: Session,
    expansions: Expansions,
    /// A statement failed: the server will roll back, whatever follows.
    is_dead: bool,
    /// Whether the session is one of a store, which plans its own statements otherwise than those of handlers.
    is_of_store: bool,
    /// How long one handler may take.
    limit: Option<Duration>,
    /// The error, where it is transient: the statement itself is not the cause.
    transient: Option<StorageError>,
}

/// Why a statement of a handler failed.
///
/// Neither its `Display` nor its `Debug` text quotes a value of a row. [`driver`](StatementError::driver) has
/// the full error of the server.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// The server rejected the statement, or the connection failed.
    #[error("{}", text(.0))]
    Driver(Error),
    /// The statement would end the transaction, or begin or end a savepoint.
    #[error(transparent)]
    EndsTransaction(#[from] EndsTransaction),
    /// A name in braces is not one of the projection's tables.
    #[error(transparent)]
    Name(#[from] NameError),
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

impl PostgresTransaction {
    pub(crate) fn new(session: Session) -> Self {
        Self {
            session,
            expansions: Expansions::new(Dialect::Postgres),
            is_dead: false,
            is_of_store: false,
            limit: None,
            transient: None,
        }
    }

    /// On a session of a store.
    pub(crate) fn of_store(session: Session) -> Self {
        let mut tx = Self::new(session);
        tx.is_of_store = true;
        tx
    }

    /// For a transaction of the writer, whose lock others wait for.
    pub(crate) fn of_append(session: Session, limit: Duration) -> Self {
        let mut tx = Self::of_store(session);
        tx.limit = Some(limit);
        tx
    }

    /// The session, and what went wrong on it.
    pub(crate) fn into_parts(self) -> (Session, Option<StorageError>) {
        (self.session, self.transient)
    }

    /// Whether a statement failed, and the transaction with it.
    pub(crate) fn is_dead(&self) -> bool {
        self.is_dead
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// The transient failure, if there was one: the statement itself is not its cause.
    pub(crate) fn take_transient(&mut self) -> Option<StorageError> {
        self.transient.take()
    }

    /// Runs a statement and says how many rows it changed. Parameters are `$1`, `$2`, ..
    ///
    /// # Errors
    /// [`StatementError`]; `?` in a handler passes it on.
    ///
    /// # Cancel safety
    /// The runner rolls back when the handler is dropped.
    pub async fn execute(
        &mut self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, StatementError> {
        refuse_end(Dialect::Postgres, sql)?;
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
        refuse_end(Dialect::Postgres, sql)?;
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
        if self.transient.is_none() && is_transient(error) {
            let text = text(error);
            self.transient = Some(StorageError::new(kind(error), text));
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
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    async fn run_portable(&mut self, sql: &str, values: &[SqlValue]) -> Result<u64, HandlerError> {
        let bound: Vec<Bound<'_>> = values.iter().map(Bound).collect();
        let bound: Vec<&(dyn ToSql + Sync)> = bound.iter().map(|value| value as _).collect();
        Ok(self.execute(sql, &bound).await?)
    }

    async fn select_portable(
        &mut self,
        sql: &str,
        values: &[SqlValue],
    ) -> Result<Vec<SqlRow>, HandlerError> {
        let bound: Vec<Bound<'_>> = values.iter().map(Bound).collect();
        let bound: Vec<&(dyn ToSql + Sync)> = bound.iter().map(|value| value as _).collect();
        Ok(self.select(sql, &bound, sql_row).await?)
    }

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

    // Handlers run between these two, and what they set is undone with the savepoint. It is no flight of its own.
    async fn savepoint(&mut self) -> Result<(), StorageError> {
        let savepoint = "SAVEPOINT es_savepoint";
        if self.is_of_store {
            self.script(&format!("{savepoint}; {HANDLERS}")).await
        } else {
            self.script(savepoint).await
        }
    }

    async fn release_savepoint(&mut self) -> Result<(), StorageError> {
        let release = "RELEASE SAVEPOINT es_savepoint";
        if self.is_of_store {
            self.script(&format!("{release}; {NO_HANDLERS}")).await
        } else {
            self.script(release).await
        }
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
        !self.is_dead
    }

    fn handler_limit(&self) -> Option<Duration> {
        self.limit
    }
}

/// The rows of a query, as values.
pub(super) fn sql_values(rows: &[Row]) -> Result<Vec<Vec<SqlValue>>, Error> {
    rows.iter()
        .map(|row| sql_row(row).map(SqlRow::into_values))
        .collect()
}

fn sql_row(row: &Row) -> Result<SqlRow, Error> {
    let columns = row.columns().iter().enumerate();
    let values: Result<_, Error> = columns
        .map(|(index, column)| {
            let value = match *column.type_() {
                Type::INT8 => row.try_get::<_, Option<i64>>(index)?.map(SqlValue::from),
                Type::INT4 => row.try_get::<_, Option<i32>>(index)?.map(SqlValue::from),
                Type::INT2 => row.try_get::<_, Option<i16>>(index)?.map(SqlValue::from),
                Type::BOOL => row.try_get::<_, Option<bool>>(index)?.map(SqlValue::from),
                Type::FLOAT8 => row.try_get::<_, Option<f64>>(index)?.map(SqlValue::from),
                Type::FLOAT4 => {
                    let number = row.try_get::<_, Option<f32>>(index)?;
                    number.map(|number| SqlValue::Real(number.into()))
                }
                Type::BYTEA => row
                    .try_get::<_, Option<Vec<u8>>>(index)?
                    .map(SqlValue::from),
                _ => row.try_get::<_, Option<String>>(index)?.map(SqlValue::from),
            };
            Ok(value.unwrap_or(SqlValue::Null))
        })
        .collect();
    values.map(SqlRow::new)
}

/// A value, in whichever type the server gave its parameter.
#[derive(Debug)]
pub(super) struct Bound<'v>(pub(super) &'v SqlValue);

/// Whether the server reads the text itself as a value of the parameter's type: a time, JSON, a UUID, ..
fn is_read_by_the_server(value: &SqlValue, kind: &Type) -> bool {
    match value {
        SqlValue::Text(_) => !<&str as ToSql>::accepts(kind),
        SqlValue::Integer(_) => !matches!(
            *kind,
            Type::INT2 | Type::INT4 | Type::INT8 | Type::BOOL | Type::FLOAT4 | Type::FLOAT8
        ),
        SqlValue::Unsigned(_) => true,
        SqlValue::Real(_) => !matches!(*kind, Type::FLOAT4 | Type::FLOAT8),
        _ => false,
    }
}

impl ToSql for Bound<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        if is_read_by_the_server(self.0, kind) {
            let text = match self.0 {
                SqlValue::Text(text) => text.clone(),
                SqlValue::Integer(number) => number.to_string(),
                SqlValue::Unsigned(number) => number.to_string(),
                SqlValue::Real(number) => number.to_string(),
                _ => return Err("PostgreSQL has no such value".into()),
            };
            out.extend_from_slice(text.as_bytes());
            return Ok(IsNull::No);
        }
        match (self.0, kind) {
            (SqlValue::Null, _) => Ok(IsNull::Yes),
            (SqlValue::Integer(number), &Type::INT2) => i16::try_from(*number)?.to_sql(kind, out),
            (SqlValue::Integer(number), &Type::INT4) => i32::try_from(*number)?.to_sql(kind, out),
            (SqlValue::Integer(number), &Type::INT8) => number.to_sql(kind, out),
            (SqlValue::Integer(number), &Type::BOOL) => (*number != 0).to_sql(kind, out),
            (SqlValue::Integer(number), &Type::FLOAT4) => {
                exact_f32(f64::from(i32::try_from(*number)?))?.to_sql(kind, out)
            }
            (SqlValue::Integer(number), &Type::FLOAT8) => {
                f64::from(i32::try_from(*number)?).to_sql(kind, out)
            }
            (SqlValue::Bool(value), &Type::BOOL) => value.to_sql(kind, out),
            (SqlValue::Bool(value), &Type::INT8) => i64::from(*value).to_sql(kind, out),
            (SqlValue::Bool(value), &Type::INT4) => i32::from(*value).to_sql(kind, out),
            (SqlValue::Real(number), &Type::FLOAT8) => number.to_sql(kind, out),
            (SqlValue::Real(number), &Type::FLOAT4) => exact_f32(*number)?.to_sql(kind, out),
            (SqlValue::Text(text), _) => text.to_sql(kind, out),
            (SqlValue::Blob(bytes), &Type::BYTEA) => bytes.to_sql(kind, out),
            (value, kind) => Err(format!("{} does not fit a {kind}", value.kind()).into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, kind: &Type) -> Format {
        if is_read_by_the_server(self.0, kind) {
            Format::Text
        } else {
            Format::Binary
        }
    }

    to_sql_checked!();
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "a number that changes is refused"
)]
fn exact_f32(number: f64) -> Result<f32, Box<dyn std::error::Error + Sync + Send>> {
    let narrow = number as f32;
    if f64::from(narrow) == number || number.is_nan() {
        Ok(narrow)
    } else {
        Err("the number does not fit a REAL; make the column DOUBLE PRECISION".into())
    }
}

impl fmt::Debug for PostgresTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresTransaction")
            .field("is_open", &!self.is_dead)
            .finish_non_exhaustive()
    }
}
