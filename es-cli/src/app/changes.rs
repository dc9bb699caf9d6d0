//! What differs between a stored payload and what it is read as.

use super::types::ReadAs;
use crate::events::StoredEvent;
use serde_json::Value;

/// The changes in a line, `None` where the event is read as it is stored.
pub(super) fn in_a_line(stored: &StoredEvent, read: &[ReadAs]) -> Option<String> {
    let [_] = read else {
        let into: Vec<String> = read.iter().map(ReadAs::to_string).collect();
        return Some(match into.as_slice() {
            [] => "read as no event".to_owned(),
            into => format!("read as {}", into.join(" and ")),
        });
    };
    let changes = between(stored, read);
    (!changes.is_empty()).then(|| changes.join(", "))
}

/// The changes, each as a short text. An event that is read as several or as none has no changes of its own.
pub(super) fn between(stored: &StoredEvent, read: &[ReadAs]) -> Vec<String> {
    let [one] = read else {
        return Vec::new();
    };
    let mut changes = Vec::new();
    if one.name != stored.event {
        changes.push(format!("{} -> {}", stored.event, one.name));
    }
    if i64::from(one.version) != stored.schema_version {
        changes.push(format!("v{} -> v{}", stored.schema_version, one.version));
    }
    let parse = |text: Option<&str>| serde_json::from_str(text?).ok();
    let payloads: (Option<Value>, Option<Value>) =
        (parse(stored.json()), parse(one.payload.as_deref()));
    if let (Some(before), Some(after)) = payloads {
        compare("", &before, &after, &mut changes);
    }
    changes
}

impl std::fmt::Display for ReadAs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let payload = self.payload.as_deref().unwrap_or("?");
        write!(f, "{} v{} {payload}", self.name, self.version)
    }
}

fn compare(at: &str, before: &Value, after: &Value, changes: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let path = |name: &str| match at {
                "" => name.to_owned(),
                at => format!("{at}.{name}"),
            };
            for (name, value) in before {
                match after.get(name) {
                    Some(now) => compare(&path(name), value, now, changes),
                    None => changes.push(format!("-{} {value}", path(name))),
                }
            }
            for (name, value) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
                changes.push(format!("+{} {value}", path(name)));
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                compare(&format!("{at}[{index}]"), before, after, changes);
            }
        }
        _ if before == after => {}
        _ if at.is_empty() => changes.push(format!("{before} -> {after}")),
        _ => changes.push(format!("{at} {before} -> {after}")),
    }
}
