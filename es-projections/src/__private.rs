//! What generated code calls. Not for users: anything here may change in any release.

pub use es_runtime::{
    __private::{are_apart, filter, knows, names_of},
    Envelope, EventFilter, EventSet, RecordedEvent,
};
pub use std::borrow::Cow;
