//! The shape of one value, from its type and what stands on its field.

use crate::{
    attr::{
        serde::Reading,
        shape::{OnField, Word},
    },
    diag::Diag,
    ident, messages,
    model::value_shape::ValueShape,
};
use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Type};

/// One field; `own` is the type that it stands in, which it may contain.
pub(super) fn check(
    diag: &Diag,
    own: Option<&Ident>,
    ty: &Type,
    attrs: &[Attribute],
    said: OnField,
) -> ValueShape {
    owned(diag, ty, attrs);
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

/// Reports a type that borrows: what is read back has nothing to borrow from.
pub(super) fn owned(diag: &Diag, ty: &Type, attrs: &[Attribute]) {
    let reading = Reading::of(attrs);
    if borrows(ty.to_token_stream()) && !reading.skip && reading.deserialize.is_none() {
        let text = crate::attr::compact(&ty.to_token_stream());
        diag.over(ty, messages::serde::borrows(&text));
    }
}

/// Whether a reference is in the type, outside of the types that only mark. A lifetime with another name than
/// `'static` is one of the item, where it is reported.
fn borrows(tokens: TokenStream) -> bool {
    let mut marks = false;
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) if ident == "PhantomData" || ident == "fn" => marks = true,
            TokenTree::Punct(punct) if punct.as_char() == '&' && !marks => {
                let named =
                    |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == '\'');
                let lifetime = tokens.next_if(named).and_then(|_| tokens.next());
                if lifetime.is_none_or(|name| name.to_string() == "static") {
                    return true;
                }
            }
            TokenTree::Group(group) if !marks && borrows(group.stream()) => return true,
            _ => {}
        }
    }
    false
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
