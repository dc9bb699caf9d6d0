//! What the writer does for inline projections. Without the feature `projections` a stand-in with the
//! same names does nothing, so that the write path is one text.

#[cfg(not(feature = "projections"))]
mod none;
#[cfg(feature = "projections")]
mod projections;

#[cfg(not(feature = "projections"))]
pub(crate) use none::{Registered, Running, WriterConnection};
#[cfg(feature = "projections")]
pub(crate) use projections::{Registered, Running};

/// The connection that writes. With projections it is also the transaction that handlers get.
#[cfg(feature = "projections")]
pub(crate) type WriterConnection = crate::SqliteTransaction;
