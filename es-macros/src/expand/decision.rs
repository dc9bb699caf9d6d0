//! The struct of a decision's reads, `impl Decision`, and the events that it stores without an aggregate.

use super::{aggregate::link, fallback};
use crate::{
    attr::compact,
    diag::Diag,
    ident, messages,
    model::decision::{Decision, Read},
};
use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;

/// What could not be understood takes one of the faults in `diag` as its type.
pub(crate) fn expand(decision: &Decision, diag: &Diag) -> TokenStream {
    let Decision {
        ident,
        vis,
        generics,
        krate,
        allows,
        ..
    } = decision;
    let reads_struct = &reads_struct(decision);
    let name = decision
        .name
        .as_ref()
        .map_or_else(|| fallback::name(ident), ToTokens::to_token_stream);
    let clean = diag.is_clean();
    let unknown = Ident::new(&format!("__Es{}", ident::text(ident)), ident.span());
    let is_known = decision.error.is_some() && decision.reads.is_some();
    let fault = (!is_known).then(|| fault(vis, &unknown, diag));
    let error = decision
        .error
        .as_ref()
        .map_or_else(|| quote!(#unknown), ToTokens::to_token_stream);
    let reads = decision.reads.as_ref().map_or_else(
        || {
            quote! {
                #[doc(hidden)]
                #vis type #reads_struct = #unknown;
            }
        },
        |reads| reads_of(decision, reads),
    );
    let body = match &decision.reads {
        Some(reads) if clean => {
            let read = reads.iter().map(|read| {
                let name = &read.name;
                let source = read_of(decision, read);
                quote!(#name: #source,)
            });
            quote!(#reads_struct { #(#read)* })
        }
        _ => fallback::body(&[]),
    };
    let emits = emits(decision, clean);
    let generics = fallback::owned(generics, &quote!(::core::marker::Sync));
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
        #fault
        #reads

        #(#allows)*
        #[automatically_derived]
        impl #impl_generics #krate::Decision for #ident #ty_generics #where_clause {
            const NAME: &'static ::core::primitive::str = #name;

            type Error = #error;
            type Reads = #reads_struct;

            fn reads(&self) -> #reads_struct {
                #body
            }
        }

        #emits
    }
}

/// One read, not yet loaded. A field of another type is shown where the field is named.
fn read_of(decision: &Decision, read: &Read) -> TokenStream {
    let (krate, source) = (&decision.krate, &read.source);
    let field = |field: &Ident| ident::tokens_shown_at(quote!(&self.#field), field.span());
    match read.fields.as_slice() {
        [] => {
            let alone = quote!(#krate::__private::ReadAlone);
            let alone = ident::tokens_shown_at(alone, source.span());
            quote!(<#source as #alone>::read_alone())
        }
        [one] => {
            let key = field(one);
            quote!(<#source as #krate::Readable>::read(#key))
        }
        many => {
            let keys = many.iter().map(field);
            let mut keys = Group::new(Delimiter::Parenthesis, quote!(#(#keys,)*));
            keys.set_span(keys.span().located_at(source.span()));
            quote!(<#source as #krate::Readable>::read(#keys))
        }
    }
}

/// Which events `Emitted::event` takes, and assertions that a read sees each of them.
fn emits(decision: &Decision, clean: bool) -> TokenStream {
    let Decision {
        ident,
        generics,
        krate,
        emits,
        reads,
        allows,
        ..
    } = decision;
    if !generics.params.is_empty() {
        return TokenStream::new();
    }
    // After a fault every event of the user's would be said not to be in the list.
    let (Some(emits), Some(reads), true) = (emits, reads, clean) else {
        return quote! {
            #[automatically_derived]
            impl<__EsE> #krate::Emits<__EsE> for #ident {}
        };
    };
    let name = ident::text(ident);
    let sources = reads.iter().map(|read| &read.source);
    let sources = quote!(&[#(<#sources as #krate::Readable>::SEES),*]);
    let each = emits.iter().map(|emit| {
        let event = &emit.event;
        let text = compact(&event.to_token_stream());
        let unseen = messages::decision::emitted_unseen(&text, &name);
        let homeless = messages::decision::emitted_homeless(&text);
        let listed = ident::tokens_shown_at(quote!(#krate::__private::EmittedEvent), event.span());
        let of = quote_spanned!(event.span()=> <#event as #listed>::EVENT);
        let (info, place) = (ident::local("event"), event.span());
        let homed = quote_spanned!(place=> ::core::assert!(#info.home.is_some(), "{}", #homeless););
        let blind = emit.blind.then(|| {
            quote!(
                const BLIND: ::core::primitive::bool = true;
            )
        });
        let seen = (!emit.blind).then(|| {
            quote_spanned! {place=>
                ::core::assert!(#krate::__private::is_seen(#info, #sources), "{}", #unseen);
            }
        });
        quote! {
            #(#allows)*
            #[automatically_derived]
            impl #krate::Emits<#event> for #ident {
                #blind
            }

            const _: () = {
                let #info = &#of;
                #homed
                #seen
            };
        }
    });
    quote!(#(#each)*)
}

/// A type of which rustc says nothing but the fault, whatever the user does with it: a length that does not
/// compile makes it a type with an error.
fn fault(vis: &syn::Visibility, unknown: &Ident, diag: &Diag) -> TokenStream {
    let fault = diag.take_first();
    quote! {
        #[doc(hidden)]
        #vis type #unknown = [(); #fault];
    }
}

/// The name of the struct of the reads, at the derive, so that rustc does not offer to make a misspelt aggregate
/// a type parameter of it.
fn reads_struct(decision: &Decision) -> Ident {
    let mut name = decision.reads_struct.clone();
    name.set_span(Span::mixed_site());
    name
}

/// The struct of the reads.
fn reads_of(decision: &Decision, reads: &[Read]) -> TokenStream {
    let Decision {
        ident,
        vis,
        krate,
        allows,
        ..
    } = decision;
    let reads_struct = &reads_struct(decision);
    let doc = format!("What [`{}`] reads.", ident::text(ident));
    let name: Vec<_> = reads.iter().map(|read| &read.name).collect();
    let text = name.iter().map(|name| ident::text(name));
    let read: Vec<_> = reads
        .iter()
        .map(|read| {
            let source = &read.source;
            ident::tokens_shown_at(quote!(<#source as #krate::Readable>::Read), source.span())
        })
        .collect();
    let docs = reads.iter().map(|read| {
        let source = link(&read.source);
        let fields: Vec<_> = read.fields.iter().map(ident::text).collect();
        match fields.as_slice() {
            [] => format!("The state {source}."),
            fields => format!("The state {source} of `{}`.", fields.join("` and `")),
        }
    });
    // A `Read` and a `ReadFold` can be shown where their states can.
    let shown = reads.iter().map(|read| &read.source);
    let source = reads.iter().map(|read| {
        let name = &read.name;
        ident::tokens_shown_at(quote!(&mut self.#name), read.source.span())
    });
    let named_alike = (reads.len() > 2).then(|| quote!(#[allow(clippy::struct_field_names)]));
    let struct_text = ident::text(reads_struct);
    quote! {
        #[doc = #doc]
        #(#allows)*
        #named_alike
        #vis struct #reads_struct {
            #(
                #[doc = #docs]
                #vis #name: #read,
            )*
        }

        #(#allows)*
        #[automatically_derived]
        impl ::core::fmt::Debug for #reads_struct
        where
            #(for<'__es> #shown: ::core::fmt::Debug,)*
        {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Formatter::debug_struct(f, #struct_text)
                    #(.field(#text, &self.#name))*
                    .finish()
            }
        }

        #(#allows)*
        #[automatically_derived]
        impl #krate::Reads for #reads_struct {
            fn each(&mut self) -> ::std::vec::Vec<&mut dyn #krate::ReadSource> {
                ::std::vec![#(#source),*]
            }
        }
    }
}
