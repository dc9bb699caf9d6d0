//! What an event does to unique values.

use proc_macro2::{Ident, Span};
use syn::{Path, Type};

/// The name of a rule, with its place.
#[derive(Clone)]
pub(crate) struct RuleName {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// What an event does by one rule.
pub(crate) struct UniqueRule {
    pub(crate) rule: String,
    /// The field whose value is claimed; none where the value is released.
    pub(crate) claims: Option<Claim>,
    /// How long an earlier value stays reserved, in milliseconds.
    pub(crate) keep: Option<u64>,
}

/// A field whose value is claimed.
pub(crate) struct Claim {
    pub(crate) field: Ident,
    /// The type of the value, that in the `Option` if it is one.
    pub(crate) ty: Type,
    /// Whether it is an `Option`, which claims nothing while it is `None`.
    pub(crate) is_option: bool,
    /// The function that makes the text.
    pub(crate) form: Option<Path>,
}
