//! Values that go into statements and come out of them, the same for both databases.

use crate::{Dialect, Error};
use std::fmt::Write;

/// A value of a column or a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// None.
    Null,
    /// A number.
    Integer(i64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Value {
    /// Roughly the memory that it takes.
    pub fn size(&self) -> usize {
        match self {
            Self::Null | Self::Integer(_) => 16,
            Self::Text(text) => text.len() + 24,
            Self::Bytes(bytes) => bytes.len() + 24,
        }
    }

    /// The value as it stands in a statement.
    pub(crate) fn literal(&self, dialect: Dialect) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Integer(number) => number.to_string(),
            Self::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Self::Bytes(bytes) => match dialect {
                Dialect::Sqlite => format!("x'{}'", hex(bytes)),
                Dialect::Postgres => format!("'\\x{}'::bytea", hex(bytes)),
            },
        }
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

/// A row of an answer. A column of another kind than expected is damage, never a panic.
#[derive(Debug)]
pub struct Row(pub Vec<Value>);

impl Row {
    pub(crate) fn size(&self) -> usize {
        self.0.iter().map(Value::size).sum()
    }

    /// Whether a column has no value.
    pub fn is_null(&self, column: usize) -> bool {
        matches!(self.0.get(column), None | Some(Value::Null))
    }

    /// A number.
    ///
    /// # Errors
    ///
    /// The column has none.
    pub fn integer(&self, column: usize) -> Result<i64, Error> {
        match self.0.get(column) {
            Some(Value::Integer(number)) => Ok(*number),
            _ => Err(self.damaged(column, "a number")),
        }
    }

    /// A number, or none.
    ///
    /// # Errors
    ///
    /// The column has something else.
    pub fn maybe_integer(&self, column: usize) -> Result<Option<i64>, Error> {
        if self.is_null(column) {
            return Ok(None);
        }
        self.integer(column).map(Some)
    }

    /// A text.
    ///
    /// # Errors
    ///
    /// The column has none.
    pub fn text(&self, column: usize) -> Result<&str, Error> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(self.damaged(column, "a text")),
        }
    }

    /// A text, or none.
    ///
    /// # Errors
    ///
    /// The column has something else.
    pub fn maybe_text(&self, column: usize) -> Result<Option<&str>, Error> {
        if self.is_null(column) {
            return Ok(None);
        }
        self.text(column).map(Some)
    }

    /// The bytes of a payload, which SQLite keeps as text where they are JSON.
    ///
    /// # Errors
    ///
    /// The column has neither text nor bytes.
    pub fn bytes(&self, column: usize) -> Result<&[u8], Error> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Ok(text.as_bytes()),
            Some(Value::Bytes(bytes)) => Ok(bytes),
            _ => Err(self.damaged(column, "bytes")),
        }
    }

    fn damaged(&self, column: usize, wanted: &str) -> Error {
        let numbers = self.0.iter().filter_map(|value| match value {
            Value::Integer(number) => Some(number.to_string()),
            Value::Text(text) if text.len() < 80 => Some(text.clone()),
            _ => None,
        });
        let row: Vec<String> = numbers.take(4).collect();
        Error::Damaged(format!(
            "column {} of the row ({} ..) is not {wanted}",
            column + 1,
            row.join(", ")
        ))
    }
}
