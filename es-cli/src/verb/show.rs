//! `es show`: one stream, or the beginning of it.

use super::Session;
use crate::{
    error::Error,
    events::{COLUMNS, EVENT, StoredEvent, find_stream},
    store::{PAGE, Query, Store},
    time,
};
use es_record::Timestamp;
use std::ops::ControlFlow;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The stream, such as order/4711
    stream: String,
    /// The aggregate of the stream, where two streams are written alike: `a/b/c` may be `c` of `a/b`
    #[arg(long, value_name = "NAME")]
    aggregate: Option<String>,
    /// Up to this version (a number), or as it was at this time (2026-11-03, 2026-11-03T14:00:00Z, 2h)
    #[arg(long, value_name = "VERSION|TIME", value_parser = at)]
    at: Option<At>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum At {
    Version(i64),
    Time(Timestamp),
}

fn at(text: &str) -> Result<At, String> {
    if let Ok(version) = text.parse() {
        return Ok(At::Version(version));
    }
    time::moment(text).map(At::Time)
}

pub(crate) fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Error> {
    let Session { store, printer, .. } = session;
    let (aggregate, id) = find_stream(store, &args.stream, args.aggregate.as_deref())?;
    let mut rows = printer.rows(COLUMNS);
    let in_table = rows.is_table();
    each_of_stream(store, &aggregate, &id, &mut |event| {
        let is_later = match args.at {
            None => false,
            Some(At::Version(version)) => event.version > version,
            Some(At::Time(moment)) => {
                let recorded_at: Option<Timestamp> = event.recorded_at.parse().ok();
                recorded_at.is_some_and(|recorded_at| recorded_at > moment)
            }
        };
        if is_later {
            return Ok(ControlFlow::Break(()));
        }
        rows.row(&event.cells(in_table))?;
        Ok(ControlFlow::Continue(()))
    })?;
    if rows.end()? == 0 {
        session
            .notes
            .say(&format!("{} had no event then", args.stream))?;
    }
    Ok(())
}

/// Calls `each` with the events of a stream in order.
pub(crate) fn each_of_stream(
    store: &mut Store<'_>,
    aggregate: &str,
    id: &str,
    each: &mut dyn FnMut(&StoredEvent) -> Result<ControlFlow<()>, Error>,
) -> Result<(), Error> {
    let mut after = 0;
    loop {
        let mut query = Query::new(EVENT).with(aggregate).with(id).with(after);
        query.push(&format!(
            " WHERE e.aggregate = $1 AND e.aggregate_id = $2 AND e.version > $3 ORDER BY e.version LIMIT {PAGE}"
        ));
        let page = store.page(&query, PAGE)?;
        for row in &page.rows {
            let event = StoredEvent::of(row)?;
            after = event.version;
            if each(&event)?.is_break() {
                return Ok(());
            }
        }
        if !page.is_cut {
            return Ok(());
        }
    }
}
