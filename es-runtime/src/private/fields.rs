//! An enum of events is stored as the fields of its variant; which variant, says the stored name.
//!
//! serde's derive writes a variant together with its tag. The adaptors here take the tag away when
//! writing and supply it when reading, so the user's own derive, with its renames and `with`
//! functions, does all of the work on the fields.

mod read;
mod write;

pub(crate) use read::Variant;
pub(crate) use write::Fields;

/// What is said of an enum whose serde impls are not the derived ones.
const NOT_DERIVED: &str = "an enum of events must derive serde's traits and have named fields";
