//! Every message of the derives, one function each; a file for each derive.
//!
//! Style: lower case, no full stop, code in backticks, first what is wrong, then a `help:` line
//! with text to paste.

pub(crate) mod aggregate;
pub(crate) mod attribute;
#[cfg(feature = "consumers")]
pub(crate) mod decision;
pub(crate) mod event;
#[cfg(feature = "consumers")]
pub(crate) mod fold;
pub(crate) mod history;
#[cfg(feature = "consumers")]
pub(crate) mod process;
#[cfg(feature = "consumers")]
pub(crate) mod projection;
pub(crate) mod retire;
#[cfg(feature = "consumers")]
pub(crate) mod saga;
pub(crate) mod serde;
pub(crate) mod shape;
pub(crate) mod tag;
pub(crate) mod unique;
mod words;
