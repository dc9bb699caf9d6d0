//! The shape of one value, from its type and what stands on its field.

use crate::{
    attr::{
        serde::Reading,
        shape::{OnField, Word},
    },
    ident,
    model::value_shape::ValueShape,
};
use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Type};

/// One field; `own` is the type that it stands in, which it may contain.
pub(super) fn check(
    own: Option<&Ident>,
    ty: &Type,
    attrs: &[Attribute],
    said: OnField,
) -> ValueShape {
    let by = Reading::of(attrs).by;
    let scalar = match said.scalar.value() {
        Some(Word(name)) => Some(name.clone()),
        None => by.map(|by| format!("with({by})")),
    };
    let again = own.filter(|own| mentions(ty.to_token_stream(), own));
    let recursive = match (again, said.recursive.value()) {
        (Some(own), _) => Some(ident::text(own)),
        (None, Some(_)) => last_name(ty),
        (None, None) => None,
    };
    ValueShape {
        ty: ty.clone(),
        scalar,
        unit: said.unit.into_value().map(|unit| unit.0),
        recursive,
    }
}

fn mentions(tokens: TokenStream, own: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *own || ident == "Self",
        TokenTree::Group(group) => mentions(group.stream(), own),
        _ => false,
    })
}

/// The name of the innermost type.
fn last_name(ty: &Type) -> Option<String> {
    ty.to_token_stream()
        .into_iter()
        .filter_map(|token| match token {
            TokenTree::Ident(ident) => Some(ident::text(&ident)),
            _ => None,
        })
        .last()
}
