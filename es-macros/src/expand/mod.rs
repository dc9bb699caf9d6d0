//! What is generated. It follows the model and cannot fail; after a reported fault it still
//! generates every impl, so that the fault is not followed by errors about what is missing.

#[macro_use]
mod hygiene;
mod aggregate;
mod conditional;
#[cfg(feature = "consumers")]
mod consumer;
#[cfg(feature = "consumers")]
mod decision;
mod derived;
mod event;
mod fallback;
#[cfg(feature = "consumers")]
mod fold;
mod history;
mod node;
#[cfg(feature = "consumers")]
mod process;
#[cfg(feature = "consumers")]
mod projection;
mod retire;
#[cfg(feature = "consumers")]
mod saga;
mod shape;
mod tag;
mod unique;

use crate::{check, diag::Diag};
#[cfg(feature = "consumers")]
use crate::{
    messages,
    model::{projection::Kind, saga::Block},
};
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::DeriveInput;

pub(crate) fn derive_event(input: TokenStream) -> TokenStream {
    derive(input, |diag, input| {
        let item = check::event::check(diag, input);
        event::expand(&item, diag.is_clean())
    })
}

pub(crate) fn derive_shape(input: TokenStream) -> TokenStream {
    derive(input, |diag, input| {
        let shape = check::shape::check(diag, input);
        shape::expand(&shape, diag.is_clean())
    })
}

pub(crate) fn derive_aggregate(input: TokenStream) -> TokenStream {
    derive(input, |diag, input| {
        let aggregate = check::aggregate::check(diag, input);
        aggregate::expand(&aggregate, diag.is_clean())
    })
}

pub(crate) fn derive_tag(input: TokenStream) -> TokenStream {
    derive(input, |diag, input| {
        let tag = check::tag::check(diag, input);
        tag::expand(&tag, diag.is_clean())
    })
}

#[cfg(feature = "consumers")]
pub(crate) fn derive_fold(input: TokenStream) -> TokenStream {
    derive(input, |diag, input| {
        let fold = check::fold::check(diag, input);
        fold::expand(&fold, diag.is_clean())
    })
}

#[cfg(feature = "consumers")]
pub(crate) fn derive_decision(input: TokenStream) -> TokenStream {
    derive(input, |diag, input| {
        let decision = check::decision::check(diag, input);
        decision::expand(&decision, diag)
    })
}

#[cfg(feature = "consumers")]
pub(crate) fn derive_projection(input: TokenStream) -> TokenStream {
    derive_consumer(input, Kind::Projection)
}

#[cfg(feature = "consumers")]
pub(crate) fn derive_subscription(input: TokenStream) -> TokenStream {
    derive_consumer(input, Kind::Subscription)
}

#[cfg(feature = "consumers")]
pub(crate) fn derive_process_manager(input: TokenStream) -> TokenStream {
    derive(input, |diag, input| {
        let process = check::process::check(diag, input);
        process::expand(&process, diag.is_clean())
    })
}

#[cfg(feature = "consumers")]
fn derive_consumer(input: TokenStream, kind: Kind) -> TokenStream {
    derive(input, |diag, input| {
        let consumer = check::projection::check(diag, input, kind);
        projection::expand(&consumer, diag.is_clean())
    })
}

fn derive(input: TokenStream, one: impl FnOnce(&Diag, &DeriveInput) -> TokenStream) -> TokenStream {
    let input = match syn::parse2::<DeriveInput>(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let diag = Diag::new();
    hygiene::reserved(&diag, input.to_token_stream());
    let mut output = one(&diag, &input);
    output.extend(diag.finish());
    output
}

/// `#[saga(..)]` on an `impl` block.
#[cfg(feature = "consumers")]
pub(crate) fn attribute_saga(args: &TokenStream, input: TokenStream) -> TokenStream {
    // With its name in front the arguments are an attribute like those of the derives.
    let attr = if args.is_empty() {
        syn::parse_quote!(#[saga])
    } else {
        syn::parse_quote!(#[saga(#args)])
    };
    let diag = Diag::new();
    hygiene::reserved(&diag, args.clone());
    hygiene::reserved(&diag, input.clone());
    let mut output = if let Ok(block) = syn::parse2::<Block>(input.clone()) {
        let saga = check::saga::check(&diag, &attr, &block);
        saga::expand(&saga, &block, diag.is_clean())
    } else {
        diag.over(&input, messages::saga::saga_not_on_impl());
        input
    };
    output.extend(diag.finish());
    output
}
