//! How retired names are read, and what the error says of one that is not.

use crate::{
    attr::{CratePath, compact},
    ident, messages,
    model::retire::Retired,
};
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;

pub(crate) struct Parts {
    /// Early returns of `decode`.
    pub(crate) decode: TokenStream,
    /// The names, and the same for `SetShapes`.
    pub(crate) names: Option<TokenStream>,
    pub(crate) shapes: TokenStream,
    /// That no name is live or there twice.
    pub(crate) checks: TokenStream,
}

/// `alias` gives the stored name of a variant and an expression that decodes it.
pub(crate) fn parts(
    krate: &CratePath,
    set: &Ident,
    retired: &[Retired],
    alias: impl Fn(&Ident) -> (TokenStream, TokenStream),
) -> Parts {
    let (mut decode, mut shapes, mut checks) =
        (TokenStream::new(), TokenStream::new(), TokenStream::new());
    let mut names = Vec::new();
    for (index, one) in retired.iter().enumerate() {
        let (name, read, into, place, text) = match one {
            Retired::Dropped(name) => (
                name.to_token_stream(),
                quote!(::core::result::Result::Ok(#krate::__private::nothing())),
                quote!(Dropped),
                name.span(),
                format!("`{}`", name.value()),
            ),
            Retired::Alias(name, variant) => {
                let (event, read) = alias(variant);
                (
                    name.to_token_stream(),
                    read,
                    quote!(Alias(#event)),
                    name.span(),
                    format!("`{}`", name.value()),
                )
            }
            Retired::Split { event, function } => {
                let place = event
                    .segments
                    .last()
                    .map_or_else(|| event.span(), |last| last.ident.span());
                let at = function
                    .segments
                    .last()
                    .map_or_else(|| function.span(), |last| last.ident.span());
                let shown = ident::tokens_shown_at(event.to_token_stream(), at);
                let signature = quote_spanned!(at=> fn(#shown) -> _);
                let read = quote_spanned!(place=> <#event as #krate::Event>::from_payload);
                let set = ident::shown_at(set, at);
                let (old, split) = (quote!(old), ident::local_at("split", at));
                let call =
                    quote_spanned!(at=> #krate::__private::split::<_, _, #set>(#old, #split));
                (
                    quote_spanned!(place=> <#event as #krate::Event>::NAME),
                    quote!({
                        let #split: #signature = #function;
                        #read(stored).and_then(|old| #call)
                    }),
                    quote!(Split),
                    place,
                    format!("the name of `{}`", compact(&event.to_token_stream())),
                )
            }
        };
        decode.extend(quote!(if name == #name { return #read; }));
        shapes.extend(quote! {
            #krate::schema::Retired { name: #name, into: #krate::schema::Retirement::#into },
        });
        let text = messages::retire::retired_is_live(&text);
        checks.extend(quote_spanned! {place=>
            const _: () = ::core::assert!(
                #krate::__private::is_retired_once::<#set>(#index),
                #text
            );
        });
        names.push(name);
    }
    Parts {
        decode,
        names: (!names.is_empty()).then(|| {
            quote! {
                const RETIRED_NAMES: &'static [&'static ::core::primitive::str] = &[#(#names),*];
            }
        }),
        shapes,
        checks,
    }
}
