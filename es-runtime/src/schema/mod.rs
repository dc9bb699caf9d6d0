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
//! es_runtime::schema_lock!(Order, "schema/order.lock");
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
pub mod compiled;
mod difference;
#[cfg(any(
    feature = "chrono",
    feature = "jiff",
    feature = "rust_decimal",
    feature = "time"
))]
mod foreign;
mod golden;
mod guard;
mod impls;
mod lock;
mod sample;
mod shape;
mod violation;

pub use difference::Difference;
pub use golden::{GoldenError, GoldenProblem, Place};
pub use guard::{List, LockError, LockMode, LockReport, check_lock, check_lock_in};
pub use lock::{
    DamagedLine, DamagedLock, LineProblem, Lock, LockChange, LockEntry, LockLine, LockState,
};
pub use shape::{Layout, Member, Node, Shape};
pub use violation::Violation;

use crate::{Event, EventSet};

/// The wire shape of every version of one event, the oldest first.
///
/// `#[derive(Event)]` implements it for a struct whose fields all have a [`Shape`].
#[diagnostic::on_unimplemented(
    message = "the wire shapes of event `{Self}` are not known",
    label = "a field of `{Self}` does not implement `Shape`",
    note = "add `#[derive(es_runtime::Shape)]` to the types of its fields; for a type of another crate write `#[shape(as = \"..\")]` on the field"
)]
pub trait EventShapes {
    /// The shapes of versions 1, 2, 3, ... in that order.
    const SHAPES: &'static [Node];
}

/// The wire shapes of every event of a set.
///
/// The derives implement it for the enums of events whose fields all have a [`Shape`].
#[diagnostic::on_unimplemented(
    message = "the wire shapes of the events of `{Self}` are not known",
    label = "an event of `{Self}` has a field that does not implement `Shape`",
    note = "add `#[derive(es_runtime::Shape)]` to the types of the fields; for a type of another crate write `#[shape(as = \"..\")]` on the field"
)]
pub trait SetShapes: EventSet {
    /// Each event with its shapes, in the order of declaration.
    const EVENTS: &'static [EventShape];
    /// Stored names that are still read but never written: dropped, renamed or split.
    const RETIRED: &'static [Retired];
}

impl<E: Event + EventShapes> SetShapes for E {
    const EVENTS: &'static [EventShape] = &[EventShape {
        name: E::NAME,
        shapes: E::SHAPES,
    }];
    const RETIRED: &'static [Retired] = &[];
}

/// One event of a set with the shapes of all its versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventShape {
    /// The stored name.
    pub name: &'static str,
    /// The shapes of versions 1, 2, 3, ... in that order.
    pub shapes: &'static [Node],
}

/// A stored name that is still read but never written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retired {
    /// The stored name.
    pub name: &'static str,
    /// What becomes of such events.
    pub into: Retirement,
}

/// What becomes of stored events with a retired name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retirement {
    /// They stand for nothing any more.
    Dropped,
    /// They are read as the event with this name.
    Alias(&'static str),
    /// Each stands for several events.
    Split,
}

/// Turns each of the old values into a new one: for fields that hold older versions of another type.
///
/// ```
/// use es_runtime::schema::each;
///
/// let old: Vec<u8> = vec![1, 2];
/// let new: Vec<u16> = each(old);
/// assert_eq!(new, [1, 2]);
/// ```
pub fn each<Old, New: From<Old>>(old: Vec<Old>) -> Vec<New> {
    old.into_iter().map(New::from).collect()
}
