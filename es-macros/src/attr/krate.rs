//! `crate = ".."`: under which path generated code finds the crate whose traits it implements.

use super::{Value, value, value_of_item};
use crate::{diag::Diag, messages};
use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{Path, parse::ParseStream, parse_quote};

/// An absolute path to the crate that owns the derive's traits, or to one that re-exports all of it.
#[derive(Clone)]
pub(crate) struct CratePath(Path);

impl CratePath {
    /// For derives of events and aggregates.
    pub(crate) fn or_runtime(given: Option<&Self>) -> Self {
        given
            .cloned()
            .unwrap_or_else(|| Self(parse_quote!(::es_runtime)))
    }
}

#[cfg(feature = "consumers")]
impl CratePath {
    /// For decisions.
    pub(crate) fn or_decisions(given: Option<&Self>) -> Self {
        given
            .cloned()
            .unwrap_or_else(|| Self(parse_quote!(::es_decisions)))
    }

    /// For derives of projections and subscriptions.
    pub(crate) fn or_projections(given: Option<&Self>) -> Self {
        given
            .cloned()
            .unwrap_or_else(|| Self(parse_quote!(::es_projections)))
    }

    /// For sagas and process managers.
    pub(crate) fn or_sagas(given: Option<&Self>) -> Self {
        given
            .cloned()
            .unwrap_or_else(|| Self(parse_quote!(::es_sagas)))
    }
}

impl Value for CratePath {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        value::equals(key, input, "crate = \"::es_runtime\"")?;
        let tokens = value_of_item(input);
        let path = value::path_or_string(&tokens)
            .ok_or_else(|| value::error(&tokens, key, messages::attribute::crate_not_a_path()))?;
        let first = path.segments.first().map(|first| first.ident.to_string());
        let rooted = matches!(first.as_deref(), Some("crate" | "$crate"));
        if path.leading_colon.is_none() && !rooted {
            let text = super::compact(&path.to_token_stream());
            return Err(syn::Error::new_spanned(
                &tokens,
                messages::attribute::crate_path_is_relative(&text),
            ));
        }
        Ok(Self(path))
    }
}

impl ToTokens for CratePath {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.0.to_tokens(tokens);
    }
}
