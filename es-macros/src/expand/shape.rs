//! `impl Shape`, and the shapes of events.

use super::{
    history::Of,
    node::{in_unit, of_fields, of_members, of_version},
};
use crate::{
    ident,
    model::{
        history::History,
        shape::{Body, Shape},
        value_shape::ValueShape,
    },
};
use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use std::collections::BTreeSet;
use syn::parse_quote;

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
            // Shown at the type, which is then what the message of an unmet condition points at.
            let place = ident::first_span(&ty).unwrap_or_else(Span::mixed_site);
            let predicate = quote!(for<'__es> #ty: #bound);
            self.predicates
                .push(ident::tokens_shown_at(predicate, place));
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
    let mut bind = |place: &ValueShape| {
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
    let own = ident::local("__EsOwn");
    let clause = bounds.clause();
    let items = quote! {
        struct #own;
        impl #krate::__private::OwnShape for #own #clause {
            const OWN: #krate::schema::Node = #newest;
        }
    };
    bounds.add(previous, &quote!(#krate::schema::EventShapes));
    Versions {
        shapes: quote!(<#krate::__private::FollowedBy<#previous, #own>>::SHAPES),
        items,
        bounds,
    }
}
