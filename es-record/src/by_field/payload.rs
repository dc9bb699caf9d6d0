//! The fields of a stored payload.
//!
//! A program has many older versions, and serde's way would compile a deserializer of each codec for each of them.
//! Here the code that reads a version is compiled once, and the code that reads a field once for each type.

use super::{Source, Stored, object::Object};
use crate::{Codec, CodecError};
#[cfg(feature = "postcard")]
use postcard::de_flavors::Slice;
use serde::de::Error;
use std::fmt;

/// A payload whose fields are read. It may be one that could not be opened: the error comes at the end.
pub struct Payload<'de> {
    form: Form<'de>,
    names: &'static [&'static str],
    /// The current field.
    at: usize,
    /// The next field, once they come in the order of the struct.
    next: usize,
    /// The number of fields that have not come yet.
    absent: usize,
    error: Option<CodecError>,
}

enum Form<'de> {
    Json(Object<'de>),
    /// The object has ended. Its absent fields are asked for.
    Ended(Object<'de>),
    #[cfg(feature = "postcard")]
    Postcard(postcard::Deserializer<'de, Slice<'de>>),
}

impl<'de> Payload<'de> {
    /// A payload that is a struct with these fields. `codec` is `None` for an unknown one.
    pub fn new(
        codec: Option<Codec>,
        bytes: &'de [u8],
        name: &'static str,
        names: &'static [&'static str],
    ) -> Self {
        let opened = match codec {
            Some(Codec::Json) => Object::start(bytes, name).map(Form::Json),
            #[cfg(feature = "postcard")]
            Some(Codec::Postcard) => Ok(Form::Postcard(postcard::Deserializer::from_bytes(bytes))),
            None => Err(CodecError::of_form("the codec is not known")),
        };
        let (form, error) = match opened {
            Ok(form) => (form, None),
            Err(error) => (Form::Json(Object::EMPTY), Some(error)),
        };
        Self {
            form,
            names,
            at: 0,
            next: 0,
            absent: names.len(),
            error,
        }
    }

    /// The first error. Bytes after the value are one. Where nothing was read there is one.
    pub fn end(self) -> Option<CodecError> {
        let end = || match self.form {
            Form::Json(object) | Form::Ended(object) => object.end(),
            #[cfg(feature = "postcard")]
            Form::Postcard(bytes) => CodecError::of_rest(bytes),
        };
        self.error.or_else(|| end().err())
    }

    fn name(&self) -> &'static str {
        self.names.get(self.at).copied().unwrap_or_default()
    }

    /// The next field. Fields are usually stored in the order of the struct.
    fn next(&mut self) -> Result<Option<usize>, CodecError> {
        if let Form::Json(object) = &mut self.form {
            if let Some(name) = object.next()? {
                let is_next = self
                    .names
                    .get(self.next)
                    .is_some_and(|known| *known == name);
                let found = if is_next {
                    Some(self.next)
                } else {
                    self.names.iter().position(|known| *known == name)
                };
                let unknown = || Refused::unknown_field(&name, self.names).0;
                self.at = found.ok_or_else(unknown)?;
                self.next = self.at.saturating_add(1);
                return Ok(Some(self.at));
            }
            self.form = Form::Ended(*object);
            self.next = 0;
        }
        self.at = self.next;
        self.next = self.next.saturating_add(1);
        let is_left = self.absent > 0 && self.at < self.names.len();
        Ok(is_left.then_some(self.at))
    }

    fn read<T: Stored<'de>>(&mut self, field: &mut Option<T>) -> Result<(), CodecError> {
        let name = self.name();
        let value = match &mut self.form {
            Form::Json(_) if field.is_some() => return Err(Refused::duplicate_field(name).0),
            Form::Json(object) => object.value(name)?,
            Form::Ended(_) => return Ok(()),
            #[cfg(feature = "postcard")]
            Form::Postcard(bytes) => {
                T::read(bytes).map_err(|error| CodecError::postcard(&error))?
            }
        };
        *field = Some(value);
        self.absent = self.absent.saturating_sub(1);
        Ok(())
    }
}

impl<'de> Source<'de> for Payload<'de> {
    type Error = Refused;

    fn index(&mut self) -> Option<usize> {
        if self.error.is_some() {
            return None;
        }
        self.next().unwrap_or_else(|error| {
            self.error = Some(error);
            None
        })
    }

    fn value_if_any<T: Stored<'de>>(&mut self, field: &mut Option<T>) {
        if let Err(error) = self.read(field) {
            self.error = Some(error);
        }
    }

    fn absent(&self) -> Option<&'static str> {
        matches!(self.form, Form::Ended(_)).then(|| self.name())
    }

    fn fail(&mut self, Refused(error): Refused) {
        self.error = Some(error);
    }
}

/// A [`CodecError`] as serde wants it.
#[derive(Debug)]
pub struct Refused(CodecError);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Refused {}

impl Error for Refused {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(CodecError::of_data(&message.to_string()))
    }
}
