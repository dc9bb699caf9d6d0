//! The serde attributes that an event must not have, because they change, blur or lose what is
//! stored without a new version, or because they break the way back from bytes.

use crate::{diag::Diag, wording};
use proc_macro2::{Ident, TokenTree};
use syn::{Attribute, Meta, Token, ext::IdentExt, parse::ParseStream, token::Paren};

/// What a serde attribute stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Container,
    Variant,
    Field,
}

/// Reports the serde attributes that an event must not have.
pub(crate) fn refuse(diag: &Diag, on: On, attrs: &[Attribute]) {
    for attr in attrs {
        let Meta::List(list) = &attr.meta else {
            continue;
        };
        if !attr.path().is_ident("serde") {
            continue;
        }
        // What does not parse here is serde's own to report.
        let _ = list.parse_args_with(|input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Ok(key) = input.call(Ident::parse_any) {
                    let nested = input.peek(Paren);
                    if let Some(text) = wording::serde(on, &key.to_string(), nested) {
                        diag.at(key.span(), text);
                    }
                }
                while !input.is_empty() && !input.peek(Token![,]) {
                    input.parse::<TokenTree>()?;
                }
                if input.parse::<Token![,]>().is_err() {
                    break;
                }
            }
            Ok(())
        });
    }
}
