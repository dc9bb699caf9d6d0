//! The types of older versions, how they are read, and the way from each to the next.

use crate::{
    attr::CratePath,
    ident,
    model::history::{Assignment, Field, History, Value, Version},
};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Attribute, Index, Type, Visibility, spanned::Spanned};

/// What the versions of one event belong to.
pub(crate) struct Of<'a> {
    pub(crate) krate: &'a CratePath,
    pub(crate) vis: &'a Visibility,
    pub(crate) allows: &'a [Attribute],
    /// The stored name.
    pub(crate) name: &'a TokenStream,
    /// The type of the newest version.
    pub(crate) newest: &'a Ident,
    /// Its variant, in an enum.
    pub(crate) variant: Option<&'a Ident>,
}

/// Every type of an older version with its impls.
pub(crate) fn items(of: &Of<'_>, history: &History) -> TokenStream {
    let mut items = TokenStream::new();
    let mut before: Option<&Version> = None;
    let mut versions = history.versions.iter().peekable();
    while let Some(version) = versions.next() {
        let next = versions.peek().map(|next| &next.ident);
        items.extend(definition(of, version));
        items.extend(reading(of, version));
        items.extend(chain(of, version, before));
        items.extend(step(of, version, next));
        before = Some(version);
    }
    items
}

/// Arms of a match over the stored version that lead older payloads to their own type.
pub(crate) fn arm(of: &Of<'_>, history: &History, wrap: &TokenStream) -> Option<TokenStream> {
    let last = history.versions.last()?;
    let (krate, newest, number, older) = (of.krate, of.newest, last.number, &last.ident);
    let numbers = if number == 1 {
        quote!(1)
    } else {
        quote!(1..=#number)
    };
    Some(quote! {
        #numbers => #krate::__private::older::<#older>(stored)
            .map(|older| #wrap(<#newest as ::core::convert::From<#older>>::from(older))),
    })
}

fn definition(of: &Of<'_>, version: &Version) -> TokenStream {
    let Of {
        vis,
        allows,
        newest,
        variant,
        ..
    } = of;
    let Version {
        number,
        ident,
        fields,
        ..
    } = version;
    let newest = ident::text(newest);
    let doc = match variant {
        Some(variant) => format!(
            "Version {number} of [`{newest}::{}`], as it is still stored.",
            ident::text(variant)
        ),
        None => format!("Version {number} of [`{newest}`], as it is still stored."),
    };
    let fields = fields.iter().map(|field| {
        let Field {
            ident,
            vis,
            ty,
            docs,
            ..
        } = field;
        quote!(#(#docs)* #vis #ident: #ty)
    });
    quote! {
        #[doc = #doc]
        #(#allows)*
        #[allow(
            dead_code,
            missing_docs,
            missing_debug_implementations,
            private_interfaces,
            clippy::struct_excessive_bools,
            clippy::struct_field_names
        )]
        #vis struct #ident {
            #(#fields,)*
        }
    }
}

/// `Deserialize`.
fn reading(of: &Of<'_>, version: &Version) -> TokenStream {
    let Of { krate, allows, .. } = of;
    let Version { ident, fields, .. } = version;
    let private = quote!(#krate::__private);
    let name = ident.to_string();
    let stored: Vec<_> = fields.iter().map(|field| &field.stored).collect();
    let mut helpers = TokenStream::new();
    let mut locals = Vec::new();
    let mut types = Vec::new();
    let mut arms = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let ty = &field.ty;
        let local = Ident::new(&format!("field_{index}"), Span::mixed_site());
        let pattern = if index + 1 == fields.len() {
            quote!(_)
        } else {
            Index::from(index).to_token_stream()
        };
        if let Some(function) = &field.deserialize {
            let with = Ident::new(&format!("With{index}"), Span::mixed_site());
            helpers.extend(quote! {
                struct #with(#ty);
                impl<'de> #private::Deserialize<'de> for #with {
                    fn deserialize<D: #private::Deserializer<'de>>(
                        from: D,
                    ) -> ::core::result::Result<Self, D::Error> {
                        #function(from).map(#with)
                    }
                }
            });
            types.push(quote!(#with));
            arms.push(quote!(#pattern => source.value_with(&mut #local)?,));
        } else {
            // The argument lies at the type, so that a type that cannot be read is shown there.
            let place = ident::first_span(ty).unwrap_or_else(|| field.ident.span());
            let shown = ident::shown_at(&local, place);
            let argument = quote_spanned!(place=> &mut #shown);
            types.push(quote!(#ty));
            arms.push(quote!(#pattern => source.value(#argument)?,));
        }
        locals.push(local);
    }
    let field = fields.iter().map(|field| &field.ident);
    let takes = fields.iter().zip(&locals).map(|(field, local)| {
        let inner = field.deserialize.is_some().then(|| quote!(.0));
        let stored = &field.stored;
        quote!(#private::field(#local, #stored)? #inner)
    });
    let body = if fields.is_empty() {
        quote!(source.index().map(|_| Self {}))
    } else {
        quote! {
            #helpers
            #(let mut #locals: ::core::option::Option<#types> = ::core::option::Option::None;)*
            while let ::core::option::Option::Some(index) = source.index()? {
                match index {
                    #(#arms)*
                }
            }
            ::core::result::Result::Ok(Self { #(#field: #takes,)* })
        }
    };
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl<'de> #private::Deserialize<'de> for #ident {
            fn deserialize<D: #private::Deserializer<'de>>(
                from: D,
            ) -> ::core::result::Result<Self, D::Error> {
                #private::deserialize(from)
            }
        }

        #(#allows)*
        #[automatically_derived]
        impl #private::Fields for #ident {
            const NAME: &'static ::core::primitive::str = #name;
            const FIELDS: &'static [&'static ::core::primitive::str] = &[#(#stored),*];

            fn read<'de, S: #private::Source<'de>>(
                mut source: S,
            ) -> ::core::result::Result<Self, S::Error> {
                #body
            }
        }
    }
}

/// `Version`: which one it is, and how still older payloads get here.
fn chain(of: &Of<'_>, version: &Version, before: Option<&Version>) -> TokenStream {
    let Of { krate, name, .. } = of;
    let Version { number, ident, .. } = version;
    let from_older = before.map(|before| {
        let older = &before.ident;
        quote! {
            fn from_older(
                stored: #krate::StoredPayload<'_>,
            ) -> ::core::result::Result<Self, #krate::DecodeError> {
                #krate::__private::older::<#older>(stored).map(::core::convert::From::from)
            }
        }
    });
    quote! {
        impl #krate::__private::Version for #ident {
            const EVENT: &'static ::core::primitive::str = #name;
            const NUMBER: ::core::primitive::u16 = #number;
            #from_older
        }
    }
}

/// `From` for the next version.
fn step(of: &Of<'_>, version: &Version, next: Option<&Ident>) -> TokenStream {
    let Of {
        krate,
        allows,
        newest,
        variant,
        ..
    } = of;
    let older = &version.ident;
    let (next, construct) = match (next, variant) {
        (Some(next), _) => (next, quote!(Self)),
        (None, None) => (*newest, quote!(Self)),
        (None, Some(variant)) => (*newest, quote!(Self::#variant)),
    };
    let assignments = version.next.iter().map(|Assignment { to, value }| {
        let value = expression(krate, value);
        quote!(#to: #value)
    });
    let old = if version.next.iter().any(|next| next.value.is_taken()) {
        quote!(old)
    } else {
        quote!(_)
    };
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl ::core::convert::From<#older> for #next {
            fn from(#old: #older) -> Self {
                #construct { #(#assignments,)* }
            }
        }
    }
}

fn expression(krate: &CratePath, value: &Value) -> TokenStream {
    match value {
        Value::Moved(from) => quote!(old.#from),
        Value::Converted { from, old, new } => {
            let place = ident::first_span(old).unwrap_or_else(|| from.span());
            let becomes = quote_spanned!(place=> #krate::__private::Becomes<#new>);
            quote!(<#old as #becomes>::next(old.#from))
        }
        Value::With {
            from,
            old,
            new,
            function,
        } => {
            // All of it lies at the path, so that a wrong signature is shown there and nowhere else.
            let place = function
                .segments
                .last()
                .map_or_else(|| function.span(), |last| last.ident.span());
            let (old, new) = (shown_at(old, place), shown_at(new, place));
            let signature = quote_spanned!(place=> fn(#old) -> #new);
            quote!({ let with: #signature = #function; with(old.#from) })
        }
        Value::Text(text) => {
            let place = text.span();
            let into = quote_spanned!(place=> ::core::convert::Into::into);
            quote!(#into(#text))
        }
        Value::Given(given) => quote!(#given),
        Value::Absent => quote!(::core::option::Option::None),
    }
}

fn shown_at(ty: &Type, place: Span) -> TokenStream {
    ident::tokens_shown_at(ty.to_token_stream(), place)
}
