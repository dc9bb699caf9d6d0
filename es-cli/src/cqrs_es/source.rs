//! The table `events` of cqrs-es, on SQLite and on PostgreSQL.
//!
//! It has no order between streams. Where rows have a time, they are taken by it, and a row whose time is before that of
//! an earlier one of its stream is taken with that one. Without times all first events are taken first, then all
//! second ones. Rows of one moment are taken by aggregate, id and sequence. Within a stream the order is kept.

use super::mapping::Mapping;
use crate::{
    error::Error,
    store::{Dialect, Query, Row, Store},
};

/// A row.
#[derive(Debug)]
pub(crate) struct SourceRow {
    pub(crate) aggregate: String,
    pub(crate) id: String,
    pub(crate) sequence: i64,
    /// Its number in its stream.
    pub(crate) number: i64,
    pub(crate) event: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) payload: String,
    pub(crate) metadata: String,
    /// In microseconds since 1970.
    pub(crate) time: Option<i64>,
}

/// Where the rows are, and which columns there are: old tables have no types, but a time.
#[derive(Debug)]
pub(crate) struct Table {
    query: Query,
    pub(crate) has_time: bool,
}

impl Table {
    pub(crate) fn find(
        store: &mut Store<'_>,
        name: &str,
        mapping: &Mapping,
    ) -> Result<Self, Error> {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        if name.is_empty() || !name.chars().all(good) {
            return Err(Error::Usage(format!("`{name}` is no name of a table")));
        }
        let mut has = |column: &str| {
            let query = Query::new(&format!(
                "SELECT count(*) FROM (SELECT t.{column} FROM {name} t LIMIT 1) r"
            ));
            store.page(&query, 1).is_ok()
        };
        if !has("aggregate_type") || !has("sequence") || !has("payload") {
            return Err(Error::cannot_open(
                store.name.clone(),
                format!(
                    "it has no table `{name}` of cqrs-es; --table names another one, such as public.events"
                ),
            ));
        }
        let (has_types, has_timestamp) = (has("event_type"), has("timestamp"));
        let dialect = store.dialect();
        let mut query = Query::default();
        let time = match (&mapping.time, has_timestamp, dialect) {
            (Some(key), _, Dialect::Sqlite) => {
                let key = query.param(key.as_str());
                format!("unixepoch(t.metadata ->> {key}, 'subsec')")
            }
            (Some(key), _, Dialect::Postgres) => {
                let key = query.param(key.as_str());
                format!("extract(epoch FROM (t.metadata ->> {key})::timestamptz)")
            }
            (None, true, Dialect::Sqlite) => "unixepoch(t.timestamp, 'subsec')".to_owned(),
            (None, true, Dialect::Postgres) => "extract(epoch FROM t.timestamp)".to_owned(),
            (None, false, _) => "NULL".to_owned(),
        };
        let has_time = time != "NULL";
        let integer = match dialect {
            Dialect::Sqlite => "INTEGER",
            Dialect::Postgres => "BIGINT",
        };
        let text = match dialect {
            Dialect::Sqlite => "",
            Dialect::Postgres => "::text",
        };
        let bytes = match dialect {
            Dialect::Sqlite => "",
            Dialect::Postgres => " COLLATE \"C\"",
        };
        let (event, version) = if has_types {
            ("t.event_type", "t.event_version")
        } else {
            ("NULL", "NULL")
        };
        let of_stream = "OVER (PARTITION BY r.aggregate_type, r.aggregate_id ORDER BY r.sequence)";
        query.push(&format!(
            "SELECT r.aggregate_type, r.aggregate_id, r.sequence, row_number() {of_stream}, r.event_type, \
             r.event_version, r.payload, r.metadata, r.happened FROM (SELECT t.aggregate_type{text}, \
             t.aggregate_id{text}, CAST(t.sequence AS {integer}) AS sequence, {event}{text} AS event_type, \
             {version}{text} AS event_version, t.payload{text}, t.metadata{text}, CAST({time} * 1000000 AS {integer}) \
             AS happened FROM {name} t) r ORDER BY coalesce(max(r.happened) {of_stream}, 0), CASE WHEN \
             max(r.happened) {of_stream} IS NULL THEN r.sequence END, r.aggregate_type{bytes}, \
             r.aggregate_id{bytes}, r.sequence"
        ));
        Ok(Self { query, has_time })
    }

    /// Calls `each` with all rows in their order.
    pub(crate) fn each(
        &self,
        store: &mut Store<'_>,
        each: &mut dyn FnMut(SourceRow) -> Result<(), Error>,
    ) -> Result<(), Error> {
        store.each(&self.query, &mut |row| each(SourceRow::of(&row)?))
    }
}

impl SourceRow {
    fn of(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            aggregate: row.text(0)?.to_owned(),
            id: row.text(1)?.to_owned(),
            sequence: row.integer(2)?,
            number: row.integer(3)?,
            event: row.maybe_text(4)?.map(str::to_owned),
            version: row.maybe_text(5)?.map(str::to_owned),
            payload: row.text(6)?.to_owned(),
            metadata: row.text(7)?.to_owned(),
            time: row.maybe_integer(8)?,
        })
    }

    /// The row for people.
    pub(crate) fn place(&self) -> String {
        format!("{}/{} sequence {}", self.aggregate, self.id, self.sequence)
    }
}
