//! Shapes: constants that describe how types look when they are serialized.
//!
//! [`Shape`] is the shape of a type, [`EventShapes`] has the shapes of all versions of an event. The
//! derives implement them. Tools such as `es-schema-lock` compare them between releases. You need this
//! module when you write such a tool, or implement [`Shape`] by hand.
//!
//! ```
//! use es_runtime::schema::{Layout, Shape};
//!
//! assert_eq!(<(u32, Option<String>)>::SHAPE.render(Layout::ByName), "(u32,str?)");
//! ```
//!
//! The types of this module are exhaustive on purpose: derived code builds them in constants, and a tool
//! that ignores a case would miss a change.

#[doc(hidden)]
pub use es_record::less;
#[doc(inline)]
pub use es_record::{Layout, Member, Node, Shape};

use crate::EventSet;

/// The shapes of all versions of one event, the oldest first.
///
/// `#[derive(Event)]` implements it when every field has a [`Shape`].
#[diagnostic::on_unimplemented(
    message = "the wire shapes of event `{Self}` are not known",
    label = "a field of `{Self}` does not implement `Shape`",
    note = "add `#[derive(es_runtime::Shape)]` to the types of its fields; for a type of another crate write `#[shape(as = \"..\")]` on the field"
)]
pub trait EventShapes {
    /// The shapes of versions 1, 2, 3, ... in that order.
    const SHAPES: &'static [Node];
}

/// The shapes of all events of a set.
///
/// The derives implement it for enums of events when every field has a [`Shape`].
#[diagnostic::on_unimplemented(
    message = "the wire shapes of the events of `{Self}` are not known",
    label = "an event of `{Self}` has a field that does not implement `Shape`",
    note = "add `#[derive(es_runtime::Shape)]` to the types of the fields; for a type of another crate write `#[shape(as = \"..\")]` on the field"
)]
pub trait SetShapes: EventSet {
    /// Each event with its shapes, in the order of declaration.
    const EVENTS: &'static [EventShape];
    /// Stored names that are read and no longer written: dropped, renamed or split.
    const RETIRED: &'static [Retired];
}

/// One event of a set with the shapes of all its versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventShape {
    /// The stored name.
    pub name: &'static str,
    /// The shapes of versions 1, 2, 3, ... in that order.
    pub shapes: &'static [Node],
}

/// A stored name that is read and no longer written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retired {
    /// The stored name.
    pub name: &'static str,
    /// How its events are read.
    pub into: Retirement,
}

/// How stored events with a retired name are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retirement {
    /// They are ignored.
    Dropped,
    /// As events with this name.
    Alias(&'static str),
    /// As several events each.
    Split,
}

/// Converts each value. Use it in `was(.., with = each)` for a list of older versions of another type.
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
