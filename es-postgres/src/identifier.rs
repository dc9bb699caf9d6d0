//! Names that become part of SQL text. Nothing else that a caller gives ever does.

use es_runtime::{StorageError, StorageErrorKind};
use std::{fmt, sync::Arc};

/// The name of a schema, of characters that survive every tool.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct SchemaName(Arc<str>);

impl SchemaName {
    /// PostgreSQL cuts names at 63 bytes; the rest is for names that are made out of this one.
    const LONGEST: usize = 48;

    pub(crate) fn new(name: &str) -> Result<Self, StorageError> {
        let mut chars = name.chars();
        let begins = chars
            .next()
            .is_some_and(|first| first.is_ascii_lowercase() || first == '_');
        let goes_on = chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if begins && goes_on && name.len() <= Self::LONGEST && !name.starts_with("pg_") {
            return Ok(Self(name.into()));
        }
        Err(StorageError::new(
            StorageErrorKind::CannotOpen,
            format!(
                "a schema's name has 1 to {} of the characters a to z, 0 to 9 and _, does not \
                 begin with a digit or with pg_",
                Self::LONGEST
            ),
        ))
    }

    /// The schema of the read models of a store in this one.
    #[cfg(feature = "projections")]
    pub(crate) fn of_read_models(&self) -> Self {
        Self(format!("{}_read", self.0).into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as written in SQL: in quotes, since it may be a keyword, such as `user`.
    pub(crate) fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }

    /// The channel on which appends are announced.
    pub(crate) fn channel(&self) -> String {
        format!("es_appended_{}", self.0)
    }

    /// A key for advisory locks of this schema: FNV-1a over its name.
    pub(crate) fn lock_key(&self) -> i64 {
        let hash = self
            .0
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        i64::from_ne_bytes(hash.to_ne_bytes())
    }
}

impl Default for SchemaName {
    fn default() -> Self {
        Self("es".into())
    }
}

impl fmt::Debug for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_become_sql() {
        for good in ["es", "_x", "orders_2", &"a".repeat(48)] {
            assert!(SchemaName::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "Es",
            "1a",
            "a-b",
            "a b",
            "a\"b",
            "a;drop table x",
            "ä",
            "pg_x",
            "a\0",
            &"a".repeat(49),
        ] {
            let error = SchemaName::new(bad).expect_err(bad);
            assert_eq!(error.kind, StorageErrorKind::CannotOpen);
        }
    }

    #[test]
    fn locks_of_schemas_differ() {
        let key = |name| SchemaName::new(name).expect("good").lock_key();
        assert_ne!(key("es"), key("es2"));
    }
}
