//! The values of portable statements.

use es_runtime::{EventId, Position, StorageError, StorageErrorKind, Timestamp};

/// A value of a portable statement. Build lists of them with [`values!`](crate::values).
///
/// # Portable SQL
/// A portable handler has one text of SQL for SQLite and PostgreSQL. These rules keep it portable:
///
/// - **Parameters** are `$1`, `$2` and so on. Their order in the statement is free, and one may occur
///   twice. The number of values must match.
/// - **Tables** of the projection have their names in braces: `{orders}`. Queries outside of handlers
///   use the plain name `orders`. Only names that the schema declares are replaced, and not in literals,
///   quoted identifiers and comments. Another name in braces is an error. `{{` is a brace.
/// - **Whole numbers** are `BIGINT`, truth values `BOOLEAN`, floating-point numbers `DOUBLE PRECISION`,
///   texts `TEXT`. Bytes are `BLOB` in SQLite and `BYTEA` in PostgreSQL, so such a table needs
///   `schema(sqlite = .., postgres = ..)`.
/// - **Upserts** are `INSERT .. ON CONFLICT (id) DO UPDATE SET n = {orders}.n + excluded.n`. Both
///   databases accept them.
/// - **Sums** need a cast: `CAST(SUM(cents) AS BIGINT)`. PostgreSQL's `SUM` of a `BIGINT` is a `NUMERIC`,
///   which has no value here. `COUNT(*)` needs no cast.
/// - **Times** are given as text, as a [`Timestamp`] converts. A column for them is `TEXT`, or
///   `TIMESTAMPTZ` in PostgreSQL alone. Read a `TIMESTAMPTZ` with a cast to `TEXT`.
///
/// A column of a type that is not in this list is an error that names the type.
///
/// | Rust | SQLite | PostgreSQL |
/// |---|---|---|
/// | `bool` | 0 or 1 | `BOOLEAN` |
/// | `i8` to `i64`, `u8` to `u32`, `u64` up to `i64::MAX` | `INTEGER` | `BIGINT` |
/// | `u64` above `i64::MAX` | refused | `NUMERIC` |
/// | `f64` | `REAL` | `DOUBLE PRECISION` |
/// | `&str`, `String`, `EventId`, `Position`, `Timestamp` | `TEXT` | `TEXT` or the parameter's type |
/// | `Vec<u8>`, `&[u8]` | `BLOB` | `BYTEA` |
/// | `None` | `NULL` | `NULL` |
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SqlValue {
    /// No value.
    Null,
    /// A truth value; 0 or 1 in SQLite.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A whole number above `i64::MAX`. Only PostgreSQL's `NUMERIC` takes it.
    Unsigned(u64),
    /// A floating-point number.
    Real(f64),
    /// A text. PostgreSQL also reads it as a value of the parameter's type, such as a time or JSON.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl SqlValue {
    /// What kind of value it is, for messages that must not quote it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a truth value",
            Self::Integer(_) | Self::Unsigned(_) => "a whole number",
            Self::Real(_) => "a floating-point number",
            Self::Text(_) => "a text",
            Self::Blob(_) => "bytes",
        }
    }
}

/// The values of a portable statement: the first one is `$1`, the second one is `$2`. Takes
/// whatever converts into a [`SqlValue`].
///
/// ```
/// use es_projections::{SqlValue, values};
///
/// let values = values!["4711", 2_933_i64, None::<String>];
/// assert_eq!(values.len(), 3);
/// assert_eq!(values[1], SqlValue::Integer(2_933));
/// assert_eq!(values[2], SqlValue::Null);
/// ```
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        &[$($crate::SqlValue::from($value)),*] as &[$crate::SqlValue]
    };
}

macro_rules! from_integers {
    ($($number:ty),*) => {
        $(impl From<$number> for SqlValue {
            fn from(value: $number) -> Self {
                Self::Integer(value.into())
            }
        })*
    };
}

from_integers!(i8, i16, i32, i64, u8, u16, u32);

impl From<u64> for SqlValue {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(Self::Unsigned(value), Self::Integer)
    }
}

impl From<bool> for SqlValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for SqlValue {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<&str> for SqlValue {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for SqlValue {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&String> for SqlValue {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<Vec<u8>> for SqlValue {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl From<&[u8]> for SqlValue {
    fn from(value: &[u8]) -> Self {
        Self::Blob(value.to_vec())
    }
}

macro_rules! from_text_forms {
    ($($kind:ty),*) => {
        $(impl From<$kind> for SqlValue {
            fn from(value: $kind) -> Self {
                Self::Text(value.to_string())
            }
        })*
    };
}

from_text_forms!(EventId, Position, Timestamp);

impl<T: Into<SqlValue>> From<Option<T>> for SqlValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One row of a portable query.
///
/// ```
/// use es_projections::{SqlRow, values};
///
/// let row = SqlRow::new(values!["4711", 2_933_i64].to_vec());
/// assert_eq!(row.get::<i64>(1)?, 2_933);
/// assert!(row.get::<i64>(0).is_err());
/// # Ok::<(), es_projections::ColumnError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SqlRow {
    values: Vec<SqlValue>,
}

impl SqlRow {
    /// Makes a row of these values.
    pub const fn new(values: Vec<SqlValue>) -> Self {
        Self { values }
    }

    /// Returns the value of a column, counted from 0.
    ///
    /// # Errors
    /// [`ColumnError`] if there is no such column or it holds another type. The error does not
    /// quote the value.
    pub fn get<T: FromSqlValue>(&self, column: usize) -> Result<T, ColumnError> {
        let value = self.values.get(column).ok_or(ColumnError {
            column,
            found: "nothing: the row has fewer columns",
            wanted: T::KIND,
        })?;
        T::from_sql_value(value).ok_or(ColumnError {
            column,
            found: value.kind(),
            wanted: T::KIND,
        })
    }

    /// The values, column by column.
    pub fn into_values(self) -> Vec<SqlValue> {
        self.values
    }
}

/// A column does not hold the requested type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column} holds {found}, not {wanted}")]
#[non_exhaustive]
pub struct ColumnError {
    /// The column, from 0.
    pub column: usize,
    /// What it holds, without quoting it.
    pub found: &'static str,
    /// What was requested.
    pub wanted: &'static str,
}

impl From<ColumnError> for StorageError {
    fn from(error: ColumnError) -> Self {
        Self::new(StorageErrorKind::Other, error.to_string()).with_source(error)
    }
}

/// A type that a column can be read as: `i32`, `u32`, `i64`, `u64`, `bool`, `f64`, `String`,
/// `Vec<u8>`, or an `Option` of one. Sealed.
pub trait FromSqlValue: Sized + sealed::Sealed {
    /// What it is called in errors.
    #[doc(hidden)]
    const KIND: &'static str;

    /// The value, `None` when `value` is something else.
    #[doc(hidden)]
    fn from_sql_value(value: &SqlValue) -> Option<Self>;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! to_integers {
    ($($number:ty: $kind:literal),*) => {
        $(impl sealed::Sealed for $number {}

        impl FromSqlValue for $number {
            const KIND: &'static str = $kind;

            fn from_sql_value(value: &SqlValue) -> Option<Self> {
                match value {
                    SqlValue::Integer(number) => Self::try_from(*number).ok(),
                    SqlValue::Unsigned(number) => Self::try_from(*number).ok(),
                    _ => None,
                }
            }
        })*
    };
}

to_integers!(i32: "a whole number of 32 bits", u32: "a whole number from 0 to 4294967295",
    i64: "a whole number of 64 bits", u64: "a whole number from 0");

impl sealed::Sealed for bool {}

impl FromSqlValue for bool {
    const KIND: &'static str = "a truth value";

    fn from_sql_value(value: &SqlValue) -> Option<Self> {
        match value {
            SqlValue::Bool(value) => Some(*value),
            // SQLite has no type for truth values.
            SqlValue::Integer(number @ (0 | 1)) => Some(*number == 1),
            _ => None,
        }
    }
}

impl sealed::Sealed for f64 {}

impl FromSqlValue for f64 {
    const KIND: &'static str = "a floating-point number";

    fn from_sql_value(value: &SqlValue) -> Option<Self> {
        match value {
            SqlValue::Real(number) => Some(*number),
            // SQLite keeps whole numbers as integers; those of 32 bits are exact.
            SqlValue::Integer(number) => i32::try_from(*number).ok().map(Self::from),
            _ => None,
        }
    }
}

impl sealed::Sealed for String {}

impl FromSqlValue for String {
    const KIND: &'static str = "a text";

    fn from_sql_value(value: &SqlValue) -> Option<Self> {
        match value {
            SqlValue::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

impl sealed::Sealed for Vec<u8> {}

impl FromSqlValue for Vec<u8> {
    const KIND: &'static str = "bytes";

    fn from_sql_value(value: &SqlValue) -> Option<Self> {
        match value {
            SqlValue::Blob(bytes) => Some(bytes.clone()),
            _ => None,
        }
    }
}

impl<T: FromSqlValue> sealed::Sealed for Option<T> {}

impl<T: FromSqlValue> FromSqlValue for Option<T> {
    const KIND: &'static str = T::KIND;

    fn from_sql_value(value: &SqlValue) -> Option<Self> {
        match value {
            SqlValue::Null => Some(None),
            other => T::from_sql_value(other).map(Some),
        }
    }
}
