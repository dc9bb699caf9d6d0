//! What the macros of this crate call. Not for users: anything here may change in any release.

pub use crate::compiled;
pub use es_runtime::{
    Aggregate,
    schema::{EventShape, Retired, SetShapes},
};
