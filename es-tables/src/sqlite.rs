//! SQLite files: for reading, also while an application writes, or for filling one that nobody else has open.

use crate::{Access, Error, Page, Query, Row, Value, Write, database::Database};
use rusqlite::{
    Connection, ErrorCode, OpenFlags, Statement, TransactionBehavior, config::DbConfig,
    types::ValueRef,
};
use std::{ops::ControlFlow, path::Path, time::Duration};

/// How long a statement waits for a moment in which the application holds the whole file.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Sqlite {
    path: String,
    pub(crate) connection: Connection,
    /// Whether nobody else can open the file.
    is_alone: bool,
}

impl Sqlite {
    /// Tables of this program's own, in a temporary file that SQLite removes.
    #[cfg(feature = "nats")]
    pub(crate) fn scratch() -> Result<Self, Error> {
        Ok(Self {
            path: String::new(),
            connection: Connection::open("")?,
            is_alone: true,
        })
    }

    pub(crate) fn open(path: &str, access: Access) -> Result<Self, Error> {
        let refused = |why: String| Error::CannotOpen {
            store: format!("sqlite:{path}"),
            why,
        };
        if Path::new(path).is_dir() {
            return Err(refused(
                "it is a folder; name the file in it after `sqlite:`".to_owned(),
            ));
        }
        if !Path::new(path).is_file() {
            return Err(refused(
                "there is no such file; look at the path after `sqlite:`".to_owned(),
            ));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || {
            if access == Access::Fill {
                return open_alone(path, false);
            }
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(PATIENCE)?;
            connection.pragma_update(None, "query_only", true)?;
            connection.pragma_update(None, "trusted_schema", false)?;
            // The first statement that reads the file.
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            Ok(connection)
        };
        match open() {
            Ok(connection) => Ok(Self {
                path: path.to_owned(),
                connection,
                is_alone: access == Access::Fill,
            }),
            Err(error) if access == Access::Fill && is_busy(&error) => Err(refused(
                "another program has it open; stop that first".to_owned(),
            )),
            Err(error) => Err(refused(why(&error))),
        }
    }
}

/// Opens a file for writing that nobody else has open, and keeps all others out. `keeps_log` leaves the files next to
/// it as they are at the end; otherwise the file alone is whole then.
///
/// # Errors
///
/// Those of SQLite. [`is_busy`] says whether somebody else has the file open.
pub fn open_alone(path: &str, keeps_log: bool) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // Whoever waits for such a lock keeps others from opening the file.
    connection.busy_timeout(Duration::ZERO)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keeps_log)?;
    let mode: String =
        connection.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |row| row.get(0))?;
    if mode != "exclusive" {
        return Err(rusqlite::Error::InvalidQuery);
    }
    // In this mode a connection with a write-ahead log gets its lock only where no other one is open, and keeps it.
    connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")?;
    Ok(connection)
}

/// Whether somebody else has the file open.
pub fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// Whether the file is damaged.
pub fn is_damaged(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt)
}

/// Why a file cannot be read, and what to do.
fn why(error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => "it is not an SQLite database".to_owned(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly) => format!(
            "{error}. To read a file with a write-ahead log, SQLite needs to write in its folder: use a user who \
             may do that, or a copy of the file in another folder"
        ),
        _ => error.to_string(),
    }
}

impl Database for Sqlite {
    fn page(&mut self, query: &Query, at_most: usize) -> Result<Page, Error> {
        let mut statement = self.connection.prepare_cached(&query.sql)?;
        bind(&mut statement, &query.params)?;
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        let mut page = Page::new(at_most);
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|column| row.get_ref(column).map(value));
            if !page.take(Row(values.collect::<Result<_, _>>()?)) {
                break;
            }
        }
        Ok(page)
    }

    fn each(
        &mut self,
        query: &Query,
        each: &mut dyn FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let mut statement = self.connection.prepare(&query.sql)?;
        bind(&mut statement, &query.params)?;
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|column| row.get_ref(column).map(value));
            if each(Row(values.collect::<Result<_, _>>()?)).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn hold(&mut self) -> Result<(), Error> {
        // The moment is that of the first statement that reads.
        let first = "BEGIN; SELECT count(*) FROM sqlite_schema";
        Ok(self.connection.execute_batch(first)?)
    }

    fn let_go(&mut self) -> Result<(), Error> {
        Ok(self.connection.execute_batch("COMMIT")?)
    }

    fn others(&mut self) -> Result<Option<String>, Error> {
        if self.is_alone {
            return Ok(None);
        }
        // Its own connection would be another one.
        self.connection = Connection::open_in_memory()?;
        match open_alone(&self.path, true) {
            Ok(alone) => {
                alone.pragma_update(None, "query_only", true)?;
                self.connection = alone;
                self.is_alone = true;
                Ok(None)
            }
            Err(error) if is_busy(&error) => {
                *self = Self::open(&self.path, Access::Read)?;
                Ok(Some("a program that has the file open".to_owned()))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn write(&mut self, writes: &[Write], is_synced: bool) -> Result<(), Error> {
        let synchronous = if is_synced { "FULL" } else { "NORMAL" };
        self.connection
            .pragma_update(None, "synchronous", synchronous)?;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        for write in writes {
            let mut statement = transaction.prepare_cached(&write.sql)?;
            let mut rows = 0;
            for row in &write.rows {
                bind(&mut statement, row)?;
                rows += statement.raw_execute()?;
            }
            write.check(u64::try_from(rows).unwrap_or(u64::MAX))?;
        }
        Ok(transaction.commit()?)
    }
}

fn bind(statement: &mut Statement<'_>, values: &[Value]) -> rusqlite::Result<()> {
    for (number, value) in (1..).zip(values) {
        let name = format!("${number}");
        let Some(index) = statement.parameter_index(&name)? else {
            continue;
        };
        match value {
            Value::Null => statement.raw_bind_parameter(index, rusqlite::types::Null)?,
            Value::Integer(number) => statement.raw_bind_parameter(index, number)?,
            Value::Text(text) => statement.raw_bind_parameter(index, text)?,
            Value::Bytes(bytes) => statement.raw_bind_parameter(index, bytes)?,
        }
    }
    Ok(())
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        // No column of a store has one. It is shown as what it is.
        ValueRef::Real(number) => Value::Text(number.to_string()),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Bytes(bytes.to_vec()),
        },
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}
