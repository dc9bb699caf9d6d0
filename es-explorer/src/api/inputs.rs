//! What an instance of a process manager took last, from its stored events, and at which input it is parked.
//!
//! The event is that of `es_sagas::log::Stepped`, which is a wire format.

use es_tables::events::StoredEvent;
use serde_json::{Value, json};
use std::collections::VecDeque;

/// So many inputs are shown.
const INPUTS: usize = 20;

#[derive(Default)]
pub(super) struct Inputs {
    last: VecDeque<Value>,
    parked_at: Option<String>,
}

impl Inputs {
    pub(super) fn take(&mut self, event: &StoredEvent) {
        if event.event != "process.stepped" {
            return;
        }
        let step = event
            .json()
            .and_then(|json| serde_json::from_str(json).ok());
        let Some(step): Option<Value> = step else {
            return;
        };
        let inside = |part: &str, field: &str| step.get(part)?.get(field)?.as_str();
        let name = ["name", "verb", "is"]
            .iter()
            .find_map(|field| inside("cause", field));
        let outcome = inside("outcome", "is");
        match outcome {
            Some("parked") => self.parked_at = name.map(str::to_owned),
            Some("reacted") => self.parked_at = None,
            _ => {}
        }
        let whole = |part: &str| step.get(part).filter(|value| !value.is_null()).cloned();
        self.last.push_back(json!({
            "version": event.version,
            "at": event.recorded_at,
            "kind": inside("cause", "is"),
            "name": name,
            "aggregate": inside("cause", "aggregate"),
            "of": inside("cause", "of"),
            "by": inside("cause", "by"),
            "why": inside("cause", "reason").or_else(|| inside("outcome", "why")),
            "outcome": outcome,
            "timers": whole("timers"),
            "commands": whole("commands"),
            "rejected": whole("rejected"),
            "ended": whole("ended"),
        }));
        if self.last.len() > INPUTS {
            self.last.pop_front();
        }
    }

    /// The newest input first.
    pub(super) fn shown(self) -> Value {
        let newest_first: Vec<Value> = self.last.into_iter().rev().collect();
        json!({ "last": newest_first, "most": INPUTS, "parked_at": self.parked_at })
    }
}
