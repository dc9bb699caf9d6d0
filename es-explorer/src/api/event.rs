//! An event as JSON: as it is stored, and as the application reads it.

use super::typed::Form;
use crate::State;
use es_tables::{events::StoredEvent, hex};
use serde_json::{Value, json};

/// A list has so many bytes of each payload.
pub(super) const IN_LIST: usize = 16 << 10;
/// And the screen of an event so many.
pub(super) const ALONE: usize = 1 << 20;
/// So many bytes that are not JSON are shown as digits.
const AS_HEX: usize = 1 << 10;

/// The stored form. The payload is JSON as text: a number of JSON may have more digits than one of JavaScript.
pub(super) fn event(event: &StoredEvent, most: usize) -> Value {
    let json = event.json();
    let payload = json.map(|json| beginning(json, most));
    let [user, correlation, causation] = event.metadata(["user", "correlation", "causation"]);
    let bytes = event.payload.get(..AS_HEX).unwrap_or(&event.payload);
    json!({
        "position": super::shown(event.position),
        "aggregate": event.aggregate,
        "id": event.id,
        "version": event.version,
        "event": event.event,
        "schema_version": event.schema_version,
        "recorded_at": event.recorded_at,
        "event_id": event.event_id,
        "user": user,
        "correlation": correlation,
        "causation": causation,
        "metadata": beginning(&event.metadata, IN_LIST),
        "content_type": event.content_type,
        "payload": payload,
        "payload_hex": json.is_none().then(|| hex(bytes)),
        "payload_bytes": event.payload.len(),
    })
}

/// The same with the form that the application reads, and the state after it.
pub(super) fn with_form(event: &StoredEvent, form: &Form, most: usize) -> Value {
    let mut shown = self::event(event, most);
    let form = match form {
        Form::Untyped => Value::Null,
        Form::Unreadable(why) => json!({ "error": why }),
        Form::Read(read, state) => {
            let events = read.events.iter().map(|read| {
                let payload = read.payload.as_deref();
                json!({
                    "event": read.name,
                    "schema_version": read.version,
                    "payload": payload.map(|json| beginning(json, most)),
                    "payload_bytes": payload.map(str::len),
                })
            });
            json!({
                "events": events.collect::<Vec<_>>(),
                "changes": read.changes,
                "state": state.as_ref().map(state_of),
            })
        }
    };
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("read".to_owned(), form);
    }
    shown
}

/// The state as it is shown.
pub(super) fn state_of(state: &State) -> Value {
    json!({ "text": state.text, "is_cut": state.is_cut })
}

/// The beginning of a text, cut between characters.
pub(super) fn beginning(text: &str, most: usize) -> &str {
    let cut = (0..=most.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at));
    cut.and_then(|cut| text.get(..cut)).unwrap_or_default()
}
