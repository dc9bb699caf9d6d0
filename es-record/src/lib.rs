#![doc = include_str!("../README.md")]

#[doc(hidden)]
pub mod by_field;
mod codec;
mod fingerprint;
mod ids;
mod metadata;
mod position;
mod shape;
mod text;
mod timestamp;

pub use codec::{Codec, CodecError};
pub use fingerprint::Fingerprint;
pub use ids::{AppendId, EventId, InvalidAppendId, InvalidEventId};
pub use metadata::Metadata;
pub use position::{InvalidPosition, Position};
#[doc(hidden)]
pub use shape::less;
pub use shape::{Layout, Member, Node, Shape};
#[doc(hidden)]
pub use text::has_control;
pub use timestamp::{InvalidTimestamp, Timestamp};
