//! The errors of one expansion. They are collected, so that every fault of an item is reported at
//! once, and none can be lost: a [`Diag`] that is dropped before [`Diag::finish`] fails the tests.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use std::{cell::RefCell, fmt::Display};

pub(crate) struct Diag {
    errors: RefCell<Option<Vec<syn::Error>>>,
}

impl Diag {
    pub(crate) fn new() -> Self {
        Self {
            errors: RefCell::new(Some(Vec::new())),
        }
    }

    /// Reports an error at one token.
    pub(crate) fn at(&self, span: Span, text: impl Display) {
        self.push(syn::Error::new(span, text));
    }

    /// Reports an error that underlines all of `tokens`.
    pub(crate) fn over(&self, tokens: impl ToTokens, text: impl Display) {
        self.push(syn::Error::new_spanned(tokens, text));
    }

    pub(crate) fn push(&self, error: syn::Error) {
        if let Some(errors) = self.errors.borrow_mut().as_mut() {
            errors.push(error);
        }
    }

    /// How many errors were reported so far.
    pub(crate) fn count(&self) -> usize {
        self.errors.borrow().as_ref().map_or(0, Vec::len)
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.count() == 0
    }

    /// The errors, each in the order in which it was reported.
    pub(crate) fn into_errors(self) -> Vec<syn::Error> {
        self.errors.borrow_mut().take().unwrap_or_default()
    }

    /// The first error as tokens that rustc reports. It is not reported again.
    #[cfg(feature = "consumers")]
    pub(crate) fn take_first(&self) -> Option<TokenStream> {
        let mut errors = self.errors.borrow_mut();
        let errors = errors.as_mut().filter(|errors| !errors.is_empty())?;
        Some(errors.remove(0).to_compile_error())
    }

    /// The errors as tokens that rustc reports.
    pub(crate) fn finish(self) -> TokenStream {
        self.into_errors()
            .iter()
            .map(syn::Error::to_compile_error)
            .collect()
    }
}

impl Drop for Diag {
    fn drop(&mut self) {
        debug_assert!(
            std::thread::panicking() || self.errors.borrow().is_none(),
            "errors of a derive were dropped without being reported"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_becomes_one_compile_error() {
        let diag = Diag::new();
        assert!(diag.is_clean());
        diag.at(Span::call_site(), "one");
        diag.over(TokenStream::new(), "two");
        assert_eq!(diag.count(), 2);
        let tokens = diag.finish().to_string();
        assert_eq!(tokens.matches("compile_error").count(), 2);
    }

    #[test]
    #[should_panic(expected = "dropped without being reported")]
    fn errors_cannot_be_forgotten() {
        drop(Diag::new());
    }
}
