#![doc = include_str!("../README.md")]

mod codec;
mod fingerprint;
mod shape;

pub use codec::{Codec, CodecError};
pub use fingerprint::Fingerprint;
#[doc(hidden)]
pub use shape::less;
pub use shape::{Layout, Member, Node, Shape};
