#![doc = include_str!("../README.md")]

mod codec;
mod fingerprint;
mod shape;
mod tag;
mod tag_query;
mod unique;

pub use codec::{Codec, CodecError};
pub use fingerprint::Fingerprint;
#[doc(hidden)]
pub use shape::less;
pub use shape::{Layout, Member, Node, Shape};
pub use tag::{EventTag, InvalidTags, Tag};
pub use tag_query::{TagQuery, TagQueryEmpty};
pub use unique::{UniqueChange, UniqueValue};
