//! An enum of events is stored as the fields of its variant. The stored name says which variant it is.
//!
//! serde's derive writes a variant with a tag. The adaptors here remove the tag when they write and add it
//! when they read. So the user's own derive, with its renames and `with` functions, reads and writes the
//! fields.

mod read;
mod write;

pub use read::Variant;
pub use write::Fields;

/// The error for an enum whose serde impls are not derived.
const NOT_DERIVED: &str = "an enum of events must derive serde's traits and have named fields";
