//! What the macros of this crate call. It is not for users: everything here may change in any release.

pub use crate::compiled;
pub use es_runtime::{
    Aggregate,
    schema::{EventShape, Retired, SetShapes},
};
