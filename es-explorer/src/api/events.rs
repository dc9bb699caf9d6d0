//! Events: of one stream, of the whole store, or one of them.

use super::{
    Answer, POSITIONS, ROWS,
    event::{ALONE, IN_LIST, event as shown, state_of, with_form},
    shown as position_of,
    typed::{STATE_ALONE, STATE_IN_LIST, Typed},
};
use crate::{answer::Failure, ask::Ask};
use es_tables::{
    Error, Store,
    events::{
        Filter, StoredEvent, at_position, by_id, last_of_stream, neighbours, newest, page_of_stream,
    },
    position,
};
use serde_json::{Value, json};
use std::ops::ControlFlow;

/// A page of a stream, from a version on. `last` asks for its end.
pub(super) fn stream(store: &mut Store<'_>, ask: &Ask) -> Answer {
    let (aggregate, id) = (ask.required("aggregate")?, ask.required("id")?);
    let Some(last) = last_of_stream(store, aggregate, id)? else {
        return Err(Failure::Missing(format!(
            "the store has no stream {id} of the aggregate {aggregate}"
        )));
    };
    let rows = i64::try_from(ROWS).unwrap_or(i64::MAX);
    let from = match ask.number("from")? {
        Some(from) => from.clamp(1, last.version),
        None if ask.text("last").is_some() => last.version.saturating_sub(rows - 1).max(1),
        None => 1,
    };
    let (events, is_cut) = page_of_stream(store, aggregate, id, from - 1, ROWS)?;
    let (first, _) = page_of_stream(store, aggregate, id, 0, 1)?;
    let next = events.last().map(|event| event.version.saturating_add(1));
    let mut typed = Typed::begin(store, ask.application(), (aggregate, id), from)?;
    let state_before = typed.state(STATE_IN_LIST);
    let shown = events.iter().map(|event| {
        let form = typed.form(event, STATE_IN_LIST);
        with_form(event, &form, IN_LIST)
    });
    let shown: Vec<Value> = shown.collect();
    Ok(json!({
        "aggregate": aggregate,
        "id": id,
        "from": from,
        "events": shown,
        "types": typed.status(),
        "state_before": state_before.as_ref().map(state_of),
        "last_version": last.version,
        "first_at": first.first().map(|event| &event.recorded_at),
        "last_at": last.recorded_at,
        "previous": (from > 1).then(|| from.saturating_sub(rows).max(1)),
        "next": next.filter(|next| is_cut && *next <= last.version),
    }))
}

/// The newest events of the store that are wanted, newest first.
pub(super) fn events(store: &mut Store<'_>, ask: &Ask) -> Answer {
    let (low, end) = ask.range(store)?;
    let to = ask
        .position("before")?
        .map_or(end, |before| before.saturating_sub(1));
    let filter = Filter {
        names: ask.text("name").map(str::to_owned).into_iter().collect(),
        user: ask.text("user").map(str::to_owned),
        correlation: ask.text("correlation").map(str::to_owned),
        conditions: ask.conditions("where")?,
        ..Filter::default()
    };
    let low = low.max(position::start(to));
    let lowest = low.max(to.saturating_sub(position::span(to, POSITIONS)));
    let mut found = Vec::new();
    let mut oldest = None;
    newest::<Failure>(
        store,
        &filter,
        (lowest.saturating_add(1), to),
        ROWS,
        &mut |event| {
            oldest = oldest.or(Some(event.position));
            found.push(shown(event, IN_LIST));
            Ok(ControlFlow::Continue(()))
        },
    )?;
    found.reverse();
    let looked_from = match oldest {
        Some(oldest) if found.len() >= ROWS => oldest,
        _ => lowest.saturating_add(1),
    };
    let next = json!({
        "before": position_of(looked_from), "low": position_of(low), "end": position_of(end),
    });
    // Places cannot be counted.
    let left = looked_from.saturating_sub(low).saturating_sub(1).max(0);
    let left = if position::is_place(to) { 0 } else { left };
    Ok(json!({
        "events": found,
        "left": left,
        "next": (looked_from > low.saturating_add(1)).then_some(next),
    }))
}

/// One event, by its position or its id.
pub(super) fn event(store: &mut Store<'_>, ask: &Ask) -> Answer {
    let found: Result<Option<StoredEvent>, Error> =
        match (ask.position("position")?, ask.text("id")) {
            (Some(position), _) => at_position(store, position),
            (None, Some(id)) => by_id(store, id),
            (None, None) => {
                return Err(Failure::Wrong(
                    "say which event: by `position` or by `id`".to_owned(),
                ));
            }
        };
    let Some(found) = found? else {
        return Err(Failure::Missing(
            "the store has no such event. Positions go from 1 to the number of events; on JetStream they are such as 812.1".to_owned(),
        ));
    };
    let (before, after) = neighbours(store, found.position)?;
    let cause = match found.metadata(["causation"]) {
        [Some(id)] => by_id(store, &id)?,
        [None] => None,
    };
    let stream = (found.aggregate.as_str(), found.id.as_str());
    let mut typed = Typed::begin(store, ask.application(), stream, found.version)?;
    let state_before = typed.state(STATE_ALONE);
    let form = typed.form(&found, STATE_ALONE);
    Ok(json!({
        "event": with_form(&found, &form, ALONE),
        "types": typed.status(),
        "state_before": state_before.as_ref().map(state_of),
        "is_cut": found.json().is_some_and(|json| json.len() > ALONE),
        "cause": cause.map(|cause| shown(&cause, 0)),
        "before": before.map(position_of),
        "after": after.map(position_of),
    }))
}
