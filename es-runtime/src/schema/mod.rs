//! The shapes that events are stored in, as constants.
//!
//! [`Shape`] describes how a type looks when it is serialized. The derives implement it for the types of
//! events, and [`EventShapes`] holds the shape of every version of one event. Tools such as
//! the lock of the crate `es-schema-lock` compare them between releases.

#[cfg(any(
    feature = "chrono",
    feature = "jiff",
    feature = "rust_decimal",
    feature = "time"
))]
mod foreign;
mod impls;
mod shape;

#[doc(hidden)]
pub use shape::less;
pub use shape::{Layout, Member, Node, Shape};

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
