//! Decisions: commands that read several aggregates and write to any of them in one commit.

extern crate self as es_decisions;

mod decision;
mod emitted;
mod error;
mod execute;
mod read;

pub use decision::{Decide, Decision, Reads};
pub use emitted::Emitted;
pub use error::DecisionError;
#[cfg(feature = "derive")]
pub use es_macros::Decision;
pub use execute::{Decided, Decisions, Execute, Written};
pub use read::{Read, ReadSource};
