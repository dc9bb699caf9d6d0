//! Ids of events and of appends.

use crate::has_control;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::Arc};

/// The id of one stored event: a UUID, version 7 when it is new.
///
/// ```
/// use es_record::EventId;
/// let id = EventId::new();
/// assert_eq!(id.to_string().parse(), Ok(id));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(uuid::Uuid);

impl EventId {
    /// A new, unique id.
    #[allow(clippy::new_without_default, reason = "two defaults would differ")]
    pub fn new() -> Self {
        Self(uuid::Uuid::now_v7())
    }

    /// For stores: the id for the next event of one append. It is the number after this one, as unique, and needs no
    /// random bits of the system.
    #[must_use]
    pub const fn next(self) -> Self {
        const RANDOM: u128 = (1 << 62) - 1;
        let id = u128::from_be_bytes(*self.as_bytes());
        let next = (id & !RANDOM) | (id.wrapping_add(1) & RANDOM);
        Self::from_bytes(next.to_be_bytes())
    }

    /// The id with these 16 bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(uuid::Uuid::from_bytes(bytes))
    }

    /// The 16 bytes of the id.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventId({self})")
    }
}

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        text.parse().map(Self).map_err(|_| InvalidEventId)
    }
}

/// A text that is not a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event id is a UUID")]
pub struct InvalidEventId;

/// The id of one request to write (an idempotency key). A repeated request has no second effect.
///
/// Take it from the origin of the request, such as an HTTP idempotency key or the id of a message. An
/// id belongs to one stream, and the store remembers it for as long as the stream exists.
///
/// ```
/// use es_record::AppendId;
/// let id = AppendId::new("checkout-4711")?;
/// assert_eq!(id.as_str(), "checkout-4711");
/// # Ok::<(), es_record::InvalidAppendId>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppendId(Arc<str>);

impl AppendId {
    /// The longest text, in bytes.
    pub const MAX_BYTES: usize = 256;

    /// An id with this text.
    ///
    /// # Errors
    /// [`InvalidAppendId`] when the text is empty, longer than [`MAX_BYTES`](AppendId::MAX_BYTES) or
    /// has a control character.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidAppendId> {
        let text = text.as_ref();
        if text.is_empty() || text.len() > Self::MAX_BYTES || has_control(text) {
            return Err(InvalidAppendId { bytes: text.len() });
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AppendId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AppendId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AppendId({self})")
    }
}

impl From<EventId> for AppendId {
    /// The id for an append that a consumer makes because of an event.
    fn from(id: EventId) -> Self {
        Self(id.to_string().into())
    }
}

/// A text that cannot be an append id. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("an append id has 1 to 256 bytes and no control character; this text has {bytes} bytes")]
pub struct InvalidAppendId {
    /// The length of the text in bytes.
    pub bytes: usize,
}
