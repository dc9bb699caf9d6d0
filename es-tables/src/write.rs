//! Statements that write, for programs that fill a store.

use crate::{Error, Value};

/// What a column of parameters is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Param {
    /// Numbers.
    Integer,
    /// Texts.
    Text,
    /// Bytes.
    Bytes,
}

/// A statement with its rows of parameters. On SQLite it runs once for each row, with `$1`, `$2` and so on. On
/// PostgreSQL it runs once, and each parameter is an array with a value of each row.
#[derive(Debug)]
pub struct Write {
    /// The statement.
    pub sql: String,
    /// The kinds of its parameters.
    pub params: Vec<Param>,
    /// The rows of its parameters.
    pub rows: Vec<Vec<Value>>,
    /// How many rows it has to write, and what it means if it does not: then nothing is written.
    pub expected: Option<(u64, &'static str)>,
}

impl Write {
    /// Refuses another number of rows than the expected one.
    pub(crate) fn check(&self, written: u64) -> Result<(), Error> {
        match self.expected {
            Some((expected, why)) if expected != written => Err(Error::Unexpected(why)),
            _ => Ok(()),
        }
    }

    /// The same column of all rows.
    pub(crate) fn column(&self, number: usize) -> impl Iterator<Item = &Value> {
        self.rows
            .iter()
            .map(move |row| row.get(number).unwrap_or(&Value::Null))
    }
}
