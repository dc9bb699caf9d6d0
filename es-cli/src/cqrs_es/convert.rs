//! What becomes of a row.

use super::{lock::Known, mapping::Mapping, source::SourceRow};
use crate::output::quoted;
use es_record::{EventId, Metadata, Timestamp};
use es_runtime::{Append, ExpectedVersion, Limits, NewEvent, StreamId};
use serde_json::{Map, Value, value::RawValue};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// An event as it is stored here, without its position.
#[derive(Debug)]
pub(crate) struct Converted {
    pub(crate) aggregate: String,
    pub(crate) id: String,
    pub(crate) version: i64,
    pub(crate) event: String,
    pub(crate) schema_version: u16,
    pub(crate) recorded_at: Timestamp,
    pub(crate) event_id: EventId,
    pub(crate) metadata: String,
    pub(crate) payload: String,
}

/// Converts a row, or says what is wrong with it. `is_tagged` says that payloads are tagged with their type.
pub(crate) fn convert(
    row: &SourceRow,
    mapping: &Mapping,
    known: Option<&Known>,
    is_tagged: bool,
    now: Timestamp,
) -> Result<Converted, String> {
    if row.number != row.sequence {
        return Err(format!("the sequence {} is missing before it", row.number));
    }
    let (tag, payload) = if is_tagged || row.event.is_none() {
        let (tag, content) = untagged(&row.payload)
            .ok_or("its payload is not tagged with its type; for others say --payload fields")?;
        (Some(tag), content)
    } else {
        (None, row.payload.clone())
    };
    let name = row.event.as_deref().or(tag.as_deref()).unwrap_or_default();
    let version = row.version.as_deref();
    let Some(target) = mapping.find(&row.aggregate, name, version) else {
        let version = version
            .map(|version| format!(" {version}"))
            .unwrap_or_default();
        return Err(format!(
            "the mapping has no event for `{name}{version}` in [{}]",
            row.aggregate
        ));
    };
    let value: Value = serde_json::from_str(&payload)
        .map_err(|error| format!("its payload is no JSON: {error}"))?;
    let (payload, value) = match target.field {
        Some(field) => (
            format!("{{{}:{payload}}}", quoted(field)),
            Value::from_iter([(field, value)]),
        ),
        None => (payload, value),
    };
    if let Some(known) = known {
        let (event, version) = (target.event, target.version);
        if !known.has(event, version) {
            return Err(format!("the lock has no {event} v{version}"));
        }
        if let Some(field) = known.missing(event, version, &value) {
            return Err(format!(
                "{event} v{version} has a field `{field}` in the lock, and its payload has none"
            ));
        }
    }
    let event_id = id_of(row);
    let metadata = metadata_of(row, mapping)?;
    let time = row.time.map(Timestamp::from_unix_micros);
    let recorded_at = match time {
        None => now,
        Some(time) => time.ok_or("its time is before 1970 or after 9999")?,
    };
    let stream =
        StreamId::new(target.aggregate, row.id.as_str()).map_err(|error| error.to_string())?;
    let event =
        NewEvent::json(target.event.to_owned(), target.version, payload.clone()).with_id(event_id);
    // What an append refuses is refused here, too.
    Append::new(stream, ExpectedVersion::Any)
        .with_event(event)
        .with_metadata(metadata.clone())
        .check(&Limits::default())
        .map_err(|error| error.to_string())?;
    Ok(Converted {
        aggregate: target.aggregate.to_owned(),
        id: row.id.clone(),
        version: row.number,
        event: target.event.to_owned(),
        schema_version: target.version,
        recorded_at,
        event_id,
        metadata: metadata.to_json(),
        payload,
    })
}

/// The type and the fields of `{"Type": fields}`, and of `"Type"` for one without fields. The fields stay as they are
/// written, whatever the size of their numbers.
fn untagged(payload: &str) -> Option<(String, String)> {
    if let Ok(tag) = serde_json::from_str::<String>(payload) {
        return Some((tag, "{}".to_owned()));
    }
    let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(payload).ok()?;
    let is_one = fields.len() == 1;
    let first = fields.into_iter().next().filter(|_| is_one);
    first.map(|(tag, content)| (tag, content.get().to_owned()))
}

/// The same id for the same row each time, so that a second run finds it.
fn id_of(row: &SourceRow) -> EventId {
    let mut hash = Sha256::new();
    for part in [&row.aggregate, &row.id] {
        // With the lengths, so that no other two texts are the same one.
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.update(row.sequence.to_be_bytes());
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    // A UUID of version 8: the bits are the application's own.
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
    *version = (*version & 0x0f) | 0x80;
    *variant = (*variant & 0x3f) | 0x80;
    EventId::from_bytes(bytes)
}

fn metadata_of(row: &SourceRow, mapping: &Mapping) -> Result<Metadata, String> {
    let theirs: Map<String, Value> = serde_json::from_str(&row.metadata)
        .map_err(|error| format!("its metadata is no JSON object: {error}"))?;
    let mut metadata = Metadata::new();
    for (key, value) in theirs {
        let text = value.as_str().map(str::to_owned);
        match text {
            Some(user) if Some(&key) == mapping.user.as_ref() => metadata.user = Some(user),
            Some(id) if Some(&key) == mapping.correlation.as_ref() => {
                metadata.correlation = Some(id);
            }
            _ => {
                metadata.custom.insert(key, value);
            }
        }
    }
    Ok(metadata)
}
