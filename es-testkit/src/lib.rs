//! Tests for what is built on es-runtime: given/when/then for aggregates, and the conformance suite
//! that every store passes.

pub mod conformance;
mod scenario;

pub use scenario::{Scenario, Then, given, given_nothing};
