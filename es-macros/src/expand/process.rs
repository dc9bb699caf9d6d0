//! The dispatch of a process manager onto the user's impls.

use super::consumer;
use crate::{attr::aggregate::Listed, ident, model::process::Process};
use proc_macro2::{Ident, Span, TokenStream};
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
    let path = consumer::paths(reacts);
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
    let add = |to: &Ident, place: Span, call: TokenStream| {
        let before = ident::local_at("before", place);
        quote! {
            let #before = #to;
            let #to = #before #call;
        }
    };
    let on = |to: &Ident, listed: &Listed| {
        let (place, path) = (listed.path.span(), &listed.path);
        add(to, place, quote_spanned!(place=> .on::<#path>()))
    };
    let entries = reacts.iter().filter(|_| clean).map(|entry| {
        let Some(aggregate) = &entry.aggregate else {
            let on = entry.events.iter().map(|listed| on(&inputs, listed));
            return quote!(#(#on)*);
        };
        let of = ident::local("of");
        let on = entry.events.iter().map(|listed| on(&of, listed));
        let place = aggregate.span();
        let function = quote!(|#of| { #(#on)* #of });
        add(
            &inputs,
            place,
            quote_spanned!(place=> .of_aggregate::<#aggregate>(#function)),
        )
    });
    let also = |place: &Option<Span>, name: &str| {
        place.filter(|_| clean).map(|place| {
            let name = Ident::new(name, place);
            add(&inputs, place, quote_spanned!(place=> .#name()))
        })
    };
    let timers = also(timers, "timers");
    let rejections = also(rejections, "rejections");
    let checks = clean.then(|| consumer::checks(reacts, krate, "reacts", ident));
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl #krate::ProcessManager for #ident {
            fn inputs() -> #krate::Inputs<Self> {
                let #inputs = #krate::Inputs::new();
                #(#entries)*
                #timers
                #rejections
                #inputs
            }
        }
        #(#lists)*
        #lists_all
        #has_timers
        #has_rejections
        #checks
    }
}
