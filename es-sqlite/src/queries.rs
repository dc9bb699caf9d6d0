//! The queries that read events, on any connection.

use crate::{
    errors::{corrupt, panicked},
    rows::{
        Recorded, clamped, event_columns, place, read_error, start, stored_event, text, unplaced,
    },
};
use es_runtime::{
    EventFilter, FeedPage, Position, ReadDirection, ReadError, ReadLimit, RecordedEvent,
    StreamFold, StreamId, StreamRange,
    store::author::{Page, RowLocation},
};
use rusqlite::{Connection, OptionalExtension, params};
use std::{
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Whether somebody still waits for the answer of a read.
pub(crate) type Waiting<'a> = dyn Fn() -> bool + 'a;

/// So many events, for each that is wanted, one page of the feed looks through at most.
const WINDOW: u64 = 64;

/// A long read looks so often whether somebody still waits for it.
const LOOK_EVERY: u64 = 64;

pub(crate) fn fold_rows<F: StreamFold>(
    connection: &Connection,
    waiting: &Waiting<'_>,
    stream: &StreamId,
    after: u64,
    mut fold: F,
) -> Result<F, ReadError> {
    let mut select = connection
        .prepare_cached(
            "SELECT version, position, event, schema_version, content_type, payload FROM events
             WHERE aggregate = ?1 AND aggregate_id = ?2 AND version > ?3 ORDER BY version",
        )
        .map_err(read_error)?;
    let mut rows = select
        .query(params![stream.aggregate(), stream.id(), clamped(after)])
        .map_err(read_error)?;
    let mut previous = after;
    while let Some(row) = rows.next().map_err(read_error)? {
        let place = place(row, 0, 1).map_err(|what| unplaced(row, what))?;
        place.follows(stream, previous, ReadDirection::Forward)?;
        let event = stored_event(row, place).map_err(|what| place.damaged(stream, what))?;
        let flow = catch_unwind(AssertUnwindSafe(|| fold.event(event))).map_err(|panic| {
            let what = format!("the fold of stream {stream} at version {}", place.version);
            panicked(&what, panic)
        })?;
        let abandoned = place.version % LOOK_EVERY == 0 && !waiting();
        if flow == ControlFlow::Break(()) || abandoned {
            break;
        }
        previous = place.version;
    }
    Ok(fold)
}

pub(crate) fn stream_rows(
    connection: &Connection,
    waiting: &Waiting<'_>,
    stream: &StreamId,
    range: StreamRange,
    limit: ReadLimit,
) -> Result<Vec<RecordedEvent>, ReadError> {
    let sql = match range.direction {
        ReadDirection::Forward => concat!(
            "SELECT ",
            event_columns!(),
            " FROM events WHERE aggregate = ?1 AND aggregate_id = ?2 AND version > ?3
              ORDER BY version"
        ),
        ReadDirection::Backward => concat!(
            "SELECT ",
            event_columns!(),
            " FROM events WHERE aggregate = ?1 AND aggregate_id = ?2 AND version < ?3
              ORDER BY version DESC"
        ),
    };
    let mut select = connection.prepare_cached(sql).map_err(read_error)?;
    let mut rows = select
        .query(params![
            stream.aggregate(),
            stream.id(),
            clamped(range.after)
        ])
        .map_err(read_error)?;
    let mut recorded = Recorded::default();
    let mut page = Page::new(limit);
    // Backward, the first one is the newest: whatever its version is.
    let mut previous = match range.direction {
        ReadDirection::Forward => Some(range.after),
        ReadDirection::Backward => None,
    };
    while !page.is_full() {
        let Some(row) = rows.next().map_err(read_error)? else {
            // Backward, a stream that was read to its end ends at its first event.
            if let (ReadDirection::Backward, Some(2..), Some(last)) =
                (range.direction, previous, page.events.last())
            {
                let place = RowLocation {
                    version: last.version,
                    position: last.position,
                };
                return Err(place.damaged(stream, "the versions before it are missing"));
            }
            break;
        };
        let place = place(row, 0, 1).map_err(|what| unplaced(row, what))?;
        if let Some(previous) = previous {
            place.follows(stream, previous, range.direction)?;
        }
        let event = recorded.read(row, place)?;
        if event.stream != *stream {
            return Err(place.damaged(stream, "the row names another stream than its index"));
        }
        if !page.take(event) {
            break;
        }
        previous = Some(place.version);
        if place.version % LOOK_EVERY == 0 && !waiting() {
            break;
        }
    }
    Ok(page.events)
}

pub(crate) fn feed_rows(
    connection: &Connection,
    waiting: &Waiting<'_>,
    after: Position,
    filter: &EventFilter,
    limit: ReadLimit,
) -> Result<FeedPage, ReadError> {
    let mut select = connection
        .prepare_cached(concat!(
            "SELECT ",
            event_columns!(),
            " FROM events WHERE position > ?1 ORDER BY position"
        ))
        .map_err(read_error)?;
    let mut rows = select.query([start(after)]).map_err(read_error)?;
    let mut recorded = Recorded::default();
    let mut page = Page::new(limit);
    let mut next = after;
    // A reader who wants little hears from time to time how far it is, and others get their turn.
    let wanted = u64::try_from(limit.events).unwrap_or(u64::MAX);
    let window = wanted.max(1).saturating_mul(WINDOW);
    let mut seen = 0_u64;
    while !page.is_full() {
        let Some(row) = rows.next().map_err(read_error)? else {
            return Ok(FeedPage::new(page.events, next, true));
        };
        let place = place(row, 0, 1).map_err(|what| unplaced(row, what))?;
        // Only what the filter asks for is read. A text that cannot be read may be one that is wanted.
        let wanted = match (filter.as_names(), filter.as_aggregates()) {
            (None, None) => true,
            (_, aggregates) => match text(row, 2, "") {
                Ok(name) if !filter.accepts_name(name) => false,
                Ok(name) if aggregates.is_some() => {
                    text(row, 6, "").map_or(true, |aggregate| filter.accepts(aggregate, name))
                }
                _ => true,
            },
        };
        if wanted && !page.take(recorded.read(row, place)?) {
            break;
        }
        next = place.position;
        seen += 1;
        if seen >= window {
            break;
        }
        if seen % LOOK_EVERY == 0 && !waiting() {
            break;
        }
    }
    Ok(FeedPage::new(page.events, next, false))
}

/// Looks for one stream after the other, each by the index.
pub(crate) fn stream_ids(
    connection: &Connection,
    waiting: &Waiting<'_>,
    aggregate: &str,
    after: &str,
    at_most: usize,
) -> Result<Vec<StreamId>, ReadError> {
    let mut select = connection
        .prepare_cached(
            "SELECT aggregate_id FROM events WHERE aggregate = ?1 AND aggregate_id > ?2
             ORDER BY aggregate_id LIMIT 1",
        )
        .map_err(read_error)?;
    let mut found: Vec<StreamId> = Vec::new();
    while found.len() < at_most && waiting() {
        let after = found.last().map_or(after, StreamId::id);
        let stream = select.query_row([aggregate, after], |row| {
            Ok(text(row, 0, "").map(|id| StreamId::new(aggregate, id)))
        });
        match stream.optional().map_err(read_error)? {
            None => break,
            Some(Ok(Ok(stream))) => found.push(stream),
            Some(_) => {
                let what = format!("a stream of `{aggregate}` has a name that cannot be one");
                return Err(corrupt(what).into());
            }
        }
    }
    Ok(found)
}

/// The newest position, 0 without events.
pub(crate) fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    let newest: Option<i64> = connection
        .prepare_cached("SELECT max(position) FROM events")?
        .query_row([], |row| row.get(0))?;
    Ok(newest.unwrap_or(0))
}

/// The text that only this store has.
pub(crate) fn store_id(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row(
        "SELECT value FROM es_meta WHERE name = 'store_id'",
        [],
        |row| row.get(0),
    )
}
