//! What generated code calls. Not for users: anything here may change in any release.

pub use crate::api::TablesIn;
pub use es_runtime::{
    __private::{are_apart, filter, knows, names_of},
    Envelope, EventFilter, EventSet, RecordedEvent,
};
pub use std::borrow::Cow;

/// Whether the text names a table in braces.
pub const fn names_a_table(text: &str) -> bool {
    let mut bytes = text.as_bytes();
    while let [byte, rest @ ..] = bytes {
        if *byte == b'{' {
            return true;
        }
        bytes = rest;
    }
    false
}
