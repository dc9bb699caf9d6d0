//! `impl Event` for a struct, `impl EventSet` for an enum.

use super::{fallback, history};
use crate::model::event::{EventEnum, EventStruct, Item, Kind};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

/// `clean` is whether nothing was reported.
pub(crate) fn expand(item: &Item, clean: bool) -> TokenStream {
    match item {
        Item::Struct(item) => event_struct(item, clean),
        Item::Enum(item) => event_enum(item, clean),
    }
}

fn event_struct(item: &EventStruct, clean: bool) -> TokenStream {
    let EventStruct {
        ident,
        vis,
        generics,
        krate,
        kind,
        allows,
    } = item;
    let name = stored_name(kind, ident);
    let version = kind.version.unwrap_or(1);
    let of = history::Of {
        krate,
        vis,
        allows,
        name: &name,
        newest: ident,
        variant: None,
    };
    let older = history::items(&of, &kind.history);
    let (to_payload, from_payload) = if clean {
        let newest =
            quote!(<#ident as #krate::__private::Payload>::from_payload(#name, #version, stored));
        let older = history::arm(&of, &kind.history, &quote!(::core::convert::identity));
        (
            quote!(<#ident as #krate::__private::Payload>::to_payload(self, codec)),
            match older {
                None => newest,
                Some(older) => quote!(match stored.schema_version {
                    #older
                    _ => #newest,
                }),
            },
        )
    } else {
        (
            fallback::body(&[quote!(codec)]),
            fallback::body(&[quote!(stored)]),
        )
    };
    let generics = fallback::owned(generics, &quote!(::core::marker::Sized));
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl #impl_generics #krate::Event for #ident #ty_generics #where_clause {
            const NAME: &'static ::core::primitive::str = #name;
            const VERSION: ::core::primitive::u16 = #version;

            fn to_payload(
                &self,
                codec: #krate::Codec,
            ) -> ::core::result::Result<#krate::__private::Bytes, #krate::CodecError> {
                #to_payload
            }

            fn from_payload(
                stored: #krate::StoredPayload<'_>,
            ) -> ::core::result::Result<Self, #krate::DecodeError> {
                #from_payload
            }
        }

        #older
    }
}

fn event_enum(item: &EventEnum, clean: bool) -> TokenStream {
    let EventEnum {
        ident,
        vis,
        generics,
        krate,
        variants,
        allows,
    } = item;
    let variant: Vec<_> = variants.iter().map(|variant| &variant.ident).collect();
    let event_type: Vec<_> = variants
        .iter()
        .map(|variant| {
            let name = stored_name(&variant.kind, &variant.ident);
            let version = variant.kind.version.unwrap_or(1);
            quote!(#krate::EventType { name: #name, version: #version })
        })
        .collect();
    let mut older = TokenStream::new();
    let mut arms = TokenStream::new();
    for (index, variant) in (0_u32..).zip(variants) {
        let kind = &variant.kind;
        let name = stored_name(kind, &variant.ident);
        let version = kind.version.unwrap_or(1);
        let of = history::Of {
            krate,
            vis,
            allows,
            name: &name,
            newest: ident,
            variant: Some(&variant.ident),
        };
        older.extend(history::items(&of, &kind.history));
        let newest = quote! {
            <#ident as #krate::__private::Payload>::from_fields(#index, #name, #version, stored)
        };
        arms.extend(
            match history::arm(&of, &kind.history, &quote!(#krate::Decoded::One)) {
                None => quote!(#name => #newest,),
                Some(older) => quote!(#name => match stored.schema_version {
                #older
                _ => #newest,
            },),
            },
        );
    }
    let (event_type_of, encode, decode) = if clean {
        (
            quote!(match self { #(#ident::#variant { .. } => #event_type,)* }),
            quote!(<#ident as #krate::__private::Payload>::to_fields(self, codec)),
            quote! {
                match name {
                    #arms
                    _ => ::core::result::Result::Err(
                        #krate::DecodeError::unknown_event(name, stored),
                    ),
                }
            },
        )
    } else {
        (
            fallback::body(&[]),
            fallback::body(&[quote!(codec)]),
            fallback::body(&[quote!(name), quote!(stored)]),
        )
    };
    let generics = fallback::owned(generics, &quote!(::core::marker::Sized));
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl #impl_generics #krate::EventSet for #ident #ty_generics #where_clause {
            const TYPES: &'static [#krate::EventType] = &[#(#event_type,)*];

            fn event_type(&self) -> #krate::EventType {
                #event_type_of
            }

            fn encode(
                &self,
                codec: #krate::Codec,
            ) -> ::core::result::Result<#krate::__private::Bytes, #krate::CodecError> {
                #encode
            }

            fn decode(
                name: &::core::primitive::str,
                stored: #krate::StoredPayload<'_>,
            ) -> ::core::result::Result<#krate::Decoded<Self>, #krate::DecodeError> {
                #decode
            }
        }

        #older
    }
}

/// The stored name; where there is none, a text that no other event has.
fn stored_name(kind: &Kind, ident: &Ident) -> TokenStream {
    match &kind.name {
        Some(name) => quote!(#name),
        None => fallback::name(ident),
    }
}
