//! The events that projections and subscriptions could not handle, and how much waits for an operator.

use super::{Answer, ROWS, shown as position_of};
use crate::ask::Ask;
use es_tables::{
    Store,
    parked::{count_of_key, page},
    sagas::{INSTANCES, phases},
};
use serde_json::{Value, json};

/// What waits is counted up to so many.
const COUNTED: usize = 1_000;

/// How much a retry would begin: of a key of a reader, or of all parked instances of a saga.
pub(super) fn waiting(store: &mut Store<'_>, ask: &Ask) -> Answer {
    let waiting = if let Some(saga) = ask.text("saga") {
        let parked = phases(store, &format!("{INSTANCES}{saga}"), "parked", COUNTED)?;
        parked.iter().map(|(_, number)| number).sum()
    } else {
        let (reader, key) = (ask.required("reader")?, ask.required("key")?);
        count_of_key(store, reader, key, COUNTED)?
    };
    Ok(json!({ "waiting": waiting, "counted": COUNTED }))
}

pub(super) fn parked(store: &mut Store<'_>, ask: &Ask) -> Answer {
    let after = match (
        ask.text("after_reader"),
        ask.number("after_build")?,
        ask.number("after_partition")?,
        ask.number("after_number")?,
    ) {
        (Some(reader), Some(build), Some(partition), Some(number)) => {
            Some((reader.to_owned(), build, partition, number))
        }
        _ => None,
    };
    let discarded = ask.text("discarded").is_some();
    let (parked, is_cut) = page(store, ask.text("reader"), discarded, after, ROWS)?;
    let next = parked.last().filter(|_| is_cut).map(|last| {
        let (reader, build, partition, number) = last.key();
        json!({
            "after_reader": reader,
            "after_build": build,
            "after_partition": partition,
            "after_number": number,
        })
    });
    let shown: Vec<Value> = parked
        .iter()
        .map(|parked| {
            json!({
                "reader": parked.reader,
                "build": parked.build,
                "partition": parked.partition,
                "number": parked.number,
                "key": parked.key,
                "position": position_of(parked.position),
                "aggregate": parked.aggregate,
                "id": parked.id,
                "version": parked.version,
                "event": parked.event,
                "attempts": parked.attempts,
                "parked_at": parked.parked_at,
                "discarded_at": parked.discarded_at,
                "discarded_why": parked.discarded_why,
                "reason": parked.reason,
            })
        })
        .collect();
    Ok(json!({ "parked": shown, "next": next, "has_read_models": store.has_read_models()? }))
}
