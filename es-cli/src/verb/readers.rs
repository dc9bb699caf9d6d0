//! `es readers`: how far each reader of the events has come, and by how much it lags.

use super::Session;
use crate::{
    error::Error,
    known,
    output::{Cell, Column, column, detail},
    time,
};
use es_tables::readers;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only the reader of this name
    name: Option<String>,
}

const COLUMNS: &[Column] = &[
    column("reader"),
    column("kind"),
    column("version"),
    detail("build"),
    column("partition"),
    column("stage"),
    column("state"),
    column("position"),
    column("lag_events"),
    column("lag_seconds"),
    column("parked"),
    detail("owner"),
    column("reason"),
];

pub(crate) fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Error> {
    let Session {
        store,
        printer,
        notes,
    } = session;
    let wanted = args.name.as_deref();
    let readers = readers::all(store, wanted)?;
    if let (true, Some(name)) = (readers.is_empty(), wanted) {
        known::any(store, name)?;
    }
    let mut rows = printer.rows(COLUMNS);
    for reader in readers {
        let seconds = reader.lag_seconds;
        let seconds = if rows.is_table() {
            seconds.map_or_else(|| "0s".to_owned(), time::age).into()
        } else {
            Cell::Integer(seconds.unwrap_or(0))
        };
        rows.row(&[
            reader.name.into(),
            reader.kind.into(),
            reader.version.into(),
            reader.build.into(),
            reader.partition.into(),
            reader.stage.into(),
            reader.state.into(),
            Cell::position(reader.position),
            reader.lag_events.into(),
            seconds,
            reader.parked.into(),
            reader.owner.into(),
            reader.reason.into(),
        ])?;
    }
    if rows.end()? == 0 {
        notes.say(
            "no reader was found: no projection, subscription, saga or process manager has run here. Read \
             models in another SQLite file or schema are found with --read-store and --read-schema",
        )?;
    }
    Ok(())
}
