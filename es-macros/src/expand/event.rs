//! `impl Event` for a struct, `impl EventSet` for an enum.

use super::{fallback, history, retire, shape, tag, unique};
use crate::model::event::{EventEnum, EventStruct, Item, Kind};
use proc_macro2::{Ident, TokenStream};
use syn::Attribute;

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
    let stored = kind.text();
    let of = history::Of {
        krate,
        vis,
        allows,
        name: &name,
        stored: &stored,
        version,
        newest: ident,
        variant: None,
    };
    let older = history::items(&of, &kind.history);
    let (to_payload, from_payload) = if clean {
        let newest =
            quote!(<#ident as #krate::__private::Payload>::from_payload(#name, #version, stored));
        let older = history::arm(
            &of,
            &kind.history,
            &quote!(::core::convert::identity),
            &newest,
        );
        (
            match history::back(&of, &kind.history) {
                None => quote!(<#ident as #krate::__private::Payload>::to_payload(self, codec)),
                Some(back) => quote!(match self { #back }),
            },
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
    let writes = kind.history.back.as_ref().map(|_| {
        let written = kind.written();
        quote!(const WRITES: ::core::primitive::u16 = #written;)
    });
    let rules: &[_] = if clean { &kind.unique } else { &[] };
    let (rules, changes) = unique::of_event(krate, rules).unzip();
    let (kinds, tags) = if clean {
        tag::of_event(krate, &kind.tags).unzip()
    } else {
        (Some(tag::any_of_event(krate)), None)
    };
    let is_generic = !generics.params.is_empty();
    let shapes = (!is_generic).then(|| shapes(&of, kind));
    let generics = fallback::owned(generics, &quote!(::core::marker::Sized));
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl #impl_generics #krate::Event for #ident #ty_generics #where_clause {
            const NAME: &'static ::core::primitive::str = #name;
            const VERSION: ::core::primitive::u16 = #version;
            #writes
            #rules
            #kinds

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

            #changes

            #tags
        }

        #older

        #shapes
    }
}

/// `EventShapes` and `SetShapes` of an event that is a struct.
fn shapes(of: &history::Of<'_>, kind: &Kind) -> TokenStream {
    let history::Of {
        krate,
        allows,
        name,
        newest: ident,
        ..
    } = of;
    let versions = shape::versions(of, &kind.history);
    let clause = versions.bounds.clause();
    let (shapes, items) = (versions.shapes, versions.items);
    let implementation = quote! {
        #(#allows)*
        #[automatically_derived]
        impl #krate::schema::EventShapes for #ident #clause {
            const SHAPES: &'static [#krate::schema::Node] = #shapes;
        }

        #(#allows)*
        #[automatically_derived]
        impl #krate::schema::SetShapes for #ident #clause {
            const EVENTS: &'static [#krate::schema::EventShape] = &[#krate::schema::EventShape {
                name: #name,
                shapes: <Self as #krate::schema::EventShapes>::SHAPES,
            }];
            const RETIRED: &'static [#krate::schema::Retired] = &[];
        }
    };
    alone(allows, &items, &implementation)
}

/// An impl with items that only it needs.
fn alone(allows: &[Attribute], items: &TokenStream, implementation: &TokenStream) -> TokenStream {
    if items.is_empty() {
        implementation.clone()
    } else {
        quote!(#(#allows)* const _: () = { #items #implementation };)
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "three impls over one list of variants"
)]
fn event_enum(item: &EventEnum, clean: bool) -> TokenStream {
    let EventEnum {
        ident,
        vis,
        generics,
        krate,
        variants,
        retired,
        allows,
    } = item;
    let variant: Vec<_> = variants.iter().map(|variant| &variant.ident).collect();
    let event_type: Vec<_> = variants
        .iter()
        .map(|variant| {
            let name = stored_name(&variant.kind, &variant.ident);
            let version = variant.kind.written();
            quote!(#krate::EventType { name: #name, version: #version })
        })
        .collect();
    let mut older = TokenStream::new();
    let mut arms = TokenStream::new();
    let mut shapes = Vec::new();
    let mut reads = Vec::new();
    let mut backs = Vec::new();
    let mut items = TokenStream::new();
    let mut bounds = shape::Bounds::default();
    for (index, variant) in (0_u32..).zip(variants) {
        let kind = &variant.kind;
        let name = stored_name(kind, &variant.ident);
        let version = kind.version.unwrap_or(1);
        let stored = kind.text();
        let of = history::Of {
            krate,
            vis,
            allows,
            name: &name,
            stored: &stored,
            version,
            newest: ident,
            variant: Some(&variant.ident),
        };
        older.extend(history::items(&of, &kind.history));
        backs.extend(history::back(&of, &kind.history));
        let versions = shape::versions(&of, &kind.history);
        let of_versions = versions.shapes;
        shapes.push(quote!(#krate::schema::EventShape { name: #name, shapes: #of_versions }));
        items.extend(versions.items);
        bounds.extend(versions.bounds);
        let newest = quote! {
            <#ident as #krate::__private::Payload>::from_fields(#index, #name, #version, stored)
        };
        let older = history::arm(&of, &kind.history, &quote!(#krate::Decoded::One), &newest);
        let read = match older {
            None => newest,
            Some(older) => quote!(match stored.schema_version {
                #older
                _ => #newest,
            }),
        };
        arms.extend(quote!(#name => #read,));
        reads.push((&variant.ident, name, read));
    }
    let retired = retire::parts(krate, ident, retired, |variant| {
        let found = reads.iter().find(|(ident, ..)| *ident == variant);
        found
            .map(|(_, name, read)| (name.clone(), read.clone()))
            .unwrap_or_default()
    });
    let retire::Parts {
        decode: decode_retired,
        names: retired_names,
        shapes: retired_shapes,
        checks: retired_checks,
    } = retired;
    let whole = quote!(<#ident as #krate::__private::Payload>::to_fields(self, codec));
    let rest = (backs.len() < variants.len()).then(|| quote!(_ => #whole,));
    let to_fields = if backs.is_empty() {
        whole
    } else {
        quote!(match self { #(#backs)* #rest })
    };
    let (event_type_of, encode, decode) = if clean {
        (
            quote!(match self { #(#ident::#variant { .. } => #event_type,)* }),
            to_fields,
            quote! {
                #decode_retired
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
    let rules = variants.iter().map(|variant| {
        let rules: &[_] = if clean { &variant.kind.unique } else { &[] };
        let name = stored_name(&variant.kind, &variant.ident);
        (name, &variant.ident, rules)
    });
    let (rules, changes) = unique::of_enum(krate, ident, rules).unzip();
    let tags = variants.iter().map(|variant| {
        let name = stored_name(&variant.kind, &variant.ident);
        (name, &variant.ident, &variant.kind.tags)
    });
    let (kinds, tags) = if clean {
        tag::of_enum(krate, ident, tags).unzip()
    } else {
        let names = tags.map(|(name, ..)| name);
        (Some(tag::any_of_enum(krate, names)), None)
    };
    let shapes = generics.params.is_empty().then(|| {
        let clause = bounds.clause();
        let implementation = quote! {
            #(#allows)*
            #[automatically_derived]
            impl #krate::schema::SetShapes for #ident #clause {
                const EVENTS: &'static [#krate::schema::EventShape] = &[#(#shapes,)*];
                const RETIRED: &'static [#krate::schema::Retired] = &[#retired_shapes];
            }
        };
        alone(allows, &items, &implementation)
    });
    let generics = fallback::owned(generics, &quote!(::core::marker::Sized));
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl #impl_generics #krate::EventSet for #ident #ty_generics #where_clause {
            const TYPES: &'static [#krate::EventType] = &[#(#event_type,)*];
            #retired_names
            #rules
            #kinds

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

            #changes

            #tags
        }

        #older

        #shapes

        #retired_checks
    }
}

/// The stored name; where there is none, a text that no other event has.
fn stored_name(kind: &Kind, ident: &Ident) -> TokenStream {
    match &kind.name {
        Some(name) => quote!(#name),
        None => fallback::name(ident),
    }
}
