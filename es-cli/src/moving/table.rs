//! The tables of a store, with what of them goes to another store and in which form.
//!
//! Every table of es-sqlite and es-postgres is in [`TABLES`] or in this list of those that are not carried:
//!
//! - `es_meta`, `store_id`: the version of the tables belongs to the target. The id of the store is carried by itself.
//! - `head`: its position is that of the last event, and its number of rules says only that it is another one.
//! - `es_projection_schema`: a version, which belongs to the target.

use crate::store::{Dialect, Param, Tables};

/// How a column is stored on each database, and its form in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    Text,
    /// A time that SQLite stores as text.
    Time,
    /// A time that SQLite stores as microseconds since 1970.
    Micros,
    Uuid,
    /// A text of JSON.
    Json,
    /// Bytes of the content type that is in the column before.
    Payload,
    /// A text that PostgreSQL stores as bytes, since it may have a NUL in it.
    Value,
    /// The id of a store, of which the first ones on SQLite had no hyphens.
    StoreId,
    /// Whether a process worked on it. What is written is a lease that has ended.
    Leased,
}

/// A column, by its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

const fn integer(name: &'static str) -> Column {
    Column {
        name,
        kind: Kind::Integer,
    }
}

const fn text(name: &'static str) -> Column {
    Column {
        name,
        kind: Kind::Text,
    }
}

const fn of(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

/// A table with the columns that are carried.
#[derive(Debug)]
pub(crate) struct Table {
    /// Its name in dumps, and in braces in statements.
    pub(crate) name: &'static str,
    /// Those of the key are the first ones.
    pub(crate) columns: &'static [Column],
    pub(crate) key: usize,
    /// Whether its rows never change or go. What has such a row that the source has not was used by itself.
    pub(crate) is_fixed: bool,
    pub(crate) of: Tables,
    /// Columns that follow from others: the name, the database that has it, and the value, in which `{NAME}` is a
    /// carried column.
    derived: &'static [(&'static str, Option<Dialect>, &'static str)],
    /// Which rows go, where the tables of projections stay behind.
    without_projections: &'static str,
}

const PLAIN: Table = Table {
    name: "",
    columns: &[],
    key: 0,
    is_fixed: false,
    of: Tables::Store,
    derived: &[],
    without_projections: "TRUE",
};

/// The first one to be carried.
pub(crate) const EVENTS: Table = Table {
    name: "events",
    columns: &[
        integer("position"),
        text("aggregate"),
        text("aggregate_id"),
        integer("version"),
        text("event"),
        integer("schema_version"),
        of("recorded_at", Kind::Time),
        of("event_id", Kind::Uuid),
        of("metadata", Kind::Json),
        text("content_type"),
        of("payload", Kind::Payload),
    ],
    key: 1,
    is_fixed: true,
    ..PLAIN
};

/// All tables, in the order in which they are carried.
pub(crate) const TABLES: &[Table] = &[
    EVENTS,
    Table {
        name: "appends",
        columns: &[
            text("aggregate"),
            text("aggregate_id"),
            text("append_id"),
            integer("last_version"),
            integer("events"),
            integer("position"),
            of("recorded_at", Kind::Time),
            text("request"),
        ],
        key: 3,
        is_fixed: true,
        derived: &[(
            "first_version",
            Some(Dialect::Sqlite),
            "{last_version} - {events} + 1",
        )],
        ..PLAIN
    },
    Table {
        name: "snapshots",
        columns: &[
            text("aggregate"),
            text("aggregate_id"),
            integer("version"),
            text("position"),
            text("fingerprint"),
            text("content_type"),
            of("state", Kind::Payload),
        ],
        key: 2,
        ..PLAIN
    },
    Table {
        name: "work",
        columns: &[
            text("aggregate"),
            text("aggregate_id"),
            text("definition"),
            text("status"),
            text("phase"),
            text("reason"),
            of("due_at", Kind::Micros),
            integer("epoch"),
            of("leased", Kind::Leased),
            of("updated_at", Kind::Micros),
        ],
        key: 2,
        ..PLAIN
    },
    Table {
        name: "cursors",
        columns: &[text("consumer"), text("position"), text("inputs")],
        key: 1,
        ..PLAIN
    },
    Table {
        name: "rules",
        columns: &[text("rule"), text("event")],
        key: 2,
        is_fixed: true,
        ..PLAIN
    },
    Table {
        name: "unique_values",
        columns: &[
            text("rule"),
            of("value", Kind::Value),
            text("aggregate"),
            text("aggregate_id"),
            integer("position"),
            of("free_at", Kind::Micros),
        ],
        key: 2,
        ..PLAIN
    },
    Table {
        name: "unique_walks",
        columns: &[text("rule"), integer("position")],
        key: 1,
        ..PLAIN
    },
    Table {
        name: "unique_duplicates",
        columns: &[
            text("rule"),
            text("aggregate"),
            text("aggregate_id"),
            of("value", Kind::Value),
            integer("position"),
        ],
        key: 3,
        ..PLAIN
    },
    Table {
        name: "tags",
        columns: &[text("tag"), integer("position"), text("event")],
        key: 2,
        is_fixed: true,
        ..PLAIN
    },
    Table {
        name: "tag_walks",
        columns: &[text("event"), text("kind"), integer("position")],
        key: 2,
        ..PLAIN
    },
    Table {
        name: "es_projections",
        columns: &[text("name"), integer("live")],
        key: 1,
        of: Tables::ReadModels,
        without_projections: WITHOUT_TABLES,
        ..PLAIN
    },
    Table {
        name: "es_builds",
        columns: &[
            text("name"),
            integer("build"),
            integer("version"),
            integer("partitions"),
            text("stage"),
            text("definition"),
            text("events"),
            of("store", Kind::StoreId),
            integer("created_at"),
        ],
        key: 2,
        of: Tables::ReadModels,
        without_projections: WITHOUT_TABLES,
        ..PLAIN
    },
    Table {
        name: "es_checkpoints",
        columns: &[
            text("name"),
            integer("build"),
            integer("partition"),
            text("position"),
            text("last_aggregate"),
            text("last_id"),
            integer("last_version"),
            text("last_event"),
            integer("last_recorded"),
            integer("epoch"),
            text("owner"),
            integer("events"),
            integer("parked"),
            text("reason"),
            text("stall"),
        ],
        key: 3,
        of: Tables::ReadModels,
        derived: &[("lease_until", None, "0")],
        without_projections: WITHOUT_TABLES,
        ..PLAIN
    },
    Table {
        name: "es_parked",
        columns: &[
            text("name"),
            integer("build"),
            integer("partition"),
            integer("number"),
            text("key"),
            text("position"),
            text("aggregate"),
            text("aggregate_id"),
            integer("version"),
            text("event_id"),
            text("event"),
            text("reason"),
            integer("attempts"),
            integer("parked_at"),
            integer("discarded_at"),
            text("discarded_why"),
        ],
        key: 4,
        of: Tables::ReadModels,
        without_projections: WITHOUT_TABLES,
        ..PLAIN
    },
];

/// Subscriptions have no tables of their own, and neither have projections without a schema.
const WITHOUT_TABLES: &str =
    "t.name NOT IN (SELECT b.name FROM {es_builds} b WHERE b.definition <> '')";

impl Table {
    /// All tables, or those without the state of read models, in the order in which they are carried.
    pub(crate) fn all(with_read_models: bool) -> impl Iterator<Item = &'static Self> {
        let of = move |table: &&Self| with_read_models || table.of == Tables::Store;
        TABLES.iter().filter(of)
    }

    pub(crate) fn is_events(&self) -> bool {
        self.name == EVENTS.name
    }

    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        TABLES.iter().find(|table| table.name == name)
    }

    /// The columns of the key as a statement orders by them. The texts of read models have no order of their own on
    /// PostgreSQL.
    pub(crate) fn order(&self, dialect: Dialect) -> String {
        let key = self.columns.iter().take(self.key).map(|column| {
            let by_bytes = self.of == Tables::ReadModels
                && dialect == Dialect::Postgres
                && column.kind == Kind::Text;
            let collate = if by_bytes { " COLLATE \"C\"" } else { "" };
            format!("t.{}{collate}", column.name)
        });
        key.collect::<Vec<_>>().join(", ")
    }

    /// Reads rows; `{after}` stands where a condition may be.
    pub(crate) fn select(&self, dialect: Dialect, with_projections: bool) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|column| column.read(dialect))
            .collect();
        let only = if with_projections {
            "TRUE"
        } else {
            self.without_projections
        };
        format!(
            "SELECT {} FROM {{{}}} t WHERE {only} AND {{after}}",
            columns.join(", "),
            self.name
        )
    }

    /// Writes rows: see [`Write`](crate::store::Write).
    pub(crate) fn insert(&self, dialect: Dialect) -> String {
        let mut names: Vec<&str> = self.columns.iter().map(Column::stored).collect();
        let numbers = 1..=self.columns.len();
        let mut values: Vec<String> = self
            .columns
            .iter()
            .zip(numbers)
            .map(|(column, number)| column.write(dialect, number))
            .collect();
        for (name, only, value) in self.derived {
            if only.is_some_and(|only| only != dialect) {
                continue;
            }
            let mut value = (*value).to_owned();
            for (column, number) in self.columns.iter().zip(1..) {
                value = value.replace(&format!("{{{}}}", column.name), &param(dialect, number));
            }
            names.push(name);
            values.push(value);
        }
        let (names, values) = (names.join(", "), values.join(", "));
        let table = self.name;
        match dialect {
            Dialect::Sqlite => format!("INSERT INTO {{{table}}} ({names}) VALUES ({values})"),
            Dialect::Postgres => {
                let rows = arrays(self.columns);
                format!("INSERT INTO {{{table}}} ({names}) SELECT {values} FROM {rows}")
            }
        }
    }

    /// Deletes the rows with these keys.
    pub(crate) fn delete(&self, dialect: Dialect) -> String {
        let key: Vec<Column> = self.columns.iter().take(self.key).copied().collect();
        let conditions: Vec<String> = key
            .iter()
            .zip(1..)
            .map(|(column, number)| format!("t.{} = {}", column.name, param(dialect, number)))
            .collect();
        let conditions = conditions.join(" AND ");
        let table = self.name;
        match dialect {
            Dialect::Sqlite => format!("DELETE FROM {{{table}}} AS t WHERE {conditions}"),
            Dialect::Postgres => {
                let rows = arrays(&key);
                format!("DELETE FROM {{{table}}} AS t USING {rows} WHERE {conditions}")
            }
        }
    }
}

/// A value of a row that is written.
fn param(dialect: Dialect, number: usize) -> String {
    match dialect {
        Dialect::Sqlite => format!("${number}"),
        Dialect::Postgres => format!("r.c{number}"),
    }
}

/// The rows that are written, on PostgreSQL.
fn arrays(columns: &[Column]) -> String {
    let (mut arrays, mut names) = (Vec::new(), Vec::new());
    for (column, number) in columns.iter().zip(1..) {
        let kind = match column.param(Dialect::Postgres) {
            Param::Integer => "bigint",
            Param::Text => "text",
            Param::Bytes => "bytea",
        };
        arrays.push(format!("${number}::{kind}[]"));
        names.push(format!("c{number}"));
    }
    format!("unnest({}) AS r ({})", arrays.join(", "), names.join(", "))
}

impl Column {
    fn stored(&self) -> &'static str {
        match self.kind {
            Kind::Leased => "lease_until",
            _ => self.name,
        }
    }

    fn read(&self, dialect: Dialect) -> String {
        let name = self.name;
        match (self.kind, dialect) {
            (Kind::Leased, _) => "CASE WHEN t.lease_until IS NULL THEN 0 ELSE 1 END".to_owned(),
            (Kind::Time | Kind::Micros, Dialect::Postgres) => {
                format!("(extract(epoch FROM t.{name}) * 1000000)::bigint")
            }
            (Kind::Uuid | Kind::Json, Dialect::Postgres) => format!("t.{name}::text"),
            _ => format!("t.{name}"),
        }
    }

    fn write(&self, dialect: Dialect, number: usize) -> String {
        let value = param(dialect, number);
        match (self.kind, dialect) {
            (Kind::Leased, Dialect::Sqlite) => format!("CASE {value} WHEN 1 THEN 0 END"),
            (Kind::Leased, Dialect::Postgres) => {
                format!("CASE {value} WHEN 1 THEN 'epoch'::timestamptz END")
            }
            (Kind::Time | Kind::Micros, Dialect::Postgres) => format!("{value}::timestamptz"),
            (Kind::Uuid, Dialect::Postgres) => format!("{value}::uuid"),
            (Kind::Json, Dialect::Postgres) => format!("{value}::json"),
            _ => value,
        }
    }

    /// What it is among the parameters of a statement that writes.
    pub(crate) fn param(&self, dialect: Dialect) -> Param {
        match (self.kind, dialect) {
            (Kind::Integer | Kind::Leased, _) | (Kind::Micros, Dialect::Sqlite) => Param::Integer,
            (Kind::Payload, _) | (Kind::Value, Dialect::Postgres) => Param::Bytes,
            _ => Param::Text,
        }
    }
}
