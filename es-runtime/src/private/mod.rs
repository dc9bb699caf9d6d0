//! What derived code calls. It is not for users: everything here may change in any release.

mod consumer;
mod fields;
mod history;
mod names;
mod retired;
mod shapes;
mod upcasters;

pub use crate::{first::first_of, schema::less};
pub use consumer::{are_apart, filter, knows, names_of};
pub use history::{Becomes, Fields, Source, Stored, Version, deserialize, field, older};
pub use names::{hashes, is_first};
pub use retired::{Several, is_retired_once, nothing, split};
pub use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct};
pub use shapes::{Behind, OwnShape};
pub use std::{borrow::Cow, string::String};
pub use upcasters::{
    JsonObject, NextJson, Previous, UpcastError, json_of, json_of_first, previous, try_upcast,
    upcast_json,
};

use crate::{
    Aggregate, Apply, Codec, CodecError, DecodeError, Decoded, Event, EventSet, EventType, Events,
    Handle, SnapshotPolicy, StoredPayload,
};
use serde::de::DeserializeOwned;
use std::num::NonZeroU64;

/// An encoded payload.
pub type Bytes = Vec<u8>;

/// The payload of an older version that is still written.
///
/// # Errors
/// [`CodecError`] when a field has no form in `codec`.
pub fn encode<T: Serialize>(older: &T, codec: Codec) -> Result<Bytes, CodecError> {
    codec.encode(older)
}

/// serde's two traits, which an event needs, as one trait with a message of its own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored as an event",
    label = "`{Self}` lacks `serde::Serialize`, `serde::Deserialize` or both",
    note = "add `#[derive(serde::Serialize, serde::Deserialize)]` to `{Self}`"
)]
pub trait Payload: Sized {
    /// The bytes of a struct.
    fn to_payload(&self, codec: Codec) -> Result<Bytes, CodecError>;
    /// Decodes the newest version.
    fn from_payload(
        name: &'static str,
        version: u16,
        stored: StoredPayload<'_>,
    ) -> Result<Self, DecodeError>;
    /// The bytes of a variant's fields, without the variant.
    fn to_fields(&self, codec: Codec) -> Result<Bytes, CodecError>;
    /// Decodes the newest version into the variant with that index.
    fn from_fields(
        index: u32,
        name: &'static str,
        version: u16,
        stored: StoredPayload<'_>,
    ) -> Result<Decoded<Self>, DecodeError>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Payload for T {
    fn to_payload(&self, codec: Codec) -> Result<Bytes, CodecError> {
        codec.encode(self)
    }

    fn from_payload(
        name: &'static str,
        version: u16,
        stored: StoredPayload<'_>,
    ) -> Result<Self, DecodeError> {
        let codec = readable(name, version, stored)?;
        codec
            .decode(stored.bytes)
            .map_err(|source| unreadable(name, stored, source))
    }

    fn to_fields(&self, codec: Codec) -> Result<Bytes, CodecError> {
        codec.encode(&fields::Fields(self))
    }

    fn from_fields(
        index: u32,
        name: &'static str,
        version: u16,
        stored: StoredPayload<'_>,
    ) -> Result<Decoded<Self>, DecodeError> {
        let codec = readable(name, version, stored)?;
        codec
            .decode_seed(fields::Variant::new(index), stored.bytes)
            .map(Decoded::One)
            .map_err(|source| unreadable(name, stored, source))
    }
}

/// The codec of a payload of the newest version. Older versions have code of their own.
fn readable(
    name: &'static str,
    known: u16,
    stored: StoredPayload<'_>,
) -> Result<Codec, DecodeError> {
    match stored.schema_version {
        0 => Err(DecodeError::InvalidVersion { name }),
        newer if newer > known => Err(DecodeError::NewerVersion {
            name,
            stored: newer,
            known,
        }),
        _ => codec_of(name, stored),
    }
}

fn codec_of(name: &'static str, stored: StoredPayload<'_>) -> Result<Codec, DecodeError> {
    Codec::from_content_type(stored.content_type).ok_or_else(|| DecodeError::UnknownContentType {
        name,
        content_type: stored.content_type.to_owned(),
    })
}

fn unreadable(name: &'static str, stored: StoredPayload<'_>, source: CodecError) -> DecodeError {
    DecodeError::Payload {
        name,
        version: stored.schema_version,
        source,
    }
}

/// [`Event`] for an entry of `#[aggregate(events(..))]`, with a message for it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event, so it cannot stand in `events(..)`",
    label = "`{Self}` does not implement `Event`",
    note = "an event is a struct with `#[derive(es_runtime::Event, serde::Serialize, serde::Deserialize)]` and `#[event(\"some.name\")]`",
    note = "if `{Self}` is an enum of events, write `events = {Self}`; if it is a command, move it to `commands(..)`"
)]
pub trait ListedEvent: Sized {
    /// The stored name and the version.
    const TYPE: EventType;
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

/// [`Apply`] for an entry of `#[aggregate(events(..))]`, with a message for it.
#[diagnostic::on_unimplemented(
    message = "aggregate `{Self}` does not say how to apply event `{E}`",
    label = "no `Apply<{E}>` for `{Self}`",
    note = "write `impl Apply<{E}> for {Self} {{ fn apply(&mut self, event: &{E}) {{ .. }} }}`",
    note = "if the state does not need it, list it as `ignore({E})`"
)]
pub trait AppliesListed<E> {
    /// Applies the event.
    fn apply_listed(&mut self, event: &E);
}

#[diagnostic::do_not_recommend]
impl<A: Apply<E>, E> AppliesListed<E> for A {
    fn apply_listed(&mut self, event: &E) {
        self.apply(event);
    }
}

/// [`Handle`] for an entry of `#[aggregate(commands(..))]`, with a message for it.
#[diagnostic::on_unimplemented(
    message = "aggregate `{Self}` does not handle command `{C}`",
    label = "no `Handle<{C}>` for `{Self}`",
    note = "write `impl Handle<{C}> for {Self} {{ fn handle(&self, command: {C}) -> Result<Events<Self>, ..> {{ .. }} }}`"
)]
pub trait HandlesListed<C>: Aggregate {
    /// Decides on the command.
    fn handle_listed(&self, command: C) -> Result<Events<Self>, Self::Error>;
}

#[diagnostic::do_not_recommend]
impl<A: Handle<C>, C> HandlesListed<C> for A {
    fn handle_listed(&self, command: C) -> Result<Events<Self>, Self::Error> {
        self.handle(command)
    }
}

/// serde's two traits, which a state with snapshots needs, with a message of its own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept in snapshots",
    label = "`{Self}` lacks `serde::Serialize`, `serde::Deserialize` or both",
    note = "add `#[derive(serde::Serialize, serde::Deserialize)]` to `{Self}`, or remove `snapshot(..)`"
)]
pub trait SnapshotEvery<const EVERY: u64>: Sized {
    /// A snapshot every so many events.
    const POLICY: SnapshotPolicy<Self>;
}

#[diagnostic::do_not_recommend]
impl<A: Serialize + DeserializeOwned, const EVERY: u64> SnapshotEvery<EVERY> for A {
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
