//! The `quote!` of generated code, so that no name in it can meet a name of the user's.
//!
//! It writes locals with the hygiene of a `macro_rules!`: a user's function, constant or expression never
//! resolves to one, whatever both are called, and they resolve to each other although the tokens between them
//! may come from a macro of the user's. Types, traits and methods resolve where the derive stands, as always.
//!
//! `quote_spanned!` gives its tokens the place and the hygiene of user code. So a local in it does not resolve;
//! interpolate one that `quote!` wrote.
//!
//! Names of types, type parameters and lifetimes have no such hygiene in Rust. Those in generated code that
//! are not made from a name of the user's begin with `__Es` or `'__es`, and
//! [`reserved`] rejects an item that has such a name.

use crate::{diag::Diag, ident, messages};
use proc_macro2::{TokenStream, TokenTree};

macro_rules! quote {
    ($($tokens:tt)*) => {
        ::quote::quote_spanned!(::proc_macro2::Span::mixed_site()=> $($tokens)*)
    };
}

/// Reports every name that generated code keeps for itself.
pub(super) fn reserved(diag: &Diag, tokens: TokenStream) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => reserved(diag, group.stream()),
            TokenTree::Ident(name) if ident::is_reserved(&name) => {
                diag.at(
                    name.span(),
                    messages::attribute::reserved_name(&ident::text(&name)),
                );
            }
            _ => {}
        }
    }
}
