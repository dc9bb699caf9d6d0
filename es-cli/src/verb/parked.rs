//! `es parked`: the events that projections and subscriptions could not handle.

use super::{Session, readers::number};
use crate::{
    error::Error,
    events::at_position,
    output::{Cell, Column, column, detail},
    store::{Query, Row, Store, Tables},
    time,
};
use std::ops::ControlFlow;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    /// Lists parked events, oldest first within a reader
    List {
        /// Only those of this projection or subscription
        reader: Option<String>,
        /// Those that an operator gave up, too
        #[arg(long)]
        discarded: bool,
    },
    /// Shows one parked event: the reason in full and the payload
    Show {
        /// The projection or subscription
        reader: String,
        /// The position of the event
        position: i64,
    },
}

const COLUMNS: &[Column] = &[
    column("reader"),
    detail("build"),
    detail("partition"),
    column("key"),
    column("position"),
    column("stream"),
    column("version"),
    column("event"),
    detail("event_id"),
    column("attempts"),
    column("parked_at"),
    detail("discarded_at"),
    detail("discarded_why"),
    column("reason"),
];

/// In the order of [`cells`], the key first.
const SELECT: &str = "SELECT p.name, p.build, p.partition, p.number, p.key, p.position, p.aggregate, p.aggregate_id, \
     p.version, p.event, p.event_id, p.attempts, p.parked_at, p.discarded_at, p.discarded_why, p.reason \
     FROM {es_parked} p";

pub(crate) fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Error> {
    match &args.verb {
        Verb::List { reader, discarded } => list(session, reader.as_deref(), *discarded),
        Verb::Show { reader, position } => show(session, reader, *position),
    }
}

fn cells(row: &Row) -> Result<Vec<Cell>, Error> {
    let discarded = row.maybe_integer(13)?;
    Ok(vec![
        row.text(0)?.into(),
        row.integer(1)?.into(),
        row.integer(2)?.into(),
        row.text(4)?.into(),
        number(row.text(5)?)?.into(),
        format!("{}/{}", row.text(6)?, row.text(7)?).into(),
        row.integer(8)?.into(),
        row.text(9)?.into(),
        row.text(10)?.into(),
        row.integer(11)?.into(),
        millis(row.integer(12)?)?.into(),
        discarded.map(millis).transpose()?.into(),
        row.maybe_text(14)?.into(),
        row.text(15)?.into(),
    ])
}

fn millis(millis: i64) -> Result<String, Error> {
    time::of_micros(millis.saturating_mul(1000)).map(|moment| moment.to_string())
}

fn list(session: &mut Session<'_>, reader: Option<&str>, discarded: bool) -> Result<(), Error> {
    let Session {
        store,
        printer,
        notes,
    } = session;
    let mut rows = printer.rows(COLUMNS);
    each_parked(store, reader, discarded, &mut |_, row| {
        rows.row(&cells(row)?)
    })?;
    if rows.end()? == 0 {
        notes.say("no event is parked")?;
    }
    Ok(())
}

/// Calls `each` with the rows, in the order of the table's key.
pub(crate) fn each_parked(
    store: &mut Store<'_>,
    reader: Option<&str>,
    discarded: bool,
    each: &mut dyn FnMut(&mut Store<'_>, &Row) -> Result<(), Error>,
) -> Result<(), Error> {
    if !store.has_read_models {
        return Ok(());
    }
    let mut query = Query::new(SELECT);
    query.push(" WHERE {after}");
    if let Some(reader) = reader {
        let reader = query.param(reader);
        query.push(&format!(" AND p.name = {reader}"));
    }
    if !discarded {
        query.push(" AND p.discarded_at IS NULL");
    }
    let key = ["p.name", "p.build", "p.partition", "p.number"];
    store.each_row(Tables::ReadModels, &query, &key, &mut |store, row| {
        each(store, row)?;
        Ok(ControlFlow::Continue(()))
    })
}

fn show(session: &mut Session<'_>, reader: &str, position: i64) -> Result<(), Error> {
    let Session { store, printer, .. } = session;
    let mut found = None;
    if store.has_read_models {
        let query = Query::new(SELECT)
            .with(reader)
            .with(position.to_string().as_str());
        let mut query = query;
        query.push(" WHERE p.name = $1 AND p.position = $2 ORDER BY p.build DESC LIMIT 1");
        found = store.read_page(&query, 1)?.rows.into_iter().next();
    }
    let Some(row) = found else {
        return Err(Error::Missing(format!(
            "{reader} has no parked event at position {position}; `es parked list {reader}` lists them"
        )));
    };
    let event = at_position(store, position)?;
    let event = event.filter(|event| row.text(10).is_ok_and(|id| id == event.event_id));
    let in_table = printer.format == crate::output::Format::Table;
    let mut values: Vec<(&'static str, Cell)> = COLUMNS
        .iter()
        .map(|column| column.name())
        .zip(cells(&row)?)
        .collect();
    let payload = event.map_or(Cell::None, |event| event.payload_cell(in_table));
    values.push(("payload", payload));
    if in_table {
        values.retain(|(_, value)| *value != Cell::None);
    }
    printer.record(&values)
}
