//! Reading the columns of a row of the projection state, and writing texts and numbers into one.

use crate::api::SqlValue;
use es_runtime::{StorageError, StorageErrorKind, StreamId};

pub(crate) fn damaged(name: &str, what: &str) -> StorageError {
    StorageError::new(
        StorageErrorKind::Corrupt,
        format!("the projection state of projection `{name}`: {what}"),
    )
}

/// Reads the columns of one row in order.
pub(crate) struct Columns<'n> {
    name: &'n str,
    values: std::vec::IntoIter<SqlValue>,
}

impl<'n> Columns<'n> {
    pub(crate) fn new(name: &'n str, row: Vec<SqlValue>) -> Self {
        Self {
            name,
            values: row.into_iter(),
        }
    }

    pub(crate) fn maybe_integer(&mut self) -> Result<Option<i64>, StorageError> {
        match self.values.next() {
            Some(SqlValue::Integer(value)) => Ok(Some(value)),
            Some(SqlValue::Null) => Ok(None),
            _ => Err(damaged(self.name, "a number is missing")),
        }
    }

    pub(crate) fn integer(&mut self) -> Result<i64, StorageError> {
        let found = self.maybe_integer()?;
        found.ok_or_else(|| damaged(self.name, "a number is missing"))
    }

    pub(crate) fn number<N: TryFrom<i64>>(&mut self) -> Result<N, StorageError> {
        N::try_from(self.integer()?).map_err(|_| damaged(self.name, "a number is out of range"))
    }

    pub(crate) fn maybe_text(&mut self) -> Result<Option<String>, StorageError> {
        match self.values.next() {
            Some(SqlValue::Text(value)) => Ok(Some(value)),
            Some(SqlValue::Null) => Ok(None),
            _ => Err(damaged(self.name, "a text is missing")),
        }
    }

    pub(crate) fn text(&mut self) -> Result<String, StorageError> {
        let found = self.maybe_text()?;
        found.ok_or_else(|| damaged(self.name, "a text is missing"))
    }

    pub(crate) fn parsed<T: std::str::FromStr>(&mut self) -> Result<T, StorageError> {
        let text = self.text()?;
        text.parse()
            .map_err(|_| damaged(self.name, "a text does not have its form"))
    }

    pub(crate) fn stream(&mut self) -> Result<StreamId, StorageError> {
        let (aggregate, id) = (self.text()?, self.text()?);
        StreamId::new(&aggregate, &id).map_err(|_| damaged(self.name, "a stream has no valid name"))
    }
}

pub(crate) fn count(n: u64) -> SqlValue {
    SqlValue::Integer(i64::try_from(n).unwrap_or(i64::MAX))
}

/// A message in a form that both databases store: without NUL, which PostgreSQL refuses, and at
/// most 4,000 characters long.
pub(crate) fn stored_text(text: &str) -> SqlValue {
    const LONGEST: usize = 4_000;
    let text = text.chars().take(LONGEST);
    let visible = |c| {
        if c == '\0' {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    SqlValue::Text(text.map(visible).collect())
}
