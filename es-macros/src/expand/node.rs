//! Shapes as expressions of the runtime's `Node`.

use crate::{
    attr::CratePath,
    ident,
    model::{history::Version, shape::Fields, value_shape::ValueShape},
};
use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::{GenericArgument, PathArguments, Type};

pub(super) fn in_unit(krate: &CratePath, node: TokenStream, unit: Option<&str>) -> TokenStream {
    match unit {
        Some(unit) => quote!(#krate::schema::Node::Unit(&#node, #unit)),
        None => node,
    }
}

pub(super) fn of_fields(krate: &CratePath, fields: &Fields, nothing: &TokenStream) -> TokenStream {
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

pub(super) fn of_members<'a>(
    krate: &CratePath,
    fields: impl Iterator<Item = (&'a str, &'a ValueShape)>,
) -> TokenStream {
    let members = fields.map(|(name, place)| {
        let node = of_place(krate, place);
        quote!(#krate::schema::Member { name: #name, node: #node })
    });
    quote!(#krate::schema::Node::Struct(&[#(#members),*]))
}

/// An older version.
pub(super) fn of_version(krate: &CratePath, version: &Version) -> TokenStream {
    let fields = version
        .fields
        .iter()
        .map(|field| (field.stored.as_str(), &field.form.shape));
    of_members(krate, fields)
}

fn of_place(krate: &CratePath, place: &ValueShape) -> TokenStream {
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

/// A type that contains the type it stands in: what is around that is still described.
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
