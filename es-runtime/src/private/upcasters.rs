//! Upcasters of the user. Each may fail, and all report failures in the same way.

use super::{
    history::{Version, older},
    payload::{codec_of, unreadable},
};
use crate::{Codec, CodecError, DecodeError, Decoded, Event, StoredPayload};
use es_record::event_type::same;
use serde::Serialize;
use std::{error::Error, sync::Arc};

/// The payload that a JSON upcaster of the user changes.
pub type JsonObject = serde_json::Map<String, serde_json::Value>;

/// The error of an upcaster, with a message of its own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of an upcaster",
    label = "this upcaster fails with `{Self}`",
    note = "it must be `std::error::Error + Send + Sync + 'static`"
)]
pub trait UpcastError: Sized {
    /// The error as a shared pointer.
    fn shared(self) -> Arc<dyn Error + Send + Sync>;
}

#[diagnostic::do_not_recommend]
impl<E: Error + Send + Sync + 'static> UpcastError for E {
    fn shared(self) -> Arc<dyn Error + Send + Sync> {
        Arc::new(self)
    }
}

fn failed(
    name: &'static str,
    from: u16,
    stored: StoredPayload<'_>,
    source: Arc<dyn Error + Send + Sync>,
) -> DecodeError {
    DecodeError::Upcast {
        name,
        from,
        to: from.saturating_add(1),
        stored: stored.schema_version,
        source,
    }
}

/// `try_upcast`.
pub fn try_upcast<Old: Version, New, E: UpcastError>(
    upcast: fn(Old) -> Result<New, E>,
    stored: StoredPayload<'_>,
) -> Result<New, DecodeError> {
    upcast(older(stored)?).map_err(|error| failed(Old::EVENT, Old::NUMBER, stored, error.shared()))
}

/// The event that is the previous version.
pub struct Previous<New> {
    /// 0 without a fault, 1 for another name, 2 for another version.
    pub fault: u8,
    /// Reads an older payload and upcasts it to the newest version.
    pub read: fn(StoredPayload<'_>) -> Result<New, DecodeError>,
}

/// `previous`: checks that `P` is the version before `version` of the event `name`.
pub const fn previous<P: Event, New: FromPrevious<P>>(name: &str, version: u16) -> Previous<New> {
    let fault = if !same(P::NAME, name) {
        1
    } else if P::VERSION.saturating_add(1) == version {
        0
    } else {
        2
    };
    Previous {
        fault,
        read: from_previous::<P, New>,
    }
}

#[cold]
fn from_previous<P: Event, New: FromPrevious<P>>(
    stored: StoredPayload<'_>,
) -> Result<New, DecodeError> {
    let previous = P::from_payload(stored)?;
    New::from_previous(previous).map_err(|error| failed(P::NAME, P::VERSION, stored, error))
}

/// `TryFrom` for the event of `previous`, with a message for it.
#[diagnostic::on_unimplemented(
    message = "`{P}` cannot be upcast to the next version `{Self}`",
    label = "no `From<{P}>` for `{Self}`",
    note = "write `impl From<{P}> for {Self}`, or `impl TryFrom<{P}> for {Self}` if it can fail"
)]
pub trait FromPrevious<P>: Sized {
    /// The next version.
    fn from_previous(previous: P) -> Result<Self, Arc<dyn Error + Send + Sync>>;
}

#[diagnostic::do_not_recommend]
impl<P, New: TryFrom<P, Error: Error + Send + Sync + 'static>> FromPrevious<P> for New {
    fn from_previous(previous: P) -> Result<Self, Arc<dyn Error + Send + Sync>> {
        New::try_from(previous).map_err(UpcastError::shared)
    }
}

/// The JSON object of a payload of version 1.
pub fn json_of_first(
    name: &'static str,
    stored: StoredPayload<'_>,
) -> Result<JsonObject, DecodeError> {
    if codec_of(name, stored)? != Codec::Json {
        let version = stored.schema_version;
        return Err(failed(name, version, stored, Arc::new(NotJson)));
    }
    Codec::Json
        .decode(stored.bytes)
        .map_err(|source| unreadable(name, stored, source))
}

/// The JSON object of a payload of this version or an older one.
pub fn json_of<V: Version + Serialize>(
    stored: StoredPayload<'_>,
) -> Result<JsonObject, DecodeError> {
    if stored.schema_version == V::NUMBER {
        return json_of_first(V::EVENT, stored);
    }
    let older = older::<V>(stored)?;
    object(&older).map_err(|source| failed(V::EVENT, V::NUMBER, stored, Arc::new(source)))
}

fn object<T: Serialize>(value: &T) -> Result<JsonObject, CodecError> {
    Codec::Json.decode(&Codec::Json.encode(value)?)
}

#[derive(Debug, thiserror::Error)]
#[error("`upcast_json` reads JSON only, and this payload is of another codec")]
struct NotJson;

#[derive(Debug, thiserror::Error)]
#[error("the function of `upcast_json` left a field that the next version does not have")]
struct UnknownField;

/// The next version as JSON.
pub struct NextJson {
    from: u16,
    object: JsonObject,
    bytes: Vec<u8>,
}

/// `upcast_json`.
#[cold]
pub fn upcast_json<E: UpcastError>(
    object: Result<JsonObject, DecodeError>,
    name: &'static str,
    from: u16,
    stored: StoredPayload<'_>,
    upcast: fn(&mut JsonObject) -> Result<(), E>,
) -> Result<NextJson, DecodeError> {
    let mut object = object?;
    upcast(&mut object).map_err(|error| failed(name, from, stored, error.shared()))?;
    let bytes = Codec::Json
        .encode(&object)
        .map_err(|error| failed(name, from, stored, Arc::new(error)))?;
    Ok(NextJson {
        from,
        object,
        bytes,
    })
}

impl NextJson {
    /// The object as a stored payload.
    pub fn stored(&self) -> StoredPayload<'_> {
        StoredPayload::new(
            self.from.saturating_add(1),
            Codec::Json.content_type(),
            &self.bytes,
        )
    }

    /// Decodes an older version. It has no unknown fields.
    pub fn decode<V: Version>(
        &self,
        stored: StoredPayload<'_>,
        name: &'static str,
    ) -> Result<V, DecodeError> {
        older(self.stored()).map_err(|error| self.failed(name, stored, error))
    }

    /// The failure of the step, where reading its result failed.
    fn failed(
        &self,
        name: &'static str,
        stored: StoredPayload<'_>,
        error: DecodeError,
    ) -> DecodeError {
        match error {
            DecodeError::Payload { source, .. } => {
                failed(name, self.from, stored, Arc::new(source))
            }
            other => other,
        }
    }

    /// Checks the newest version: it was decoded, and has every field that the function left.
    pub fn check<E>(
        &self,
        stored: StoredPayload<'_>,
        name: &'static str,
        newest: Result<E, DecodeError>,
        encode: fn(&E, Codec) -> Result<Vec<u8>, CodecError>,
    ) -> Result<E, DecodeError> {
        let fail = |source| failed(name, self.from, stored, source);
        let event = newest.map_err(|error| self.failed(name, stored, error))?;
        let known: JsonObject = encode(&event, Codec::Json)
            .and_then(|bytes| Codec::Json.decode(&bytes))
            .map_err(|error| fail(Arc::new(error)))?;
        if self.object.keys().all(|field| known.contains_key(field)) {
            Ok(event)
        } else {
            Err(fail(Arc::new(UnknownField)))
        }
    }

    /// The same for an enum of events.
    pub fn check_variant<E>(
        &self,
        stored: StoredPayload<'_>,
        name: &'static str,
        newest: Result<Decoded<E>, DecodeError>,
        encode: fn(&E, Codec) -> Result<Vec<u8>, CodecError>,
    ) -> Result<Decoded<E>, DecodeError> {
        match newest {
            Ok(Decoded::One(event)) => self
                .check(stored, name, Ok(event), encode)
                .map(Decoded::One),
            Ok(many) => Ok(many),
            Err(error) => {
                let none: Result<E, DecodeError> = self.check(stored, name, Err(error), encode);
                none.map(Decoded::One)
            }
        }
    }
}
