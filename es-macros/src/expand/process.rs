//! The dispatch of a process manager onto the user's impls.

use crate::{ident, model::process::Process};
use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned;

/// `clean` is whether nothing was reported.
pub(crate) fn expand(process: &Process, clean: bool) -> TokenStream {
    let Process {
        ident,
        generics,
        krate,
        reacts,
        timers,
        rejections,
        allows,
    } = process;
    if !generics.params.is_empty() {
        return TokenStream::new();
    }
    let path: Vec<_> = reacts.iter().map(|listed| &listed.path).collect();
    let lists = path.iter().map(|path| {
        let state = ident::shown_at(ident, path.span());
        quote! {
            #(#allows)*
            #[automatically_derived]
            impl #krate::ReactsTo<#path> for #state {}
        }
    });
    // Without a list every impl of the user's would be said not to be in it.
    let lists_all = reacts.is_empty().then(|| {
        quote! {
            #[automatically_derived]
            impl<__EsE> #krate::ReactsTo<__EsE> for #ident {}
        }
    });
    let mark = |place: &Option<Span>, name: &str| {
        // After a fault the key may only not have been understood.
        (place.is_some() || !clean).then(|| {
            let state = place.map_or_else(|| ident.clone(), |place| ident::shown_at(ident, place));
            let name = quote::format_ident!("{name}");
            quote! {
                #(#allows)*
                #[automatically_derived]
                impl #krate::#name for #state {}
            }
        })
    };
    let has_timers = mark(timers, "HasTimers");
    let has_rejections = mark(rejections, "HasRejections");
    let inputs = ident::local("inputs");
    // What a call is made on has the place of its key, because rustc reports a missing impl there.
    let add = |place: Span, call: TokenStream| {
        let before = ident::local_at("inputs", place);
        quote! {
            let #before = #inputs;
            let #inputs = #before #call;
        }
    };
    let on = path.iter().filter(|_| clean).map(|path| {
        let place = path.span();
        add(place, quote_spanned!(place=> .on::<#path>()))
    });
    let also = |place: &Option<Span>, name: &str| {
        place.filter(|_| clean).map(|place| {
            let name = proc_macro2::Ident::new(name, place);
            add(place, quote_spanned!(place=> .#name()))
        })
    };
    let timers = also(timers, "timers");
    let rejections = also(rejections, "rejections");
    let twice = clean.then(|| {
        let message = format!(
            "two entries of the `reacts(..)` of `{}` know the same stored event; keep one",
            ident::text(ident)
        );
        quote! {
            const _: () = ::core::assert!(
                #krate::__private::are_apart(&[#(#krate::__private::names_of::<#path>(),)*]),
                #message,
            );
        }
    });
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl #krate::ProcessManager for #ident {
            fn inputs() -> #krate::Inputs<Self> {
                let #inputs = #krate::Inputs::new();
                #(#on)*
                #timers
                #rejections
                #inputs
            }
        }
        #(#lists)*
        #lists_all
        #has_timers
        #has_rejections
        #twice
    }
}
