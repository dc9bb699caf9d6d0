//! Reading payloads of older versions and upcasting them.

use super::payload::{codec_of, unreadable};
use crate::{Codec, CodecError, DecodeError, StoredPayload};
use es_record::by_field::{Fields, Payload};

/// An older version of an event.
pub trait Version: Fields {
    /// The stored name of the event.
    const EVENT: &'static str;
    /// The number of the version.
    const NUMBER: u16;

    /// Reads a payload of an earlier version and upcasts it to this one.
    fn from_older(_: StoredPayload<'_>) -> Result<Self, DecodeError> {
        Err(DecodeError::InvalidVersion { name: Self::EVENT })
    }
}

/// A payload of this version or an older one.
#[inline(never)]
pub fn older<V: Version>(stored: StoredPayload<'_>) -> Result<V, DecodeError> {
    if stored.schema_version < V::NUMBER {
        return V::from_older(stored);
    }
    let codec = Codec::from_content_type(stored.content_type);
    let mut payload = Payload::new(codec, stored.bytes, V::NAME, V::FIELDS);
    match (V::read(&mut payload), payload.end()) {
        (Some(version), None) => Ok(version),
        (_, error) => Err(not_read(V::EVENT, stored, error)),
    }
}

/// The error for a payload that was not read. It is no part of [`older`], which is compiled for each version.
#[cold]
fn not_read(
    event: &'static str,
    stored: StoredPayload<'_>,
    error: Option<CodecError>,
) -> DecodeError {
    match (codec_of(event, stored), error) {
        (Err(unknown), _) => unknown,
        (Ok(_), Some(source)) => unreadable(event, stored, source),
        (Ok(_), None) => DecodeError::InvalidVersion { name: event },
    }
}

/// [`From`] between the types of one field in two versions, with a message for it.
#[diagnostic::on_unimplemented(
    message = "the older type `{Self}` cannot be converted to `{New}`",
    label = "no `From<{Self}>` for `{New}`",
    note = "add `with = path` to the `was(..)`, for a `fn(old: {Self}) -> {New}`"
)]
pub trait Becomes<New> {
    /// The value in the next version.
    fn next(self) -> New;
}

#[diagnostic::do_not_recommend]
impl<Old: Into<New>, New> Becomes<New> for Old {
    fn next(self) -> New {
        self.into()
    }
}
