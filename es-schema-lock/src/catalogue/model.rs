//! What a catalogue knows, as data. `catalogue.json` is this module as JSON.

use super::{Catalogue, json_schema};
use es_runtime::schema::{EventShape, Retired, Retirement};
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt;

/// The events of an aggregate, and the commands that it lists.
#[derive(Clone, Debug)]
pub(super) struct Described {
    pub(super) type_name: &'static str,
    /// The first half of its stream ids.
    pub(super) category: String,
    pub(super) content_type: &'static str,
    pub(super) commands: Vec<&'static str>,
    pub(super) events: &'static [EventShape],
    pub(super) retired: &'static [Retired],
}

/// What reads events, whatever it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Reader {
    pub(super) name: String,
    pub(super) kind: String,
    /// The names that it reads, `None` for all.
    #[serde(rename = "events")]
    pub(super) names: Option<Vec<String>>,
}

impl Reader {
    pub(super) fn reads(&self, event: &str) -> bool {
        let names = self.names.as_ref();
        names.is_none_or(|names| names.iter().any(|name| name == event))
    }
}

/// The kinds of the readers that are sagas and process managers.
pub(super) const SAGA: &str = "saga";
pub(super) const PROCESS_MANAGER: &str = "process-manager";

/// A command and the aggregate that it goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct CommandTo {
    pub(super) aggregate: &'static str,
    pub(super) command: &'static str,
}

/// A saga. Its events are also those of a [`Reader`].
#[derive(Clone, Debug, Serialize)]
pub(super) struct Saga {
    pub(super) version: u32,
    /// Whether it starts no instances any more.
    pub(super) frozen: bool,
    pub(super) starts_on: Vec<&'static str>,
    pub(super) cancels_on: Vec<&'static str>,
    pub(super) deadline_ms: Option<u64>,
    pub(super) steps: Vec<Step>,
    /// The commands at the end of a completed and of a compensated one.
    pub(super) completed: Option<Action>,
    pub(super) compensated: Option<Action>,
    /// In Mermaid.
    pub(super) diagram: String,
}

impl Saga {
    /// The commands that it sends, once for each place that sends one.
    pub(super) fn sends(&self) -> impl Iterator<Item = CommandTo> {
        let steps = self
            .steps
            .iter()
            .flat_map(|step| [Some(step.action), step.undo]);
        let ends = [self.completed, self.compensated];
        steps.chain(ends).flatten().filter_map(Action::sends)
    }
}

/// A step of a saga.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Step {
    pub(super) name: &'static str,
    /// The steps whose outputs it uses.
    pub(super) needs: Vec<&'static str>,
    pub(super) action: Action,
    /// `None` where nothing is to be undone.
    pub(super) undo: Option<Action>,
    /// Whether it is the point of no return.
    pub(super) pivot: bool,
    pub(super) timeout_ms: u64,
    pub(super) attempts: u32,
    pub(super) undo_timeout_ms: u64,
    pub(super) undo_attempts: u32,
}

/// What a step, its undo, or the end of a saga does.
#[cfg_attr(
    not(feature = "sagas"),
    allow(dead_code, reason = "only sagas have steps")
)]
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Action {
    /// A call of another system.
    Call,
    /// A command to an aggregate, `None` where its type does not say which one.
    Command { sends: Option<CommandTo> },
}

impl Action {
    pub(super) fn sends(self) -> Option<CommandTo> {
        match self {
            Self::Call => None,
            Self::Command { sends } => sends,
        }
    }
}

/// A process manager. It is also a reader, and an aggregate with events of its own.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ProcessManager {
    pub(super) reacts_to: Vec<&'static str>,
    pub(super) timers: bool,
    /// Whether it handles the rejection of a command.
    pub(super) rejections: bool,
    /// `None` where it does not declare them.
    pub(super) sends: Option<Vec<CommandTo>>,
}

/// A time as people write it, such as `2h` and `1m 30s`.
pub(super) struct Milliseconds(pub(super) u64);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let mut gap = "";
        for (unit, length) in [
            ("d", 86_400_000),
            ("h", 3_600_000),
            ("m", 60_000),
            ("s", 1_000),
        ] {
            if rest >= length {
                write!(f, "{gap}{}{unit}", rest / length)?;
                (rest, gap) = (rest % length, " ");
            }
        }
        if rest > 0 || gap.is_empty() {
            write!(f, "{gap}{rest}ms")?;
        }
        Ok(())
    }
}

pub(super) fn document(catalogue: &Catalogue) -> Value {
    let aggregates = catalogue.aggregates.iter().map(|(name, described)| {
        json!({
            "name": name,
            "stream": format!("{}/{{id}}", described.category),
            "content_type": described.content_type,
            "commands": catalogue.commands_to(name),
            "events": described.events.iter().map(event).collect::<Vec<_>>(),
            "retired": described.retired.iter().map(retired).collect::<Vec<_>>(),
        })
    });
    let sagas = catalogue.sagas.iter();
    let sagas = sagas.map(|((name, _), saga)| named(name, saga));
    let managers = catalogue.process_managers.iter();
    let managers = managers.map(|(name, manager)| named(name, manager));
    json!({
        "title": catalogue.title,
        "aggregates": aggregates.collect::<Vec<_>>(),
        "readers": catalogue.readers,
        "sagas": sagas.collect::<Vec<_>>(),
        "process_managers": managers.collect::<Vec<_>>(),
        "diagrams": catalogue.diagrams,
    })
}

fn event(event: &EventShape) -> Value {
    let versions = (1..).zip(event.shapes);
    let schemas = versions.map(|(version, node)| json_schema::document(event.name, version, node));
    json!({ "name": event.name, "versions": schemas.collect::<Vec<_>>() })
}

fn retired(retired: &Retired) -> Value {
    let (becomes, name) = match retired.into {
        Retirement::Dropped => ("nothing", None),
        Retirement::Alias(name) => ("renamed", Some(name)),
        Retirement::Split => ("several", None),
    };
    json!({ "name": retired.name, "becomes": becomes, "event": name })
}

fn named(name: &str, of: &impl Serialize) -> Value {
    let mut value = json!({ "name": name });
    // Numbers and texts always have a form in JSON.
    if let (Value::Object(all), Ok(Value::Object(fields))) = (&mut value, serde_json::to_value(of))
    {
        all.extend(fields);
    }
    value
}
