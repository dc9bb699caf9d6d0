//! `UNIQUE_RULES` and `unique`.

use super::derived::{self, Derived, Fields};
use crate::{
    attr::CratePath,
    ident,
    model::unique::{Claim, UniqueRule},
};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::{Path, spanned::Spanned};

/// Both items of an event; none for an event without rules.
pub(super) fn of_event(
    krate: &CratePath,
    rules: &[UniqueRule],
) -> Option<(TokenStream, TokenStream)> {
    let derived = derived(krate, rules)?;
    let (names, method) = (&derived.names, method(krate, &derived.body()));
    let names = quote! {
        const UNIQUE_RULES: &'static [&'static ::core::primitive::str] = #names;
    };
    Some((names, method))
}

/// Both items of an enum of events: the stored name, the variant and the rules of each of them.
pub(super) fn of_enum<'a>(
    krate: &CratePath,
    ident: &Ident,
    variants: impl IntoIterator<Item = (TokenStream, &'a Ident, &'a [UniqueRule])>,
) -> Option<(TokenStream, TokenStream)> {
    let variants = variants.into_iter();
    let variants = variants.map(|(name, variant, rules)| (name, variant, derived(krate, rules)));
    let (all, body) = derived::of_enum(ident, variants)?;
    let names = quote! {
        const UNIQUE_RULES: &'static [(
            &'static ::core::primitive::str,
            &'static [&'static ::core::primitive::str],
        )] = #all;
    };
    Some((names, method(krate, &body)))
}

fn method(krate: &CratePath, body: &TokenStream) -> TokenStream {
    quote! {
        fn unique(&self) -> ::std::vec::Vec<#krate::UniqueChange> {
            #body
        }
    }
}

/// The names of the rules, and the changes that are made of the fields.
fn derived(krate: &CratePath, rules: &[UniqueRule]) -> Option<Derived> {
    if rules.is_empty() {
        return None;
    }
    let names = rules.iter().map(|rule| &rule.rule);
    let names = quote!(&[#(#names),*]);
    let mut fields = Fields::default();
    let mut changes = Vec::new();
    for one in rules {
        let rule = &one.rule;
        let change = match &one.claims {
            None => quote!(#krate::UniqueChange::release(#rule)),
            Some(claim) => claimed(krate, rule, claim, &fields.local(&claim.field)),
        };
        changes.push(match one.keep {
            None => change,
            Some(time) => quote! {
                #krate::UniqueChange::keeping(#change, ::core::time::Duration::from_millis(#time))
            },
        });
    }
    Some(fields.with(names, quote!(::std::vec![#(#changes),*])))
}

/// The claim of a field's value. A value or function that does not fit is shown at the user's type or path.
fn claimed(krate: &CratePath, rule: &str, claim: &Claim, local: &Ident) -> TokenStream {
    let inner = claim.is_option.then(|| ident::local("value"));
    let value = inner.as_ref().unwrap_or(local);
    let (place, call) = if let Some(form) = &claim.form {
        let place = end_of(form);
        let value = ident::shown_at(value, place);
        (place, quote_spanned!(place=> #form(#value)))
    } else {
        let ty = &claim.ty;
        let place = ident::first_span(ty).unwrap_or_else(|| claim.field.span());
        let value = ident::shown_at(value, place);
        let call = quote_spanned!(place=> <#ty as ::std::string::ToString>::to_string(#value));
        (place, call)
    };
    let text = ident::shown_at(&ident::local("text"), place);
    let made = quote_spanned!(place=> let #text: #krate::__private::String = #call;);
    let claimed = quote!({
        #made
        #krate::UniqueChange::claim(#rule, #text)
    });
    match inner {
        None => claimed,
        Some(value) => quote! {
            match #local {
                ::core::option::Option::Some(#value) => #claimed,
                ::core::option::Option::None => #krate::UniqueChange::unchanged(#rule),
            }
        },
    }
}

fn end_of(path: &Path) -> Span {
    path.segments
        .last()
        .map_or_else(|| path.span(), |last| last.ident.span())
}
