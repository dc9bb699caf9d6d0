//! Encoding and decoding of payloads of the newest version.

use crate::{Codec, CodecError, DecodeError, Decoded, StoredPayload};
use es_record::enum_fields;
use serde::{Serialize, de::DeserializeOwned};

/// An encoded payload.
pub type Bytes = Vec<u8>;

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
        codec.encode(&enum_fields::Fields(self))
    }

    fn from_fields(
        index: u32,
        name: &'static str,
        version: u16,
        stored: StoredPayload<'_>,
    ) -> Result<Decoded<Self>, DecodeError> {
        let codec = readable(name, version, stored)?;
        codec
            .decode_seed(enum_fields::Variant::new(index), stored.bytes)
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

pub(super) fn codec_of(
    name: &'static str,
    stored: StoredPayload<'_>,
) -> Result<Codec, DecodeError> {
    Codec::from_content_type(stored.content_type).ok_or_else(|| DecodeError::UnknownContentType {
        name,
        content_type: stored.content_type.to_owned(),
    })
}

pub(super) fn unreadable(
    name: &'static str,
    stored: StoredPayload<'_>,
    source: CodecError,
) -> DecodeError {
    DecodeError::Payload {
        name,
        version: stored.schema_version,
        source,
    }
}
