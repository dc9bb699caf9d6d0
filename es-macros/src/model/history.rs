//! The versions of one event and the ways from each to the next.

use super::value_shape::ValueShape;
use crate::attr::{history::UpcasterKind, serde::Absent};
use proc_macro2::{Ident, TokenStream};
use syn::{Attribute, Path, Type, Visibility};

/// The versions before the current one, oldest first; none at version 1.
#[derive(Default)]
pub(crate) struct History {
    pub(crate) versions: Vec<Version>,
    /// The fields of the newest version under their stored names.
    pub(crate) newest: Vec<(String, ValueShape)>,
    /// How the version before the newest is written instead of it.
    pub(crate) back: Option<Vec<BackField>>,
    /// Ways back that are given and not used at present.
    pub(crate) spare: Vec<Spare>,
    /// The event that is the version before the current one, and describes all others.
    pub(crate) previous: Option<Path>,
}

/// An older version and the way to the next one.
pub(crate) struct Version {
    pub(crate) number: u16,
    /// The name of its type, such as `OrderPlacedV1`.
    pub(crate) ident: Ident,
    pub(crate) fields: Vec<Field>,
    pub(crate) next: Next,
}

/// The way to the next version.
pub(crate) enum Next {
    /// How each field gets its value.
    Fields(Vec<Assignment>),
    /// A function of the user.
    Upcaster(UpcasterKind, Path),
}

/// A field as an older version had it.
pub(crate) struct Field {
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    pub(crate) ty: Type,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) stored: String,
    pub(crate) form: Form,
}

/// How the values of a field are stored as long as it has one type.
#[derive(Clone)]
pub(crate) struct Form {
    /// serde's `with`.
    pub(crate) deserialize: Option<Path>,
    pub(crate) serialize: Option<Path>,
    /// serde's `default`.
    pub(crate) absent: Option<Absent>,
    pub(crate) shape: ValueShape,
}

pub(crate) struct Assignment {
    pub(crate) to: Ident,
    pub(crate) value: Value,
}

/// Where a value comes from.
pub(crate) enum Value {
    /// The same field of the version before.
    Moved(Ident),
    /// The same, through `From`.
    Converted { from: Ident, old: Type, new: Type },
    /// The same, through a function of the user.
    With {
        from: Ident,
        old: Type,
        new: Type,
        function: Path,
    },
    /// A text, through `Into`.
    Text(TokenStream),
    /// An expression.
    Given(TokenStream),
    /// `None`.
    Absent,
}

impl Value {
    /// Whether it comes out of the version before.
    pub(crate) fn is_taken(&self) -> bool {
        matches!(
            self,
            Self::Moved(_) | Self::Converted { .. } | Self::With { .. }
        )
    }
}

/// What a field of the version before the newest gets when that one is written.
pub(crate) enum BackField {
    /// The value of this field of today.
    Same { from: Ident, ty: Type },
    /// The same, through a function of the user.
    With {
        from: Ident,
        new: Type,
        function: Path,
    },
    /// A text, through `Into`.
    Text(TokenStream),
    /// An expression.
    Given(TokenStream),
    /// `None`.
    Absent,
}

/// A function from a value of a field to the one before, kept for later or from earlier.
pub(crate) struct Spare {
    pub(crate) function: Path,
    pub(crate) old: Type,
    pub(crate) new: Type,
}
