//! Stored events with all of their columns.

use super::StreamId;
use crate::{
    DecodeError, Decoded, EventId, EventSet, Metadata, Position, StoredPayload, Timestamp,
};
use std::{fmt, sync::Arc};

/// One stored event with an encoded payload. Reads of stores return it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedEvent {
    /// Its position among all events of the store.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Its number in the stream, from 1 without gaps.
    pub version: u64,
    /// Its own id.
    pub event_id: EventId,
    /// Its stored name.
    pub name: Arc<str>,
    /// The version of the shape that was written.
    pub schema_version: u16,
    /// The encoding of the payload.
    pub content_type: Arc<str>,
    /// The bytes.
    pub payload: Vec<u8>,
    /// Who caused the event and why.
    pub metadata: Metadata,
    /// When the store recorded it.
    pub recorded_at: Timestamp,
}

impl RecordedEvent {
    /// The payload with the columns that are needed to decode it.
    pub fn stored_payload(&self) -> StoredPayload<'_> {
        StoredPayload {
            schema_version: self.schema_version,
            content_type: &self.content_type,
            bytes: &self.payload,
        }
    }

    /// Decodes the event. A split event gives several envelopes, a dropped one none.
    ///
    /// # Errors
    /// [`DecodeError`] when `S` does not know the event or the payload does not fit.
    pub fn decode<S: EventSet>(&self) -> Result<Decoded<Envelope<S>>, DecodeError> {
        let decoded = S::decode(&self.name, self.stored_payload())?;
        Ok(decoded.map(|event| self.envelope(event)))
    }

    /// A decoded event with the columns of this one.
    pub fn envelope<E>(&self, event: E) -> Envelope<E> {
        Envelope {
            event,
            position: self.position,
            stream: self.stream.clone(),
            version: self.version,
            event_id: self.event_id,
            name: Arc::clone(&self.name),
            schema_version: self.schema_version,
            metadata: self.metadata.clone(),
            recorded_at: self.recorded_at,
        }
    }

    /// Metadata for the consequences of this event, see [`Metadata::caused_by`].
    pub fn following(&self) -> Metadata {
        Metadata::caused_by(self.event_id, &self.metadata)
    }
}

/// For authors of stores: every column of one stored event.
///
/// `RecordedEvent::from(row)` is the event. The struct is exhaustive on purpose: a store that does not
/// fill a new column does not compile.
#[derive(Clone)]
pub struct EventRow {
    /// Its position among all events of the store.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Its number in the stream, from 1 without gaps.
    pub version: u64,
    /// Its own id.
    pub event_id: EventId,
    /// Its stored name.
    pub name: Arc<str>,
    /// The version of the shape that was written.
    pub schema_version: u16,
    /// The encoding of the payload.
    pub content_type: Arc<str>,
    /// The bytes.
    pub payload: Vec<u8>,
    /// Who caused the event and why.
    pub metadata: Metadata,
    /// When the store recorded it.
    pub recorded_at: Timestamp,
}

impl From<EventRow> for RecordedEvent {
    fn from(row: EventRow) -> Self {
        Self {
            position: row.position,
            stream: row.stream,
            version: row.version,
            event_id: row.event_id,
            name: row.name,
            schema_version: row.schema_version,
            content_type: row.content_type,
            payload: row.payload,
            metadata: row.metadata,
            recorded_at: row.recorded_at,
        }
    }
}

impl fmt::Debug for EventRow {
    /// Without the payload and the metadata, which do not belong in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventRow")
            .field("stream", &self.stream)
            .field("version", &self.version)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RecordedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedEvent")
            .field("position", &self.position)
            .field("stream", &self.stream)
            .field("version", &self.version)
            .field("event_id", &self.event_id)
            .field("name", &self.name)
            .field("schema_version", &self.schema_version)
            .field("content_type", &self.content_type)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .field("recorded_at", &self.recorded_at)
            .finish_non_exhaustive()
    }
}

/// One decoded event with all of its columns. Handlers and histories receive it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Envelope<E> {
    /// The event.
    pub event: E,
    /// Its position among all events of the store.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Its number in the stream, from 1 without gaps.
    pub version: u64,
    /// Its own id.
    pub event_id: EventId,
    /// The name that it is stored under.
    pub name: Arc<str>,
    /// The version of the shape that it is stored in.
    pub schema_version: u16,
    /// Who caused the event and why.
    pub metadata: Metadata,
    /// When the store recorded it.
    pub recorded_at: Timestamp,
}

impl<E> Envelope<E> {
    /// Metadata for the consequences of this event, see [`Metadata::caused_by`].
    pub fn following(&self) -> Metadata {
        Metadata::caused_by(self.event_id, &self.metadata)
    }
}
