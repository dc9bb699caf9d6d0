//! Values of the projection state as `sqlx` takes and gives them, and its errors as those of a store. Only the
//! message and the code of a server's error are kept: its details may quote values out of rows.

use crate::errors::kind_of;
use es_projections::{HandlerError, SqlValue};
use es_runtime::{Outcome, StorageError, StorageErrorKind};
use sqlx::{
    Encode, Error, Postgres, Row, SqlSafeStr, Type, TypeInfo, ValueRef,
    encode::IsNull,
    error::{BoxDynError, DatabaseError},
    postgres::{PgArgumentBuffer, PgArguments, PgDatabaseError, PgRow, PgTypeInfo, types::Oid},
    query::Query,
};
use tokio_postgres::error::SqlState;

/// A statement of the projection state with its values.
pub(super) fn bind(
    sql: impl SqlSafeStr,
    values: &[SqlValue],
) -> Query<'static, Postgres, PgArguments> {
    let mut query = sqlx::query(sql);
    for value in values {
        query = match value {
            SqlValue::Null => query.bind(Null),
            SqlValue::Bool(value) => query.bind(*value),
            SqlValue::Integer(number) => query.bind(*number),
            SqlValue::Real(number) => query.bind(*number),
            SqlValue::Text(text) => query.bind(text.clone()),
            SqlValue::Blob(bytes) => query.bind(bytes.clone()),
            SqlValue::Unsigned(number) => query.bind(number.to_string()),
            other => query.bind(Unusable(other.kind())),
        };
    }
    query
}

/// A value that PostgreSQL has no type for.
struct Unusable(&'static str);

impl Type<Postgres> for Unusable {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, Postgres> for Unusable {
    fn encode_by_ref(&self, _: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Err(format!("PostgreSQL cannot take {}", self.0).into())
    }
}

/// No value, of whichever type the server takes its parameter for.
struct Null;

impl Type<Postgres> for Null {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, Postgres> for Null {
    fn encode_by_ref(&self, _: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(IsNull::Yes)
    }
}

/// The rows of a query of the projection state.
pub(super) fn sql_values(rows: &[PgRow]) -> Result<Vec<Vec<SqlValue>>, Error> {
    let value = |row: &PgRow, index: usize| {
        let raw = row.try_get_raw(index)?;
        if raw.is_null() {
            return Ok(SqlValue::Null);
        }
        Ok(match raw.type_info().name() {
            "INT8" => SqlValue::Integer(row.try_get(index)?),
            "INT4" => SqlValue::Integer(row.try_get::<i32, _>(index)?.into()),
            "INT2" => SqlValue::Integer(row.try_get::<i16, _>(index)?.into()),
            "BOOL" => SqlValue::Bool(row.try_get(index)?),
            "FLOAT8" => SqlValue::Real(row.try_get(index)?),
            "BYTEA" => SqlValue::Blob(row.try_get(index)?),
            _ => SqlValue::Text(row.try_get(index)?),
        })
    };
    rows.iter()
        .map(|row| (0..row.len()).map(|index| value(row, index)).collect())
        .collect()
}

pub(super) fn storage(error: Error) -> StorageError {
    let kind = kind(&error);
    match &error {
        Error::Database(db) => StorageError::new(kind, text(&**db)),
        // It may quote a connection string.
        Error::Configuration(_) => StorageError::new(kind, "the pool is not configured well"),
        _ => StorageError::new(kind, error.to_string()).with_source(error),
    }
}

fn text(db: &dyn DatabaseError) -> String {
    match db.code() {
        Some(code) => format!("{} (SQLSTATE {code})", db.message()),
        None => db.message().to_owned(),
    }
}

fn kind(error: &Error) -> StorageErrorKind {
    match error {
        Error::Database(db) => match db.code() {
            Some(code) => kind_of(&SqlState::from_code(&code)),
            None => StorageErrorKind::Other,
        },
        Error::Io(_) => StorageErrorKind::Unreachable,
        Error::PoolTimedOut => StorageErrorKind::Busy,
        Error::PoolClosed => StorageErrorKind::Closed,
        Error::Configuration(_) | Error::Tls(_) => StorageErrorKind::CannotOpen,
        _ => StorageErrorKind::Other,
    }
}

/// The transient failure of the database that caused a handler's error. A statement that took too long would do so
/// again.
pub(super) fn trouble(error: &HandlerError) -> Option<StorageError> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error.as_error());
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<Error>() {
            let kind = kind(error);
            let db = error.as_database_error();
            let code = db.and_then(DatabaseError::code);
            let took_too_long = code.is_some_and(|code| code == SqlState::QUERY_CANCELED.code());
            return (kind.is_transient() && !took_too_long)
                .then(|| StorageError::new(kind, db.map_or_else(|| error.to_string(), text)));
        }
        next = error.source();
    }
    None
}

/// An error that leaves the connection standing is the server's refusal; with the connection the
/// answer is lost.
pub(super) fn outcome_of_commit(error: &Error) -> Outcome {
    let db = error.as_database_error();
    let db = db.and_then(|db| db.try_downcast_ref::<PgDatabaseError>());
    match db {
        Some(db) if db.severity() == sqlx::postgres::PgSeverity::Error => Outcome::NotApplied,
        _ => Outcome::Unknown,
    }
}
