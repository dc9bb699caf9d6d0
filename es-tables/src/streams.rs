//! Which streams there are.
//!
//! The index of streams is skipped through: one look at it finds the next stream, however many events lie
//! between. So a store with ten million events and a hundred streams answers at once.

use crate::{Dialect, Error, Flow, PAGE, Query, Row, Store};

/// A stream as the index of streams knows it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StreamRow {
    /// The id, without the name of the aggregate.
    pub id: String,
    /// How many events it has, which is the version of the last one.
    pub events: i64,
    /// When its first event was recorded. `None` where the first event is missing, which is damage.
    pub first_at: Option<String>,
    /// When its last event was recorded.
    pub last_at: String,
    /// The name of its last event.
    pub last_event: String,
}

impl StreamRow {
    fn of(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.text(0)?.to_owned(),
            events: row.integer(1)?,
            first_at: row.maybe_text(2)?.map(str::to_owned),
            last_at: row.text(3)?.to_owned(),
            last_event: row.text(4)?.to_owned(),
        })
    }
}

/// The names of the aggregates after one, at most so many. There are few.
///
/// # Errors
///
/// The database does not answer.
pub fn aggregates(
    store: &mut Store<'_>,
    after: &str,
    at_most: usize,
) -> Result<Vec<String>, Error> {
    let mut found: Vec<String> = Vec::new();
    while found.len() < at_most {
        let query = Query::new(
            "SELECT e.aggregate FROM {events} e WHERE e.aggregate > $1 ORDER BY e.aggregate LIMIT 1",
        );
        let after = found.last().map_or(after, String::as_str);
        let Some(row) = store.first(&query.with(after))? else {
            break;
        };
        found.push(row.text(0)?.to_owned());
    }
    Ok(found)
}

/// Looks for the next id by the index, so many times. What is known of each stream is looked up one by one: a join
/// could be turned around, and would then go through all events of the aggregate.
fn page_of_streams(aggregate: &str, from: &str, comparison: &str, at_most: usize) -> Query {
    let last = |column: &str| {
        format!(
            "(SELECT {column} FROM {{events}} e WHERE e.aggregate = $1 AND e.aggregate_id = s.id
              ORDER BY e.version DESC LIMIT 1)"
        )
    };
    let (version, recorded_at, event) = (last("e.version"), last("{recorded_at}"), last("e.event"));
    let sql = format!(
        "WITH RECURSIVE s (id, number) AS (
           SELECT (SELECT e.aggregate_id FROM {{events}} e WHERE e.aggregate = $1 AND e.aggregate_id {comparison} $2
                   ORDER BY e.aggregate, e.aggregate_id LIMIT 1), 1
           UNION ALL
           SELECT (SELECT e.aggregate_id FROM {{events}} e WHERE e.aggregate = $1 AND e.aggregate_id > s.id
                   ORDER BY e.aggregate, e.aggregate_id LIMIT 1), s.number + 1
           FROM s WHERE s.id IS NOT NULL AND s.number < {at_most})
         SELECT s.id, {version}, (SELECT {{began_at}} FROM {{events}} f WHERE f.aggregate = $1 AND f.aggregate_id = s.id
           AND f.version = 1), {recorded_at}, {event}
         FROM s WHERE s.id IS NOT NULL ORDER BY s.number"
    );
    Query::new(&sql).with(aggregate).with(from)
}

/// Some streams of an aggregate, in the order of their ids.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StreamPage {
    /// Those that are like the pattern.
    pub streams: Vec<StreamRow>,
    /// The last id that was looked at. `None` where there is no further one.
    pub next: Option<String>,
}

/// Looks at so many streams of an aggregate, from the first one on, or from the one after an id.
///
/// # Errors
///
/// The database does not answer.
pub fn page(
    store: &mut Store<'_>,
    aggregate: &str,
    like: Option<&str>,
    after: Option<&str>,
    at_most: usize,
) -> Result<StreamPage, Error> {
    // Ids that begin alike are neighbours.
    let beginning = like.map_or("", |like| like.split(['%', '_']).next().unwrap_or_default());
    let (from, comparison) = match after {
        Some(after) if after >= beginning => (after, ">"),
        _ => (beginning, ">="),
    };
    let page = store.page(
        &page_of_streams(aggregate, from, comparison, at_most),
        at_most,
    )?;
    let mut found = StreamPage {
        streams: Vec::new(),
        next: None,
    };
    for row in &page.rows {
        let stream = StreamRow::of(row)?;
        if !stream.id.starts_with(beginning) {
            found.next = None;
            return Ok(found);
        }
        found.next = page.is_cut.then(|| stream.id.clone());
        if like.is_none_or(|like| is_like(&stream.id, like)) {
            found.streams.push(stream);
        }
    }
    Ok(found)
}

/// Calls `each` with the streams of an aggregate whose ids are like a pattern, ordered by id.
///
/// # Errors
///
/// The first error of `each`, or the database does not answer.
pub fn each_stream<E: From<Error>>(
    store: &mut Store<'_>,
    aggregate: &str,
    like: Option<&str>,
    each: &mut dyn FnMut(&StreamRow) -> Flow<E>,
) -> Result<(), E> {
    let mut after: Option<String> = None;
    loop {
        let page = page(store, aggregate, like, after.as_deref(), PAGE)?;
        for stream in &page.streams {
            if each(stream)?.is_break() {
                return Ok(());
            }
        }
        if page.next.is_none() {
            return Ok(());
        }
        after = page.next;
    }
}

/// A stream with its last event in a range of positions.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecentStream {
    /// The position of that event.
    pub position: i64,
    /// The name of the aggregate.
    pub aggregate: String,
    /// The stream, with the version of that event as its number of events.
    pub stream: StreamRow,
}

/// Some streams in the order of their last events, newest first.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecentPage {
    /// Those that are wanted.
    pub streams: Vec<RecentStream>,
    /// All positions from this one on were looked at.
    pub looked_from: i64,
}

/// The streams that had an event after one position and up to another one, newest first: at most so many, of at most so
/// many positions from the end on.
///
/// `end` is where the range ends, and `to` where this page does.
///
/// # Errors
///
/// The database does not answer.
pub fn recent(
    store: &mut Store<'_>,
    aggregate: Option<&str>,
    like: Option<&str>,
    (after, to, end): (i64, i64, i64),
    at_most: usize,
    positions: i64,
) -> Result<RecentPage, Error> {
    let mut found = RecentPage {
        streams: Vec::new(),
        looked_from: to.saturating_add(1),
    };
    let lowest = after.max(to.saturating_sub(positions));
    while found.looked_from > lowest.saturating_add(1) {
        // The event is the last one of its stream in the range if the next one is not in it.
        let mut query = Query::new(
            "SELECT e.position, e.aggregate, e.aggregate_id, e.version, {began_at}, {recorded_at}, e.event FROM {events} e \
             LEFT JOIN {events} n ON n.aggregate = e.aggregate AND n.aggregate_id = e.aggregate_id \
             AND n.version = e.version + 1 \
             LEFT JOIN {events} f ON f.aggregate = e.aggregate AND f.aggregate_id = e.aggregate_id AND f.version = 1 \
             WHERE e.position > $1 AND e.position < $2 AND (n.position IS NULL OR n.position > $3)",
        )
        .with(lowest)
        .with(found.looked_from)
        .with(end);
        if let Some(aggregate) = aggregate {
            let aggregate = query.param(aggregate);
            query.push(&format!(" AND e.aggregate = {aggregate}"));
        }
        // What the database can see for itself costs no look at other events.
        if let Some(part) = like.and_then(longest_part) {
            let contains = match store.dialect() {
                Dialect::Sqlite => "instr",
                Dialect::Postgres => "strpos",
            };
            let part = query.param(part);
            query.push(&format!(" AND {contains}(e.aggregate_id, {part}) > 0"));
        }
        query.push(&format!(" ORDER BY e.position DESC LIMIT {PAGE}"));
        let page = store.page(&query, PAGE)?;
        for row in &page.rows {
            let stream = StreamRow {
                id: row.text(2)?.to_owned(),
                events: row.integer(3)?,
                first_at: row.maybe_text(4)?.map(str::to_owned),
                last_at: row.text(5)?.to_owned(),
                last_event: row.text(6)?.to_owned(),
            };
            found.looked_from = row.integer(0)?;
            if like.is_none_or(|like| is_like(&stream.id, like)) {
                found.streams.push(RecentStream {
                    position: found.looked_from,
                    aggregate: row.text(1)?.to_owned(),
                    stream,
                });
                if found.streams.len() >= at_most {
                    return Ok(found);
                }
            }
        }
        if !page.is_cut {
            found.looked_from = lowest.saturating_add(1);
        }
    }
    Ok(found)
}

/// The longest text of a pattern that stands for itself.
fn longest_part(pattern: &str) -> Option<&str> {
    let parts = pattern.split(['%', '_']);
    parts
        .max_by_key(|part| part.len())
        .filter(|part| !part.is_empty())
}

/// Whether a text is like a pattern, by characters and by case, the same on all databases.
fn is_like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    let (mut at, mut in_pattern) = (0, 0);
    // Where to go on when the last `%` has to take one more character.
    let mut retry: Option<(usize, usize)> = None;
    while let Some(c) = text.get(at) {
        match pattern.get(in_pattern) {
            Some('%') => {
                retry = Some((at, in_pattern + 1));
                in_pattern += 1;
            }
            Some(p) if *p == '_' || p == c => {
                at += 1;
                in_pattern += 1;
            }
            _ => {
                let Some((taken, after)) = retry else {
                    return false;
                };
                at = taken + 1;
                in_pattern = after;
                retry = Some((at, after));
            }
        }
    }
    pattern.iter().skip(in_pattern).all(|p| *p == '%')
}
