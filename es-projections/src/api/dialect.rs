//! The SQL that differs between the databases of read models.

/// The SQL dialect of a read database. Closed: the tables of projection state exist in these two.
///
/// ```
/// use es_projections::Dialect;
///
/// assert_eq!(Dialect::Sqlite.name(), "SQLite");
/// assert_eq!(Dialect::Postgres.for_update(), " FOR UPDATE");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// SQLite 3.38 or newer.
    Sqlite,
    /// PostgreSQL 13 or newer.
    Postgres,
}

impl Dialect {
    /// The database's name in messages and traces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }

    /// An expression for the database's clock: whole milliseconds since 1970.
    pub const fn now(self) -> &'static str {
        match self {
            Self::Sqlite => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            Self::Postgres => "(extract(epoch FROM clock_timestamp()) * 1000)::bigint",
        }
    }

    /// The suffix that makes a `SELECT` lock its rows until the end of the transaction.
    pub const fn for_update(self) -> &'static str {
        match self {
            // Only one transaction writes at a time.
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// A query for the names of the tables and views whose names end with `$1`.
    pub const fn relations_ending_with(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND \
                 substr(name, -length($1)) = $1"
            }
            Self::Postgres => {
                "SELECT c.relname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace \
                 n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v') AND n.nspname = \
                 current_schema() AND right(c.relname, length($1::text)) = $1::text"
            }
        }
    }

    /// A statement that lets one transaction at a time create tables: others that run it wait until
    /// this transaction ends. Empty where only one transaction writes at a time.
    pub const fn create_tables_alone(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => {
                "SELECT pg_advisory_xact_lock(hashtext('es_projection_schema'), \
                 hashtext(current_schema()))"
            }
        }
    }
}
