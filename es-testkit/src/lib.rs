//! Tests for what you build on es-runtime.
//!
//! Use it as a development dependency. Each test says what happened, what comes, and what follows:
//!
//! | what you test | with | feature |
//! |---|---|---|
//! | an aggregate | [`given`], [`given_nothing`] | |
//! | that an aggregate keeps the laws of event sourcing, on random commands | `laws!` | `laws` |
//! | a decision on several aggregates, or on events by their tags | `decision::DecisionTest` | `decisions` |
//! | a projection, in a real database | `projection::ProjectionTest` | `sqlite` |
//! | a subscription | `subscription::SubscriptionTest` | `projections` |
//! | a process manager, with a crash at every point | `saga::ProcessTest` | `sagas` |
//! | a saga, with a crash at every point | `saga::SagaTest` | `sagas` |
//! | all of it together, in thousands of histories with failures | `sim::histories` | `sim` |
//! | a store of your own | `conformance!` | `conformance` |
//!
//! A test that fails shows the lines that differ.
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
//! | `laws` | `laws!`: replay, snapshots, older versions, determinism, on random commands and events | proptest, es-schema-lock |
//! | `decisions` | `decision`, and `given_event` for events with tags | es-decisions |
//! | `projections` | `subscription`, and `projection` for a database of yours, such as PostgreSQL | es-projections |
//! | `sqlite` | `ProjectionTest::new`, in a new SQLite file | es-sqlite, es-projections |
//! | `sagas` | `saga`: given, when, then in virtual time, scripted outcomes and a process that dies at every point | es-sagas |
//! | `sim` | `sim`: a store whose calls fail, processes that die, virtual time, the same history for the same seed; with `sqlite`, projections in it | es-decisions, es-projections, es-sagas |
//! | `conformance` | the suite that every store must pass, as the macros `conformance!` and `saga_conformance!`, and as a report | es-projections |
//! | `nats-server` | `nats`: a cluster of NATS servers in a temporary folder, whose nodes can be killed, paused and cut off (Unix only) | |
//! | `postgres-server` | `postgres`: a PostgreSQL server in a temporary folder, from programs that are installed (Unix only) | |

mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "decisions")]
pub mod decision;
mod diff;
#[cfg(feature = "sagas")]
mod feed;
#[cfg(any(feature = "decisions", feature = "projections", feature = "sagas"))]
mod history;
#[cfg(feature = "laws")]
pub mod laws;
mod layer;
#[cfg(all(feature = "nats-server", unix))]
pub mod nats;
mod pausing;
#[cfg(all(feature = "postgres-server", unix))]
pub mod postgres;
#[cfg(feature = "projections")]
pub mod projection;
#[cfg(feature = "decisions")]
mod ready;
#[cfg(feature = "sagas")]
pub mod saga;
mod scenario;
#[cfg(all(any(feature = "nats-server", feature = "postgres-server"), unix))]
mod server;
#[cfg(feature = "sim")]
pub mod sim;
#[cfg(feature = "projections")]
pub mod subscription;
#[cfg(any(feature = "decisions", feature = "sagas"))]
mod written;

pub use clock::VirtualClock;
pub use layer::{Layered, StoreLayer};
pub use pausing::{Pausing, PausingStore, Resume, as_a_process};
pub use scenario::{Scenario, Then, given, given_nothing};
