//! What an event is: its stored name, its versions, and how its payload is decoded.

use crate::{Codec, CodecError, EventTag, EventType, UniqueChange};
use std::{error::Error, sync::Arc};

/// One kind of event: a plain struct with a stored name and a version.
///
/// `#[derive(Event)]` implements it. The stored name and the version are columns of the stored row and
/// no part of the payload.
///
/// ```
/// use es_runtime::{Event, EventSet};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("order.placed")]
/// struct OrderPlaced {
///     customer: String,
/// }
///
/// assert_eq!(<OrderPlaced as Event>::NAME, "order.placed");
/// assert_eq!(<OrderPlaced as Event>::VERSION, 1);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "`{Self}` does not implement `Event`",
    note = "add `#[derive(es_runtime::Event, serde::Serialize, serde::Deserialize)]` and `#[event(\"some.name\")]` to `{Self}`"
)]
pub trait Event: Sized + Send + 'static {
    /// The stored name. Never change it after an event was written: stored rows have it.
    const NAME: &'static str;
    /// The newest version that this program reads, 1 or more.
    const VERSION: u16;
    /// The version that this program writes. It is the newest version, or with `write = ..` the one
    /// before it, as long as older programs run that cannot read the newest.
    const WRITES: u16 = Self::VERSION;
    /// The rules of unique values that this event has a say in.
    const UNIQUE_RULES: &'static [&'static str] = &[];
    /// The kinds of tags that this event may have.
    const TAG_KINDS: &'static [&'static str] = &[];
    /// The kind of the tag that names the stream to which a decision writes the event: the first value of this kind.
    const HOME: Option<&'static str> = None;

    /// The payload of the version that is [written](Event::WRITES).
    ///
    /// # Errors
    /// [`CodecError`] when a field has no form in `codec`.
    fn to_payload(&self, codec: Codec) -> Result<Vec<u8>, CodecError>;

    /// Decodes a stored payload of any version up to [`VERSION`](Event::VERSION).
    ///
    /// # Errors
    /// [`DecodeError::NewerVersion`] when the payload was written by a newer program,
    /// [`DecodeError::InvalidVersion`], [`DecodeError::UnknownContentType`] or
    /// [`DecodeError::Payload`] when it cannot be read, [`DecodeError::Upcast`] when an upcaster failed.
    fn from_payload(stored: StoredPayload<'_>) -> Result<Self, DecodeError>;

    /// What this event does to unique values: one change for each of its [rules](Event::UNIQUE_RULES), also
    /// where it leaves the value as it is.
    fn unique(&self) -> Vec<UniqueChange> {
        Vec::new()
    }

    /// The tags of this event: one entry for each of its [kinds](Event::TAG_KINDS), also where it has no value.
    fn tags(&self) -> Vec<EventTag> {
        Vec::new()
    }
}

/// The types of events that one stream can have, or that one consumer reads.
///
/// `#[derive(Aggregate)]` generates an enum that implements it. `#[derive(Event)]` on an enum
/// implements it for that enum. Every [`Event`] is a set with one type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event or a set of events",
    label = "`{Self}` implements neither `Event` nor `EventSet`",
    note = "add `#[derive(es_runtime::Event, serde::Serialize, serde::Deserialize)]` to `{Self}`"
)]
pub trait EventSet: Sized + Send + 'static {
    /// Each type of event in the set, in the order of declaration.
    const TYPES: &'static [EventType];
    /// Stored names that are read but no longer written.
    const RETIRED_NAMES: &'static [&'static str] = &[];
    /// For stored names, the rules of unique values that events of that name have a say in. A name without a
    /// rule may be absent.
    const UNIQUE_RULES: &'static [(&'static str, &'static [&'static str])] = &[];
    /// For stored names, the kinds of tags that events of that name may have. A name without one may be absent.
    const TAG_KINDS: &'static [(&'static str, &'static [&'static str])] = &[];

    /// The type of this event.
    fn event_type(&self) -> EventType;

    /// The payload of this event, in the version of its [`event_type`](EventSet::event_type).
    ///
    /// # Errors
    /// [`CodecError`] when a field has no form in `codec`.
    fn encode(&self, codec: Codec) -> Result<Vec<u8>, CodecError>;

    /// Decodes a stored payload into an event, several events or none.
    ///
    /// # Errors
    /// [`DecodeError::UnknownEvent`] when the set has no event of that name, and those of
    /// [`Event::from_payload`].
    fn decode(name: &str, stored: StoredPayload<'_>) -> Result<Decoded<Self>, DecodeError>;

    /// What this event does to unique values, see [`Event::unique`].
    fn unique(&self) -> Vec<UniqueChange> {
        Vec::new()
    }

    /// The tags of this event, see [`Event::tags`].
    fn tags(&self) -> Vec<EventTag> {
        Vec::new()
    }
}

impl<E: Event> EventSet for E {
    const TYPES: &'static [EventType] = &[EventType {
        name: E::NAME,
        version: E::WRITES,
    }];
    const UNIQUE_RULES: &'static [(&'static str, &'static [&'static str])] =
        &[(E::NAME, E::UNIQUE_RULES)];
    const TAG_KINDS: &'static [(&'static str, &'static [&'static str])] =
        &[(E::NAME, E::TAG_KINDS)];

    fn event_type(&self) -> EventType {
        EventType {
            name: E::NAME,
            version: E::WRITES,
        }
    }

    fn encode(&self, codec: Codec) -> Result<Vec<u8>, CodecError> {
        self.to_payload(codec)
    }

    fn decode(name: &str, stored: StoredPayload<'_>) -> Result<Decoded<Self>, DecodeError> {
        if name == E::NAME {
            E::from_payload(stored).map(Decoded::One)
        } else {
            Err(DecodeError::unknown_event(name, stored))
        }
    }

    fn unique(&self) -> Vec<UniqueChange> {
        Event::unique(self)
    }

    fn tags(&self) -> Vec<EventTag> {
        Event::tags(self)
    }
}

/// A stored payload and the two columns that are needed to decode it.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredPayload<'a> {
    /// The version of the event's shape that was written.
    pub schema_version: u16,
    /// The content type, see [`Codec::content_type`].
    pub content_type: &'a str,
    /// The bytes.
    pub bytes: &'a [u8],
}

impl<'a> StoredPayload<'a> {
    /// A payload with its two columns.
    pub const fn new(schema_version: u16, content_type: &'a str, bytes: &'a [u8]) -> Self {
        Self {
            schema_version,
            content_type,
            bytes,
        }
    }
}

impl std::fmt::Debug for StoredPayload<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredPayload")
            .field("schema_version", &self.schema_version)
            .field("content_type", &self.content_type)
            .field("bytes", &format_args!("{} bytes", self.bytes.len()))
            .finish()
    }
}

/// The result of decoding one stored event.
///
/// The enum is exhaustive on purpose: a reader must handle every case, or it would lose events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded<E> {
    /// One event, the usual case.
    One(E),
    /// Several events of a split event, or none of a dropped one.
    Many(Vec<E>),
}

impl<E> Decoded<E> {
    /// Converts each event.
    ///
    /// ```
    /// use es_runtime::Decoded;
    /// assert_eq!(Decoded::One(2).map(|n| n * 2), Decoded::One(4));
    /// ```
    pub fn map<T>(self, f: impl FnMut(E) -> T) -> Decoded<T> {
        let mut f = f;
        match self {
            Self::One(event) => Decoded::One(f(event)),
            Self::Many(events) => Decoded::Many(events.into_iter().map(f).collect()),
        }
    }
}

impl<E> IntoIterator for Decoded<E> {
    type Item = E;
    type IntoIter = std::iter::Chain<std::option::IntoIter<E>, std::vec::IntoIter<E>>;

    fn into_iter(self) -> Self::IntoIter {
        let (one, many) = match self {
            Self::One(event) => (Some(event), Vec::new()),
            Self::Many(events) => (None, events),
        };
        one.into_iter().chain(many)
    }
}

/// Why a stored event could not be turned into an event of this program.
///
/// Nothing was written. The reader stops at this event and skips nothing.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The reader does not list the stored name.
    #[error(
        "the stored event `{name}` (version {version}) is unknown here; \
         add its type to the `events(..)` list or run the program that wrote it"
    )]
    UnknownEvent {
        /// The stored name.
        name: String,
        /// The stored version.
        version: u16,
    },
    /// A newer program wrote the payload.
    #[error(
        "event `{name}` is stored in version {stored}, but this program knows it only up to \
         version {known}; deploy the newer program here"
    )]
    NewerVersion {
        /// The stored name.
        name: &'static str,
        /// The version in the store.
        stored: u16,
        /// The newest version that this program reads.
        known: u16,
    },
    /// The stored version is 0, which no program writes.
    #[error("event `{name}` is stored in version 0, which does not exist; the row is damaged")]
    InvalidVersion {
        /// The stored name.
        name: &'static str,
    },
    /// This program has no codec for the stored content type.
    #[error("event `{name}` is stored as `{content_type}`, for which there is no codec here")]
    UnknownContentType {
        /// The stored name.
        name: &'static str,
        /// The stored content type.
        content_type: String,
    },
    /// The bytes do not fit the shape of their version.
    #[error("the payload of event `{name}` does not fit version {version}: {source}")]
    Payload {
        /// The stored name.
        name: &'static str,
        /// The stored version.
        version: u16,
        /// What does not fit, without quoting the payload.
        source: CodecError,
    },
    /// An upcaster failed. It is the user's function from one version to the next.
    #[error(
        "event `{name}`, stored in version {stored}, cannot be upcast from version {from} to {to}: \
         {source}"
    )]
    Upcast {
        /// The stored name.
        name: &'static str,
        /// The version that the upcaster reads.
        from: u16,
        /// The version that it returns.
        to: u16,
        /// The version in the store.
        stored: u16,
        /// The error of the upcaster.
        source: Arc<dyn Error + Send + Sync>,
    },
}

/// Failed upcasts are equal when event, versions and the error's address are equal.
impl PartialEq for DecodeError {
    fn eq(&self, other: &Self) -> bool {
        let parts = |error: &Self| match error {
            Self::UnknownEvent { name, version } => (0, name.clone(), [*version, 0, 0], None),
            Self::NewerVersion {
                name,
                stored,
                known,
            } => (1, (*name).to_owned(), [*stored, *known, 0], None),
            Self::InvalidVersion { name } => (2, (*name).to_owned(), [0; 3], None),
            Self::UnknownContentType { name, content_type } => {
                (3, format!("{name} {content_type}"), [0; 3], None)
            }
            Self::Payload {
                name,
                version,
                source,
            } => (4, format!("{name} {source}"), [*version, 0, 0], None),
            Self::Upcast {
                name,
                from,
                to,
                stored,
                source,
            } => {
                let address = Arc::as_ptr(source).cast::<()>();
                (5, (*name).to_owned(), [*from, *to, *stored], Some(address))
            }
        };
        parts(self) == parts(other)
    }
}

impl Eq for DecodeError {}

impl DecodeError {
    /// The error for a stored name that a set does not have.
    pub fn unknown_event(name: &str, stored: StoredPayload<'_>) -> Self {
        Self::UnknownEvent {
            name: name.to_owned(),
            version: stored.schema_version,
        }
    }
}
