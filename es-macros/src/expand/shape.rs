//! `impl Shape`, and the shapes of events.

use super::history::Of;
use crate::{
    attr::CratePath,
    ident,
    model::{
        history::{History, Version},
        shape::{Body, Fields, Place, Shape},
    },
};
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use std::collections::BTreeSet;
use syn::{GenericArgument, PathArguments, Type, parse_quote};

/// `impl Shape` for a type; `clean` is whether nothing was reported.
pub(crate) fn expand(shape: &Shape, clean: bool) -> TokenStream {
    let Shape {
        ident,
        generics,
        krate,
        allows,
        body,
        unit,
        vis,
        history,
    } = shape;
    let mut node = match body {
        _ if !clean => quote!(#krate::schema::Node::Nothing),
        Body::Scalar(name) => quote!(#krate::schema::Node::Scalar(#name)),
        Body::Of(fields) => of_fields(krate, fields, &quote!(Scalar("unit"))),
        Body::Enum { variants, tag } => {
            let members = variants.iter().map(|(name, fields)| {
                let node = of_fields(krate, fields, &quote!(Nothing));
                quote!(#krate::schema::Member { name: #name, node: #node })
            });
            let node = quote!(#krate::schema::Node::Enum(&[#(#members),*]));
            in_unit(krate, node, tag.as_deref())
        }
    };
    node = in_unit(krate, node, unit.as_deref());
    let mut generics = generics.clone();
    let types: Vec<Ident> = generics
        .type_params()
        .map(|param| param.ident.clone())
        .collect();
    if !types.is_empty() {
        let clause = generics.make_where_clause();
        for ty in types {
            clause
                .predicates
                .push(parse_quote!(#ty: #krate::schema::Shape));
        }
    }
    let of = Of {
        krate,
        vis,
        allows,
        name: &TokenStream::new(),
        stored: "",
        version: 0,
        newest: ident,
        variant: None,
    };
    let older = super::history::nested(&of, history);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
        #older

        #(#allows)*
        #[automatically_derived]
        impl #impl_generics #krate::schema::Shape for #ident #ty_generics #where_clause {
            const SHAPE: #krate::schema::Node = #node;
        }
    }
}

fn in_unit(krate: &CratePath, node: TokenStream, unit: Option<&str>) -> TokenStream {
    match unit {
        Some(unit) => quote!(#krate::schema::Node::Unit(&#node, #unit)),
        None => node,
    }
}

fn of_fields(krate: &CratePath, fields: &Fields, nothing: &TokenStream) -> TokenStream {
    match fields {
        Fields::Unit => quote!(#krate::schema::Node::#nothing),
        Fields::One(place) => of_place(krate, place),
        Fields::Tuple(places) => {
            let nodes = places.iter().map(|place| of_place(krate, place));
            quote!(#krate::schema::Node::Tuple(&[#(#nodes),*]))
        }
        Fields::Named(fields) => of_members(
            krate,
            fields.iter().map(|(name, place)| (name.as_str(), place)),
        ),
    }
}

fn of_members<'a>(
    krate: &CratePath,
    fields: impl Iterator<Item = (&'a str, &'a Place)>,
) -> TokenStream {
    let members = fields.map(|(name, place)| {
        let node = of_place(krate, place);
        quote!(#krate::schema::Member { name: #name, node: #node })
    });
    quote!(#krate::schema::Node::Struct(&[#(#members),*]))
}

/// An older version.
pub(crate) fn of_version(krate: &CratePath, version: &Version) -> TokenStream {
    let fields = version
        .fields
        .iter()
        .map(|field| (field.stored.as_str(), &field.form.shape));
    of_members(krate, fields)
}

fn of_place(krate: &CratePath, place: &Place) -> TokenStream {
    let node = match (&place.scalar, &place.recursive) {
        (Some(name), _) => quote!(#krate::schema::Node::Scalar(#name)),
        (None, Some(own)) => again(krate, &place.ty, own),
        (None, None) => of_type(krate, &place.ty),
    };
    in_unit(krate, node, place.unit.as_deref())
}

/// The type lies where the user wrote it, so that one without a shape is shown there.
fn of_type(krate: &CratePath, ty: &Type) -> TokenStream {
    let Some(place) = ident::first_span(ty) else {
        return quote!(<#ty as #krate::schema::Shape>::SHAPE);
    };
    let shape = quote_spanned!(place=> #krate::schema::Shape>::SHAPE);
    quote!(<#ty as #shape)
}

/// A type that contains the type it stands in: what is around that is still told.
fn again(krate: &CratePath, ty: &Type, own: &str) -> TokenStream {
    let whole = quote!(#krate::schema::Node::Again(#own));
    let Type::Path(path) = ty else {
        return whole;
    };
    let Some(last) = path.path.segments.last() else {
        return whole;
    };
    let PathArguments::AngleBracketed(generic) = &last.arguments else {
        return whole;
    };
    let arguments: Vec<_> = generic
        .args
        .iter()
        .filter_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        })
        .collect();
    match (last.ident.to_string().as_str(), arguments.as_slice()) {
        ("Box" | "Rc" | "Arc", [inner]) => again(krate, inner, own),
        ("Option", [inner]) => {
            let inner = again(krate, inner, own);
            quote!(#krate::schema::Node::Option(&#inner))
        }
        ("Vec" | "VecDeque", [inner]) => {
            let inner = again(krate, inner, own);
            quote!(#krate::schema::Node::Seq(&#inner))
        }
        ("BTreeMap" | "HashMap", [key, value]) => {
            let (from, to) = (of_type(krate, key), again(krate, value, own));
            quote!(#krate::schema::Node::Map(&#from, &#to))
        }
        _ => whole,
    }
}

/// The shapes of every version of one event, and what must have a shape for them.
pub(crate) struct Versions {
    /// An expression of `&'static [Node]`.
    pub(crate) shapes: TokenStream,
    /// Items that it needs.
    pub(crate) items: TokenStream,
    pub(crate) bounds: Bounds,
}

/// Conditions for an impl. One on a concrete type is an error where it does not hold, unless it has
/// a lifetime of its own.
#[derive(Default)]
pub(crate) struct Bounds {
    seen: BTreeSet<String>,
    predicates: Vec<TokenStream>,
}

impl Bounds {
    pub(crate) fn add(&mut self, ty: &impl ToTokens, bound: &TokenStream) {
        let ty = ty.to_token_stream();
        if self.seen.insert(format!("{ty}: {bound}")) {
            self.predicates.push(quote!(for<'__es> #ty: #bound));
        }
    }

    pub(crate) fn extend(&mut self, other: Self) {
        for (key, predicate) in other.seen.into_iter().zip(other.predicates) {
            if self.seen.insert(key) {
                self.predicates.push(predicate);
            }
        }
    }

    pub(crate) fn clause(&self) -> Option<TokenStream> {
        let predicates = &self.predicates;
        (!predicates.is_empty()).then(|| quote!(where #(#predicates),*))
    }
}

pub(crate) fn versions(of: &Of<'_>, history: &History) -> Versions {
    let krate = of.krate;
    let shape = quote!(#krate::schema::Shape);
    let mut bounds = Bounds::default();
    let mut bind = |place: &Place| {
        if place.scalar.is_none() && place.recursive.is_none() {
            bounds.add(&place.ty, &shape);
        }
    };
    let older: Vec<_> = history
        .versions
        .iter()
        .map(|version| {
            version
                .fields
                .iter()
                .for_each(|field| bind(&field.form.shape));
            of_version(krate, version)
        })
        .collect();
    history.newest.iter().for_each(|(_, place)| bind(place));
    let newest = of_members(
        krate,
        history
            .newest
            .iter()
            .map(|(name, place)| (name.as_str(), place)),
    );
    let Some(previous) = &history.previous else {
        return Versions {
            shapes: quote!(&[#(#older,)* #newest]),
            items: TokenStream::new(),
            bounds,
        };
    };
    let own = ident::suffixed(of.variant.unwrap_or(of.newest), "Shape");
    let clause = bounds.clause();
    let items = quote! {
        struct #own;
        impl #krate::__private::OwnShape for #own #clause {
            const OWN: #krate::schema::Node = #newest;
        }
    };
    bounds.add(previous, &quote!(#krate::schema::EventShapes));
    Versions {
        shapes: quote!(<#krate::__private::Behind<#previous, #own>>::SHAPES),
        items,
        bounds,
    }
}
