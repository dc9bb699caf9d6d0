//! Stored events: reading them by page.

use crate::{
    Condition, Dialect, Error, Flow, PAGE, PAGE_BYTES, Query, Row, Store, need::Need, position,
};
use es_record::{EventId, Timestamp};
use serde::de::IgnoredAny;

/// A stored event, as it is stored.
#[derive(Debug)]
pub struct StoredEvent {
    /// Its place in the whole store.
    pub position: i64,
    /// The aggregate of its stream.
    pub aggregate: String,
    /// The id of its stream.
    pub id: String,
    /// Its place in the stream.
    pub version: i64,
    /// Its name.
    pub event: String,
    /// The version of its fields.
    pub schema_version: i64,
    /// When it was recorded, in UTC.
    pub recorded_at: String,
    /// Its id.
    pub event_id: String,
    /// Its metadata, as JSON.
    pub metadata: String,
    /// What the payload is.
    pub content_type: String,
    /// The payload.
    pub payload: Vec<u8>,
}

macro_rules! columns {
    () => {
        "e.position, e.aggregate, e.aggregate_id, e.version, e.event, e.schema_version, {recorded_at}, {event_id}, \
         {metadata}, e.content_type, e.payload"
    };
}

/// The columns of an event, in the order in which [`StoredEvent::from_column`] reads them. The table is `e`.
pub const EVENT_COLUMNS: &str = columns!();
/// The statement without its condition. The columns are [`EVENT_COLUMNS`].
pub const EVENT: &str = concat!("SELECT ", columns!(), " FROM {events} e");

impl StoredEvent {
    /// Reads a row of [`EVENT`].
    ///
    /// # Errors
    ///
    /// A column is not what a store writes.
    pub fn of(row: &Row) -> Result<Self, Error> {
        Self::from_column(row, 0)
    }

    /// Reads the event whose [`EVENT_COLUMNS`] begin at this column.
    ///
    /// # Errors
    ///
    /// A column is not what a store writes.
    pub fn from_column(row: &Row, first: usize) -> Result<Self, Error> {
        Ok(Self {
            position: row.integer(first)?,
            aggregate: row.text(first + 1)?.to_owned(),
            id: row.text(first + 2)?.to_owned(),
            version: row.integer(first + 3)?,
            event: row.text(first + 4)?.to_owned(),
            schema_version: row.integer(first + 5)?,
            recorded_at: row.text(first + 6)?.to_owned(),
            event_id: row.text(first + 7)?.to_owned(),
            metadata: row.text(first + 8)?.to_owned(),
            content_type: row.text(first + 9)?.to_owned(),
            payload: row.bytes(first + 10)?.to_vec(),
        })
    }

    /// Where it is, for people.
    pub fn place(&self) -> String {
        let (position, version) = (position::text(self.position), self.version);
        format!("position {position}, {} version {version}", self.stream())
    }

    /// The stream, as `aggregate/id`.
    pub fn stream(&self) -> String {
        format!("{}/{}", self.aggregate, self.id)
    }

    /// The payload where it is JSON.
    pub fn json(&self) -> Option<&str> {
        if !is_json(&self.content_type) {
            return None;
        }
        std::str::from_utf8(&self.payload)
            .ok()
            .filter(|text| is_valid(text))
    }

    /// The texts that its metadata has under these keys.
    pub fn metadata<const N: usize>(&self, keys: [&str; N]) -> [Option<String>; N] {
        let metadata: serde_json::Value = serde_json::from_str(&self.metadata).unwrap_or_default();
        keys.map(|key| metadata.get(key)?.as_str().map(str::to_owned))
    }
}

/// Whether a payload of this type is JSON.
pub fn is_json(content_type: &str) -> bool {
    content_type == "application/json" || content_type.ends_with("+json")
}

/// Whether a text is JSON.
pub fn is_valid(json: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(json).is_ok()
}

/// Which events of the feed are wanted. Every condition that is set must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// One of these names; all events if there is none.
    pub names: Vec<String>,
    /// Both halves.
    pub stream: Option<(String, String)>,
    /// Recorded then or later.
    pub since: Option<Timestamp>,
    /// Recorded then or earlier.
    pub until: Option<Timestamp>,
    /// Of this user.
    pub user: Option<String>,
    /// With this correlation, or the event that it began with.
    pub correlation: Option<String>,
    /// With a payload that fulfils all of these.
    pub conditions: Vec<Condition>,
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

    /// Says which events a statement reads that looks for events after one position and up to another one.
    fn need(&self, store: &mut Store<'_>, after: i64, to: i64) {
        store.needs(|| match &self.stream {
            Some((aggregate, id)) => Need::stream(aggregate, id),
            None => Need::Range(after, to),
        });
    }

    /// How many positions one statement looks through, in a store that ends there. A stream has an index, and without a
    /// filter each event is wanted, which are fetched first where positions are places.
    fn window(&self, head: i64) -> i64 {
        let is_selective = !self.names.is_empty()
            || self.since.is_some()
            || self.until.is_some()
            || self.user.is_some()
            || self.correlation.is_some();
        if (is_selective || position::is_place(head)) && self.stream.is_none() {
            position::span(head, WINDOW)
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
///
/// # Errors
///
/// The first error of `each`, or the database does not answer.
pub fn feed<E: From<Error>>(
    store: &mut Store<'_>,
    filter: &Filter,
    after: i64,
    to: i64,
    each: &mut dyn FnMut(&StoredEvent) -> Flow<E>,
) -> Result<(), E> {
    feed_from(store, filter, (after, 0), to, each)
}

/// The same after a position and, of one stream, after a version too.
fn feed_from<E: From<Error>>(
    store: &mut Store<'_>,
    filter: &Filter,
    (mut after, mut after_version): (i64, i64),
    to: i64,
    each: &mut dyn FnMut(&StoredEvent) -> Flow<E>,
) -> Result<(), E> {
    let window = filter.window(to);
    after = after.max(position::start(to));
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
        filter.need(store, after, end);
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
///
/// # Errors
///
/// The first error of `each`, or the database does not answer.
pub fn newest<E: From<Error>>(
    store: &mut Store<'_>,
    filter: &Filter,
    (from, to): (i64, i64),
    at_most: usize,
    each: &mut dyn FnMut(&StoredEvent) -> Flow<E>,
) -> Result<(), E> {
    let mut kept = Some(Vec::new());
    let mut bytes = 0;
    let mut found = 0;
    // Position and version of the oldest one so far.
    let mut first = None;
    let mut before = to.saturating_add(1);
    let mut before_version = i64::MAX;
    let window = filter.window(to);
    let from = from.max(position::start(to));
    // The database does not decide about conditions, so each row may be none.
    let rows = if filter.conditions.is_empty() {
        PAGE.min(at_most)
    } else {
        PAGE
    };
    while before > from && found < at_most {
        let begin = before.saturating_sub(window).max(from);
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
        filter.need(store, begin.saturating_sub(1), before.saturating_sub(1));
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
///
/// # Errors
///
/// The database does not answer, or the row is damaged.
pub fn at_position(store: &mut Store<'_>, position: i64) -> Result<Option<StoredEvent>, Error> {
    let mut query = Query::new(EVENT).with(position);
    query.push(" WHERE e.position = $1");
    store.needs(|| Need::Range(position.saturating_sub(1), position));
    let row = store.first(&query)?;
    row.as_ref().map(StoredEvent::of).transpose()
}

/// The positions of the events before and after a position.
///
/// # Errors
///
/// The database does not answer.
pub fn neighbours(
    store: &mut Store<'_>,
    position: i64,
) -> Result<(Option<i64>, Option<i64>), Error> {
    let mut one = |comparison: &str, order: &str| -> Result<Option<i64>, Error> {
        let query = Query::new(&format!(
            "SELECT e.position FROM {{events}} e WHERE e.position {comparison} $1 ORDER BY e.position {order} LIMIT 1"
        ));
        let row = store.first(&query.with(position))?;
        row.map(|row| row.integer(0)).transpose()
    };
    Ok((one("<", "DESC")?, one(">", "ASC")?))
}

/// At most so many events of a stream after a version, in order, and whether there may be more.
///
/// # Errors
///
/// The database does not answer, or a row is damaged.
pub fn page_of_stream(
    store: &mut Store<'_>,
    aggregate: &str,
    id: &str,
    after: i64,
    at_most: usize,
) -> Result<(Vec<StoredEvent>, bool), Error> {
    let mut query = Query::new(EVENT).with(aggregate).with(id).with(after);
    query.push(&format!(
        " WHERE e.aggregate = $1 AND e.aggregate_id = $2 AND e.version > $3 ORDER BY e.version LIMIT {at_most}"
    ));
    store.needs_stream(aggregate, id);
    let page = store.page(&query, at_most)?;
    let events: Result<Vec<StoredEvent>, Error> = page.rows.iter().map(StoredEvent::of).collect();
    Ok((events?, page.is_cut))
}

/// The last event of a stream.
///
/// # Errors
///
/// The database does not answer, or the row is damaged.
pub fn last_of_stream(
    store: &mut Store<'_>,
    aggregate: &str,
    id: &str,
) -> Result<Option<StoredEvent>, Error> {
    let mut query = Query::new(EVENT).with(aggregate).with(id);
    query.push(" WHERE e.aggregate = $1 AND e.aggregate_id = $2 ORDER BY e.version DESC LIMIT 1");
    store.needs_stream(aggregate, id);
    let row = store.first(&query)?;
    row.as_ref().map(StoredEvent::of).transpose()
}

/// Calls `each` with the events of a stream in order.
///
/// # Errors
///
/// The first error of `each`, or the database does not answer.
pub fn each_of_stream<E: From<Error>>(
    store: &mut Store<'_>,
    aggregate: &str,
    id: &str,
    each: &mut dyn FnMut(&StoredEvent) -> Flow<E>,
) -> Result<(), E> {
    let mut after = 0;
    loop {
        let (events, is_cut) = page_of_stream(store, aggregate, id, after, PAGE)?;
        for event in &events {
            after = event.version;
            if each(event)?.is_break() {
                return Ok(());
            }
        }
        if !is_cut {
            return Ok(());
        }
    }
}

/// The event with this id.
///
/// # Errors
///
/// The database does not answer, or the row is damaged.
pub fn by_id(store: &mut Store<'_>, text: &str) -> Result<Option<StoredEvent>, Error> {
    let Ok(id) = text.parse::<EventId>() else {
        return Ok(None);
    };
    let mut query = Query::new(EVENT).with(id.to_string().as_str());
    query.push(" WHERE e.event_id = $1{uuid}");
    let row = store.first(&query)?;
    row.as_ref().map(StoredEvent::of).transpose()
}

/// Which end of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The oldest event.
    First,
    /// The newest one.
    Last,
}

/// When the event at an end of the feed was recorded. `None` without any.
///
/// # Errors
///
/// The database does not answer.
pub fn recorded_at(store: &mut Store<'_>, end: End) -> Result<Option<String>, Error> {
    let order = match end {
        End::First => "",
        End::Last => " DESC",
    };
    let sql = format!(
        "SELECT {{recorded_at}} FROM {{events}} e WHERE e.position > 0 ORDER BY e.position{order} LIMIT 1"
    );
    let head = store.head()?;
    store.needs(|| match end {
        End::First => Need::From(position::start(head)),
        End::Last => Need::Range(head.saturating_sub(1), head),
    });
    let row = store.first(&Query::new(&sql))?;
    row.map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// The first position up to the end whose event was recorded at a moment or later, and the one after the end without
/// any.
///
/// It halves the feed again and again, so it costs a few looks at an index. Events are recorded in the order of their
/// positions unless the clock of the store was set back; then the position is one of those that may be meant.
///
/// # Errors
///
/// The database does not answer.
pub fn position_since(store: &mut Store<'_>, moment: Timestamp, head: i64) -> Result<i64, Error> {
    let (mut low, mut high) = (
        position::start(head).saturating_add(1),
        head.saturating_add(1),
    );
    while low < high {
        let middle = low + (high - low) / 2;
        let query = Query::new(
            "SELECT e.position, {recorded_at} FROM {events} e WHERE e.position >= $1 ORDER BY e.position LIMIT 1",
        );
        store.needs(|| Need::From(middle));
        let Some(row) = store.first(&query.with(middle))? else {
            high = middle;
            continue;
        };
        let recorded_at: Timestamp = row
            .text(1)?
            .parse()
            .map_err(|_| Error::Damaged("an event has no time".to_owned()))?;
        if recorded_at >= moment {
            high = middle;
        } else {
            low = row.integer(0)?.saturating_add(1);
        }
    }
    Ok(low)
}
