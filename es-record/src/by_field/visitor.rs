//! The fields from any deserializer of serde.

use super::{Fields, Source, Stored};
use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, Expected, MapAccess, SeqAccess, Unexpected, Visitor},
    forward_to_deserialize_any,
};
use std::{fmt, marker::PhantomData};

/// The `Deserialize` of a type of an older version.
pub fn deserialize<'de, T: Fields, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    from.deserialize_struct(T::NAME, T::FIELDS, FieldsVisitor(PhantomData))
}

struct Read<T>(PhantomData<T>);

impl<'de, T: Stored<'de>> DeserializeSeed<'de> for Read<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<T, D::Error> {
        T::read(from)
    }
}

struct FieldsVisitor<T>(PhantomData<T>);

impl<'de, T: Fields> Visitor<'de> for FieldsVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "struct {}", T::NAME)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        let mut source = Named {
            map,
            names: T::FIELDS,
            at: 0,
            absent: T::FIELDS.len(),
            ended: false,
            error: None,
        };
        let value = T::read(&mut source);
        finish(value, source.error)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T, A::Error> {
        let mut source = Ordered {
            seq,
            next: 0,
            of: Elements {
                name: T::NAME,
                count: T::FIELDS.len(),
            },
            error: None,
        };
        let value = T::read(&mut source);
        finish(value, source.error)
    }
}

/// What was read, or the error of its source, which has one where nothing was read.
fn finish<T, E: Error>(value: Option<T>, error: Option<E>) -> Result<T, E> {
    match (value, error) {
        (Some(value), None) => Ok(value),
        (_, Some(error)) => Err(error),
        (None, None) => Err(E::custom("a field is missing")),
    }
}

struct Named<'de, A: MapAccess<'de>> {
    map: A,
    names: &'static [&'static str],
    /// The current field, or after the end of the map the next one.
    at: usize,
    /// The number of fields that have not come yet.
    absent: usize,
    ended: bool,
    error: Option<A::Error>,
}

impl<'de, A: MapAccess<'de>> Named<'de, A> {
    fn name(&self) -> &'static str {
        let at = self.at.saturating_sub(usize::from(self.ended));
        self.names.get(at).copied().unwrap_or_default()
    }

    fn next(&mut self) -> Result<Option<usize>, A::Error> {
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

    fn read<T: Stored<'de>>(&mut self, field: &mut Option<T>) -> Result<(), A::Error> {
        if self.ended {
            return Ok(());
        }
        if field.is_some() {
            return Err(A::Error::duplicate_field(self.name()));
        }
        *field = Some(self.map.next_value_seed(Read(PhantomData))?);
        self.absent = self.absent.saturating_sub(1);
        Ok(())
    }
}

impl<'de, A: MapAccess<'de>> Source<'de> for Named<'de, A> {
    type Error = A::Error;

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
        self.ended.then(|| self.name())
    }

    fn fail(&mut self, error: A::Error) {
        self.error = Some(error);
    }
}

struct Ordered<'de, A: SeqAccess<'de>> {
    seq: A,
    next: usize,
    of: Elements,
    error: Option<A::Error>,
}

impl<'de, A: SeqAccess<'de>> Source<'de> for Ordered<'de, A> {
    type Error = A::Error;

    fn index(&mut self) -> Option<usize> {
        if self.error.is_some() {
            return None;
        }
        let index = self.next;
        self.next += 1;
        (index < self.of.count).then_some(index)
    }

    fn value_if_any<T: Stored<'de>>(&mut self, field: &mut Option<T>) {
        match self.seq.next_element_seed(Read(PhantomData)) {
            Ok(value) => *field = value,
            Err(error) => self.error = Some(error),
        }
    }

    /// A sequence has no names, and says how many fields it lacks.
    fn absent(&self) -> Option<&'static str> {
        None
    }

    fn fail(&mut self, error: A::Error) {
        self.error = Some(error);
    }

    fn value<T: Stored<'de>>(&mut self, field: &mut Option<T>) {
        self.value_if_any(field);
        if field.is_none() && self.error.is_none() {
            self.fail(A::Error::invalid_length(self.next - 1, &self.of));
        }
    }

    fn value_with<T: Stored<'de>>(&mut self, field: &mut Option<T>) {
        self.value(field);
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
pub(super) struct Absent<E>(&'static str, PhantomData<E>);

impl<E> Absent<E> {
    pub(super) const fn new(name: &'static str) -> Self {
        Self(name, PhantomData)
    }
}

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
