//! Statements that are the same for both databases, but for the names of tables and some expressions.

use crate::{Place, Tables, Value};

/// The SQL of which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Of SQLite.
    Sqlite,
    /// Of PostgreSQL.
    Postgres,
}

/// A statement with its parameters `$1`, `$2` and so on.
///
/// Words in braces stand for what differs between the databases: tables such as `{events}`, and expressions such as
/// `{recorded_at}`, the time of an event `e` as text.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// The statement.
    pub sql: String,
    /// The values of the parameters.
    pub params: Vec<Value>,
}

impl Query {
    /// A statement without parameters.
    pub fn new(sql: &str) -> Self {
        Self {
            sql: sql.to_owned(),
            params: Vec::new(),
        }
    }

    /// Adds the value of the next parameter.
    #[must_use]
    pub fn with(mut self, value: impl Into<Value>) -> Self {
        self.params.push(value.into());
        self
    }

    /// Adds a parameter and returns its name in the statement.
    pub fn param(&mut self, value: impl Into<Value>) -> String {
        self.params.push(value.into());
        format!("${}", self.params.len())
    }

    /// Adds to the statement.
    pub fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    /// The statement with its values in place, for people and other tools.
    pub(crate) fn literal(&self, dialect: Dialect) -> String {
        let mut text = String::new();
        // In one pass: a value may have `$1` in it.
        let mut rest = self.sql.as_str();
        while let Some((before, from)) = rest.split_once('$') {
            text.push_str(before);
            let digits = from.bytes().take_while(u8::is_ascii_digit).count();
            let (number, after) = from.split_at(digits);
            let index = number.parse().ok().and_then(|n: usize| n.checked_sub(1));
            if let Some(value) = index.and_then(|index| self.params.get(index)) {
                text.push_str(&value.literal(dialect));
            } else {
                text.push('$');
                text.push_str(number);
            }
            rest = after;
        }
        text + rest
    }
}

/// Where the tables are.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) dialect: Dialect,
    /// What stands before the name of a table of the store, such as `"es".`.
    pub(crate) store: String,
    /// The same for read models.
    pub(crate) read: String,
}

/// The store's tables whose names differ, as `{name}`.
const TABLES: [&str; 7] = [
    "work",
    "cursors",
    "unique_values",
    "rules",
    "unique_walks",
    "unique_duplicates",
    "tag_walks",
];
/// What the table of tags is called in a database that other programs share.
const EVENT_TAGS: &str = "event_tags";

impl Names {
    /// Those of a database of this kind that has tables of the place.
    pub(crate) fn of(place: &Place, dialect: Dialect) -> Self {
        let (store, read) = match dialect {
            Dialect::Sqlite => (String::new(), String::new()),
            Dialect::Postgres => (format!("\"{}\".", place.schema), place.read_prefix()),
        };
        Self {
            dialect,
            store,
            read,
        }
    }

    /// The schema of these tables on PostgreSQL, where their names say it.
    pub(crate) fn schema_of(&self, tables: Tables) -> Option<String> {
        let before = match tables {
            Tables::Store => &self.store,
            Tables::ReadModels => &self.read,
        };
        let name = before.trim_matches(['"', '.']);
        (!name.is_empty()).then(|| name.to_owned())
    }

    /// Puts the names and expressions of the database in place of the words in braces.
    pub(crate) fn expand(&self, sql: &str) -> String {
        let mut text = sql.to_owned();
        for table in [
            "events",
            "appends",
            "snapshots",
            "head",
            "es_meta",
            "store_id",
        ] {
            text = text.replace(&format!("{{{table}}}"), &format!("{}{table}", self.store));
        }
        for table in TABLES {
            let name = match self.dialect {
                Dialect::Sqlite => format!("es_{table}"),
                Dialect::Postgres => format!("{}{table}", self.store),
            };
            text = text.replace(&format!("{{{table}}}"), &name);
        }
        let tags = match self.dialect {
            Dialect::Sqlite => "es_tags".to_owned(),
            Dialect::Postgres => format!("{}{EVENT_TAGS}", self.store),
        };
        text = text.replace("{tags}", &tags);
        for table in ["es_projections", "es_builds", "es_checkpoints", "es_parked"] {
            text = text.replace(&format!("{{{table}}}"), &format!("{}{table}", self.read));
        }
        for (word, sqlite, postgres) in EXPRESSIONS {
            let expression = match self.dialect {
                Dialect::Sqlite => sqlite,
                Dialect::Postgres => postgres,
            };
            text = text.replace(word, expression);
        }
        text
    }
}

/// Words in braces with their expressions on SQLite and on PostgreSQL. Times of events are text in ISO 8601,
/// all other times are microseconds since 1970.
const EXPRESSIONS: [(&str, &str, &str); 13] = [
    (
        "{began_at}",
        "f.recorded_at",
        "to_char(f.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
    ),
    (
        "{recorded_at}",
        "e.recorded_at",
        "to_char(e.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
    ),
    ("{event_id}", "e.event_id", "e.event_id::text"),
    ("{metadata}", "e.metadata", "e.metadata::text"),
    (
        "{user}",
        "CASE WHEN json_valid(e.metadata) THEN e.metadata ->> '$.user' END",
        "e.metadata ->> 'user'",
    ),
    (
        "{correlation}",
        "CASE WHEN json_valid(e.metadata) THEN e.metadata ->> '$.correlation' END",
        "e.metadata ->> 'correlation'",
    ),
    (
        "{due_at}",
        "w.due_at",
        "(extract(epoch FROM w.due_at) * 1000000)::bigint",
    ),
    (
        "{lease_until}",
        "w.lease_until",
        "(extract(epoch FROM w.lease_until) * 1000000)::bigint",
    ),
    (
        "{updated_at}",
        "w.updated_at",
        "(extract(epoch FROM w.updated_at) * 1000000)::bigint",
    ),
    (
        "{now}",
        "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
        "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
    ),
    ("{moment}", "", "::timestamptz"),
    ("{uuid}", "", "::uuid"),
    (
        "{size}",
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
        "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_catalog.pg_class c JOIN \
         pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND n.nspname = $1",
    ),
];
