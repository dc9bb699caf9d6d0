//! The shapes that events are stored in, and what holds them to their word.
//!
//! Stored events never change, so the code that reads them must not forget any shape in which they
//! were written. [`Shape`] turns the types of events into constants that say how they look on the
//! wire. A committed file, the [`Lock`], holds one line for each version of each event; a version
//! that was released is *sealed*, and a test fails when the code derives another shape for it: after
//! an edit of a nested type, of a type alias, of the history of a field, of a stored name.
//!
//! What shapes cannot show is what a payload means. Beside the lock there is one file of *golden
//! samples* for each sealed version: payloads with the events that they are read as. The same test
//! compares them, so a changed conversion is noticed too.
//!
//! # Setting it up
//!
//! ```text
//! // tests/schema.rs, or any module of the crate
//! es_schema_lock::schema_lock!(Order, "schema/order.lock");
//! ```
//!
//! | Command | What it does |
//! |---|---|
//! | `cargo test` | compares; creates what is missing, lets open lines follow the code |
//! | `CI=1 cargo test` | compares; never writes, so what was not committed is an error |
//! | `ES_LOCK=update cargo test` | as without `CI` |
//! | `ES_LOCK=seal cargo test` | at a release: seals every open line and records its samples |
//!
//! Commit `schema/order.lock` and the folder `schema/order.golden`.
//!
//! # Golden samples
//!
//! `schema/order.golden/order.placed.v1.json` holds `cases`, each with a `sample` and what it is read
//! as, `expected`. The samples are made up from the shape: one for each variant of its largest enum,
//! up to eight, and one with nothing optional. A sample that exists is never overwritten, so where a
//! type refuses made-up text, write one by hand; `expected` is recorded when it is missing. It is
//! written anew only by sealing, and only after the old one was confirmed. Samples are JSON for every
//! codec; a postcard aggregate has the bytes of the event beside it, recorded while its version is
//! the newest.

#[doc(hidden)]
pub mod __private;
#[doc(hidden)]
pub mod compiled;
mod difference;
mod golden;
mod guard;
mod lock;
mod sample;
mod violation;

pub use difference::Difference;
pub use golden::{GoldenError, GoldenPlace, GoldenProblem};
pub use guard::{List, LockError, LockMode, LockReport, check_lock, check_lock_in};
pub use lock::{
    DamagedLine, DamagedLock, LineProblem, Lock, LockChange, LockEntry, LockLine, LockState,
};
pub use violation::Violation;
