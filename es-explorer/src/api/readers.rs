//! How far each reader of the events has come.

use super::{Answer, shown};
use crate::ask::Ask;
use es_tables::{Store, readers::all, time};
use serde_json::{Value, json};

pub(super) fn readers(store: &mut Store<'_>, _: &Ask) -> Answer {
    let readers = all(store, None)?;
    let readers: Vec<Value> = readers
        .iter()
        .map(|reader| {
            json!({
                "name": reader.name,
                "kind": reader.kind,
                "version": reader.version,
                "build": reader.build,
                "partition": reader.partition,
                "stage": reader.stage,
                "state": reader.state,
                "position": shown(reader.position),
                "lag_events": reader.lag_events,
                "lag_seconds": reader.lag_seconds.unwrap_or(0),
                "parked": reader.parked,
                "owner": reader.owner,
                "reason": reader.reason,
            })
        })
        .collect();
    let now = store.now()?;
    Ok(json!({
        "readers": readers,
        "head": store.count()?,
        "now": time::of_micros(now)?.to_string(),
        "has_read_models": store.has_read_models()?,
    }))
}
