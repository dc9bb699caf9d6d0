//! A stored event with everything that is known about it.

use crate::{
    Aggregate, DecodeError, Decoded, EventId, EventSet, Metadata, NotAnId, Position, StoredPayload,
    StreamId, Timestamp,
};
use std::{fmt, sync::Arc};

/// One stored event, its payload still in bytes.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedEvent {
    /// Its place among all events of the store.
    pub position: Position,
    /// The stream that it stands in.
    pub stream: StreamId,
    /// Its number in the stream, from 1 without gaps.
    pub version: u64,
    /// Its own id.
    pub event_id: EventId,
    /// Its stored name.
    pub name: Arc<str>,
    /// The version of the shape that was written.
    pub schema_version: u16,
    /// How the payload is encoded.
    pub content_type: Arc<str>,
    /// The bytes.
    pub payload: Vec<u8>,
    /// Who, why and what for.
    pub metadata: Metadata,
    /// When the store recorded it.
    pub recorded_at: Timestamp,
}

impl RecordedEvent {
    /// For stores: puts a row together. Change single fields afterwards where they differ.
    #[allow(clippy::too_many_arguments, reason = "one argument a column")]
    pub fn new(
        position: Position,
        stream: StreamId,
        version: u64,
        event_id: EventId,
        name: Arc<str>,
        schema_version: u16,
        content_type: Arc<str>,
        payload: Vec<u8>,
        metadata: Metadata,
        recorded_at: Timestamp,
    ) -> Self {
        Self {
            position,
            stream,
            version,
            event_id,
            name,
            schema_version,
            content_type,
            payload,
            metadata,
            recorded_at,
        }
    }

    /// The payload with what says how to read it.
    pub fn stored_payload(&self) -> StoredPayload<'_> {
        StoredPayload {
            schema_version: self.schema_version,
            content_type: &self.content_type,
            bytes: &self.payload,
        }
    }

    /// The event or events that this stands for today, each in its envelope.
    ///
    /// # Errors
    /// [`DecodeError`] when `S` does not know the event or the payload does not fit.
    pub fn decode<S: EventSet>(&self) -> Result<Decoded<Envelope<S>>, DecodeError> {
        let decoded = S::decode(&self.name, self.stored_payload())?;
        Ok(decoded.map(|event| Envelope {
            event,
            position: self.position,
            stream: self.stream.clone(),
            version: self.version,
            event_id: self.event_id,
            name: Arc::clone(&self.name),
            schema_version: self.schema_version,
            metadata: self.metadata.clone(),
            recorded_at: self.recorded_at,
        }))
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

/// One event of today's shape with everything that is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Envelope<E> {
    /// The event.
    pub event: E,
    /// Its place among all events of the store.
    pub position: Position,
    /// The stream that it stands in.
    pub stream: StreamId,
    /// Its number in the stream, from 1 without gaps.
    pub version: u64,
    /// Its own id.
    pub event_id: EventId,
    /// The name that it is stored under.
    pub name: Arc<str>,
    /// The version of the shape that it is stored in.
    pub schema_version: u16,
    /// Who, why and what for.
    pub metadata: Metadata,
    /// When the store recorded it.
    pub recorded_at: Timestamp,
}

impl<E> Envelope<E> {
    /// The id of the aggregate that the event is of.
    ///
    /// ```
    /// # use es_runtime::{Aggregate, Envelope, Event, NotAnId};
    /// fn id<A: Aggregate, E>(event: &Envelope<E>) -> Result<A::Id, NotAnId> {
    ///     event.id::<A>()
    /// }
    /// ```
    ///
    /// # Errors
    /// [`NotAnId`] when the event is of another aggregate, or the id in its stream is not one of `A`'s.
    pub fn id<A: Aggregate>(&self) -> Result<A::Id, NotAnId> {
        self.stream.id_of::<A>()
    }

    /// Metadata for what follows from this event, see [`Metadata::following`].
    pub fn following(&self) -> Metadata {
        Metadata::caused_by(self.event_id, &self.metadata)
    }
}
