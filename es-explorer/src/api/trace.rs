//! What followed from a request: the events with its correlation, in parts.
//!
//! Correlations have no index. So a part looks through a bounded number of events, and says up to where it has come.

use super::{Answer, POSITIONS, shown};
use crate::{answer::Failure, ask::Ask};
use es_tables::{
    Store,
    events::{Filter, StoredEvent, by_id, feed},
    position,
};
use serde_json::{Value, json};
use std::ops::ControlFlow;

/// So many events of a part.
const EVENTS: usize = 500;
/// So far before an event one begins to look for others with its correlation.
const BEFORE: i64 = 20_000;

pub(super) fn trace(store: &mut Store<'_>, ask: &Ask) -> Answer {
    let asked = ask.required("correlation")?;
    let head = store.head()?;
    let (correlation, after) = match ask.position("after")? {
        Some(after) => (asked.to_owned(), after),
        None => begin(store, ask, asked)?,
    };
    let filter = Filter {
        correlation: Some(correlation.clone()),
        ..Filter::default()
    };
    let after = after.max(position::start(head));
    let to = after
        .saturating_add(position::span(head, POSITIONS))
        .min(head);
    let mut found = Vec::new();
    let mut looked_to = to.max(after);
    feed::<Failure>(store, &filter, after, to, &mut |event| {
        found.push(node(event));
        Ok(if found.len() >= EVENTS {
            looked_to = event.position;
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    })?;
    Ok(json!({
        "correlation": correlation,
        "after": shown(after),
        "events": found,
        "looked_to": shown(looked_to),
        "head": shown(head),
        "of": (!position::is_place(head)).then_some(head),
        "next": (looked_to < head).then(|| json!({ "correlation": correlation, "after": shown(looked_to) })),
    }))
}

/// The correlation that is meant, and the position after which it begins.
fn begin(store: &mut Store<'_>, ask: &Ask, asked: &str) -> Result<(String, i64), Failure> {
    let begun = by_id(store, asked)?;
    let Some(begun) = begun else {
        let near = ask.position("near")?.unwrap_or(0);
        return Ok((asked.to_owned(), before(near)));
    };
    match begun.metadata(["correlation"]) {
        // What follows from an event comes after it.
        [None] => Ok((begun.event_id.clone(), begun.position.saturating_sub(1))),
        [Some(correlation)] => {
            let first = by_id(store, &correlation)?.map(|first| first.position.saturating_sub(1));
            Ok((correlation, first.unwrap_or(before(begun.position))))
        }
    }
}

/// So far before a position.
fn before(near: i64) -> i64 {
    near.saturating_sub(position::span(near, BEFORE))
        .max(position::start(near))
}

fn node(event: &StoredEvent) -> Value {
    let [causation, user] = event.metadata(["causation", "user"]);
    json!({
        "position": shown(event.position),
        "aggregate": event.aggregate,
        "id": event.id,
        "version": event.version,
        "event": event.event,
        "recorded_at": event.recorded_at,
        "event_id": event.event_id,
        "causation": causation,
        "user": user,
    })
}
