//! A key without a value.

use super::{Value, rest_of_item};
use crate::{diag::Diag, ident, messages};
use proc_macro2::Ident;
use syn::{Token, parse::ParseStream};

/// `recursive`, `first` or `pivot`.
pub(crate) struct Flag;

impl Value for Flag {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        if input.is_empty() || input.peek(Token![,]) {
            return Ok(Self);
        }
        rest_of_item(input);
        Err(syn::Error::new(
            key.span(),
            messages::attribute::flag_with_value(&ident::text(key)),
        ))
    }
}
