//! What the lists of projections, subscriptions and process managers have in common.

use crate::{
    attr::{CratePath, projection::Entry},
    ident, messages,
};
use proc_macro2::{Ident, Span, TokenStream};
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
    let apart = apart(list, krate, key, owner);
    let alone = list
        .iter()
        .filter(|entry| entry.aggregate.is_none())
        .flat_map(|entry| &entry.events)
        .map(|listed| alone(&listed.path, krate));
    let whole = list
        .iter()
        .filter_map(|entry| whole(entry, krate, key, owner));
    quote! {
        #apart
        #(#alone)*
        #(#whole)*
    }
}

/// One const assertion for each entry but the first, at its place in the list.
fn apart(list: &[Entry], krate: &CratePath, key: &str, owner: &Ident) -> Option<TokenStream> {
    if list.len() < 2 {
        return None;
    }
    let names = list.iter().map(|entry| names(entry, krate));
    let entries = list.iter().map(written);
    let texts = messages::projection::stored_name_shared(key, &ident::text(owner));
    let checks = list.iter().enumerate().skip(1).map(|(index, entry)| {
        let events = entry.events.iter().map(|listed| &listed.path);
        let place = entry.aggregate.iter().chain(events).next();
        let place = place.map_or_else(Span::mixed_site, Spanned::span);
        quote_spanned!(place=> const _: () = assert_apart(LISTED, ENTRIES, TEXTS, #index);)
    });
    Some(quote! {
        const _: () = {
            // Without a path before it, the whole call is at the place in the list.
            use #krate::__private::assert_apart;
            const LISTED: &[#krate::__private::Listed] = &[#(#names,)*];
            const ENTRIES: &[&::core::primitive::str] = &[#(#entries,)*];
            const TEXTS: [&::core::primitive::str; 4] = [#(#texts,)*];
            #(#checks)*
        };
    })
}

/// The entry as it is written, without its events where they are those of an aggregate.
fn written(entry: &Entry) -> String {
    let path = |path: &Path| crate::attr::compact(&path.to_token_stream());
    if let Some(aggregate) = &entry.aggregate {
        return format!("{}::{{..}}", path(aggregate));
    }
    let events = entry.events.iter().map(|listed| path(&listed.path));
    events.collect::<Vec<_>>().join(", ")
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
