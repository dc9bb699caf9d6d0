//! `es tail`: the newest events, and with `-f` those that come.

use super::{Session, events::FilterArgs};
use crate::{
    error::Error,
    events::{COLUMNS, Shown, feed, newest},
};
use std::{ops::ControlFlow, thread, time::Duration};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Goes on with the events that come, until it is interrupted
    #[arg(long, short)]
    follow: bool,
    /// So many of the newest events
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 10)]
    lines: u16,
    #[command(flatten)]
    filter: FilterArgs,
}

/// How often `-f` looks. A look reads one row.
const PAUSE: Duration = Duration::from_millis(200);

pub(crate) fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Error> {
    let Session { store, printer, .. } = session;
    let filter = args.filter.filter(store)?;
    let mut head = store.head()?;
    let mut rows = printer.rows(COLUMNS);
    let in_table = rows.is_table();
    newest(store, &filter, (1, head), args.lines.into(), &mut |event| {
        rows.row(&event.cells(in_table))?;
        Ok::<_, Error>(ControlFlow::Continue(()))
    })?;
    if !args.follow {
        return rows.end().map(|_| ());
    }
    loop {
        rows.flush()?;
        let now = store.head()?;
        if now == head {
            thread::sleep(PAUSE);
            continue;
        }
        feed(store, &filter, head, now, &mut |event| {
            rows.row(&event.cells(in_table))?;
            Ok::<_, Error>(ControlFlow::Continue(()))
        })?;
        head = now;
    }
}
