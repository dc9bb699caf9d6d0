#![doc = include_str!("../README.md")]

#[doc(hidden)]
pub mod by_field;
mod codec;
#[doc(hidden)]
pub mod enum_fields;
#[doc(hidden)]
pub mod event_type;
mod fingerprint;
mod ids;
mod metadata;
#[doc(hidden)]
pub mod metrics;
mod position;
mod shape;
mod tag;
mod tag_query;
mod text;
mod timestamp;
#[cfg(feature = "tracing")]
mod trace;
mod unique;

pub use codec::{Codec, CodecError};
pub use event_type::EventType;
pub use fingerprint::Fingerprint;
pub use ids::{AppendId, EventId, InvalidAppendId, InvalidEventId};
pub use metadata::Metadata;
pub use position::{InvalidPosition, Position};
#[doc(hidden)]
pub use shape::less;
pub use shape::{Layout, Member, Node, Shape};
pub use tag::{EventTag, InvalidTags, Tag};
pub use tag_query::{TagQuery, TagQueryEmpty};
#[doc(hidden)]
pub use text::{MAX_STREAM_ID_BYTES, being_filled, has_control};
pub use timestamp::{InvalidTimestamp, Timestamp};
#[cfg(feature = "tracing")]
pub use trace::{TraceContext, set_trace_context};
pub use unique::{UniqueChange, UniqueValue};
