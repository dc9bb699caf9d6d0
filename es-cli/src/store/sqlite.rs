//! SQLite files, opened for reading only, also while an application writes.

use super::{
    Database, Page,
    query::Query,
    value::{Row, Value},
};
use crate::error::Error;
use rusqlite::{Connection, ErrorCode, OpenFlags, types::ValueRef};
use std::{path::Path, time::Duration};

/// How long a statement waits for a moment in which the application holds the whole file.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Sqlite {
    connection: Connection,
}

impl Sqlite {
    pub(crate) fn open(path: &str) -> Result<Self, Error> {
        let refused = |why: String| Error::CannotOpen {
            store: format!("sqlite:{path}"),
            why,
        };
        if !Path::new(path).is_file() {
            return Err(refused(
                "there is no such file; look at the path after `sqlite:`".to_owned(),
            ));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(PATIENCE)?;
            connection.pragma_update(None, "query_only", true)?;
            connection.pragma_update(None, "trusted_schema", false)?;
            // The first statement that reads the file.
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            Ok(connection)
        };
        match open() {
            Ok(connection) => Ok(Self { connection }),
            Err(error) => Err(refused(why(&error))),
        }
    }
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
        for (number, value) in (1..).zip(&query.params) {
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
