//! `es parked`: the events that projections and subscriptions could not handle.

use super::{
    Outside, Session,
    events::meant,
    operate,
    operation::{self, Operation},
};
use crate::{
    application::Application,
    error::Error,
    events::{Shown, at_position},
    known,
    output::{Cell, Column, column, detail},
};
use es_record::Position;
use es_tables::parked::{Parked, each_parked, find};

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
    /// Tries parked events again, those of each key in order (program of the application)
    Retry(operation::RetryParked),
    /// Gives up the first parked event of a key
    Discard(operation::DiscardParked),
    /// Shows one parked event: the reason in full and the payload
    Show {
        /// The projection or subscription
        reader: String,
        /// The position of the event
        position: Position,
    },
}

const COLUMNS: &[Column] = &[
    column("reader"),
    column("build"),
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

pub(crate) fn run(
    args: &Args,
    application: Option<&dyn Application>,
    outside: Outside<'_>,
) -> Result<(), Error> {
    let operation = match &args.verb {
        Verb::List { reader, discarded } => {
            return list(&mut outside.open()?, reader.as_deref(), *discarded);
        }
        Verb::Show { reader, position } => return show(&mut outside.open()?, reader, *position),
        Verb::Retry(args) => Operation::RetryParked(args),
        Verb::Discard(args) => Operation::DiscardParked(args),
    };
    operate::run(&operation, application, outside)
}

fn cells(parked: Parked) -> Vec<Cell> {
    vec![
        parked.reader.into(),
        parked.build.into(),
        parked.partition.into(),
        parked.key.into(),
        Cell::position(parked.position),
        format!("{}/{}", parked.aggregate, parked.id).into(),
        parked.version.into(),
        parked.event.into(),
        parked.event_id.into(),
        parked.attempts.into(),
        parked.parked_at.into(),
        parked.discarded_at.into(),
        parked.discarded_why.into(),
        parked.reason.into(),
    ]
}

fn list(session: &mut Session<'_>, reader: Option<&str>, discarded: bool) -> Result<(), Error> {
    let Session {
        store,
        printer,
        notes,
    } = session;
    let mut rows = printer.rows(COLUMNS);
    each_parked(store, reader, discarded, &mut |_, parked| {
        rows.row(&cells(parked))
    })?;
    if let (true, Some(reader)) = (rows.is_empty(), reader) {
        known::reader(store, reader)?;
    }
    if rows.end()? == 0 {
        notes.say("no event is parked")?;
    }
    Ok(())
}

fn show(session: &mut Session<'_>, reader: &str, named: Position) -> Result<(), Error> {
    let Session { store, printer, .. } = session;
    let position = meant(named, store.head()?, false);
    let Some(parked) = find(store, reader, position)? else {
        known::reader(store, reader)?;
        return Err(Error::Missing(format!(
            "{reader} has no parked event at position {named}; `es parked list {reader}` lists them"
        )));
    };
    let event = at_position(store, position)?;
    let event = event.filter(|event| event.event_id == parked.event_id);
    let in_table = printer.format == crate::output::Format::Table;
    let mut values: Vec<(&'static str, Cell)> = COLUMNS
        .iter()
        .map(|column| column.name())
        .zip(cells(parked))
        .collect();
    let payload = event.map_or(Cell::None, |event| event.payload_cell(in_table));
    values.push(("payload", payload));
    if in_table {
        values.retain(|(_, value)| *value != Cell::None);
    }
    printer.record(&values)
}
