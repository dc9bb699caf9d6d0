//! `UNIQUE_RULES` and `unique`.

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
    if rules.is_empty() {
        return None;
    }
    let names = names(rules);
    let (pattern, changes) = changes(krate, rules);
    let fields = (!pattern.is_empty()).then(|| quote!(let Self { #pattern .. } = self;));
    let method = method(krate, &quote!(#fields #changes));
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
    let mut all = TokenStream::new();
    let mut arms = TokenStream::new();
    let mut rest = None;
    for (name, variant, rules) in variants {
        if rules.is_empty() {
            rest = Some(quote!(_ => ::std::vec::Vec::new(),));
            continue;
        }
        let names = names(rules);
        all.extend(quote!((#name, #names),));
        let (pattern, changes) = changes(krate, rules);
        arms.extend(quote!(#ident::#variant { #pattern .. } => #changes,));
    }
    if all.is_empty() {
        return None;
    }
    let method = method(krate, &quote!(match self { #arms #rest }));
    let names = quote! {
        const UNIQUE_RULES: &'static [(
            &'static ::core::primitive::str,
            &'static [&'static ::core::primitive::str],
        )] = &[#all];
    };
    Some((names, method))
}

fn method(krate: &CratePath, body: &TokenStream) -> TokenStream {
    quote! {
        fn unique(&self) -> ::std::vec::Vec<#krate::UniqueChange> {
            #body
        }
    }
}

fn names(rules: &[UniqueRule]) -> TokenStream {
    let names = rules.iter().map(|rule| &rule.rule);
    quote!(&[#(#names),*])
}

/// The fields of a pattern, and the changes that are made of them.
fn changes(krate: &CratePath, rules: &[UniqueRule]) -> (TokenStream, TokenStream) {
    let mut pattern = TokenStream::new();
    let mut bound: Vec<(&Ident, Ident)> = Vec::new();
    let mut changes = Vec::new();
    for one in rules {
        let rule = &one.rule;
        let change = match &one.claims {
            None => quote!(#krate::UniqueChange::release(#rule)),
            Some(claim) => {
                let known = bound.iter().find(|(field, _)| *field == &claim.field);
                let local = if let Some((_, local)) = known {
                    local.clone()
                } else {
                    let (field, local) = (&claim.field, format!("value_{}", bound.len()));
                    let local = ident::local(&local);
                    pattern.extend(quote!(#field: #local,));
                    bound.push((field, local.clone()));
                    local
                };
                claimed(krate, rule, claim, &local)
            }
        };
        changes.push(match one.keep {
            None => change,
            Some(time) => quote! {
                #krate::UniqueChange::keeping(#change, ::core::time::Duration::from_millis(#time))
            },
        });
    }
    (pattern, quote!(::std::vec![#(#changes),*]))
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
