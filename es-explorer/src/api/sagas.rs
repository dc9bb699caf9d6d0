//! Sagas and process managers, and where their instances stand.

use super::{Answer, ROWS, inputs::Inputs, steps::Steps};
use crate::{Application, answer::Failure, ask::Ask};
use es_tables::{
    Store,
    events::page_of_stream,
    sagas::{
        self, INPUTS, INSTANCES, Instance, count_overdue, find, named, page, page_of_overdue,
        phases, timers_of,
    },
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Instances are counted up to so many, of each status.
const COUNTED: usize = 1_000;
/// So many events of an instance are read to say where it stands.
const EVENTS: usize = 500;
const PAGES: usize = 10;

pub(super) fn sagas(store: &mut Store<'_>, _: &Ask) -> Answer {
    let mut found: BTreeMap<String, serde_json::Map<String, Value>> = BTreeMap::new();
    for aggregate in sagas::aggregates(store)? {
        let (name, _) = named(&aggregate, "");
        let shown = found.entry(name.to_owned()).or_default();
        shown.insert("name".to_owned(), name.into());
        if aggregate.starts_with(INPUTS) {
            let inputs = phases(store, &aggregate, "parked", COUNTED)?;
            let inputs: i64 = inputs.iter().map(|(_, number)| number).sum();
            shown.insert("inputs".to_owned(), inputs.into());
            continue;
        }
        for status in ["running", "parked", "done"] {
            let mut phases = phases(store, &aggregate, status, COUNTED)?;
            phases.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
            let phases: Vec<Value> = phases
                .into_iter()
                .map(|(phase, number)| json!({ "phase": phase, "instances": number }))
                .collect();
            shown.insert(status.to_owned(), phases.into());
        }
        let overdue = count_overdue(store, &aggregate, COUNTED)?;
        shown.insert("overdue".to_owned(), overdue.into());
        let kind = kind(store, &aggregate)?;
        shown.insert("kind".to_owned(), kind.into());
    }
    let found: Vec<Value> = found.into_values().map(Value::Object).collect();
    Ok(json!({ "sagas": found, "counted": COUNTED }))
}

fn kind(store: &mut Store<'_>, aggregate: &str) -> Result<&'static str, Failure> {
    for status in ["running", "parked", "done"] {
        let (instances, _) = page(store, aggregate, status, "", 1)?;
        if let Some(instance) = instances.first() {
            return Ok(instance.kind);
        }
    }
    Ok("saga")
}

/// The instances of a saga with a status.
pub(super) fn instances(store: &mut Store<'_>, ask: &Ask) -> Answer {
    let name = ask.required("name")?;
    let status = ask.text("status").unwrap_or("running");
    let aggregate = format!("{INSTANCES}{name}");
    let after = ask.text("after").unwrap_or_default();
    let (instances, is_cut) = match status {
        "running" | "parked" | "done" => page(store, &aggregate, status, after, ROWS)?,
        "inputs" => page(store, &format!("{INPUTS}{name}"), "parked", after, ROWS)?,
        "overdue" => (page_of_overdue(store, &aggregate, ROWS)?, false),
        other => {
            return Err(Failure::Wrong(format!(
                "`{other}` is no status: there are `running`, `parked`, `done`, `overdue` and `inputs`"
            )));
        }
    };
    let next = instances.last().filter(|_| is_cut);
    Ok(json!({
        "name": name,
        "status": status,
        "instances": instances.iter().map(shown).collect::<Vec<_>>(),
        "next": next.map(|last| json!({ "after": last.id })),
    }))
}

fn shown(instance: &Instance) -> Value {
    json!({
        "saga": instance.saga,
        "kind": instance.kind,
        "aggregate": instance.aggregate,
        "id": instance.id,
        "status": instance.status,
        "phase": instance.phase,
        "due_at": instance.due_at,
        "definition": instance.definition,
        "owner": instance.owner,
        "lease_until": instance.lease_until,
        "epoch": instance.epoch,
        "updated_at": instance.updated_at,
        "reason": instance.reason,
    })
}

/// One instance: its row, its timers, and the steps that its stream tells of.
pub(super) fn instance(store: &mut Store<'_>, ask: &Ask) -> Answer {
    let (name, id) = (ask.required("name")?, ask.required("id")?);
    let Some(instance) = find(store, name, id)? else {
        return Err(Failure::Missing(format!("{name} has no instance {id}")));
    };
    let mut timers = BTreeMap::new();
    let mut steps = Steps::default();
    let mut inputs = Inputs::default();
    let mut after = 0;
    let mut is_cut = true;
    for _ in 0..PAGES {
        let (events, more) = page_of_stream(store, &instance.aggregate, id, after, EVENTS)?;
        for event in &events {
            after = event.version;
            timers_of(event, &mut timers);
            steps.take(event);
            inputs.take(event);
        }
        is_cut = more;
        if !more {
            break;
        }
    }
    let definitions = ask.application().map(Application::sagas);
    let definition = definitions
        .unwrap_or_default()
        .iter()
        .find(|definition| definition.saga == name && definition.definition == instance.definition);
    let timers: Vec<Value> = timers
        .into_iter()
        .map(|(name, at)| json!({ "name": name, "at": at }))
        .collect();
    Ok(json!({
        "instance": shown(&instance),
        "timers": timers,
        "progress": steps.shown(definition),
        "inputs": inputs.shown(),
        "events": after,
        "is_cut": is_cut,
    }))
}
