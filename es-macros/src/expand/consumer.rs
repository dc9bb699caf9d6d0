//! What the lists of projections, subscriptions and process managers have in common.

use crate::{
    attr::{CratePath, projection::Entry},
    ident, messages,
};
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Path, spanned::Spanned};

/// Every event and set of the list.
pub(crate) fn paths(list: &[Entry]) -> Vec<&Path> {
    let events = list.iter().flat_map(|entry| &entry.events);
    events.map(|listed| &listed.path).collect()
}

/// The stored names of one entry. Those of events of an aggregate are read out of its retired names too.
pub(crate) fn names(entry: &Entry, krate: &CratePath) -> TokenStream {
    let path = entry.events.iter().map(|listed| &listed.path);
    let set = set(entry, krate);
    let live = if entry.aggregate.is_some() {
        quote!(&[#(<#path as #krate::__private::ListedEvent>::TYPE,)*])
    } else {
        quote!(<#set as #krate::__private::EventSet>::TYPES)
    };
    quote!((#live, <#set as #krate::__private::EventSet>::RETIRED_NAMES))
}

/// What an entry is decoded as: its event or set, or the set of its aggregate.
pub(crate) fn set(entry: &Entry, krate: &CratePath) -> TokenStream {
    let path = entry.events.iter().map(|listed| &listed.path);
    match &entry.aggregate {
        None => quote!(#(#path)*),
        Some(aggregate) => {
            let event = quote_spanned!(aggregate.span()=> #krate::__private::Aggregate>::Event);
            quote!(<#aggregate as #event)
        }
    }
}

/// Assertions that no two entries know one stored name, and that each event is listed with all names it has.
pub(crate) fn checks(list: &[Entry], krate: &CratePath, key: &str, owner: &Ident) -> TokenStream {
    let message = format!(
        "two entries of the `{key}(..)` of `{}` know the same stored event; keep one",
        ident::text(owner)
    );
    let names = list.iter().map(|entry| names(entry, krate));
    let alone = list
        .iter()
        .filter(|entry| entry.aggregate.is_none())
        .flat_map(|entry| &entry.events)
        .map(|listed| alone(&listed.path, krate));
    let whole = list
        .iter()
        .filter_map(|entry| whole(entry, krate, key, owner));
    quote! {
        const _: () = ::core::assert!(
            #krate::__private::are_apart(&[#(#names,)*]),
            #message,
        );
        #(#alone)*
        #(#whole)*
    }
}

/// After `all of`: an assertion that the entry names each event of its aggregate.
fn whole(entry: &Entry, krate: &CratePath, key: &str, owner: &Ident) -> Option<TokenStream> {
    let (Some(aggregate), Some(ignored)) = (&entry.aggregate, &entry.ignored) else {
        return None;
    };
    let text = crate::attr::compact(&aggregate.to_token_stream());
    let [before, after] = messages::projection::not_all(&text, key, &ident::text(owner));
    let set = set(entry, krate);
    let listed = entry.events.iter().chain(ignored).map(|listed| {
        let path = &listed.path;
        quote_spanned!(path.span()=> <#path as #krate::__private::ListedEvent>::TYPE)
    });
    let ignored = ignored.iter().map(|listed| {
        let path = &listed.path;
        quote_spanned!(path.span()=> #krate::__private::is_event_of::<#aggregate, #path>)
    });
    let check = quote_spanned! {aggregate.span()=>
        const _: () = {
            let all = <#set as #krate::__private::EventSet>::TYPES;
            if let ::core::option::Option::Some(name) = #krate::__private::first_without(all, &[#(#listed,)*]) {
                let mut text = [0; 1024];
                let parts = &[#before, name, #after];
                ::core::panic!("{}", #krate::__private::joined(&mut text, parts));
            }
        };
    };
    Some(quote! {
        #check
        #(const _: fn() = #ignored;)*
    })
}

/// An assertion that no aggregate reads the event out of other names, too.
pub(crate) fn alone(event: &(impl ToTokens + Spanned), krate: &CratePath) -> TokenStream {
    let asked = quote_spanned! {event.span()=>
        (&#krate::__private::PhantomData::<#event>).listed_alone()
    };
    quote! {
        const _: fn() = || {
            #[allow(unused_imports)]
            use #krate::__private::{HasNone as _, HasOtherNames as _};
            #asked;
        };
    }
}
