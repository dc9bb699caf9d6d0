//! Events: what is stored, how it is read back, and what a handler returns.

mod definition;
mod emitted;

pub use definition::{DecodeError, Decoded, Event, EventSet, StoredPayload};
pub use emitted::{EventOf, Events, Recorder};
