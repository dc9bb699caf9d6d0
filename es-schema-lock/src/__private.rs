//! What the macros of this crate call. It is not for users: everything here may change in any release.

pub use crate::compiled;
/// For `es-testkit`: payloads made from shapes, and those that the golden files have.
pub use crate::{
    golden::recorded,
    sample::{FORMS, Plan, is_recursive, plans, sample, scalar},
};
/// How an enum of a shape of this program says which variant it is.
pub type Tag = crate::sample::Tag<'static>;
pub use es_runtime::{
    Aggregate,
    schema::{EventShape, Retired, SetShapes},
};
