//! `#[shape(..)]` on types and their fields, and on the fields of events.

use super::{
    CratePath, Flag, Key, Many, Place, Single, Value, Version,
    history::{self, Removed},
    read,
    value::{equals, error},
    value_of_item,
};
use crate::{diag::Diag, ident, messages};
use proc_macro2::Ident;
use syn::{Attribute, LitStr, parse::ParseStream};

/// `as = "u64"` or `unit = "cents"`.
pub(crate) struct Word(pub(crate) String);

impl Value for Word {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        let word = ident::text(key);
        let example = if word == "unit" {
            "unit = \"cents\""
        } else {
            "as = \"u64\""
        };
        equals(key, input, example)?;
        let tokens = value_of_item(input);
        match syn::parse2::<LitStr>(tokens.clone()) {
            Ok(text) if !text.value().is_empty() => Ok(Self(text.value())),
            _ => Err(error(
                &tokens,
                key,
                messages::shape::shape_not_a_word(&word, example),
            )),
        }
    }
}

/// On a type with `#[derive(Shape)]`.
pub(crate) struct OnType {
    pub(crate) scalar: Single<Word>,
    pub(crate) unit: Single<Word>,
    pub(crate) version: Single<Version>,
    pub(crate) removed: Many<Removed>,
    pub(crate) krate: Single<CratePath>,
}

impl OnType {
    pub(crate) fn read(diag: &Diag, attrs: &[Attribute]) -> Self {
        let mut this = Self {
            scalar: Single::new("as"),
            unit: Single::new("unit"),
            version: Single::new("version"),
            removed: Many::new("removed"),
            krate: Single::new("crate"),
        };
        let keys: &mut [&mut dyn Key] = &mut [
            &mut this.scalar,
            &mut this.unit,
            &mut this.version,
            &mut this.removed,
            &mut this.krate,
        ];
        read(diag, Place::ShapeType, attrs, None, keys);
        this
    }
}

/// On a field.
pub(crate) struct OnField {
    pub(crate) scalar: Single<Word>,
    pub(crate) unit: Single<Word>,
    pub(crate) recursive: Single<Flag>,
}

impl OnField {
    /// What an event or a type without versions says of a field.
    pub(crate) fn read(diag: &Diag, place: Place, attrs: &[Attribute]) -> Self {
        let mut this = Self::new();
        read(diag, place, attrs, None, &mut this.keys());
        this
    }

    /// What a type with versions says of a field.
    pub(crate) fn read_versioned(diag: &Diag, attrs: &[Attribute]) -> (Self, history::OnField) {
        let mut this = Self::new();
        let mut history = history::OnField::new();
        let mut keys: Vec<&mut dyn Key> = Vec::new();
        keys.extend(this.keys());
        keys.extend(history.keys());
        read(diag, Place::ShapeField, attrs, None, &mut keys);
        (this, history)
    }

    fn new() -> Self {
        Self {
            scalar: Single::new("as"),
            unit: Single::new("unit"),
            recursive: Single::new("recursive"),
        }
    }

    fn keys(&mut self) -> [&mut dyn Key; 3] {
        [&mut self.scalar, &mut self.unit, &mut self.recursive]
    }
}

/// On a variant, where nothing belongs.
pub(crate) fn read_variant(diag: &Diag, attrs: &[Attribute]) {
    read(diag, Place::ShapeVariant, attrs, None, &mut []);
}
