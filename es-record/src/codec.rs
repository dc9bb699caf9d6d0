//! Encoding of payloads: one codec for each content type.
//!
//! Each stored row has the content type of its codec. So one stream may have events of several codecs,
//! and each event is read with the codec that wrote it.

#[cfg(feature = "postcard")]
use postcard::de_flavors::Slice;
use serde::{
    Serialize,
    de::{DeserializeOwned, DeserializeSeed},
};
use std::marker::PhantomData;

/// A format of payloads. An aggregate chooses one for new events; reading follows the stored row.
///
/// ```
/// use es_record::Codec;
///
/// let bytes = Codec::Json.encode(&("order", 7_u32))?;
/// assert_eq!(bytes, br#"["order",7]"#);
/// let back: (String, u32) = Codec::Json.decode(&bytes)?;
/// assert_eq!(back, ("order".to_owned(), 7));
/// # Ok::<(), es_record::CodecError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Codec {
    /// JSON text, content type `application/json`. People can read it in the database.
    #[default]
    Json,
    /// [postcard](https://docs.rs/postcard), content type `application/x-postcard`. It is compact and
    /// fast. It is positional, so every change of a payload's shape needs a new version of the event.
    /// It needs the feature `postcard`.
    #[cfg(feature = "postcard")]
    Postcard,
}

impl Codec {
    /// The content type that is stored with each payload.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            #[cfg(feature = "postcard")]
            Self::Postcard => "application/x-postcard",
        }
    }

    /// The codec for a stored content type, `None` when this program has no such codec.
    pub fn from_content_type(content_type: &str) -> Option<Self> {
        let known = [
            Self::Json,
            #[cfg(feature = "postcard")]
            Self::Postcard,
        ];
        known
            .into_iter()
            .find(|codec| codec.content_type() == content_type)
    }

    /// Encodes a value.
    ///
    /// # Errors
    /// [`CodecError`] when the format cannot represent the value, such as a map in JSON whose keys are
    /// not text.
    pub fn encode<T: Serialize + ?Sized>(self, value: &T) -> Result<Vec<u8>, CodecError> {
        match self {
            Self::Json => serde_json::to_vec(value).map_err(|e| CodecError::of_json(&e)),
            #[cfg(feature = "postcard")]
            Self::Postcard => postcard::to_stdvec(value).map_err(|e| CodecError::postcard(&e)),
        }
    }

    /// Decodes a value. Bytes after the value are an error.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are not of this format or do not fit the type.
    pub fn decode<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, CodecError> {
        self.decode_seed(PhantomData, bytes)
    }

    /// [`decode`](Codec::decode) with a seed, for the code of the derives.
    #[doc(hidden)]
    pub fn decode_seed<'de, S: DeserializeSeed<'de>>(
        self,
        seed: S,
        bytes: &'de [u8],
    ) -> Result<S::Value, CodecError> {
        match self {
            Self::Json => {
                // Checked once as a whole, its strings need no check of their own.
                let text = std::str::from_utf8(bytes).map_err(CodecError::not_text)?;
                let mut json = serde_json::Deserializer::from_str(text);
                seed.deserialize(&mut json)
                    .and_then(|value| json.end().map(|()| value))
                    .map_err(|e| CodecError::of_json(&e))
            }
            #[cfg(feature = "postcard")]
            Self::Postcard => {
                let mut postcard = postcard::Deserializer::from_bytes(bytes);
                let value = seed
                    .deserialize(&mut postcard)
                    .map_err(|e| CodecError::postcard(&e))?;
                CodecError::of_rest(postcard).map(|()| value)
            }
        }
    }
}

/// Why a payload could not be encoded or decoded.
///
/// The text names fields, types and lines. It never quotes a value of the payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CodecError(String);

impl CodecError {
    pub(crate) fn of_json(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        Self(if error.is_data() {
            without_values(&text)
        } else {
            text
        })
    }

    pub(crate) fn not_text(error: std::str::Utf8Error) -> Self {
        let at = error.valid_up_to();
        Self(format!("JSON is UTF-8 text, and the byte at {at} is not"))
    }

    #[cfg(feature = "postcard")]
    pub(crate) fn postcard(error: &postcard::Error) -> Self {
        Self(format!("postcard: {error}"))
    }

    /// A payload of postcard is read to its end.
    #[cfg(feature = "postcard")]
    pub(crate) fn of_rest<'de>(
        payload: postcard::Deserializer<'de, Slice<'de>>,
    ) -> Result<(), Self> {
        match payload.finalize() {
            Ok([]) => Ok(()),
            Ok(rest) => {
                let bytes = rest.len();
                Err(Self(format!("{bytes} bytes are left over after the value")))
            }
            Err(error) => Err(Self::postcard(&error)),
        }
    }

    /// What is wrong with a payload, without a value of it.
    pub(crate) fn of_form(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// What a type says about its value.
    pub(crate) fn of_data(message: &str) -> Self {
        Self(without_values(message))
    }

    /// The same with the field instead of the place in its value.
    pub(crate) fn in_field(self, name: &str) -> Self {
        let what = self
            .0
            .rsplit_once(" at line ")
            .map_or(&*self.0, |(what, _)| what);
        Self(format!("field `{name}`: {what}"))
    }
}

/// The message of serde without the value that it quotes.
fn without_values(text: &str) -> String {
    let (what, place) = match text.rfind(" at line ") {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    for kind in ["invalid type", "invalid value"] {
        if what.starts_with(kind) {
            let expected = what
                .rfind(", expected ")
                .map_or("", |at| what.split_at(at).1);
            return format!("{kind}{expected}{place}");
        }
    }
    let names_only = ["missing field ", "duplicate field ", "invalid length "];
    if names_only.iter().any(|start| what.starts_with(start)) {
        return text.to_owned();
    }
    for kind in ["unknown field", "unknown variant"] {
        if what.starts_with(kind) {
            let expected = what
                .rfind(", expected ")
                .map_or("", |at| what.split_at(at).1);
            return format!("{kind}{expected}{place}");
        }
    }
    format!("a value was refused by its type{place}")
}
