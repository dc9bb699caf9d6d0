//! The dispatch of a process manager onto the user's impls.

use super::consumer;
use crate::{attr::aggregate::Listed, ident, model::process::Process};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::{Path, spanned::Spanned};

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
        ..
    } = process;
    if !generics.params.is_empty() {
        return TokenStream::new();
    }
    let lists = lists(process);
    let has = |place: &Option<Span>, marker: TokenStream| {
        // After a fault the key may only not have been understood.
        (place.is_some() || !clean)
            .then(|| marked(process, place.unwrap_or_else(|| ident.span()), &marker))
    };
    let may_send = may_send(process, clean);
    let has_timers = has(timers, quote!(HasTimers));
    let has_rejections = has(rejections, quote!(HasRejections));
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
    let sends = sent(process, clean).map(|(aggregate, command)| {
        let place = command.span();
        add(
            &inputs,
            place,
            quote_spanned!(place=> .sends::<#aggregate, #command>()),
        )
    });
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
                #(#sends)*
                #timers
                #rejections
                #inputs
            }
        }
        #lists
        #may_send
        #has_timers
        #has_rejections
        #checks
    }
}

/// Each command that it declares to send, with its aggregate.
fn sent(process: &Process, clean: bool) -> impl Iterator<Item = (&Path, &Path)> {
    // After a fault the list may lack one.
    let sends = process.sends.as_ref().filter(|_| clean);
    sends.into_iter().flatten().flat_map(|to| {
        let commands = to.commands.iter();
        commands.map(|listed| (&to.aggregate, &listed.path))
    })
}

/// Which commands `Reactions::command` takes: all of them where nothing is declared.
fn may_send(process: &Process, clean: bool) -> TokenStream {
    let Process {
        ident,
        krate,
        sends,
        ..
    } = process;
    if sends.is_none() || !clean {
        return quote! {
            #[automatically_derived]
            impl<__EsA, __EsC> #krate::SendsTo<__EsA, __EsC> for #ident {}
        };
    }
    let one = sent(process, clean).map(|(aggregate, command)| {
        marked(
            process,
            command.span(),
            &quote!(SendsTo<#aggregate, #command>),
        )
    });
    quote!(#(#one)*)
}

/// Which events `ReactTo` can be implemented for.
fn lists(process: &Process) -> TokenStream {
    let Process {
        ident,
        krate,
        reacts,
        ..
    } = process;
    // Without a list every impl of the user's would be said not to be in it.
    if reacts.is_empty() {
        return quote! {
            #[automatically_derived]
            impl<__EsE> #krate::ReactsTo<__EsE> for #ident {}
        };
    }
    let one = consumer::paths(reacts)
        .into_iter()
        .map(|path| marked(process, path.span(), &quote!(ReactsTo<#path>)));
    quote!(#(#one)*)
}

/// Marks the process manager with a trait. What is wrong with that is shown at `place`.
fn marked(process: &Process, place: Span, marker: &TokenStream) -> TokenStream {
    let Process {
        ident,
        krate,
        allows,
        ..
    } = process;
    let state = ident::shown_at(ident, place);
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl #krate::#marker for #state {}
    }
}
