//! The rules: they turn an item and its attributes into a model and report what does not hold.
//!
//! A rule that depends on a part with a reported fault is skipped, so one mistake has one message.

pub(crate) mod aggregate;
mod back;
#[cfg(feature = "consumers")]
pub(crate) mod decision;
pub(crate) mod event;
#[cfg(feature = "consumers")]
pub(crate) mod fold;
mod history;
mod line;
#[cfg(feature = "consumers")]
pub(crate) mod process;
#[cfg(feature = "consumers")]
pub(crate) mod projection;
mod retire;
#[cfg(feature = "consumers")]
pub(crate) mod saga;
pub(crate) mod shape;
mod stored;
pub(crate) mod tag;
mod unique;
mod value_shape;

use syn::{Attribute, Meta, parse_quote};

/// The lints that the user allows on the item, for what is generated next to it.
fn allowed_lints(attrs: &[Attribute]) -> Vec<Attribute> {
    attrs
        .iter()
        .filter_map(|attr| match &attr.meta {
            Meta::List(list) if list.path.is_ident("allow") || list.path.is_ident("expect") => {
                let lints = &list.tokens;
                Some(parse_quote!(#[allow(#lints)]))
            }
            Meta::Path(path) | Meta::NameValue(syn::MetaNameValue { path, .. })
                if path.is_ident("deprecated") =>
            {
                Some(parse_quote!(#[allow(deprecated)]))
            }
            Meta::List(list) if list.path.is_ident("deprecated") => {
                Some(parse_quote!(#[allow(deprecated)]))
            }
            _ => None,
        })
        .collect()
}
