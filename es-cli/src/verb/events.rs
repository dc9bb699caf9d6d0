//! `es events`: the feed, or what a filter leaves of it.

use super::Session;
use crate::{
    condition::Condition,
    error::Error,
    events::{COLUMNS, Filter, feed, find_stream},
    store::Store,
    time,
};
use es_record::Timestamp;
use std::ops::ControlFlow;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    filter: FilterArgs,
    /// From this position on
    #[arg(long, value_name = "POSITION")]
    from: Option<u64>,
    /// Up to this position
    #[arg(long, value_name = "POSITION")]
    to: Option<u64>,
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
    let after = args.from.map_or(0, |from| clamped(from.saturating_sub(1)));
    let to = store.head()?.min(args.to.map_or(i64::MAX, clamped));
    let limit = args.limit.unwrap_or(u64::MAX);
    let mut rows = printer.rows(COLUMNS);
    let in_table = rows.is_table();
    let mut shown = 0;
    if limit > 0 {
        feed(store, &filter, after, to, &mut |event| {
            rows.row(&event.cells(in_table))?;
            shown += 1;
            Ok(if shown >= limit {
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

fn clamped(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}
