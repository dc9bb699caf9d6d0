//! The messages of a write. Each expects the last message of its subject, and names the write that it belongs to.

use crate::wire::{EXPECTED, EXPECTED_OF, Outgoing, StoredMessage};
use async_nats::{HeaderMap, HeaderValue};
use bytes::Bytes;
use es_runtime::{EventId, StorageError, StorageErrorKind};
use serde::Serialize;
use std::collections::BTreeMap;

/// The header with the id of the write.
const COMMIT: &str = "Es-Commit";

/// The headers of a message of this write. It is stored only while the last message of its subject has this sequence, 0
/// where there is none.
pub(crate) fn expecting(sequence: u64, write: EventId) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(EXPECTED, sequence.to_string());
    headers.insert(COMMIT, write.to_string());
    headers
}

/// A message of this write with a record as JSON. `what` names the record in the error.
///
/// # Errors
/// It cannot be written as JSON, which does not happen.
pub(crate) fn of_record(
    what: &str,
    record: &impl Serialize,
    subject: String,
    expected: u64,
    write: EventId,
) -> Result<Outgoing, StorageError> {
    Ok(Outgoing {
        subject,
        headers: expecting(expected, write),
        body: json(what, record)?,
    })
}

/// A record as JSON. `what` names it in the error.
///
/// # Errors
/// It cannot be written as JSON, which does not happen.
pub(crate) fn json(what: &str, record: &impl Serialize) -> Result<Bytes, StorageError> {
    let body = serde_json::to_vec(record).map_err(|error| {
        let what = format!("{what} cannot be written: {error}");
        StorageError::new(StorageErrorKind::Other, what)
    })?;
    Ok(body.into())
}

/// Makes messages expect these sequences of these subjects instead of those that they expect.
pub(crate) fn expect_instead(messages: &mut [Outgoing], sequences: &BTreeMap<String, u64>) {
    for message in messages {
        let other = message.headers.get(EXPECTED_OF);
        let compared = other.map_or(message.subject.as_str(), HeaderValue::as_str);
        let sequence = sequences.get(compared);
        let sequence = sequence.filter(|_| message.headers.get(EXPECTED).is_some());
        if let Some(sequence) = sequence {
            message.headers.insert(EXPECTED, sequence.to_string());
        }
    }
}

/// The id of the write that a message belongs to.
pub(crate) fn write_of(message: &StoredMessage) -> Option<EventId> {
    message.headers.get(COMMIT)?.as_str().parse().ok()
}
