//! What the store does for read models and inline projections. Without the feature `projections` a
//! stand-in with the same names does nothing, so that the write path is one text.

#[cfg(not(feature = "projections"))]
mod none;
#[cfg(feature = "projections")]
mod projections;

#[cfg(feature = "projections")]
pub(crate) use crate::inside::refuse_reentry;
#[cfg(not(feature = "projections"))]
pub(crate) use none::{ReadModels, ReadOptions, Running, refuse_reentry};
#[cfg(feature = "projections")]
pub(crate) use projections::{Feed, ReadModels, ReadOptions, Running};
