//! Stored events: reading them by page, and the columns in which every verb shows them.

use crate::{
    condition::Condition,
    error::Error,
    output::{Cell, Column, column, detail},
    store::{Dialect, PAGE, PAGE_BYTES, Query, Row, Store, hex},
};
use es_record::{EventId, Timestamp};
use serde::de::IgnoredAny;
use std::ops::ControlFlow;

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
        let payload = self.payload_cell(in_table);
        let is_json = matches!(payload, Cell::Json(_));
        let hex = (!is_json).then(|| hex(&self.payload));
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
            payload,
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
    feed_from(store, filter, (after, 0), to, each)
}

/// The same after a position and, of one stream, after a version too.
fn feed_from(
    store: &mut Store<'_>,
    filter: &Filter,
    (mut after, mut after_version): (i64, i64),
    to: i64,
    each: &mut dyn FnMut(&StoredEvent) -> Result<ControlFlow<()>, Error>,
) -> Result<(), Error> {
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

/// Calls `each` with the newest events that are wanted, oldest first.
///
/// They are found from the newest one back, and kept as long as they are few bytes. Otherwise they are read again
/// from the first one on.
pub(crate) fn newest(
    store: &mut Store<'_>,
    filter: &Filter,
    to: i64,
    at_most: usize,
    each: &mut dyn FnMut(&StoredEvent) -> Result<ControlFlow<()>, Error>,
) -> Result<(), Error> {
    let mut kept = Some(Vec::new());
    let mut bytes = 0;
    let mut found = 0;
    // Position and version of the oldest one so far.
    let mut first = None;
    let mut before = to.saturating_add(1);
    let mut before_version = i64::MAX;
    let window = filter.window();
    // The database does not decide about conditions, so each row may be none.
    let rows = if filter.conditions.is_empty() {
        PAGE.min(at_most)
    } else {
        PAGE
    };
    while before > 1 && found < at_most {
        let begin = before.saturating_sub(window).max(0);
        let mut query = Query::new(EVENT).with(begin).with(before);
        let order = if filter.stream.is_some() {
            let version = query.param(before_version);
            query.push(" WHERE e.position + 0 >= $1 AND e.position + 0 < $2");
            query.push(&format!(" AND e.version < {version}"));
            "e.version"
        } else {
            query.push(" WHERE e.position >= $1 AND e.position < $2");
            "e.position"
        };
        filter.push(&mut query, store.dialect());
        query.push(&format!(" ORDER BY {order} DESC LIMIT {rows}"));
        let page = store.page(&query, rows)?;
        for row in &page.rows {
            let event = StoredEvent::of(row)?;
            if filter.stream.is_some() {
                before_version = event.version;
            } else {
                before = event.position;
            }
            if found == at_most || !filter.accepts(&event) {
                continue;
            }
            found += 1;
            first = Some((event.position, event.version));
            bytes += row.size();
            if bytes > PAGE_BYTES {
                kept = None;
            }
            if let Some(kept) = &mut kept {
                kept.push(event);
            }
        }
        if !page.is_cut {
            before = begin;
        }
    }
    match (kept, first) {
        (Some(kept), _) => {
            for event in kept.iter().rev() {
                if each(event)?.is_break() {
                    break;
                }
            }
            Ok(())
        }
        (None, Some((position, version))) => {
            feed_from(store, filter, (position - 1, version - 1), to, each)
        }
        (None, None) => Ok(()),
    }
}

/// The event at a position.
pub(crate) fn at_position(
    store: &mut Store<'_>,
    position: i64,
) -> Result<Option<StoredEvent>, Error> {
    let mut query = Query::new(EVENT).with(position);
    query.push(" WHERE e.position = $1");
    let row = store.first(&query)?;
    row.as_ref().map(StoredEvent::of).transpose()
}

/// The two halves of a stream that is written as `aggregate/id`. Either half may have a slash, so the store is
/// asked which one is meant, where the aggregate is not given.
pub(crate) fn find_stream(
    store: &mut Store<'_>,
    text: &str,
    aggregate: Option<&str>,
) -> Result<(String, String), Error> {
    let splits = text
        .match_indices('/')
        .filter_map(|(at, _)| Some((text.get(..at)?, text.get(at + 1..)?)));
    let splits: Vec<(&str, &str)> = splits
        .filter(|(half, _)| aggregate.is_none_or(|aggregate| aggregate == *half))
        .collect();
    let mut found = Vec::new();
    for (aggregate, id) in &splits {
        let query = Query::new(
            "SELECT e.version FROM {events} e WHERE e.aggregate = $1 AND e.aggregate_id = $2 ORDER BY e.version LIMIT 1",
        )
        .with(*aggregate)
        .with(*id);
        if store.first(&query)?.is_some() {
            found.push((*aggregate, *id));
        }
    }
    match (found.as_slice(), splits.first(), aggregate) {
        ([(aggregate, id)], ..) => Ok(((*aggregate).to_owned(), (*id).to_owned())),
        ([], Some((aggregate, _)), _) => Err(Error::Missing(format!(
            "the store has no stream {text}; `es streams --aggregate {aggregate}` lists those of this aggregate"
        ))),
        ([], None, Some(aggregate)) => Err(Error::Usage(format!(
            "`{text}` is no stream of the aggregate {aggregate}: that would begin with `{aggregate}/`"
        ))),
        ([], None, None) => Err(Error::Usage(format!(
            "`{text}` is no stream: a stream is an aggregate and an id, such as order/4711; `es streams` lists them"
        ))),
        (several, ..) => {
            let several: Vec<String> = several
                .iter()
                .map(|(aggregate, id)| format!("--aggregate '{aggregate}' (id {id})"))
                .collect();
            Err(Error::Usage(format!(
                "{} streams are written as {text}; say which one is meant: {}",
                several.len(),
                several.join(" or ")
            )))
        }
    }
}
