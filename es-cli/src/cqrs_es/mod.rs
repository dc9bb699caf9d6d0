//! The events of cqrs-es, as this library stores them: which tables it has, in which order they are taken, and what
//! becomes of a row.

mod convert;
mod lock;
mod mapping;
mod source;

pub(crate) use convert::{Converted, convert};
pub(crate) use lock::Known;
pub(crate) use mapping::Mapping;
pub(crate) use source::{SourceRow, Table};
