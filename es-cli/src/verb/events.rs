//! `es events`: the feed, or what a filter leaves of it.

use super::Session;
use crate::{
    Condition,
    error::Error,
    events::{COLUMNS, Filter, Shown, feed, find_stream},
    store::Store,
    time,
};
use es_record::{Position, Timestamp};
use std::ops::ControlFlow;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    filter: FilterArgs,
    /// From this position on
    #[arg(long, value_name = "POSITION")]
    from: Option<Position>,
    /// Up to this position
    #[arg(long, value_name = "POSITION")]
    to: Option<Position>,
    /// At most so many
    #[arg(long, short = 'n', value_name = "NUMBER")]
    limit: Option<u64>,
}

/// The filter that several verbs have.
#[derive(clap::Args, Debug)]
pub(crate) struct FilterArgs {
    /// Only events of this name, such as order.placed; may be given several times
    #[arg(long, value_name = "EVENT")]
    name: Vec<String>,
    /// Only events of this stream, such as order/4711
    #[arg(long, value_name = "STREAM")]
    stream: Option<String>,
    /// The aggregate of --stream, where two streams are written alike: `a/b/c` may be `c` of `a/b`
    #[arg(long, value_name = "NAME", requires = "stream")]
    aggregate: Option<String>,
    /// Only events that were recorded then or later: a time, or an age such as 2h
    #[arg(long, value_name = "TIME", value_parser = time::moment)]
    since: Option<Timestamp>,
    /// Only events that were recorded then or earlier
    #[arg(long, value_name = "TIME", value_parser = time::moment)]
    until: Option<Timestamp>,
    /// Only events of this user
    #[arg(long)]
    user: Option<String>,
    /// Only events with this correlation, and the event that it began with
    #[arg(long, value_name = "ID")]
    correlation: Option<String>,
    /// Only events whose payload fulfils this, such as '$.cents > 1000'; several must all hold
    #[arg(long = "where", value_name = "JSONPATH", value_parser = Condition::parse)]
    conditions: Vec<Condition>,
}

impl FilterArgs {
    pub(crate) fn filter(&self, store: &mut Store<'_>) -> Result<Filter, Error> {
        let aggregate = self.aggregate.as_deref();
        let stream = self.stream.as_deref();
        let stream = stream.map(|text| find_stream(store, text, aggregate));
        Ok(Filter {
            names: self.name.clone(),
            stream: stream.transpose()?,
            since: self.since,
            until: self.until,
            user: self.user.clone(),
            correlation: self.correlation.clone(),
            conditions: self.conditions.clone(),
        })
    }
}

pub(crate) fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Error> {
    let Session { store, printer, .. } = session;
    let filter = args.filter.filter(store)?;
    let head = store.head()?;
    let from = args.from.map_or(0, |from| meant(from, head, false));
    let after = from.saturating_sub(1);
    let to = head.min(args.to.map_or(i64::MAX, |to| meant(to, head, true)));
    let limit = args.limit.unwrap_or(u64::MAX);
    let mut rows = printer.rows(COLUMNS);
    let in_table = rows.is_table();
    let mut shown = 0;
    if limit > 0 {
        feed(store, &filter, after, to, &mut |event| {
            rows.row(&event.cells(in_table))?;
            shown += 1;
            Ok::<_, Error>(if shown >= limit {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })?;
    }
    if rows.end()? == 0 {
        session.notes.say("no event was found")?;
    }
    Ok(())
}

/// The number of the position that somebody names, in a store that ends at this number.
pub(super) fn meant(position: Position, head: i64, is_last: bool) -> i64 {
    es_tables::position::meant(position, head, is_last).unwrap_or(i64::MAX)
}
