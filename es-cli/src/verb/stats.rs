//! `es stats`: how much a store has.

use super::Session;
use crate::{
    error::Error,
    output::{Cell, Column, column},
    store::{Query, Tables},
};
use es_tables::{
    events::{End, recorded_at},
    position,
    streams::{aggregates, each_stream},
};
use std::{collections::BTreeMap, ops::ControlFlow};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Counts by aggregate or by event instead: by aggregate, each stream costs a look at an index; by event,
    /// all events are read
    #[arg(long, value_name = "WHAT")]
    by: Option<By>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum By {
    Aggregate,
    Event,
}

pub(crate) fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Error> {
    match args.by {
        None => whole(session),
        Some(By::Aggregate) => by_aggregate(session),
        Some(By::Event) => by_event(session),
    }
}

fn whole(session: &mut Session<'_>) -> Result<(), Error> {
    let Session { store, printer, .. } = session;
    let first = recorded_at(store, End::First)?;
    let last = recorded_at(store, End::Last)?;
    let id = store.id()?;
    let size = store.size()?;
    let values: [(&'static str, Cell); 7] = [
        ("store", store.name.as_str().into()),
        ("store_id", id.into()),
        ("tables_version", store.tables_version.into()),
        ("events", store.count()?.into()),
        ("first_at", first.into()),
        ("last_at", last.into()),
        ("bytes", size.into()),
    ];
    printer.record(&values)
}

const BY_AGGREGATE: &[Column] = &[column("aggregate"), column("streams"), column("events")];

fn by_aggregate(session: &mut Session<'_>) -> Result<(), Error> {
    let Session { store, printer, .. } = session;
    let names = aggregates(store, "", usize::MAX)?;
    let mut rows = printer.rows(BY_AGGREGATE);
    for aggregate in names {
        let (mut streams, mut events) = (0_i64, 0_i64);
        each_stream(store, &aggregate, None, &mut |stream| {
            streams += 1;
            events = events.saturating_add(stream.events);
            Ok::<_, Error>(ControlFlow::Continue(()))
        })?;
        rows.row(&[aggregate.into(), streams.into(), events.into()])?;
    }
    rows.end().map(|_| ())
}

const BY_EVENT: &[Column] = &[
    column("event"),
    column("schema_version"),
    column("events"),
    column("first_position"),
    column("last_position"),
];

/// So many positions one statement counts.
const WINDOW: i64 = 100_000;

fn by_event(session: &mut Session<'_>) -> Result<(), Error> {
    let Session { store, printer, .. } = session;
    let head = store.head()?;
    // Count, first and last position of each name and version.
    let mut found: BTreeMap<(String, i64), (i64, i64, i64)> = BTreeMap::new();
    let mut after = position::start(head);
    while after < head {
        let end = after.saturating_add(position::span(head, WINDOW)).min(head);
        let query = Query::new(
            "SELECT e.event, e.schema_version, count(*), min(e.position), max(e.position) FROM {events} e \
             WHERE e.position > $1 AND e.position <= $2 AND {after} GROUP BY e.event, e.schema_version",
        );
        let query = query.with(after).with(end);
        let key = ["e.event", "e.schema_version"];
        store.each_row(Tables::Store, &query, &key, &mut |_, row| {
            let key = (row.text(0)?.to_owned(), row.integer(1)?);
            let (first, last) = (row.integer(3)?, row.integer(4)?);
            let counted = found.entry(key).or_insert((0, first, last));
            counted.0 += row.integer(2)?;
            counted.2 = last;
            Ok::<_, Error>(ControlFlow::Continue(()))
        })?;
        after = end;
    }
    let mut rows = printer.rows(BY_EVENT);
    for ((event, version), (events, first, last)) in found {
        rows.row(&[
            event.into(),
            version.into(),
            events.into(),
            Cell::position(first),
            Cell::position(last),
        ])?;
    }
    rows.end().map(|_| ())
}
