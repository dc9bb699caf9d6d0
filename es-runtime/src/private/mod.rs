//! What derived code calls. It is not for users: everything here may change in any release.

mod consumer;
mod history;
mod payload;
mod retired;
mod shapes;
mod upcasters;

pub use crate::{
    aggregate::HandledBy,
    first::{first_of, pause, sleep},
    repository::{cache::StateCache, command::name_of},
    schema::less,
    trace::traced,
};
pub use consumer::{
    HasNone, HasOtherNames, Listed, OtherNames, assert_apart, first_shared, first_without,
    is_event_of,
};
pub use es_record::being_filled;
pub use es_record::by_field::{Fields, Source, Stored, deserialize};
pub use es_record::event_type::{assert_first_of_name, hashes, joined, same};
pub use history::{Becomes, Version, older};
pub use payload::{Bytes, Payload};
pub use retired::{Several, is_retired_once, nothing, split};
pub use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct};
pub use shapes::{FollowedBy, OwnShape};
pub use std::{borrow::Cow, string::String};
pub use upcasters::{
    JsonObject, NextJson, Previous, UpcastError, json_of, json_of_first, previous, try_upcast,
    upcast_json,
};

use crate::{
    Codec, CodecError, DecodeError, Decoded, Event, EventSet, EventTag, EventType, SnapshotPolicy,
    StoredPayload, UniqueChange,
};
use serde::de::DeserializeOwned;
use std::num::NonZeroU64;

/// The codec of `codec = "postcard"`. A program without it does not build.
#[track_caller]
#[cfg_attr(
    not(feature = "postcard"),
    expect(
        clippy::panic,
        reason = "it runs in the compiler, and the panic is its error"
    )
)]
pub const fn postcard() -> Codec {
    #[cfg(feature = "postcard")]
    return Codec::Postcard;
    #[cfg(not(feature = "postcard"))]
    panic!("`codec = \"postcard\"` needs the feature `postcard` of es-runtime");
}

/// In place of the kinds of tags of an event whose derive reported a fault: it may have every kind. No kind has this text.
pub const ANY_KIND: &str = "*\0";

/// Whether the kind is this one.
pub const fn is_kind(kind: &str, of: &str) -> bool {
    same(kind, of) || same(kind, ANY_KIND)
}

/// The payload of an older version that is still written.
///
/// # Errors
/// [`CodecError`] when a field has no form in `codec`.
pub fn encode<T: Serialize>(older: &T, codec: Codec) -> Result<Bytes, CodecError> {
    codec.encode(older)
}

/// [`Event`] for an entry of `#[aggregate(events(..))]`, with a message for it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event, so it cannot be listed in `events(..)`",
    label = "`{Self}` does not implement `Event`",
    note = "an event is a struct with `#[derive(es_runtime::Event, serde::Serialize, serde::Deserialize)]` and `#[event(\"some.name\")]`",
    note = "if `{Self}` is an enum of events, write `events = {Self}`; if it is a command, move it to `commands(..)`"
)]
pub trait ListedEvent: Sized {
    /// The stored name and the version.
    const TYPE: EventType;
    /// Its name and its rules of unique values.
    const UNIQUE_RULES: (&'static str, &'static [&'static str]);
    /// What it does by them.
    fn unique(&self) -> Vec<UniqueChange>;
    /// Its name and its kinds of tags.
    const TAG_KINDS: (&'static str, &'static [&'static str]);
    /// Its tags.
    fn tags(&self) -> Vec<EventTag>;
    /// The bytes.
    fn encode(&self, codec: Codec) -> Result<Bytes, CodecError>;
    /// Decodes into a variant of the generated enum.
    fn decode<S>(
        stored: StoredPayload<'_>,
        variant: fn(Self) -> S,
    ) -> Result<Decoded<S>, DecodeError>;
}

#[diagnostic::do_not_recommend]
impl<E: Event> ListedEvent for E {
    const TYPE: EventType = EventType {
        name: E::NAME,
        version: E::WRITES,
    };
    const UNIQUE_RULES: (&'static str, &'static [&'static str]) = (E::NAME, E::UNIQUE_RULES);
    const TAG_KINDS: (&'static str, &'static [&'static str]) = (E::NAME, E::TAG_KINDS);

    fn unique(&self) -> Vec<UniqueChange> {
        Event::unique(self)
    }

    fn tags(&self) -> Vec<EventTag> {
        Event::tags(self)
    }

    fn encode(&self, codec: Codec) -> Result<Bytes, CodecError> {
        self.to_payload(codec)
    }

    fn decode<S>(
        stored: StoredPayload<'_>,
        variant: fn(Self) -> S,
    ) -> Result<Decoded<S>, DecodeError> {
        E::from_payload(stored).map(|event| Decoded::One(variant(event)))
    }
}

/// Marks the events that an aggregate lists, and its enum of events. The derive implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` applies `{E}` but does not list it, so it would never get one",
    label = "`{E}` is not in the `events(..)` of `{Self}`",
    note = "add it to `events(..)`, or remove this impl"
)]
pub trait ListsEvent<E> {}

/// A tag with one value. `#[derive(Tag)]` implements it for a struct without a field.
#[diagnostic::on_unimplemented(
    message = "tag `{Self}` has a value of its own, so a fold by it is read with a field",
    label = "no field gives the `{Self}`",
    note = "name a field of type `{Self}` in the parentheses"
)]
pub trait ConstantTag {
    /// The tag.
    const VALUE: Self;
}

/// What a state with snapshots needs, with a message of its own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept in snapshots",
    label = "`{Self}` lacks `serde::Serialize`, `serde::Deserialize` or `PartialEq`",
    note = "add `#[derive(serde::Serialize, serde::Deserialize, PartialEq)]` to `{Self}`, or remove `snapshot(..)`",
    note = "`PartialEq` proves before a snapshot is stored that it restores the state"
)]
pub trait SnapshotEvery<const EVERY: u64>: Sized {
    /// A snapshot every so many events.
    const POLICY: SnapshotPolicy<Self>;
}

#[diagnostic::do_not_recommend]
impl<A: Serialize + DeserializeOwned + PartialEq, const EVERY: u64> SnapshotEvery<EVERY> for A {
    const POLICY: SnapshotPolicy<Self> = SnapshotPolicy::every(match NonZeroU64::new(EVERY) {
        Some(every) => every,
        None => NonZeroU64::MIN,
    });
}

/// The events of an aggregate whose list has an error.
pub enum NoEvents {}

impl EventSet for NoEvents {
    const TYPES: &'static [EventType] = &[];

    fn event_type(&self) -> EventType {
        match *self {}
    }

    fn encode(&self, _: Codec) -> Result<Bytes, CodecError> {
        match *self {}
    }

    fn decode(name: &str, stored: StoredPayload<'_>) -> Result<Decoded<Self>, DecodeError> {
        Err(DecodeError::unknown_event(name, stored))
    }
}
