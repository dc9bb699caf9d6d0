//! `es streams`: which streams there are.
//!
//! The index of streams is skipped through: one look at it finds the next stream, however many events lie
//! between. So a store with ten million events and a hundred streams answers at once.

use super::Session;
use crate::{
    error::Error,
    output::{Cell, Column, column, detail},
    store::{PAGE, Query, Row, Store},
};
use std::ops::ControlFlow;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only streams of this aggregate, such as `order` or `saga:fulfil-order`
    #[arg(long, value_name = "NAME")]
    aggregate: Option<String>,
    /// Only ids like this: % stands for any text, _ for one character. Quick where it begins with plain text
    #[arg(long, value_name = "PATTERN")]
    like: Option<String>,
    /// At most so many
    #[arg(long, short = 'n', value_name = "NUMBER")]
    limit: Option<u64>,
}

const COLUMNS: &[Column] = &[
    column("stream"),
    detail("aggregate"),
    detail("aggregate_id"),
    column("events"),
    column("first_at"),
    column("last_at"),
    column("last_event"),
];

pub(crate) fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Error> {
    let Session { store, printer, .. } = session;
    let mut rows = printer.rows(COLUMNS);
    let limit = args.limit.unwrap_or(u64::MAX);
    let mut shown = 0;
    let like = args.like.as_deref();
    let aggregates = match &args.aggregate {
        Some(aggregate) => vec![aggregate.clone()],
        None => aggregates(store)?,
    };
    for aggregate in aggregates {
        if shown >= limit {
            break;
        }
        each_stream(store, &aggregate, like, &mut |stream| {
            let cells: Vec<Cell> = vec![
                format!("{aggregate}/{}", stream.id).into(),
                aggregate.as_str().into(),
                stream.id.into(),
                stream.events.into(),
                stream.first_at.into(),
                stream.last_at.into(),
                stream.last_event.into(),
            ];
            rows.row(&cells)?;
            shown += 1;
            Ok(if shown >= limit {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })?;
    }
    if rows.end()? == 0 {
        session.notes.say("no stream was found")?;
    }
    Ok(())
}

/// A stream as the index of streams knows it.
pub(crate) struct StreamRow<'r> {
    pub(crate) id: &'r str,
    pub(crate) events: i64,
    first_at: Option<&'r str>,
    last_at: &'r str,
    last_event: &'r str,
}

impl<'r> StreamRow<'r> {
    fn of(row: &'r Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.text(0)?,
            events: row.integer(1)?,
            first_at: row.maybe_text(2)?,
            last_at: row.text(3)?,
            last_event: row.text(4)?,
        })
    }
}

/// The names of the aggregates. There are few.
pub(crate) fn aggregates(store: &mut Store<'_>) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let query = Query::new(
            "SELECT e.aggregate FROM {events} e WHERE e.aggregate > $1 ORDER BY e.aggregate LIMIT 1",
        );
        let Some(row) = store.first(&query.with(after.as_str()))? else {
            return Ok(found);
        };
        row.text(0)?.clone_into(&mut after);
        found.push(after.clone());
    }
}

/// Looks for the next id by the index, so many times.
fn page_of_streams(aggregate: &str, from: &str, comparison: &str) -> Query {
    let sql = format!(
        "WITH RECURSIVE s (id, number) AS (
           SELECT (SELECT e.aggregate_id FROM {{events}} e WHERE e.aggregate = $1 AND e.aggregate_id {comparison} $2
                   ORDER BY e.aggregate, e.aggregate_id LIMIT 1), 1
           UNION ALL
           SELECT (SELECT e.aggregate_id FROM {{events}} e WHERE e.aggregate = $1 AND e.aggregate_id > s.id
                   ORDER BY e.aggregate, e.aggregate_id LIMIT 1), s.number + 1
           FROM s WHERE s.id IS NOT NULL AND s.number < {PAGE})
         SELECT s.id, e.version, {{began_at}}, {{recorded_at}}, e.event FROM s
         JOIN {{events}} e ON e.aggregate = $1 AND e.aggregate_id = s.id AND e.version =
           (SELECT l.version FROM {{events}} l WHERE l.aggregate = $1 AND l.aggregate_id = s.id
            ORDER BY l.version DESC LIMIT 1)
         LEFT JOIN {{events}} f ON f.aggregate = $1 AND f.aggregate_id = s.id AND f.version = 1
         ORDER BY s.number"
    );
    Query::new(&sql).with(aggregate).with(from)
}

/// Calls `each` with the streams of an aggregate whose ids are like a pattern, ordered by id.
pub(crate) fn each_stream(
    store: &mut Store<'_>,
    aggregate: &str,
    like: Option<&str>,
    each: &mut dyn FnMut(StreamRow<'_>) -> Result<ControlFlow<()>, Error>,
) -> Result<(), Error> {
    // Ids that begin alike are neighbours.
    let beginning = like.map_or("", |like| like.split(['%', '_']).next().unwrap_or_default());
    let mut from = beginning.to_owned();
    let mut comparison = ">=";
    loop {
        let page = store.page(&page_of_streams(aggregate, &from, comparison), PAGE)?;
        for row in &page.rows {
            let stream = StreamRow::of(row)?;
            stream.id.clone_into(&mut from);
            if !stream.id.starts_with(beginning) {
                return Ok(());
            }
            if like.is_none_or(|like| is_like(stream.id, like)) && each(stream)?.is_break() {
                return Ok(());
            }
        }
        if !page.is_cut {
            return Ok(());
        }
        comparison = ">";
    }
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
