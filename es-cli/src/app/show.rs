//! `show` with the types of the application.

use super::{
    changes,
    types::{ReadAs, Streams},
};
use crate::{
    error::Error,
    events::{Shown, StoredEvent},
    output::{Cell, Column, Format, Printer, column, detail, quoted},
    store::Store,
    verb::{at::At, show::each_until},
};

const COLUMNS: &[Column] = &[
    column("position"),
    column("recorded_at"),
    detail("stream"),
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
    detail("read_as"),
    detail("state"),
    column("changed_by_upcasting"),
];

/// Shows the events as they are stored, what they are read as where that differs, and the state after the last one.
pub(super) fn run(
    types: &dyn Streams,
    (aggregate, id): (&str, &str),
    at: Option<At>,
    store: &mut Store<'_>,
    printer: &mut Printer<'_>,
) -> Result<u64, Error> {
    let in_table = printer.format == Format::Table;
    let mut reading = types.read();
    let mut version = 0;
    let mut rows = printer.rows(COLUMNS);
    each_until(store, (aggregate, id), at, &mut |event| {
        version = event.version;
        let read = reading.event(event, true);
        let mut cells = event.cells(in_table);
        cells.push(read.as_deref().map_or(Cell::None, read_as));
        let state = reading.state().filter(|_| !in_table);
        cells.push(state.map(|state| format!("{state:?}")).into());
        cells.push(changed(event, read.as_deref()).into());
        rows.row(&cells)
    })?;
    let shown = rows.end()?;
    if in_table && shown > 0 {
        if let Some(state) = reading.state() {
            let heading = format!("STATE AT VERSION {version}");
            printer.lines(&heading, &format!("{state:#?}"))?;
        }
    }
    Ok(shown)
}

fn changed(event: &StoredEvent, read: Result<&[ReadAs], &String>) -> Option<String> {
    match read {
        Ok(read) => changes::in_a_line(event, read),
        Err(why) => Some(format!("it cannot be read: {why}")),
    }
}

fn read_as(read: &[ReadAs]) -> Cell {
    let each = read.iter().map(|read| {
        let payload = read.payload.as_deref().unwrap_or("null");
        let name = quoted(read.name);
        format!(
            "{{\"event\":{name},\"schema_version\":{},\"payload\":{payload}}}",
            read.version
        )
    });
    Cell::Json(format!("[{}]", each.collect::<Vec<_>>().join(",")))
}
