//! The transaction that the handlers of projections get.

use super::limit::Limit;
use crate::errors::{kind, storage};
use es_projections::{
    Dialect, HandlerError, SqlRow, SqlValue,
    backend::{Expansions, Names, SqlTransaction, refuse_end},
};
use es_runtime::StorageError;
use rusqlite::{
    Connection, Params, Row, Statement,
    types::{ToSqlOutput, ValueRef},
};
use std::{borrow::Cow, error::Error, fmt, time::Duration};

/// The transaction of the read database that a handler writes in.
///
/// In every statement `{name}` is a table of this projection, in the build that is being written. Other
/// tables have their plain names. The runner commits the transaction together with the checkpoint. A
/// statement that would end it is rejected. When it ends in another way, such as by `INSERT OR ROLLBACK`,
/// the handler fails.
///
/// The methods wait for the disk only, so handlers call them without `.await`. A handler runs on the thread
/// that writes. One that waits for something else, such as a timer, another service, or a command, fails with an error of
/// its event: such things belong into a subscription, a process manager or a saga. A request to the same store out of a
/// handler is refused even where the handler would block its thread for it.
pub struct SqliteTransaction {
    connection: Connection,
    expansions: Expansions,
    limit: Limit,
}

impl SqliteTransaction {
    /// On the connection of a writer, for handlers whose statements take at most `each`.
    pub(crate) fn new(connection: Connection, each: Duration) -> rusqlite::Result<Self> {
        let limit = Limit::of(&connection, each)?;
        Ok(Self {
            connection,
            expansions: Expansions::new(Dialect::Sqlite),
            limit,
        })
    }

    /// Why a statement of a handler was ended since this was asked last.
    pub(crate) fn ended_statement(&mut self) -> Option<String> {
        self.limit.take_message()
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    /// Runs a statement and says how many rows it changed.
    ///
    /// # Errors
    /// `rusqlite`'s error; `?` in a handler passes it on.
    pub fn execute(&mut self, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
        let sql = ready(&self.connection, &mut self.expansions, sql)?;
        let connection = &self.connection;
        self.limit
            .run(|| connection.prepare_cached(&sql)?.execute(params))
    }

    /// Each row of a query, turned into a value by `row`.
    ///
    /// # Errors
    /// `rusqlite`'s error, and that of `row`.
    pub fn select<T>(
        &mut self,
        sql: &str,
        params: impl Params,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        let sql = ready(&self.connection, &mut self.expansions, sql)?;
        let connection = &self.connection;
        self.limit.run(|| {
            let mut select = connection.prepare_cached(&sql)?;
            select.query_map(params, row)?.collect()
        })
    }

    /// The first row of a query, turned into a value by `row`; `None` without one.
    ///
    /// # Errors
    /// `rusqlite`'s error, and that of `row`.
    pub fn select_one<T>(
        &mut self,
        sql: &str,
        params: impl Params,
        row: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Option<T>> {
        let sql = ready(&self.connection, &mut self.expansions, sql)?;
        let connection = &self.connection;
        self.limit.run(|| {
            let mut select = connection.prepare_cached(&sql)?;
            let mut rows = select.query(params)?;
            rows.next()?.map(row).transpose()
        })
    }

    /// Forgets the statements of the user's: their tables may be gone.
    pub(crate) fn forget_names(&mut self) {
        self.set_names(Names::default());
    }
}

/// The statement as SQLite gets it. Outside of a transaction it would be committed by itself.
fn ready<'s>(
    connection: &Connection,
    expansions: &'s mut Expansions,
    sql: &'s str,
) -> rusqlite::Result<Cow<'s, str>> {
    let own = |error: Box<dyn Error + Send + Sync>| rusqlite::Error::ToSqlConversionFailure(error);
    if connection.is_autocommit() {
        return Err(own("an earlier statement has ended the transaction".into()));
    }
    refuse_end(Dialect::Sqlite, sql).map_err(|error| own(error.into()))?;
    expansions.expand(sql).map_err(|error| own(error.into()))
}

impl SqlTransaction for SqliteTransaction {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    async fn run_portable(&mut self, sql: &str, values: &[SqlValue]) -> Result<u64, HandlerError> {
        let sql = ready(&self.connection, &mut self.expansions, sql)?;
        let connection = &self.connection;
        let changed = self.limit.run(|| {
            let mut statement = connection.prepare_cached(&sql)?;
            bind(&mut statement, values)?;
            statement.raw_execute()
        })?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }

    async fn select_portable(
        &mut self,
        sql: &str,
        values: &[SqlValue],
    ) -> Result<Vec<SqlRow>, HandlerError> {
        let sql = ready(&self.connection, &mut self.expansions, sql)?;
        let connection = &self.connection;
        let found = self.limit.run(|| rows(connection, &sql, values))?;
        Ok(found.into_iter().map(SqlRow::new).collect())
    }

    async fn statement(&mut self, sql: &str, values: &[SqlValue]) -> Result<u64, StorageError> {
        let run = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            bind(&mut statement, values)?;
            statement.raw_execute()
        };
        let changed = run().map_err(storage)?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }

    async fn rows(
        &mut self,
        sql: &str,
        values: &[SqlValue],
    ) -> Result<Vec<Vec<SqlValue>>, StorageError> {
        rows(&self.connection, sql, values).map_err(storage)
    }

    async fn script(&mut self, sql: &str) -> Result<(), StorageError> {
        self.connection.execute_batch(sql).map_err(storage)
    }

    fn set_names(&mut self, names: Names) {
        self.expansions.set_names(names);
    }

    async fn is_open(&mut self) -> bool {
        self.in_transaction()
    }

    fn handler_limit(&self) -> Option<Duration> {
        Some(Duration::ZERO)
    }

    fn database_error(&self, error: &HandlerError) -> Option<StorageError> {
        let error = error.as_error().downcast_ref::<rusqlite::Error>()?;
        let kind = kind(error);
        kind.is_transient()
            .then(|| StorageError::new(kind, error.to_string()))
    }
}

/// The rows of a query of the projection state.
pub(super) fn rows(
    connection: &Connection,
    sql: &str,
    values: &[SqlValue],
) -> rusqlite::Result<Vec<Vec<SqlValue>>> {
    let mut select = connection.prepare_cached(sql)?;
    let columns = select.column_count();
    bind(&mut select, values)?;
    let mut found = select.raw_query();
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let mut values = Vec::with_capacity(columns);
        for column in 0..columns {
            values.push(match row.get_ref(column)? {
                ValueRef::Null => SqlValue::Null,
                ValueRef::Integer(number) => SqlValue::Integer(number),
                ValueRef::Real(number) => SqlValue::Real(number),
                ValueRef::Blob(bytes) => SqlValue::Blob(bytes.to_vec()),
                text @ ValueRef::Text(_) => SqlValue::Text(text.as_str()?.to_owned()),
            });
        }
        rows.push(values);
    }
    Ok(rows)
}

/// Binds `$1`, `$2`, .. by their numbers, in whichever order they stand; SQLite counts names.
fn bind(statement: &mut Statement<'_>, values: &[SqlValue]) -> rusqlite::Result<()> {
    let count = statement.parameter_count();
    let mut given = 0;
    for index in 1..=count {
        let number = statement
            .parameter_name(index)
            .and_then(|name| name.strip_prefix('$'))
            .and_then(|number| number.parse::<usize>().ok())
            .unwrap_or(index);
        let value = number.checked_sub(1).and_then(|at| values.get(at));
        let value = value.ok_or(rusqlite::Error::InvalidParameterCount(values.len(), number))?;
        statement.raw_bind_parameter(index, Bound(value))?;
        given = given.max(number);
    }
    if given < values.len() {
        return Err(rusqlite::Error::InvalidParameterCount(values.len(), given));
    }
    Ok(())
}

struct Bound<'v>(&'v SqlValue);

impl rusqlite::ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let unusable = |what: &str| rusqlite::Error::ToSqlConversionFailure(what.into());
        Ok(ToSqlOutput::Borrowed(match self.0 {
            SqlValue::Null => ValueRef::Null,
            SqlValue::Bool(value) => ValueRef::Integer(i64::from(*value)),
            SqlValue::Integer(number) => ValueRef::Integer(*number),
            SqlValue::Real(number) => ValueRef::Real(*number),
            SqlValue::Text(text) => ValueRef::Text(text.as_bytes()),
            SqlValue::Blob(bytes) => ValueRef::Blob(bytes),
            SqlValue::Unsigned(_) => {
                return Err(unusable(
                    "a whole number above 9223372036854775807 does not fit",
                ));
            }
            _ => return Err(unusable("SQLite has no such value")),
        }))
    }
}

impl fmt::Debug for SqliteTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteTransaction")
            .field("expansions", &self.expansions)
            .finish_non_exhaustive()
    }
}
