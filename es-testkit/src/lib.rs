//! Tests for what is built on es-runtime: given/when/then for aggregates, crashes for sagas, and the
//! conformance suite that every store passes. With the feature `postgres-server` also a PostgreSQL
//! server for tests.

mod clock;
pub mod conformance;
mod layer;
mod pausing;
#[cfg(all(feature = "postgres-server", unix))]
pub mod postgres;
pub mod saga;
mod scenario;

pub use clock::VirtualClock;
pub use layer::{Layered, StoreLayer};
pub use pausing::{Pausing, PausingStore, Resume, as_a_process};
pub use scenario::{Scenario, Then, given, given_nothing};
