//! What the attributes and the item say, as plain data: no grammar and no rules.

pub(crate) mod aggregate;
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
pub(crate) mod shape;
pub(crate) mod tag;
pub(crate) mod unique;
pub(crate) mod value_shape;
