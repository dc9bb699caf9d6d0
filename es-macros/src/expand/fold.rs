//! `impl Fold`, and how a decision reads it.

use super::{consumer, fallback, tag};
use crate::{
    attr::{compact, projection::Entry},
    ident, messages,
    model::fold::Fold,
};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::{Path, spanned::Spanned};

/// `clean` is whether nothing was reported.
pub(crate) fn expand(fold: &Fold, clean: bool) -> TokenStream {
    let Fold {
        ident,
        generics,
        krate,
        by,
        events,
        allows,
        ..
    } = fold;
    if !generics.params.is_empty() {
        return TokenStream::new();
    }
    let path = consumer::paths(events);
    // After a fault in the list every impl of the user's would be said not to be in it.
    let lists = if clean {
        path.iter()
            .map(|path| {
                quote! {
                    #(#allows)*
                    #[automatically_derived]
                    impl #krate::__private::ListsEvent<#path> for #ident {}
                }
            })
            .collect()
    } else {
        quote! {
            #[automatically_derived]
            impl<__EsE> #krate::__private::ListsEvent<__EsE> for #ident {}
        }
    };
    let implementation = implementation(fold, clean);
    let reading = reading(fold, clean);
    let checks = clean.then(|| {
        let apart = consumer::checks(events, krate, "events", ident);
        let carried = by.iter().map(|by| carried(fold, by));
        quote!(#apart #(#carried)*)
    });
    quote! {
        #lists
        #implementation
        #reading
        #checks
    }
}

fn implementation(fold: &Fold, clean: bool) -> TokenStream {
    let Fold {
        ident,
        krate,
        by,
        events,
        allows,
        ..
    } = fold;
    let name = fold
        .name
        .as_ref()
        .map_or_else(|| fallback::name(ident), ToTokens::to_token_stream);
    let kinds = by
        .iter()
        .filter(|_| clean)
        .map(|by| tag::kind_of(&quote!(#krate::__private), &by.to_token_stream()));
    let listed: Vec<_> = events
        .iter()
        .filter(|_| clean)
        .map(|entry| consumer::names(entry, krate))
        .collect();
    let last = fold.last.then(|| {
        quote!(
            const LAST: ::core::primitive::bool = true;
        )
    });
    let body = if clean {
        apply(fold)
    } else {
        fallback::body(&[quote!(query), quote!(event)])
    };
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl #krate::Fold for #ident {
            const NAME: &'static ::core::primitive::str = #name;
            const KINDS: &'static [&'static ::core::primitive::str] = &[#(#kinds),*];
            #last

            fn events() -> ::std::vec::Vec<&'static ::core::primitive::str> {
                #krate::__private::names(&[#(#listed),*])
            }

            fn apply_stored(
                &mut self,
                query: &#krate::__private::TagQuery,
                event: &#krate::__private::RecordedEvent,
            ) -> ::core::result::Result<::core::primitive::bool, #krate::__private::DecodeError> {
                #body
            }
        }
    }
}

/// Decodes the event as each listed set that knows its name, and applies what it is read as.
fn apply(fold: &Fold) -> TokenStream {
    let Fold { krate, events, .. } = fold;
    let arms = events.iter().map(|entry| {
        let names = consumer::names(entry, krate);
        let set = consumer::set(entry, krate);
        let each = apply_one(fold, entry);
        let decoded = quote!(#krate::__private::decoded::<#set>(query, recorded)?);
        let applied = if fold.last {
            // The last one that is listed is the newest one.
            quote! {
                for event in ::core::iter::Iterator::rev(
                    ::core::iter::IntoIterator::into_iter(#decoded),
                ) {
                    if #each {
                        return ::core::result::Result::Ok(true);
                    }
                }
                return ::core::result::Result::Ok(false);
            }
        } else {
            quote! {
                let mut applied = false;
                for event in #decoded {
                    applied |= #each;
                }
                return ::core::result::Result::Ok(applied);
            }
        };
        quote! {
            if #krate::__private::knows(#names, &recorded.name) {
                #applied
            }
        }
    });
    quote! {
        let recorded = event;
        #(#arms)*
        ::core::result::Result::Ok(false)
    }
}

/// Applies one event. The value says whether it is listed.
fn apply_one(fold: &Fold, entry: &Entry) -> TokenStream {
    let Fold { ident, krate, .. } = fold;
    let call = |path: &Path| {
        let state = ident::shown_at(ident, path.span());
        let given = quote!(self, &event);
        quote_spanned! {path.span()=>
            <#state as #krate::__private::FoldsEvent<#path>>::fold(#given)
        }
    };
    let Some(aggregate) = &entry.aggregate else {
        let call = entry.events.iter().map(|listed| call(&listed.path));
        return quote!({ #(#call;)* true });
    };
    let mut none = quote!(false);
    let mut is_last = true;
    for listed in entry.events.iter().rev() {
        let path = &listed.path;
        let call = call(path);
        let narrowed = quote_spanned! {path.span()=>
            <#krate::__private::List>::narrow::<#aggregate, #path>
        };
        let other = if is_last { quote!(_) } else { quote!(event) };
        none = quote! {
            match #narrowed(event) {
                ::core::result::Result::Ok(event) => { #call; true }
                ::core::result::Result::Err(#other) => #none,
            }
        };
        is_last = false;
    }
    none
}

/// How a decision reads it: by a reference to each tag, or without one where all of them are constants.
fn reading(fold: &Fold, clean: bool) -> TokenStream {
    let Fold {
        ident,
        krate,
        by,
        events,
        allows,
        ..
    } = fold;
    if by.is_empty() {
        return TokenStream::new();
    }
    let key: Vec<_> = (0..by.len())
        .map(|index| ident::local(&format!("key_{index}")))
        .collect();
    let (ty, pattern) = match (by.as_slice(), key.as_slice()) {
        ([one], [key]) => (quote!(&'__es #one), quote!(#key)),
        _ => (quote!((#(&'__es #by,)*)), quote!((#(#key,)*))),
    };
    // Shown at the name of the struct.
    let state = proc_macro2::Ident::new("Self", ident.span());
    let initial = match &fold.initial {
        None => quote!(<#state as ::core::default::Default>::default()),
        Some(function) => {
            let place = function.span();
            let keys = key.iter().map(|key| ident::shown_at(key, place));
            quote_spanned!(place=> #function(#(#keys),*))
        }
    };
    let first = key.first();
    let more = key.iter().skip(1);
    let sees = if clean {
        let listed = events.iter().map(|entry| consumer::names(entry, krate));
        quote!(#krate::Sees::tagged(<#ident as #krate::Fold>::KINDS, &[#(#listed),*]))
    } else {
        quote!(#krate::Sees::UNKNOWN)
    };
    let constant = by.iter().map(|by| {
        let place = by.span();
        let constant = ident::tokens_shown_at(quote!(#krate::__private::ConstantTag), place);
        quote!(&<#by as #constant>::VALUE)
    });
    let constants = if by.len() == 1 {
        quote!(#(#constant)*)
    } else {
        quote!((#(#constant,)*))
    };
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl #krate::Readable for #ident {
            type Read = #krate::ReadFold<#ident>;
            type Key<'__es> = #ty;

            const SEES: #krate::Sees = #sees;

            fn read(#pattern: Self::Key<'_>) -> Self::Read {
                let query = #krate::__private::TagQuery::of(
                    #first,
                    <#ident as #krate::Fold>::events(),
                );
                #(let query = query.map(|query| query.and(#more));)*
                #krate::ReadFold::of(query, #initial)
            }
        }

        #(#allows)*
        #[automatically_derived]
        impl #krate::__private::ReadAlone for #ident
        where
            #(for<'__es> #by: #krate::__private::ConstantTag,)*
        {
            fn read_alone() -> Self::Read {
                <#ident as #krate::Readable>::read(#constants)
            }
        }
    }
}

/// Assertions that each listed event has this tag.
fn carried(fold: &Fold, by: &Path) -> TokenStream {
    let krate = &fold.krate;
    let kind = tag::kind_of(&quote!(#krate::__private), &by.to_token_stream());
    let by = compact(&by.to_token_stream());
    let checks = fold.events.iter().flat_map(|entry| {
        let (by, kind) = (&by, &kind);
        let is_alone = entry.aggregate.is_none();
        entry.events.iter().map(move |listed| {
            let path = &listed.path;
            let text = messages::fold::event_without_tag(&compact(&path.to_token_stream()), by);
            let kinds = if is_alone {
                quote!(#krate::__private::all_carry(
                    <#path as #krate::__private::EventSet>::TYPES,
                    <#path as #krate::__private::EventSet>::TAG_KINDS,
                    #kind,
                ))
            } else {
                quote!(#krate::__private::has(
                    <#path as #krate::__private::ListedEvent>::TAG_KINDS.1,
                    #kind,
                ))
            };
            quote_spanned! {path.span()=>
                const _: () = ::core::assert!(#kinds, "{}", #text);
            }
        })
    });
    quote!(#(#checks)*)
}
