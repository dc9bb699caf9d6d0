//! A type whose values are tags, and the tags of an event.

use crate::attr::CratePath;
use proc_macro2::Ident;
use syn::{Attribute, Generics, LitStr, Path, Type};

/// A type with `#[derive(Tag)]`.
pub(crate) struct Tag {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) krate: CratePath,
    /// `None` where it is missing or ill-formed, which was reported.
    pub(crate) kind: Option<LitStr>,
    pub(crate) value: Value,
    pub(crate) allows: Vec<Attribute>,
}

/// Where the text of a tag comes from.
pub(crate) enum Value {
    /// Every tag of the type is the same one.
    Constant,
    /// The only field, as `self.0` or `self.text`.
    Field { member: syn::Member, ty: Box<Type> },
    /// The item has a fault, which was reported.
    Reported,
}

/// One tag, or several of one kind, of an event.
pub(crate) enum EventTag {
    Field(Box<TaggedField>),
    /// A constant, such as `Invoices`.
    Constant(Path),
}

/// A field whose value is a tag.
pub(crate) struct TaggedField {
    pub(crate) field: Ident,
    /// The type of a value, that in the container if there is one.
    pub(crate) ty: Type,
    /// Whether it is an `Option`, a `Vec` or a set of values.
    pub(crate) is_container: bool,
    /// The type of the tag, where it is another one than that of the value.
    pub(crate) of: Option<Type>,
}

/// The tags of an event.
#[derive(Default)]
pub(crate) struct Tags {
    /// That of the home first, if there is a home.
    pub(crate) list: Vec<EventTag>,
    /// Whether the first one names the stream that a decision writes the event to.
    pub(crate) has_home: bool,
}
