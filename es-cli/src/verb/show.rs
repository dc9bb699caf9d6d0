//! `es show`: one stream, or the beginning of it.

use super::{
    Session,
    at::{At, at},
};
use crate::{
    application::Application,
    error::Error,
    events::{COLUMNS, Shown, StoredEvent, each_of_stream, find_stream},
    store::Store,
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

pub(crate) fn run(
    args: &Args,
    application: Option<&dyn Application>,
    session: &mut Session<'_>,
) -> Result<(), Error> {
    let Session { store, printer, .. } = session;
    let (aggregate, id) = find_stream(store, &args.stream, args.aggregate.as_deref())?;
    let of_types = match application {
        Some(types) => types.show((&aggregate, &id), args.at, store, printer)?,
        None => None,
    };
    let shown = if let Some(shown) = of_types {
        shown
    } else {
        let mut rows = printer.rows(COLUMNS);
        let in_table = rows.is_table();
        each_until(store, (&aggregate, &id), args.at, &mut |event| {
            rows.row(&event.cells(in_table))
        })?;
        rows.end()?
    };
    if shown == 0 {
        session
            .notes
            .say(&format!("{} had no event then", args.stream))?;
    }
    Ok(())
}

/// Calls `each` with the events of a stream that it had then, in order.
pub(crate) fn each_until(
    store: &mut Store<'_>,
    (aggregate, id): (&str, &str),
    at: Option<At>,
    each: &mut dyn FnMut(&StoredEvent) -> Result<(), Error>,
) -> Result<(), Error> {
    each_of_stream(store, aggregate, id, &mut |event| {
        let is_later = match at {
            None => false,
            Some(At::Version(version)) => event.version > version,
            Some(At::Time(moment)) => {
                let recorded_at: Option<Timestamp> = event.recorded_at.parse().ok();
                recorded_at.is_some_and(|recorded_at| recorded_at > moment)
            }
        };
        if is_later {
            return Ok::<_, Error>(ControlFlow::Break(()));
        }
        each(event)?;
        Ok(ControlFlow::Continue(()))
    })
}
