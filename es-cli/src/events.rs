//! Stored events: reading them by page, and the columns in which every verb shows them.

use crate::{
    condition::Condition,
    error::Error,
    output::{Cell, Column, column, detail},
    store::{Dialect, PAGE, Query, Row, Store},
};
use es_record::{EventId, Timestamp};
use serde::de::IgnoredAny;
use std::{fmt::Write, ops::ControlFlow};

/// A stored event, as it is stored.
#[derive(Debug)]
pub(crate) struct StoredEvent {
    pub(crate) position: i64,
    pub(crate) aggregate: String,
    pub(crate) id: String,
    pub(crate) version: i64,
    pub(crate) event: String,
    pub(crate) schema_version: i64,
    pub(crate) recorded_at: String,
    pub(crate) event_id: String,
    pub(crate) metadata: String,
    pub(crate) content_type: String,
    pub(crate) payload: Vec<u8>,
}

/// The columns of an event, in the order in which [`StoredEvent::of`] reads them. The table is `e`.
pub(crate) const EVENT: &str = "SELECT e.position, e.aggregate, e.aggregate_id, e.version, e.event, e.schema_version, \
     {recorded_at}, {event_id}, {metadata}, e.content_type, e.payload FROM {events} e";

/// The columns in which events are shown.
pub(crate) const COLUMNS: &[Column] = &[
    column("position"),
    column("recorded_at"),
    column("stream"),
    detail("aggregate"),
    detail("aggregate_id"),
    column("version"),
    column("event"),
    detail("schema_version"),
    detail("event_id"),
    detail("metadata"),
    detail("content_type"),
    column("payload"),
    detail("payload_hex"),
];

impl StoredEvent {
    pub(crate) fn of(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            position: row.integer(0)?,
            aggregate: row.text(1)?.to_owned(),
            id: row.text(2)?.to_owned(),
            version: row.integer(3)?,
            event: row.text(4)?.to_owned(),
            schema_version: row.integer(5)?,
            recorded_at: row.text(6)?.to_owned(),
            event_id: row.text(7)?.to_owned(),
            metadata: row.text(8)?.to_owned(),
            content_type: row.text(9)?.to_owned(),
            payload: row.bytes(10)?.to_vec(),
        })
    }

    pub(crate) fn stream(&self) -> String {
        format!("{}/{}", self.aggregate, self.id)
    }

    /// The payload where it is JSON.
    pub(crate) fn json(&self) -> Option<&str> {
        if !is_json(&self.content_type) {
            return None;
        }
        std::str::from_utf8(&self.payload)
            .ok()
            .filter(|text| is_valid(text))
    }

    /// A value of its metadata.
    pub(crate) fn metadata(&self, key: &str) -> Option<String> {
        let metadata: serde_json::Value = serde_json::from_str(&self.metadata).ok()?;
        metadata.get(key)?.as_str().map(str::to_owned)
    }

    pub(crate) fn payload_cell(&self, in_table: bool) -> Cell {
        match self.json() {
            Some(json) => Cell::Json(json.to_owned()),
            None if in_table => Cell::Text(format!(
                "{} bytes of {}",
                self.payload.len(),
                self.content_type
            )),
            None => Cell::None,
        }
    }

    pub(crate) fn cells(&self, in_table: bool) -> Vec<Cell> {
        let metadata = if is_valid(&self.metadata) {
            Cell::Json(self.metadata.clone())
        } else {
            self.metadata.as_str().into()
        };
        let hex = self.json().is_none().then(|| hex(&self.payload));
        vec![
            self.position.into(),
            self.recorded_at.as_str().into(),
            self.stream().into(),
            self.aggregate.as_str().into(),
            self.id.as_str().into(),
            self.version.into(),
            self.event.as_str().into(),
            self.schema_version.into(),
            self.event_id.as_str().into(),
            metadata,
            self.content_type.as_str().into(),
            self.payload_cell(in_table),
            hex.into(),
        ]
    }
}

pub(crate) fn is_json(content_type: &str) -> bool {
    content_type == "application/json" || content_type.ends_with("+json")
}

pub(crate) fn is_valid(json: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(json).is_ok()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Which events of the feed are wanted. Every condition that is set must hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) names: Vec<String>,
    /// Both halves.
    pub(crate) stream: Option<(String, String)>,
    pub(crate) since: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
    pub(crate) user: Option<String>,
    pub(crate) correlation: Option<String>,
    pub(crate) conditions: Vec<Condition>,
}

impl Filter {
    /// Adds what the database can decide to a statement that has a `WHERE` already.
    fn push(&self, query: &mut Query, dialect: Dialect) {
        if let Some((aggregate, id)) = &self.stream {
            let aggregate = query.param(aggregate.as_str());
            let id = query.param(id.as_str());
            query.push(&format!(
                " AND e.aggregate = {aggregate} AND e.aggregate_id = {id}"
            ));
        }
        if !self.names.is_empty() {
            let names: Vec<String> = self.names.iter().map(|n| query.param(n.as_str())).collect();
            query.push(&format!(" AND e.event IN ({})", names.join(", ")));
        }
        for (moment, comparison) in [(self.since, ">="), (self.until, "<=")] {
            if let Some(moment) = moment {
                let moment = query.param(moment.to_string().as_str());
                query.push(&format!(
                    " AND e.recorded_at {comparison} {moment}{{moment}}"
                ));
            }
        }
        if let Some(user) = &self.user {
            let user = query.param(user.as_str());
            query.push(&format!(" AND {{user}} = {user}"));
        }
        if let Some(correlation) = &self.correlation {
            let text = query.param(correlation.as_str());
            // The event that began it all has no correlation: its id is that of the others.
            let id = match (dialect, correlation.parse::<EventId>()) {
                (_, Ok(_)) => format!(" OR e.event_id = {text}{{uuid}}"),
                (_, Err(_)) => String::new(),
            };
            query.push(&format!(" AND ({{correlation}} = {text}{id})"));
        }
    }

    /// How many positions one statement looks through. A stream has an index, and without a filter each event is
    /// wanted.
    fn window(&self) -> i64 {
        let is_selective = !self.names.is_empty()
            || self.since.is_some()
            || self.until.is_some()
            || self.user.is_some()
            || self.correlation.is_some();
        if is_selective && self.stream.is_none() {
            WINDOW
        } else {
            i64::MAX
        }
    }

    fn accepts(&self, event: &StoredEvent) -> bool {
        if self.conditions.is_empty() {
            return true;
        }
        let Some(payload) = event.json() else {
            return false;
        };
        let Ok(payload) = serde_json::from_str(payload) else {
            return false;
        };
        self.conditions
            .iter()
            .all(|condition| condition.holds(&payload))
    }
}

/// One statement looks through so many events of the feed, so that it ends soon and others get their turn.
const WINDOW: i64 = 10_000;

/// Calls `each` with the wanted events after one position and up to another one, in order. A page of them is in
/// memory at a time.
pub(crate) fn feed(
    store: &mut Store<'_>,
    filter: &Filter,
    after: i64,
    to: i64,
    each: &mut dyn FnMut(&StoredEvent) -> Result<ControlFlow<()>, Error>,
) -> Result<(), Error> {
    let mut after = after;
    let mut after_version = 0;
    let window = filter.window();
    while after < to {
        let end = after.saturating_add(window).min(to);
        let mut query = Query::new(EVENT).with(after).with(end);
        if filter.stream.is_some() {
            // A stream has an index of its own. The sum keeps the one of positions out of it.
            let version = query.param(after_version);
            query.push(" WHERE e.position + 0 > $1 AND e.position + 0 <= $2");
            query.push(&format!(" AND e.version > {version}"));
        } else {
            query.push(" WHERE e.position > $1 AND e.position <= $2");
        }
        filter.push(&mut query, store.dialect());
        query.push(if filter.stream.is_some() {
            " ORDER BY e.version"
        } else {
            " ORDER BY e.position"
        });
        query.push(&format!(" LIMIT {PAGE}"));
        let page = store.page(&query, PAGE)?;
        for row in &page.rows {
            let event = StoredEvent::of(row)?;
            (after, after_version) = (event.position, event.version);
            if filter.accepts(&event) && each(&event)?.is_break() {
                return Ok(());
            }
        }
        if !page.is_cut {
            after = end;
        }
    }
    Ok(())
}

/// The newest events that are wanted, oldest first.
pub(crate) fn newest(
    store: &mut Store<'_>,
    filter: &Filter,
    to: i64,
    at_most: usize,
) -> Result<Vec<StoredEvent>, Error> {
    let mut found: Vec<StoredEvent> = Vec::new();
    let mut before = to.saturating_add(1);
    let window = filter.window();
    while before > 1 && found.len() < at_most {
        let begin = before.saturating_sub(window).max(0);
        let mut query = Query::new(EVENT).with(begin).with(before);
        let (condition, order) = match filter.stream {
            Some(_) => ("e.position + 0 >= $1 AND e.position + 0 < $2", "e.version"),
            None => ("e.position >= $1 AND e.position < $2", "e.position"),
        };
        query.push(&format!(" WHERE {condition}"));
        filter.push(&mut query, store.dialect());
        query.push(&format!(" ORDER BY {order} DESC LIMIT {PAGE}"));
        let page = store.page(&query, PAGE.min(at_most - found.len()))?;
        for row in &page.rows {
            let event = StoredEvent::of(row)?;
            before = event.position;
            if filter.accepts(&event) {
                found.push(event);
            }
        }
        if !page.is_cut {
            before = begin;
        }
    }
    found.reverse();
    Ok(found)
}

/// The two halves of a stream that is written as `aggregate/id`. Either half may have a slash, so the store is
/// asked which one is meant.
pub(crate) fn find_stream(store: &mut Store<'_>, text: &str) -> Result<(String, String), Error> {
    let mut first = None;
    for (at, _) in text.match_indices('/') {
        let (aggregate, id) = text.split_at(at);
        let id = id.strip_prefix('/').unwrap_or_default();
        let query = Query::new(
            "SELECT e.version FROM {events} e WHERE e.aggregate = $1 AND e.aggregate_id = $2 ORDER BY e.version LIMIT 1",
        )
        .with(aggregate)
        .with(id);
        if store.first(&query)?.is_some() {
            return Ok((aggregate.to_owned(), id.to_owned()));
        }
        first = first.or_else(|| Some(aggregate.to_owned()));
    }
    Err(match first {
        Some(aggregate) => Error::Missing(format!(
            "the store has no stream {text}; `es streams --aggregate {aggregate}` lists those of this aggregate"
        )),
        None => Error::Usage(format!(
            "`{text}` is no stream: a stream is an aggregate and an id, such as order/4711; `es streams` lists them"
        )),
    })
}
