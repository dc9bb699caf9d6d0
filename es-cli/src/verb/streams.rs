//! `es streams`: which streams there are.

use super::Session;
use crate::{
    error::Error,
    events::of_saga,
    output::{Cell, Column, column, detail},
};
use es_tables::streams::{aggregates, each_stream};
use std::ops::ControlFlow;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only streams of this aggregate, such as `order` or `saga:fulfil-order`
    #[arg(long, value_name = "NAME")]
    aggregate: Option<String>,
    /// Only ids like this: % stands for any text, _ for one character. Quick where it begins with plain text
    #[arg(long, value_name = "PATTERN")]
    like: Option<String>,
    /// At most so many
    #[arg(long, short = 'n', value_name = "NUMBER")]
    limit: Option<u64>,
}

const COLUMNS: &[Column] = &[
    column("stream"),
    detail("aggregate"),
    detail("aggregate_id"),
    column("events"),
    column("first_at"),
    column("last_at"),
    column("last_event"),
];

pub(crate) fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Error> {
    let Session { store, printer, .. } = session;
    let mut rows = printer.rows(COLUMNS);
    let limit = args.limit.unwrap_or(u64::MAX);
    let mut shown = 0;
    let like = args.like.as_deref();
    let aggregates = match &args.aggregate {
        Some(aggregate) => vec![aggregate.clone()],
        None => aggregates(store, "", usize::MAX)?,
    };
    for aggregate in aggregates {
        if shown >= limit {
            break;
        }
        each_stream(store, &aggregate, like, &mut |stream| {
            let cells: Vec<Cell> = vec![
                format!("{aggregate}/{}", stream.id).into(),
                aggregate.as_str().into(),
                stream.id.as_str().into(),
                stream.events.into(),
                stream.first_at.as_deref().into(),
                stream.last_at.as_str().into(),
                stream.last_event.as_str().into(),
            ];
            rows.row(&cells)?;
            shown += 1;
            Ok::<_, Error>(if shown >= limit {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })?;
    }
    if rows.end()? > 0 {
        return Ok(());
    }
    let of_saga = match &args.aggregate {
        Some(aggregate) => of_saga(store, aggregate)?.map(|streams| (aggregate, streams)),
        None => None,
    };
    session.notes.say(&match of_saga {
        Some((name, streams)) => format!(
            "no stream was found; those of the process manager or saga `{name}` have `--aggregate {streams}`"
        ),
        None => "no stream was found".to_owned(),
    })
}
