//! Tests for what you build on es-runtime.
//!
//! Use it as a development dependency:
//!
//! - to test an aggregate: these events happened, this command comes, these events follow;
//! - to test a saga or a process manager, with a crash at every point (feature `sagas`);
//! - to test a decision on several aggregates (feature `decisions`);
//! - to prove a store of your own (feature `conformance`);
//! - to get a PostgreSQL server for each test run (feature `postgres-server`).
//!
//! # Given, when, then
//!
//! ```
//! use es_runtime::{Aggregate, Apply, Event, Events, Handle};
//! use es_testkit::{given, given_nothing};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
//! #[event("door.opened")]
//! struct Opened {}
//!
//! #[derive(Clone)]
//! struct Open;
//!
//! #[derive(Debug, PartialEq, thiserror::Error)]
//! #[error("the door is open")]
//! struct AlreadyOpen;
//!
//! #[derive(Aggregate, Default, Debug)]
//! #[aggregate("door", id = u32, error = AlreadyOpen, events(Opened))]
//! struct Door {
//!     open: bool,
//! }
//!
//! impl Apply<Opened> for Door {
//!     fn apply(&mut self, _: &Opened) {
//!         self.open = true;
//!     }
//! }
//!
//! impl Handle<Open> for Door {
//!     fn handle(&self, _: Open) -> Result<Events<Self>, AlreadyOpen> {
//!         if self.open { Err(AlreadyOpen) } else { Ok(Opened {}.into()) }
//!     }
//! }
//!
//! given_nothing::<Door>().when(Open).then(Opened {});
//! given::<Door>(Opened {}).when(Open).then_rejected(AlreadyOpen);
//! ```
//!
//! Each event passes through the aggregate's codec, so the test also fails when an event cannot be stored
//! and read back.
//!
//! # Without a feature
//!
//! - [`given`] and [`given_nothing`] test aggregates.
//! - [`VirtualClock`] is the clock of an in-memory store. Time passes only when the test says so.
//! - [`StoreLayer`] is the base for stores that inject faults or count calls. It forwards every method that
//!   you do not override.
//! - [`PausingStore`] pauses a reader of the feed, to test a process that falls asleep and wakes up late.
//!
//! # Features
//!
//! No feature is on by default.
//!
//! | feature | adds | also compiles |
//! |---|---|---|
//! | `sagas` | `saga`: `SagaTest` and `ProcessTest`, with scripted outcomes, virtual time and a process that dies at every point | es-sagas |
//! | `decisions` | `decision`: `DecisionTest`, given/when/then on several aggregates | es-decisions |
//! | `conformance` | `conformance`: the suite that every store must pass, as the macros `conformance!` and `saga_conformance!`, and as a report | es-projections |
//! | `projections` | the dependency that the suite's checks of read databases need; `conformance` turns it on | es-projections |
//! | `postgres-server` | `postgres`: a PostgreSQL server in a temporary folder, from programs that are installed (Unix only) | |

mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "decisions")]
pub mod decision;
mod layer;
mod pausing;
#[cfg(all(feature = "postgres-server", unix))]
pub mod postgres;
#[cfg(feature = "sagas")]
pub mod saga;
mod scenario;

pub use clock::VirtualClock;
pub use layer::{Layered, StoreLayer};
pub use pausing::{Pausing, PausingStore, Resume, as_a_process};
pub use scenario::{Scenario, Then, given, given_nothing};
