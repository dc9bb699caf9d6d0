//! What an event says besides its payload, such as its tags: a constant with names, and values made of its fields.

use crate::ident;
use proc_macro2::{Ident, TokenStream};

/// The fields that values are made of, each bound once in a pattern.
#[derive(Default)]
pub(super) struct Fields<'a> {
    pattern: TokenStream,
    bound: Vec<(&'a Ident, Ident)>,
}

impl<'a> Fields<'a> {
    /// The local of a field.
    pub(super) fn local(&mut self, field: &'a Ident) -> Ident {
        if let Some((_, local)) = self.bound.iter().find(|(bound, _)| *bound == field) {
            return local.clone();
        }
        let local = ident::local(&format!("value_{}", self.bound.len()));
        self.pattern.extend(quote!(#field: #local,));
        self.bound.push((field, local.clone()));
        local
    }

    pub(super) fn with(self, names: TokenStream, made: TokenStream) -> Derived {
        let pattern = self.pattern;
        Derived {
            names,
            pattern,
            made,
        }
    }
}

/// Of one event.
pub(super) struct Derived {
    pub(super) names: TokenStream,
    pattern: TokenStream,
    made: TokenStream,
}

impl Derived {
    /// The body of a method of the event.
    pub(super) fn body(&self) -> TokenStream {
        let Self { pattern, made, .. } = self;
        let fields = (!pattern.is_empty()).then(|| quote!(let Self { #pattern .. } = self;));
        quote!(#fields #made)
    }
}

/// For an enum of events, where one of them has something to say: the value of the constant, and the body of the method.
pub(super) fn of_enum<'a>(
    ident: &Ident,
    variants: impl IntoIterator<Item = (TokenStream, &'a Ident, Option<Derived>)>,
) -> Option<(TokenStream, TokenStream)> {
    let mut all = TokenStream::new();
    let mut arms = TokenStream::new();
    let mut rest = None;
    for (name, variant, derived) in variants {
        let Some(Derived {
            names,
            pattern,
            made,
        }) = derived
        else {
            rest = Some(quote!(_ => ::std::vec::Vec::new(),));
            continue;
        };
        all.extend(quote!((#name, #names),));
        arms.extend(quote!(#ident::#variant { #pattern .. } => #made,));
    }
    (!all.is_empty()).then(|| (quote!(&[#all]), quote!(match self { #arms #rest })))
}
