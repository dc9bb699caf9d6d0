//! A JSON object, one field after the other. Names and values are read by `serde_json`.

use super::Stored;
use crate::CodecError;
use serde::{Deserialize, Deserializer};
use std::{borrow::Cow, mem};

/// An object that is being read.
#[derive(Clone, Copy)]
pub(super) struct Object<'de> {
    /// The text after what was read.
    rest: &'de str,
    is_at_start: bool,
}

impl<'de> Object<'de> {
    pub(super) const EMPTY: Self = Self {
        rest: "",
        is_at_start: true,
    };

    /// Behind the opening brace. `name` is what the object is, for a message.
    pub(super) fn start(bytes: &'de [u8], name: &str) -> Result<Self, CodecError> {
        // Checked once as a whole, its strings need no check of their own.
        let text = std::str::from_utf8(bytes).map_err(CodecError::not_text)?;
        let rest = skip(text).strip_prefix('{');
        let rest = rest.ok_or_else(|| {
            CodecError::of_form(format!("expected a JSON object, for struct {name}"))
        })?;
        Ok(Self {
            rest,
            is_at_start: true,
        })
    }

    /// The name of the next field, `None` behind the closing brace.
    pub(super) fn next(&mut self) -> Result<Option<Cow<'de, str>>, CodecError> {
        let text = skip(self.rest);
        if let Some(rest) = text.strip_prefix('}') {
            self.rest = rest;
            return Ok(None);
        }
        let is_first = mem::take(&mut self.is_at_start);
        let text = if is_first {
            text
        } else {
            skip(expect(text, ',')?)
        };
        let name = self.string(text)?;
        self.rest = expect(skip(self.rest), ':')?;
        Ok(Some(name))
    }

    /// The value of the field `name`.
    pub(super) fn value<T: Stored<'de>>(&mut self, name: &str) -> Result<T, CodecError> {
        let text = self.rest;
        let values = serde_json::Deserializer::from_str(text);
        let mut values = values.into_iter::<Value<T>>();
        let value = values.next();
        let read = values.byte_offset();
        match value {
            Some(Ok(Value(value))) => {
                self.rest = text.get(read..).unwrap_or_default();
                Ok(value)
            }
            Some(Err(error)) => Err(CodecError::of_json(&error).in_field(name)),
            None => Err(CodecError::of_form("the text ends too early").in_field(name)),
        }
    }

    /// Nothing but white space is left.
    pub(super) fn end(&self) -> Result<(), CodecError> {
        match skip(self.rest) {
            "" => Ok(()),
            _ => Err(CodecError::of_form("there is text after the object")),
        }
    }

    /// The string at the start of `text`. Without an escape it is borrowed.
    fn string(&mut self, text: &'de str) -> Result<Cow<'de, str>, CodecError> {
        let plain = text.strip_prefix('"').and_then(|text| text.split_once('"'));
        if let Some((string, rest)) = plain.filter(|(string, _)| !string.contains('\\')) {
            self.rest = rest;
            return Ok(Cow::Borrowed(string));
        }
        self.rest = text;
        let string = self.value("").map(Cow::Owned);
        string.map_err(|_| CodecError::of_form("expected the name of a field"))
    }
}

/// The text behind white space.
fn skip(text: &str) -> &str {
    text.trim_start_matches([' ', '\n', '\t', '\r'])
}

fn expect(text: &str, what: char) -> Result<&str, CodecError> {
    let rest = text.strip_prefix(what);
    rest.ok_or_else(|| CodecError::of_form(format!("expected `{what}`")))
}

struct Value<T>(T);

impl<'de, T: Stored<'de>> Deserialize<'de> for Value<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        T::read(from).map(Self)
    }
}
