//! How a payload becomes bytes: one codec per content type.
//!
//! The codec stands in the stored row as its content type, so one stream may hold events of
//! several codecs and every one of them is read with the codec that wrote it.

use serde::{
    Serialize,
    de::{DeserializeOwned, DeserializeSeed},
};
use std::marker::PhantomData;

/// A payload format. An aggregate chooses one for what it writes; reading follows the stored row.
///
/// ```
/// use es_runtime::Codec;
///
/// let bytes = Codec::Json.encode(&("order", 7_u32))?;
/// assert_eq!(bytes, br#"["order",7]"#);
/// let back: (String, u32) = Codec::Json.decode(&bytes)?;
/// assert_eq!(back, ("order".to_owned(), 7));
/// # Ok::<(), es_runtime::CodecError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Codec {
    /// JSON text, content type `application/json`. A person can read it in the database.
    #[default]
    Json,
    /// [postcard](https://docs.rs/postcard), content type `application/x-postcard`: compact and fast,
    /// positional, so every change of a payload's shape needs a new version of the event.
    Postcard,
}

impl Codec {
    /// The content type that is stored beside each payload.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Postcard => "application/x-postcard",
        }
    }

    /// The codec of a stored content type, `None` where this program has none for it.
    pub fn from_content_type(content_type: &str) -> Option<Self> {
        [Self::Json, Self::Postcard]
            .into_iter()
            .find(|codec| codec.content_type() == content_type)
    }

    /// Turns a value into bytes.
    ///
    /// # Errors
    /// [`CodecError`] when the value has no form in this format, such as a map whose keys are not
    /// text in JSON.
    pub fn encode<T: Serialize + ?Sized>(self, value: &T) -> Result<Vec<u8>, CodecError> {
        match self {
            Self::Json => serde_json::to_vec(value).map_err(|e| CodecError::of_json(&e)),
            Self::Postcard => postcard::to_stdvec(value).map_err(|e| CodecError::postcard(&e)),
        }
    }

    /// Turns bytes back into a value. Bytes that are left over are an error.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are not of this format or do not fit the type.
    pub fn decode<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, CodecError> {
        self.decode_seed(PhantomData, bytes)
    }

    /// [`decode`](Codec::decode) for a type that needs to know more than its bytes.
    pub(crate) fn decode_seed<'de, S: DeserializeSeed<'de>>(
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
            Self::Postcard => {
                let mut postcard = postcard::Deserializer::from_bytes(bytes);
                let value = seed
                    .deserialize(&mut postcard)
                    .map_err(|e| CodecError::postcard(&e))?;
                match postcard.finalize() {
                    Ok([]) => Ok(value),
                    Ok(rest) => Err(CodecError(format!(
                        "{} bytes are left over after the value",
                        rest.len()
                    ))),
                    Err(e) => Err(CodecError::postcard(&e)),
                }
            }
        }
    }
}

/// Why a payload could not be encoded or decoded.
///
/// The text names fields, kinds and places, never a value out of the payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CodecError(String);

impl CodecError {
    fn of_json(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        Self(if error.is_data() { quiet(&text) } else { text })
    }

    fn not_text(error: std::str::Utf8Error) -> Self {
        let at = error.valid_up_to();
        Self(format!("JSON is UTF-8 text, and the byte at {at} is not"))
    }

    fn postcard(error: &postcard::Error) -> Self {
        Self(format!("postcard: {error}"))
    }
}

/// What serde says of data that does not fit, without the value that it quotes.
fn quiet(text: &str) -> String {
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
