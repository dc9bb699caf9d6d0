//! Reading payloads of older versions and upcasting them.
//!
//! The types of older versions have a generated `Deserialize`. Their common code is here, so that each of
//! them needs only a match over its fields, without an enum of field names and a visitor. It behaves as
//! serde's derive with `deny_unknown_fields`, for formats with and without names.

use super::{codec_of, unreadable};
use crate::{DecodeError, StoredPayload};
use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, Error, Expected, MapAccess, SeqAccess, Unexpected,
        Visitor,
    },
    forward_to_deserialize_any,
};
use std::{fmt, marker::PhantomData};

/// A struct that is read field by field.
pub trait Fields: Sized {
    /// The name of the type, for messages.
    const NAME: &'static str;
    /// The stored names, in the order of declaration.
    const FIELDS: &'static [&'static str];

    /// Takes each field from `source`, which returns the index of the next one.
    fn read<'de, S: Source<'de>>(source: S) -> Result<Self, S::Error>;
}

/// Where the fields of a struct come from: a map or a sequence.
pub trait Source<'de> {
    /// The error of the format.
    type Error: Error;

    /// The index of the next field. At the end of a map it returns every field once more.
    fn index(&mut self) -> Result<Option<usize>, Self::Error>;

    /// The value of that field. An absent one is `None` if its type allows that, as with serde.
    fn value<T: Stored<'de>>(&mut self, field: &mut Option<T>) -> Result<(), Self::Error>;

    /// The same for a field with a `with` function. It cannot be absent, as with serde.
    fn value_with<T: Stored<'de>>(&mut self, field: &mut Option<T>) -> Result<(), Self::Error>;

    /// The same for a field with a default. An absent one stays `None`.
    fn value_if_any<T: Stored<'de>>(&mut self, field: &mut Option<T>) -> Result<(), Self::Error>;
}

/// The type of a field of an older version: `Deserialize` with a message for it.
#[diagnostic::on_unimplemented(
    message = "the older `{Self}` cannot be read from stored events",
    label = "`{Self}` lacks `serde::Deserialize`",
    note = "add `#[derive(serde::Deserialize)]` to `{Self}`"
)]
pub trait Stored<'de>: Sized {
    /// Reads it.
    fn read<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error>;
}

#[diagnostic::do_not_recommend]
impl<'de, T: Deserialize<'de>> Stored<'de> for T {
    fn read<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        T::deserialize(from)
    }
}

struct Read<T>(PhantomData<T>);

impl<'de, T: Stored<'de>> DeserializeSeed<'de> for Read<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<T, D::Error> {
        T::read(from)
    }
}

/// The `Deserialize` of a type of an older version.
pub fn deserialize<'de, T: Fields, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    from.deserialize_struct(T::NAME, T::FIELDS, FieldsVisitor(PhantomData))
}

/// The value of a field after all were read.
pub fn field<T, E: Error>(value: Option<T>, name: &'static str) -> Result<T, E> {
    value.ok_or_else(|| E::missing_field(name))
}

struct FieldsVisitor<T>(PhantomData<T>);

impl<'de, T: Fields> Visitor<'de> for FieldsVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "struct {}", T::NAME)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::read(Named {
            map,
            names: T::FIELDS,
            at: 0,
            absent: T::FIELDS.len(),
            ended: false,
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T, A::Error> {
        T::read(Ordered {
            seq,
            next: 0,
            of: Elements {
                name: T::NAME,
                count: T::FIELDS.len(),
            },
        })
    }
}

struct Named<A> {
    map: A,
    names: &'static [&'static str],
    /// The current field, or after the end of the map the next one.
    at: usize,
    /// The number of fields that have not come yet.
    absent: usize,
    ended: bool,
}

impl<'de, A: MapAccess<'de>> Named<A> {
    fn name(&self, index: usize) -> &'static str {
        self.names.get(index).copied().unwrap_or_default()
    }

    fn present<T: Stored<'de>>(&mut self, field: &mut Option<T>) -> Result<(), A::Error> {
        if field.is_some() {
            return Err(A::Error::duplicate_field(self.name(self.at)));
        }
        *field = Some(self.map.next_value_seed(Read(PhantomData))?);
        self.absent = self.absent.saturating_sub(1);
        Ok(())
    }
}

impl<'de, A: MapAccess<'de>> Source<'de> for Named<A> {
    type Error = A::Error;

    fn index(&mut self) -> Result<Option<usize>, A::Error> {
        if !self.ended {
            let name = Name {
                names: self.names,
                likely: self.at,
            };
            if let Some(index) = self.map.next_key_seed(name)? {
                self.at = index;
                return Ok(Some(index));
            }
            self.ended = true;
            self.at = 0;
            if self.absent == 0 {
                return Ok(None);
            }
        }
        let index = self.at;
        self.at += 1;
        Ok((index < self.names.len()).then_some(index))
    }

    fn value<T: Stored<'de>>(&mut self, field: &mut Option<T>) -> Result<(), A::Error> {
        if !self.ended {
            return self.present(field);
        }
        if field.is_none() {
            *field = Some(T::read(Absent(self.name(self.at - 1), PhantomData))?);
        }
        Ok(())
    }

    fn value_with<T: Stored<'de>>(&mut self, field: &mut Option<T>) -> Result<(), A::Error> {
        if !self.ended {
            return self.present(field);
        }
        if field.is_none() {
            return Err(A::Error::missing_field(self.name(self.at - 1)));
        }
        Ok(())
    }

    fn value_if_any<T: Stored<'de>>(&mut self, field: &mut Option<T>) -> Result<(), A::Error> {
        if self.ended {
            Ok(())
        } else {
            self.present(field)
        }
    }
}

struct Ordered<A> {
    seq: A,
    next: usize,
    of: Elements,
}

impl<'de, A: SeqAccess<'de>> Source<'de> for Ordered<A> {
    type Error = A::Error;

    fn index(&mut self) -> Result<Option<usize>, A::Error> {
        let index = self.next;
        self.next += 1;
        Ok((index < self.of.count).then_some(index))
    }

    fn value<T: Stored<'de>>(&mut self, field: &mut Option<T>) -> Result<(), A::Error> {
        *field = self.seq.next_element_seed(Read(PhantomData))?;
        if field.is_none() {
            return Err(A::Error::invalid_length(self.next - 1, &self.of));
        }
        Ok(())
    }

    fn value_with<T: Stored<'de>>(&mut self, field: &mut Option<T>) -> Result<(), A::Error> {
        self.value(field)
    }

    fn value_if_any<T: Stored<'de>>(&mut self, field: &mut Option<T>) -> Result<(), A::Error> {
        *field = self.seq.next_element_seed(Read(PhantomData))?;
        Ok(())
    }
}

struct Elements {
    name: &'static str,
    count: usize,
}

impl Expected for Elements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, count } = self;
        let plural = if *count == 1 { "" } else { "s" };
        write!(f, "struct {name} with {count} element{plural}")
    }
}

/// Reads a name and finds its index in the list.
struct Name {
    names: &'static [&'static str],
    /// The previous field, since fields are usually stored in order.
    likely: usize,
}

impl<'de> DeserializeSeed<'de> for Name {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<usize, D::Error> {
        from.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Name {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("field identifier")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
        let next = self.likely.wrapping_add(1);
        if self.names.get(next).is_some_and(|known| *known == name) {
            return Ok(next);
        }
        let found = self.names.iter().position(|known| *known == name);
        found.ok_or_else(|| E::unknown_field(name, self.names))
    }

    fn visit_bytes<E: Error>(self, name: &[u8]) -> Result<usize, E> {
        self.visit_str(&String::from_utf8_lossy(name))
    }

    fn visit_u64<E: Error>(self, index: u64) -> Result<usize, E> {
        usize::try_from(index)
            .ok()
            .filter(|index| *index < self.names.len())
            .ok_or_else(|| E::invalid_value(Unexpected::Unsigned(index), &"field index"))
    }
}

/// An absent field.
struct Absent<E>(&'static str, PhantomData<E>);

impl<'de, E: Error> Deserializer<'de> for Absent<E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, E> {
        Err(E::missing_field(self.0))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// An older version of an event.
pub trait Version: DeserializeOwned {
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
    codec_of(V::EVENT, stored)?
        .decode(stored.bytes)
        .map_err(|source| unreadable(V::EVENT, stored, source))
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
