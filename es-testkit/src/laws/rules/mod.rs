//! The laws, as functions that say how a history or a stored event breaks one.

pub(super) mod live;
pub(super) mod pure;
pub(super) mod stored;

use super::LawfulState;
use std::fmt::Debug;

/// The states and events of a rule.
pub(super) trait Compared: LawfulState<Event: Debug + PartialEq> {}

impl<A: LawfulState<Event: Debug + PartialEq>> Compared for A {}

/// What differs, in words.
fn differ(what: &str, one: (&str, &dyn Debug), two: (&str, &dyn Debug)) -> String {
    let ((one, left), (two, right)) = (one, two);
    let lines = crate::diff::values(&left, &right);
    format!("{what}\nexpected: {one}, actual: {two}\n{lines}")
}
