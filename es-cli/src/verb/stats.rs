//! `es stats`: how much a store has.

use super::{
    Session,
    streams::{aggregates, each_stream},
    verify::store_id,
};
use crate::{
    error::Error,
    output::{Cell, Column, column},
    store::{Dialect, Query, Store, Tables},
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
    let head = store.head()?;
    let first = recorded_at(store, "e.position > 0 ORDER BY e.position")?;
    let last = recorded_at(store, "e.position > 0 ORDER BY e.position DESC")?;
    let id = store_id(store)?;
    let mut size = Query::new("{size}");
    if store.dialect() == Dialect::Postgres {
        size = size.with(store.schema());
    }
    let size = store.first(&size)?;
    let size = size.as_ref().map(|row| row.integer(0)).transpose()?;
    let values: [(&'static str, Cell); 7] = [
        ("store", store.name.as_str().into()),
        ("store_id", id.into()),
        ("tables_version", store.tables_version.into()),
        ("events", head.into()),
        ("first_at", first.into()),
        ("last_at", last.into()),
        ("bytes", size.into()),
    ];
    printer.record(&values)
}

fn recorded_at(store: &mut Store<'_>, which: &str) -> Result<Option<String>, Error> {
    let sql = format!("SELECT {{recorded_at}} FROM {{events}} e WHERE {which} LIMIT 1");
    let row = store.first(&Query::new(&sql))?;
    row.map(|row| row.text(0).map(str::to_owned)).transpose()
}

const BY_AGGREGATE: &[Column] = &[column("aggregate"), column("streams"), column("events")];

fn by_aggregate(session: &mut Session<'_>) -> Result<(), Error> {
    let Session { store, printer, .. } = session;
    let names = aggregates(store)?;
    let mut rows = printer.rows(BY_AGGREGATE);
    for aggregate in names {
        let (mut streams, mut events) = (0_i64, 0_i64);
        each_stream(store, &aggregate, None, &mut |stream| {
            streams += 1;
            events = events.saturating_add(stream.events);
            Ok(ControlFlow::Continue(()))
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
    let mut after = 0;
    while after < head {
        let end = after.saturating_add(WINDOW).min(head);
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
            Ok(ControlFlow::Continue(()))
        })?;
        after = end;
    }
    let mut rows = printer.rows(BY_EVENT);
    for ((event, version), (events, first, last)) in found {
        rows.row(&[
            event.into(),
            version.into(),
            events.into(),
            first.into(),
            last.into(),
        ])?;
    }
    rows.end().map(|_| ())
}
