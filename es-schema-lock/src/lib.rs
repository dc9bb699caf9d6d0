//! A schema lock: a test that fails when code can no longer read released events, or reads them
//! differently.
//!
//! Stored events never change, so code must keep reading every shape in which they were written. A
//! committed file, the [`Lock`], has one line for each version of each event. A release *seals* its
//! lines. From then on the test fails when the code derives another shape for a sealed version, for
//! example after an edit of a nested type, a type alias, the history of a field, or a stored name.
//!
//! A shape does not show what a payload means. So each sealed version also has a file of *golden
//! samples*: payloads with the events that they decode to. The same test compares them, so it finds a
//! changed conversion too.
//!
//! Add the crate to `[dev-dependencies]` before your first release. You do not need it while no event of
//! your program is stored for longer than a test.
//!
//! # Example
//!
//! ```no_run
//! # mod order {
//! use es_runtime::{Aggregate, Apply, Event};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Event, Serialize, Deserialize)]
//! #[event("order.placed")]
//! pub struct Placed { customer: String, cents: u64 }
//!
//! #[derive(Aggregate, Default)]
//! #[aggregate("order", id = String, error = std::convert::Infallible, events(Placed))]
//! pub struct Order {}
//!
//! impl Apply<Placed> for Order {
//!     fn apply(&mut self, _: &Placed) {}
//! }
//!
//! // In a module of tests, or in `tests/schema.rs`. It writes the test `schema_lock`.
//! es_schema_lock::schema_lock!(Order, "schema/order.lock");
//! # }
//! ```
//!
//! The first `cargo test` creates `schema/order.lock`:
//!
//! ```text
//! order.placed v1 open {cents:u64,customer:str}
//! ```
//!
//! | Command | Effect |
//! |---|---|
//! | `cargo test` | compares; creates missing files and updates open lines |
//! | `CI=1 cargo test` | compares and writes nothing; a file that is not committed is an error |
//! | `ES_LOCK=update cargo test` | as `cargo test`, even with `CI` |
//! | `ES_LOCK=seal cargo test` | at a release: seals every open line and records its samples |
//!
//! Commit `schema/order.lock` and the folder `schema/order.golden`.
//!
//! An event with tags or unique values has a line for each: `order.placed sealed tag customer`. A sealed one must stay, because a
//! store in which it is on refuses programs that do not know it.
//!
//! # Where to look
//!
//! | You want to | Look at |
//! |---|---|
//! | write the test | [`schema_lock!`] |
//! | check sealed lines during `cargo check` as well | [`assert_schema_lock!`] |
//! | run the check from code of your own | [`check_lock`], [`LockMode`], [`LockReport`] |
//! | understand a failure | [`LockError`], [`Violation`], [`Difference`], [`GoldenProblem`] |
//! | read or change a lock in a tool | [`Lock`], [`LockLine`], [`Lock::differences`] |
//! | check stored payloads | [`Lock::check_payload`], [`PayloadProblem`], [`LockEntry::required_fields`] |
//! | tell others what you store | [`Catalogue`] |
//!
//! # Golden samples
//!
//! `schema/order.golden/order.placed.v1.json` has `cases`. Each has a `sample` and `expected`, the events
//! that it decodes to. The test makes the samples from the shape: one for each variant of its largest
//! enum, up to eight, and one without optional values. It never overwrites a sample, so you can write one
//! by hand where a type rejects made-up text. It records a missing `expected`. Only sealing rewrites an
//! `expected`, after it has confirmed the old one. Samples are JSON for every codec. For a postcard
//! aggregate a case also has the bytes of the event, recorded while its version is the newest. `tags` are those of the
//! events: a change of their texts would hide stored events from what reads them by tag. `unique` are what they claim: in another
//! form a value that is taken would be free.

#[doc(hidden)]
pub mod __private;
mod between;
mod catalogue;
#[doc(hidden)]
pub mod compiled;
mod difference;
mod golden;
mod guard;
mod lock;
mod payload;
mod sample;
mod tree;
mod violation;

pub use between::LockDifference;
pub use catalogue::{Catalogue, CatalogueError};
pub use difference::Difference;
pub use golden::{GoldenError, GoldenPlace, GoldenProblem};
pub use guard::{List, LockError, LockMode, LockReport, check_lock, check_lock_in};
pub use lock::{
    DamagedLine, DamagedLock, LineProblem, Lock, LockChange, LockEntry, LockLine, LockState,
};
pub use payload::PayloadProblem;
pub use violation::Violation;
