//! Snapshots: the newest of each stream, in a JetStream stream of their own. They may be lost and are made again.

use crate::{
    failure::{Failure, Refusal},
    shared::Shared,
    subject::Subjects,
    wire::{EXPECTED, Outgoing, StoredMessage},
};
use async_nats::HeaderMap;
use es_runtime::{
    Fingerprint, Position, ReadError, Snapshot, StorageError, StorageErrorKind, StreamId,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::borrow::Cow;

/// The line before the state.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    version: u64,
    position: Position,
    /// As text, because JSON has no number of 64 bits.
    fingerprint: String,
    #[serde(borrow, rename = "type")]
    content_type: Cow<'a, str>,
}

fn encode(snapshot: &Snapshot) -> Option<Vec<u8>> {
    let line = Line {
        version: snapshot.version,
        position: snapshot.position,
        fingerprint: format!("{:016x}", snapshot.fingerprint.to_u64()),
        content_type: Cow::Borrowed(&snapshot.content_type),
    };
    let mut body = serde_json::to_vec(&line).ok()?;
    body.push(b'\n');
    body.extend_from_slice(&snapshot.state);
    Some(body)
}

pub(crate) fn decode(stream: &StreamId, message: &StoredMessage) -> Option<Snapshot> {
    let body = &*message.payload;
    let end = body.iter().position(|byte| *byte == b'\n')?;
    let (line, state) = body.split_at_checked(end)?;
    let line: Line<'_> = serde_json::from_slice(line).ok()?;
    let fingerprint = u64::from_str_radix(&line.fingerprint, 16).ok()?;
    Some(Snapshot::new(
        stream.clone(),
        line.version,
        line.position,
        Fingerprint::from_u64(fingerprint),
        line.content_type,
        state.strip_prefix(b"\n")?.to_vec(),
    ))
}

impl Shared {
    async fn stored_snapshot(
        &self,
        stream: &StreamId,
    ) -> Result<Option<StoredMessage>, StorageError> {
        self.snapshots.last(&self.subjects.snapshot(stream)).await
    }

    pub(crate) async fn snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, ReadError> {
        // One that cannot be read is none.
        let message = or_none(self.stored_snapshot(stream).await)?;
        let snapshot = message.and_then(|message| decode(stream, &message));
        if let Some(snapshot) = &snapshot {
            self.known.note_snapshot(snapshot);
        }
        Ok(snapshot)
    }

    pub(crate) async fn keep(&self, snapshot: Snapshot) -> Result<(), StorageError> {
        let body = encode(&snapshot).ok_or_else(|| {
            StorageError::new(
                StorageErrorKind::Other,
                "the snapshot cannot be written as JSON",
            )
        })?;
        let subject = self.subjects.snapshot(&snapshot.stream);
        let mut attempts = self.wire.attempts();
        loop {
            let stored = self.stored_snapshot(&snapshot.stream).await?;
            let old = stored
                .as_ref()
                .and_then(|message| decode(&snapshot.stream, message));
            if old.is_some_and(|old| !snapshot.replaces(&old)) {
                return Ok(());
            }
            let mut headers = HeaderMap::new();
            let sequence = stored.map_or(0, |message| message.sequence);
            headers.insert(EXPECTED, sequence.to_string());
            let message = Outgoing {
                subject: subject.clone(),
                headers,
                body: body.clone().into(),
            };
            // Another writer, or an answer that was lost: what is stored now decides.
            match self.snapshots.publish(message).await {
                Ok(_) => return Ok(()),
                Err(failure) => {
                    let is_other = failure.code() == Some(Refusal::WRONG_LAST_SEQUENCE);
                    let again = (is_other || failure.is_for_now()) && attempts.again().await;
                    if !again {
                        return Err(failure.into());
                    }
                }
            }
        }
    }

    pub(crate) async fn drop_snapshot(&self, stream: &StreamId) -> Result<(), StorageError> {
        #[derive(Deserialize)]
        struct Purged {}
        let filter = json!({ "filter": self.subjects.snapshot(stream) });
        let purged: Result<Purged, Failure> =
            self.snapshots.api_in_time("STREAM.PURGE", &filter).await;
        purged.map(|_| ()).map_err(StorageError::from)
    }
}

/// What is read of the snapshots: none where there is no stream of them, as after a restore of the events alone.
pub(crate) fn or_none<T: Default>(read: Result<T, StorageError>) -> Result<T, StorageError> {
    match read {
        Err(error) if error.kind == StorageErrorKind::Missing => Ok(T::default()),
        read => read,
    }
}

/// The configuration of the stream of snapshots.
pub(crate) fn config(
    subjects: &Subjects,
    replicas: usize,
) -> async_nats::jetstream::stream::Config {
    use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
    Config {
        name: subjects.snapshots(),
        subjects: vec![subjects.all_snapshots()],
        num_replicas: replicas,
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        max_messages: -1,
        max_bytes: -1,
        max_messages_per_subject: 1,
        ..Config::default()
    }
}
