//! Structs that are read field by field, for the types of older versions of events.
//!
//! A derive writes one match over the fields of such a type, without an enum of field names and a visitor. It is read
//! as serde's derive with `deny_unknown_fields` reads it, in two ways: from a stored payload, and by any
//! deserializer of serde.

mod object;
mod payload;
mod visitor;

pub use payload::Payload;
use serde::{Deserialize, Deserializer, de::Error};
use visitor::Absent;
pub use visitor::deserialize;

/// A struct that is read field by field.
pub trait Fields: Sized {
    /// The name of the type, for messages.
    const NAME: &'static str;
    /// The stored names, in the order of declaration.
    const FIELDS: &'static [&'static str];

    /// Takes each field from `source`, which says which one is next. `None` when `source` has an error.
    fn read<'de, S: Source<'de>>(source: &mut S) -> Option<Self>;
}

/// Where the fields of a struct come from. It keeps its first error, and has no fields after one: so the code of a
/// struct, of which there are many, has no path for errors.
pub trait Source<'de> {
    /// The error of the format.
    type Error: Error;

    /// The index of the next field. At the end of a map it returns every field once more.
    fn index(&mut self) -> Option<usize>;

    /// The value of that field. An absent one stays `None`, as that of a field with a default.
    fn value_if_any<T: Stored<'de>>(&mut self, field: &mut Option<T>);

    /// The name of that field where a map has ended without it.
    fn absent(&self) -> Option<&'static str>;

    /// Keeps an error.
    fn fail(&mut self, error: Self::Error);

    /// The value of that field. An absent one is `None` if its type allows that, as with serde.
    fn value<T: Stored<'de>>(&mut self, field: &mut Option<T>) {
        self.value_if_any(field);
        if let (None, Some(name)) = (&field, self.absent()) {
            match T::read(Absent::new(name)) {
                Ok(value) => *field = Some(value),
                Err(error) => self.fail(error),
            }
        }
    }

    /// The same for a field with a `with` function. It cannot be absent, as with serde.
    fn value_with<T: Stored<'de>>(&mut self, field: &mut Option<T>) {
        self.value_if_any(field);
        if let (None, Some(name)) = (&field, self.absent()) {
            self.fail(Self::Error::missing_field(name));
        }
    }
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
