//! Payloads of the events of the runtime.

use es_runtime::{Codec, DecodeError, StoredPayload};

/// Decodes one event of version 1.
pub(crate) fn decode_event<T: serde::de::DeserializeOwned>(
    name: &'static str,
    stored: StoredPayload<'_>,
) -> Result<T, DecodeError> {
    let version = stored.schema_version;
    match version {
        0 => return Err(DecodeError::InvalidVersion { name }),
        1 => {}
        newer => {
            return Err(DecodeError::NewerVersion {
                name,
                stored: newer,
                known: 1,
            });
        }
    }
    let codec = Codec::from_content_type(stored.content_type).ok_or_else(|| {
        DecodeError::UnknownContentType {
            name,
            content_type: stored.content_type.to_owned(),
        }
    })?;
    codec
        .decode(stored.bytes)
        .map_err(|source| DecodeError::Payload {
            name,
            version,
            source,
        })
}

/// A text for operators, without what comes after the first 4,000 characters.
pub(crate) fn cut(mut message: String) -> String {
    const LONGEST: usize = 4_000;
    if let Some((end, _)) = message.char_indices().nth(LONGEST) {
        message.truncate(end);
        message.push('…');
    }
    message
}

pub(crate) const CHANGED: &str = "it would be read back as another value";
