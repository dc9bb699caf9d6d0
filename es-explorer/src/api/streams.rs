//! Streams: those that changed lately, or all of them by id.

use super::{Answer, ROWS, shown as position_of};
use crate::{answer::Failure, ask::Ask};
use es_tables::{
    Store,
    events::last_of_stream,
    position,
    streams::{self, StreamRow},
};
use serde_json::{Value, json};

/// So many positions one request looks through for streams that changed.
const POSITIONS: i64 = 20_000;
/// So many streams one request looks at, a page of them at a time.
const LOOKS: usize = 2_000;
const PAGE: usize = 200;
/// So many aggregates. There are few.
const AGGREGATES: usize = 1_000;

pub(super) fn aggregates(store: &mut Store<'_>, _: &Ask) -> Answer {
    Ok(json!({ "aggregates": streams::aggregates(store, "", AGGREGATES)? }))
}

pub(super) fn streams(store: &mut Store<'_>, ask: &Ask) -> Answer {
    match ask.text("order") {
        None | Some("recent") => recent(store, ask),
        Some("id") => by_id(store, ask),
        Some(other) => Err(Failure::Wrong(format!(
            "`{other}` is no order: there are `recent` and `id`"
        ))),
    }
}

/// Text that is searched for may be anywhere, unless it says by `%` where.
fn pattern(ask: &Ask) -> Option<String> {
    let text = ask.text("search")?;
    Some(if text.contains('%') {
        text.to_owned()
    } else {
        format!("%{text}%")
    })
}

fn shown(aggregate: &str, stream: &StreamRow) -> Value {
    json!({
        "aggregate": aggregate,
        "id": stream.id,
        "events": stream.events,
        "first_at": stream.first_at,
        "last_at": stream.last_at,
        "last_event": stream.last_event,
    })
}

fn recent(store: &mut Store<'_>, ask: &Ask) -> Answer {
    let (low, end) = ask.range(store)?;
    let to = ask
        .position("before")?
        .map_or(end, |before| before.saturating_sub(1));
    let low = low.max(position::start(to));
    let like = pattern(ask);
    let page = streams::recent(
        store,
        ask.text("aggregate"),
        like.as_deref(),
        (low, to, end),
        ROWS,
        position::span(to, POSITIONS),
    )?;
    let found: Vec<Value> = page
        .streams
        .iter()
        .map(|recent| shown(&recent.aggregate, &recent.stream))
        .collect();
    let is_more = page.looked_from > low.saturating_add(1);
    let next = json!({
        "before": position_of(page.looked_from), "low": position_of(low), "end": position_of(end),
    });
    // Places cannot be counted.
    let left = page
        .looked_from
        .saturating_sub(low)
        .saturating_sub(1)
        .max(0);
    let left = if position::is_place(to) { 0 } else { left };
    Ok(json!({
        "streams": found,
        "exact": exact(store, ask)?,
        "left": left,
        "next": is_more.then_some(next),
    }))
}

fn by_id(store: &mut Store<'_>, ask: &Ask) -> Answer {
    let like = pattern(ask);
    let begun = ask.text("after_aggregate");
    let names = match (ask.text("aggregate"), begun) {
        (Some(aggregate), _) => vec![aggregate.to_owned()],
        (None, None) => streams::aggregates(store, "", AGGREGATES)?,
        (None, Some(begun)) => {
            let mut names = vec![begun.to_owned()];
            names.extend(streams::aggregates(store, begun, AGGREGATES)?);
            names
        }
    };
    let mut found = Vec::new();
    let mut looks = 0;
    let mut next = None;
    'names: for aggregate in &names {
        let mut after = ask
            .text("after")
            .filter(|_| begun == Some(aggregate.as_str()))
            .map(str::to_owned);
        loop {
            if looks >= LOOKS {
                next = Some((aggregate.clone(), after.unwrap_or_default()));
                break 'names;
            }
            let page = streams::page(store, aggregate, like.as_deref(), after.as_deref(), PAGE)?;
            looks += PAGE;
            for stream in page.streams {
                found.push(shown(aggregate, &stream));
                if found.len() >= ROWS {
                    next = Some((aggregate.clone(), stream.id));
                    break 'names;
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(json!({
        "streams": found,
        "exact": exact(store, ask)?,
        "next": next.map(|(aggregate, id)| json!({ "after_aggregate": aggregate, "after": id })),
    }))
}

/// The streams that are written exactly as what is searched for, such as `order/4711`. Either half may have a slash.
fn exact(store: &mut Store<'_>, ask: &Ask) -> Result<Vec<Value>, Failure> {
    let mut found = Vec::new();
    // Only the first page has them.
    if ask.text("before").is_some() || ask.text("after_aggregate").is_some() {
        return Ok(found);
    }
    let text = ask.text("search").unwrap_or_default();
    for (at, _) in text.match_indices('/').take(10) {
        let (Some(aggregate), Some(id)) = (text.get(..at), text.get(at + 1..)) else {
            continue;
        };
        if let Some(last) = last_of_stream(store, aggregate, id)? {
            found.push(json!({ "aggregate": aggregate, "id": id, "events": last.version }));
        }
    }
    Ok(found)
}
