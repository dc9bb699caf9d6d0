//! Where an instance of a saga stands, from its stored events: what became of each step, of its undo, and of the whole.
//!
//! The events are those of `es_sagas::log`. They are a wire format, so they are read here by their names, without that crate.

use crate::SagaDefinition;
use es_tables::events::StoredEvent;
use serde_json::{Map, Value, json};

/// Steps that the runtime adds: the commands at the end.
const ENDS: [&str; 2] = ["completed", "compensated"];

#[derive(Default)]
pub(super) struct Steps {
    begun: Vec<Step>,
    /// The call that is made or waits, and whether it is an undo.
    pending: Option<(String, bool)>,
    deadline: Option<Value>,
    unwinding: Option<Value>,
    parked: Option<Value>,
    repairs: Vec<Value>,
}

struct Step {
    name: String,
    call: Call,
    undo: Call,
}

/// A step or its undo.
#[derive(Default)]
struct Call {
    /// `None` before it has begun.
    state: Option<&'static str>,
    attempt: Option<Value>,
    error: Option<Value>,
    /// When it is called again.
    next_at: Option<Value>,
    /// When this was recorded.
    at: Option<String>,
    version: Option<i64>,
}

impl Call {
    fn set(&mut self, state: &'static str, event: &StoredEvent) {
        self.state = Some(state);
        self.next_at = None;
        self.at = Some(event.recorded_at.clone());
        self.version = Some(event.version);
    }

    fn shown(&self) -> Value {
        json!({
            "state": self.state.unwrap_or("not begun"),
            "attempt": self.attempt,
            "error": self.error,
            "next_at": self.next_at,
            "at": self.at,
            "version": self.version,
        })
    }
}

/// The fields of a payload.
struct Fields(Map<String, Value>);

impl Fields {
    fn of(event: &StoredEvent) -> Option<Self> {
        match serde_json::from_str(event.json()?) {
            Ok(Value::Object(fields)) => Some(Self(fields)),
            _ => None,
        }
    }

    fn get(&self, name: &str) -> Option<Value> {
        self.0.get(name).filter(|value| !value.is_null()).cloned()
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// Which variant an enum is.
    fn which(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.get("is")?.as_str()
    }

    fn inside(&self, name: &str, field: &str) -> Option<Value> {
        self.0.get(name)?.get(field).cloned()
    }
}

impl Steps {
    pub(super) fn take(&mut self, event: &StoredEvent) {
        let Some(kind) = event.event.strip_prefix("saga.") else {
            return;
        };
        let Some(fields) = Fields::of(event) else {
            return;
        };
        match kind {
            "started" => self.deadline = fields.get("deadline"),
            "clock_corrected" => {
                self.deadline = fields.get("deadline").or(self.deadline.take());
            }
            "unwind_started" => self.unwind(&fields, event),
            "parked" => self.parked = fields.get("message"),
            "repaired" => self.repaired(&fields, event),
            "completed" | "compensated" => self.parked = None,
            _ => self.call(kind, &fields, event),
        }
    }

    fn unwind(&mut self, fields: &Fields, event: &StoredEvent) {
        self.parked = None;
        self.pending = None;
        let why = fields.get("why").unwrap_or_default();
        self.unwinding = Some(json!({ "why": why, "at": event.recorded_at }));
        for step in &mut self.begun {
            if matches!(step.call.state, Some("calling" | "waiting" | "interrupted")) {
                step.call.set("unknown", event);
            }
        }
    }

    /// A step that is called, or what became of a call.
    fn call(&mut self, kind: &str, fields: &Fields, event: &StoredEvent) {
        let Some(name) = fields.text("step") else {
            return;
        };
        let is_undo = kind == "step_undone" || fields.text("to") == Some("undo");
        match kind {
            "step_scheduled" => self.pending = Some((name.to_owned(), is_undo)),
            "step_succeeded" | "step_undone" => self.pending = None,
            _ => {}
        }
        self.change(name, |step| step.outcome(kind, is_undo, fields, event));
    }

    fn repaired(&mut self, fields: &Fields, event: &StoredEvent) {
        let Some(verb) = fields.which("verb").map(str::to_owned) else {
            return;
        };
        self.repairs.push(json!({
            "verb": verb,
            "by": fields.get("by"),
            "reason": fields.get("reason"),
            "at": event.recorded_at,
        }));
        if verb != "take_over" {
            self.parked = None;
        }
        let is_unwinding = self.unwinding.is_some();
        let step = fields.inside("verb", "step");
        let step = step.as_ref().and_then(Value::as_str);
        match (verb.as_str(), step) {
            ("skip", Some(step)) if is_unwinding => {
                self.pending = None;
                self.change(step, |step| {
                    step.undo.set("skipped", event);
                    step.call.set("undone", event);
                });
            }
            ("skip", Some(step)) => {
                self.pending = None;
                self.change(step, |step| step.call.set("skipped", event));
            }
            ("complete_with", Some(step)) => {
                self.pending = None;
                self.change(step, |step| step.call.set("done", event));
            }
            ("retry", _) => {
                if let Some((step, is_undo)) = self.pending.clone() {
                    self.change(&step, |step| {
                        let call = if is_undo {
                            &mut step.undo
                        } else {
                            &mut step.call
                        };
                        call.set("calling", event);
                    });
                }
            }
            _ => {}
        }
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&mut Step)) {
        if let Some(step) = self.begun.iter_mut().find(|step| step.name == name) {
            return change(step);
        }
        let mut step = Step::of(name);
        change(&mut step);
        self.begun.push(step);
    }

    /// All steps: in the order of the definition where it is known, otherwise those that have begun.
    pub(super) fn shown(mut self, definition: Option<&SagaDefinition>) -> Value {
        let mut all = Vec::new();
        for step in definition.iter().flat_map(|definition| &definition.steps) {
            let at = self.begun.iter().position(|begun| begun.name == step.name);
            let begun = at.map_or_else(|| Step::of(&step.name), |at| self.begun.remove(at));
            let mut shown = begun.shown();
            if let Some(shown) = shown.as_object_mut() {
                shown.insert("has_undo".to_owned(), step.has_undo.into());
                shown.insert("is_pivot".to_owned(), step.is_pivot.into());
                shown.insert("is_command".to_owned(), step.is_command.into());
                shown.insert("needs".to_owned(), step.needs.clone().into());
            }
            all.push(shown);
        }
        all.extend(self.begun.iter().map(Step::shown));
        json!({
            "steps": all,
            "has_definition": definition.is_some(),
            "deadline": self.deadline,
            "unwinding": self.unwinding,
            "parked": self.parked,
            "repairs": self.repairs,
        })
    }
}

impl Step {
    fn of(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            call: Call::default(),
            undo: Call::default(),
        }
    }

    /// What became of a call.
    fn outcome(&mut self, kind: &str, is_undo: bool, fields: &Fields, event: &StoredEvent) {
        let call = if is_undo {
            &mut self.undo
        } else {
            &mut self.call
        };
        if let Some(attempt) = fields.get("attempt") {
            call.attempt = Some(attempt);
        }
        match kind {
            "step_scheduled" => {
                call.set("calling", event);
                call.error = None;
            }
            "step_succeeded" => {
                call.set("done", event);
                call.error = None;
            }
            "late_success" => {
                call.set("done", event);
                self.undo = Call::default();
            }
            "step_undone" => {
                call.set("done", event);
                call.error = None;
                self.call.set("undone", event);
            }
            "step_interrupted" => {
                call.set("interrupted", event);
                call.next_at = fields.get("at");
            }
            "step_failed" => {
                let state = match fields.which("verdict") {
                    Some("retry") => "waiting",
                    Some("unknown") if !is_undo => "unknown",
                    _ => "failed",
                };
                call.set(state, event);
                call.error = fields.get("error");
                call.next_at = fields.inside("verdict", "at");
            }
            _ => {}
        }
    }

    fn shown(&self) -> Value {
        json!({
            "step": self.name,
            "is_end": ENDS.contains(&self.name.as_str()),
            "call": self.call.shown(),
            "undo": self.undo.shown(),
        })
    }
}
