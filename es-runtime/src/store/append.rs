//! The request to append, its result, and the bounds that a store checks before it writes.

use super::kinds;
use crate::{
    AppendId, EventId, EventTag, ExpectedVersion, InvalidTags, Metadata, Position, RecordedEvent,
    StreamId, Timestamp, UniqueChange, UniqueValue, record::EventRow,
};
use es_record::has_control;
use std::{borrow::Cow, collections::HashSet, fmt};

/// A request to append events to one stream, all or none of them.
///
/// ```
/// use es_runtime::{Append, ExpectedVersion, NewEvent, StreamId};
///
/// let append = Append::new(StreamId::new("order", "4711")?, ExpectedVersion::NoStream)
///     .with_event(NewEvent::json("order.placed", 1, r#"{"customer":"alice"}"#));
/// assert_eq!(append.events.len(), 1);
/// # Ok::<(), es_runtime::InvalidStreamId>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Append {
    /// The stream.
    pub stream: StreamId,
    /// The version that it must have.
    pub expected: ExpectedVersion,
    /// The events, in order.
    pub events: Vec<NewEvent>,
    /// Who caused the events and why. It is stored with each of them.
    pub metadata: Metadata,
    /// The id of the request, which makes it safe to repeat.
    pub append_id: Option<AppendId>,
    /// A fingerprint of the request, stored with the id: the same id with another one is an error.
    pub request: Option<String>,
}

impl Append {
    /// An append without events yet.
    pub fn new(stream: StreamId, expected: ExpectedVersion) -> Self {
        Self {
            stream,
            expected,
            events: Vec::new(),
            metadata: Metadata::new(),
            append_id: None,
            request: None,
        }
    }

    /// With this event after the others.
    #[must_use]
    pub fn with_event(mut self, event: NewEvent) -> Self {
        self.events.push(event);
        self
    }

    /// With these events after the others.
    #[must_use]
    pub fn with_events(mut self, events: impl IntoIterator<Item = NewEvent>) -> Self {
        self.events.extend(events);
        self
    }

    /// With this metadata.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// With an id that makes the request safe to repeat.
    #[must_use]
    pub fn with_append_id(mut self, id: AppendId) -> Self {
        self.append_id = Some(id);
        self
    }

    /// With a fingerprint of the request, which is stored with the append id: any text of at most 256 bytes.
    #[must_use]
    pub fn with_request(mut self, fingerprint: impl Into<String>) -> Self {
        self.request = Some(fingerprint.into());
        self
    }

    /// For stores with dense positions: the events as readers get them after this append.
    pub fn recorded(&self, appended: &Appended) -> Vec<RecordedEvent> {
        let [high, middle, last] = appended.position.to_parts();
        let numbered = self.events.iter().zip(0..appended.events);
        let recorded = numbered.map(|(event, index)| {
            let back = appended.events.saturating_sub(index).saturating_sub(1);
            RecordedEvent::from(EventRow {
                position: Position::from_parts([high, middle, last.saturating_sub(back)]),
                stream: self.stream.clone(),
                version: appended.version.saturating_sub(back),
                event_id: event.id,
                name: (*event.name).into(),
                schema_version: event.schema_version,
                content_type: (*event.content_type).into(),
                payload: event.payload.clone(),
                metadata: self.metadata.clone(),
                recorded_at: appended.recorded_at,
            })
        });
        recorded.collect()
    }

    /// For stores: checks the bounds before anything is written.
    ///
    /// # Errors
    /// [`InvalidAppend`] for the first bound that is broken.
    pub fn check(&self, limits: &Limits) -> Result<(), InvalidAppend> {
        if self.events.len() > limits.events {
            return Err(InvalidAppend::TooManyEvents {
                events: self.events.len(),
                limit: limits.events,
            });
        }
        let metadata = self.metadata.to_json();
        if metadata.len() > limits.metadata_bytes {
            return Err(InvalidAppend::MetadataTooLarge {
                bytes: metadata.len(),
                limit: limits.metadata_bytes,
            });
        }
        // Metadata that is written and cannot be read would stop every reader of the feed.
        let may_differ = !self.metadata.custom.is_empty();
        if may_differ && Metadata::from_json(&metadata).as_ref() != Ok(&self.metadata) {
            return Err(InvalidAppend::UnreadableMetadata);
        }
        let bytes = self.request.as_ref().map_or(0, String::len);
        if bytes > AppendId::MAX_BYTES {
            return Err(InvalidAppend::RequestTooLong { bytes });
        }
        let mut total = 0_usize;
        for (index, event) in self.events.iter().enumerate() {
            if event.name.is_empty() || has_control(&event.name) {
                return Err(InvalidAppend::BadName { index });
            }
            if has_control(&event.content_type) {
                return Err(InvalidAppend::BadContentType { index });
            }
            if event.schema_version == 0 {
                return Err(InvalidAppend::VersionZero { index });
            }
            if event.payload.len() > limits.payload_bytes {
                return Err(InvalidAppend::PayloadTooLarge {
                    name: event.name.clone().into_owned(),
                    bytes: event.payload.len(),
                    limit: limits.payload_bytes,
                });
            }
            total = total.saturating_add(event.payload.len());
            check_unique(index, &event.unique)?;
            let invalid = |reason| InvalidAppend::Tags { index, reason };
            EventTag::check(&event.tags).map_err(invalid)?;
        }
        if total > limits.append_bytes {
            return Err(InvalidAppend::TooLarge {
                bytes: total,
                limit: limits.append_bytes,
            });
        }
        Ok(())
    }
}

fn check_unique(index: usize, changes: &[UniqueChange]) -> Result<(), InvalidAppend> {
    let mut rules = HashSet::new();
    for UniqueChange { rule, value, .. } in changes {
        let is_long = rule.len() > UniqueChange::MAX_BYTES;
        let is_kind = rule.starts_with(kinds::RULE);
        if rule.is_empty() || is_long || is_kind || has_control(rule) || !rules.insert(rule) {
            return Err(InvalidAppend::BadUniqueRule { index });
        }
        match value {
            UniqueValue::Claimed(value) if value.len() > UniqueChange::MAX_BYTES => {
                return Err(InvalidAppend::UniqueValueTooLong {
                    index,
                    rule: rule.to_string(),
                    bytes: value.len(),
                });
            }
            _ => {}
        }
    }
    Ok(())
}

/// One event to append, with an encoded payload.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewEvent {
    /// Its id.
    pub id: EventId,
    /// The stored name.
    pub name: Cow<'static, str>,
    /// The version of the shape.
    pub schema_version: u16,
    /// The encoding of the payload.
    pub content_type: Cow<'static, str>,
    /// The bytes.
    pub payload: Vec<u8>,
    /// What it does to unique values: one change for each of its rules.
    pub unique: Vec<UniqueChange>,
    /// Its tags: one entry for each kind that its program knows.
    pub tags: Vec<EventTag>,
}

impl NewEvent {
    /// An event with a new id.
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        schema_version: u16,
        content_type: impl Into<Cow<'static, str>>,
        payload: impl Into<Vec<u8>>,
    ) -> Self {
        Self {
            id: EventId::new(),
            name: name.into(),
            schema_version,
            content_type: content_type.into(),
            payload: payload.into(),
            unique: Vec::new(),
            tags: Vec::new(),
        }
    }

    /// An event with a new id and a JSON payload.
    pub fn json(
        name: impl Into<Cow<'static, str>>,
        schema_version: u16,
        payload: impl Into<Vec<u8>>,
    ) -> Self {
        let content_type = crate::Codec::Json.content_type();
        Self::new(name, schema_version, content_type, payload)
    }

    /// With this id.
    #[must_use]
    pub fn with_id(mut self, id: EventId) -> Self {
        self.id = id;
        self
    }

    /// With these changes of unique values.
    #[must_use]
    pub fn with_unique(mut self, changes: Vec<UniqueChange>) -> Self {
        self.unique = changes;
        self
    }

    /// With these tags.
    #[must_use]
    pub fn with_tags(mut self, tags: Vec<EventTag>) -> Self {
        self.tags = tags;
        self
    }

    /// Whether a stored event has the same content. Ids are not compared. A store uses this to recognise a
    /// repeated append.
    pub fn same_content(&self, name: &str, version: u16, content_type: &str, bytes: &[u8]) -> bool {
        self.name == name
            && self.schema_version == version
            && self.content_type == content_type
            && self.payload == bytes
    }
}

impl fmt::Debug for NewEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewEvent")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("schema_version", &self.schema_version)
            .field("content_type", &self.content_type)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .field("unique", &self.unique)
            .field("tags", &self.tags)
            .finish()
    }
}

/// The result of an append.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Appended {
    /// The version of the stream after it.
    pub version: u64,
    /// The number of events that it wrote. They have the versions up to [`version`](Appended::version).
    pub events: u64,
    /// The position of the newest event of the stream after it, [`Position::START`] when the
    /// stream is empty.
    pub position: Position,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Whether this is the result of an earlier append with the same id. This append wrote nothing then.
    pub repeated: bool,
    /// The fingerprint of the request that is stored with the append id.
    pub request: Option<String>,
}

impl Appended {
    /// For stores: the result of an append that was written now.
    pub fn new(version: u64, events: u64, position: Position, recorded_at: Timestamp) -> Self {
        Self {
            version,
            events,
            position,
            recorded_at,
            repeated: false,
            request: None,
        }
    }

    /// For stores: with the fingerprint that is stored with the append id.
    #[must_use]
    pub fn with_request(mut self, request: Option<String>) -> Self {
        self.request = request;
        self
    }

    /// Whether it may be of the request with this fingerprint. It is where one of both has none.
    pub fn is_of(&self, request: Option<&str>) -> bool {
        request.is_none_or(|new| self.request.as_deref().is_none_or(|first| first == new))
    }

    /// For stores: the same result for a repeated request.
    #[must_use]
    pub fn as_repeated(mut self) -> Self {
        self.repeated = true;
        self
    }
}

/// Bounds on one append. A store rejects a larger one before it writes anything.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Events in one append, 1,000 by default.
    pub events: usize,
    /// Bytes of one payload, 1 MiB by default.
    pub payload_bytes: usize,
    /// Bytes of all payloads together, 8 MiB by default.
    pub append_bytes: usize,
    /// Bytes of the metadata's JSON, 16 KiB by default.
    pub metadata_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            events: 1_000,
            payload_bytes: 1024 * 1024,
            append_bytes: 8 * 1024 * 1024,
            metadata_bytes: 16 * 1024,
        }
    }
}

/// A bound that an append broke. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAppend {
    /// More events than [`Limits::events`].
    #[error("{events} events in one append, more than {limit}; append them in several parts")]
    TooManyEvents {
        /// How many there are.
        events: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// A payload is larger than [`Limits::payload_bytes`].
    #[error("the payload of `{name}` has {bytes} bytes, more than {limit}")]
    PayloadTooLarge {
        /// The event's stored name.
        name: String,
        /// Its size.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// All payloads together are larger than [`Limits::append_bytes`].
    #[error("the payloads of one append have {bytes} bytes, more than {limit}")]
    TooLarge {
        /// Their size.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// The metadata is larger than [`Limits::metadata_bytes`].
    #[error("the metadata has {bytes} bytes as JSON, more than {limit}")]
    MetadataTooLarge {
        /// Its size.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// The fingerprint of the request has more than 256 bytes.
    #[error(
        "the fingerprint of the request has {bytes} bytes, more than 256; use a hash of the request"
    )]
    RequestTooLong {
        /// Its size.
        bytes: usize,
    },
    /// The metadata cannot be read back from its JSON, because a value of the application is nested more
    /// than 125 levels deep.
    #[error("the metadata cannot be read back from its JSON; its values are nested too deeply")]
    UnreadableMetadata,
    /// An event has an empty name or one with a control character.
    #[error("event {index} of the append has an empty name or a control character in its name")]
    BadName {
        /// Its index in the append, from 0.
        index: usize,
    },
    /// An event has a content type with a control character.
    #[error("event {index} of the append has a control character in its content type")]
    BadContentType {
        /// Its index in the append, from 0.
        index: usize,
    },
    /// An event has version 0.
    #[error("event {index} of the append has version 0; versions start at 1")]
    VersionZero {
        /// Its index in the append, from 0.
        index: usize,
    },
    /// An event has two changes by one rule of unique values, or a rule whose name is empty, has a control
    /// character, begins with `tag:`, or has more than 512 bytes.
    #[error(
        "event {index} of the append names a rule of unique values twice, or one with an unusable name"
    )]
    BadUniqueRule {
        /// Its index in the append, from 0.
        index: usize,
    },
    /// An event has tags that no event may have.
    #[error("event {index} of the append has {reason}")]
    Tags {
        /// Its index in the append, from 0.
        index: usize,
        /// The bound.
        reason: InvalidTags,
    },
    /// An event claims a value of more than [`UniqueChange::MAX_BYTES`].
    #[error(
        "event {index} of the append claims a value of {bytes} bytes by the rule `{rule}`, more than 512; claim a hash of it"
    )]
    UniqueValueTooLong {
        /// Its index in the append, from 0.
        index: usize,
        /// The rule.
        rule: String,
        /// The size of the value.
        bytes: usize,
    },
}
