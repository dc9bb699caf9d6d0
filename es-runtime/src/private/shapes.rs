//! The shapes of an event whose older versions are another event.

use crate::schema::{EventShapes, Node};
use std::marker::PhantomData;

/// Versions of one event at most, where `previous` is used.
const MAX: usize = 256;

/// The shape of the newest version.
pub trait OwnShape {
    /// The shape.
    const OWN: Node;
}

/// The shapes of `P`, followed by that of `Own`.
pub struct Behind<P, Own>(PhantomData<(P, Own)>);

impl<P: EventShapes, Own: OwnShape> Behind<P, Own> {
    const ALL: &'static [Node; MAX] = &followed_by(P::SHAPES, Own::OWN);

    /// The shapes of every version.
    pub const SHAPES: &'static [Node] = Self::ALL.split_at(P::SHAPES.len() + 1).0;
}

#[expect(
    clippy::indexing_slicing,
    reason = "an event with more versions stops the build here"
)]
const fn followed_by(previous: &[Node], own: Node) -> [Node; MAX] {
    let mut all = [own; MAX];
    let mut index = 0;
    while index < previous.len() {
        all[index] = previous[index];
        index += 1;
    }
    all
}
