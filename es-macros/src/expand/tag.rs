//! `impl Tag`, and `TAG_KINDS`, `HOME` and `tags` of events.

use super::{
    derived::{self, Derived, Fields},
    fallback,
};
use crate::{
    attr::CratePath,
    ident,
    model::tag::{EventTag, Tag, TaggedField, Tags, Value},
};
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Path, Type, spanned::Spanned};

/// The value of a tag without a field.
const CONSTANT: &str = "all";

/// `clean` is whether nothing was reported.
pub(crate) fn expand(tag: &Tag, clean: bool) -> TokenStream {
    let Tag {
        ident,
        generics,
        krate,
        kind,
        value,
        allows,
    } = tag;
    let kind = match kind {
        Some(kind) => quote!(#kind),
        None => fallback::name(ident),
    };
    // Also after a fault, so that nothing says that the tag has a value.
    let is_constant = matches!(value, Value::Constant) && generics.params.is_empty();
    let constant = is_constant.then(|| {
        quote! {
            #(#allows)*
            #[automatically_derived]
            impl #krate::__private::ConstantTag for #ident {
                const VALUE: Self = #ident;
            }
        }
    });
    let value = match value {
        Value::Constant if clean => quote!(#krate::__private::Cow::Borrowed(#CONSTANT)),
        Value::Field { member, ty } if clean => text(krate, member, ty),
        _ => fallback::body(&[]),
    };
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl #impl_generics #krate::Tag for #ident #ty_generics #where_clause {
            const KIND: &'static ::core::primitive::str = #kind;

            fn value(&self) -> #krate::__private::Cow<'_, ::core::primitive::str> {
                #value
            }
        }

        #constant
    }
}

/// The text of the field.
fn text(krate: &CratePath, member: &syn::Member, ty: &Type) -> TokenStream {
    let place = ident::first_span(ty).unwrap_or_else(|| member.span());
    let field = ident::tokens_shown_at(quote!(&self.#member), place);
    let made = quote_spanned!(place=> <#ty as ::std::string::ToString>::to_string(#field));
    quote!(#krate::__private::Cow::Owned(#made))
}

/// The constants and the method of an event; none for an event without tags.
pub(super) fn of_event(krate: &CratePath, tags: &Tags) -> Option<(TokenStream, TokenStream)> {
    let derived = derived(krate, tags)?;
    let home = tags.list.first().filter(|_| tags.has_home).map(|home| {
        let kind = kind(krate, home);
        quote! {
            const HOME: ::core::option::Option<&'static ::core::primitive::str> =
                ::core::option::Option::Some(#kind);
        }
    });
    let (kinds, method) = (&derived.names, method(krate, &derived.body()));
    let constants = quote! {
        const TAG_KINDS: &'static [&'static ::core::primitive::str] = #kinds;
        #home
    };
    Some((constants, method))
}

/// The constants of an event with a fault: no fold and no decision says that a tag is missing.
pub(super) fn any_of_event(krate: &CratePath) -> TokenStream {
    quote! {
        const TAG_KINDS: &'static [&'static ::core::primitive::str] = &[#krate::__private::ANY_KIND];
        const HOME: ::core::option::Option<&'static ::core::primitive::str> =
            ::core::option::Option::Some(#krate::__private::ANY_KIND);
    }
}

/// The same of an enum with the events of these names.
pub(super) fn any_of_enum(
    krate: &CratePath,
    names: impl IntoIterator<Item = TokenStream>,
) -> TokenStream {
    let all = names
        .into_iter()
        .map(|name| quote!((#name, &[#krate::__private::ANY_KIND])));
    of_names(&quote!(&[#(#all,)*]))
}

fn of_names(all: &TokenStream) -> TokenStream {
    quote! {
        const TAG_KINDS: &'static [(
            &'static ::core::primitive::str,
            &'static [&'static ::core::primitive::str],
        )] = #all;
    }
}

/// Both items of an enum of events: the stored name, the variant and the tags of each of them.
pub(super) fn of_enum<'a>(
    krate: &CratePath,
    ident: &Ident,
    variants: impl IntoIterator<Item = (TokenStream, &'a Ident, &'a Tags)>,
) -> Option<(TokenStream, TokenStream)> {
    let variants = variants
        .into_iter()
        .map(|(name, variant, tags)| (name, variant, derived(krate, tags)));
    let (all, body) = derived::of_enum(ident, variants)?;
    Some((of_names(&all), method(krate, &body)))
}

fn method(krate: &CratePath, body: &TokenStream) -> TokenStream {
    quote! {
        fn tags(&self) -> ::std::vec::Vec<#krate::EventTag> {
            #body
        }
    }
}

/// The type of a tag.
fn of(tag: &EventTag) -> TokenStream {
    match tag {
        EventTag::Field(field) => field.of.as_ref().unwrap_or(&field.ty).to_token_stream(),
        EventTag::Constant(path) => path.to_token_stream(),
    }
}

/// `<CourseId as Tag>::KIND`, shown at the type.
fn kind(krate: &CratePath, tag: &EventTag) -> TokenStream {
    kind_of(krate, &of(tag))
}

/// The same of a type; `krate` is a path with `Tag` in it.
pub(super) fn kind_of(krate: &impl ToTokens, ty: &TokenStream) -> TokenStream {
    let place = ident::first_span(ty).unwrap_or_else(proc_macro2::Span::mixed_site);
    let tag = ident::tokens_shown_at(quote!(#krate::Tag), place);
    quote_spanned!(place=> <#ty as #tag>::KIND)
}

/// The kinds, and the tags that are made of the fields: one entry for each kind, as far as the types show it.
fn derived(krate: &CratePath, tags: &Tags) -> Option<Derived> {
    if tags.list.is_empty() {
        return None;
    }
    let mut fields = Fields::default();
    let mut kinds: Vec<(String, TokenStream, TokenStream)> = Vec::new();
    for tag in &tags.list {
        let added = match tag {
            EventTag::Constant(path) => constant(krate, path),
            EventTag::Field(tagged) => of_field(krate, tagged, &fields.local(&tagged.field)),
        };
        let text = of(tag).to_string();
        match kinds.iter_mut().find(|(known, ..)| *known == text) {
            Some((.., all)) => all.extend(added),
            None => kinds.push((text, kind(krate, tag), added)),
        }
    }
    let names = kinds.iter().map(|(_, kind, _)| kind);
    let names = quote!(&[#(#names),*]);
    let made = kinds.iter().map(|(_, kind, added)| {
        quote! {{
            let mut tag = #krate::EventTag::new(#kind);
            #added
            tag
        }}
    });
    Some(fields.with(names, quote!(::std::vec![#(#made),*])))
}

/// A name that is no constant is shown at the user's path.
fn constant(krate: &CratePath, path: &Path) -> TokenStream {
    let place = path.span();
    let name = ident::tokens_shown_at(quote!(#krate::Tag), place);
    let value = quote_spanned!(place=> <#path as #name>::value(&#path));
    quote!(tag = #krate::EventTag::with(tag, #value);)
}

/// A type that is no tag, and a value that cannot become one, are shown at the user's type.
fn of_field(krate: &CratePath, tagged: &TaggedField, local: &Ident) -> TokenStream {
    let ty = &tagged.ty;
    let inner = tagged.is_container.then(|| ident::local("value"));
    let value = inner.as_ref().unwrap_or(local);
    let of = tagged.of.as_ref().unwrap_or(ty);
    let place = ident::first_span(of).unwrap_or_else(|| tagged.field.span());
    let name = ident::tokens_shown_at(quote!(#krate::Tag), place);
    let shown = ident::shown_at(value, place);
    let made = if tagged.of.is_some() {
        quote_spanned! {place=>
            <#of as #name>::value(&<#of as ::core::convert::From<#ty>>::from(
                <#ty as ::core::clone::Clone>::clone(#shown),
            ))
        }
    } else {
        quote_spanned!(place=> <#of as #name>::value(#shown))
    };
    let added = quote!(tag = #krate::EventTag::with(tag, #made););
    match &inner {
        None => added,
        Some(value) => quote! {
            for #value in ::core::iter::IntoIterator::into_iter(#local) { #added }
        },
    }
}
