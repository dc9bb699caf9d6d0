//! Events: what is stored, how it is read back, and what a handler returns.

mod definition;
mod emitted;
mod tag;
mod unique;

pub use definition::{DecodeError, Decoded, Event, EventSet, EventType, StoredPayload};
pub use emitted::{EventOf, Events, Recorder};
pub use tag::{EventTag, Tag};
pub use unique::{UniqueChange, UniqueValue};
