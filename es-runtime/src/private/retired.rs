//! How stored events with a retired name are read.

use crate::{DecodeError, Decoded, EventSet};
use es_record::event_type::same;

/// The result of decoding a dropped event.
pub fn nothing<S>() -> Decoded<S> {
    Decoded::Many(Vec::new())
}

/// The result of the function of a `split`, with a message for it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not several events of `{S}`",
    label = "this returns `{Self}`",
    note = "return an array or a `Vec` of `{S}`, or of one of its events"
)]
pub trait Several<S> {
    /// The events.
    fn several(self) -> Vec<S>;
}

#[diagnostic::do_not_recommend]
impl<Parts, S> Several<S> for Parts
where
    Parts: IntoIterator,
    Parts::Item: Into<S>,
{
    fn several(self) -> Vec<S> {
        self.into_iter().map(Into::into).collect()
    }
}

/// `split`: one old event becomes several.
pub fn split<Old, Parts: Several<S>, S>(
    old: Old,
    split: fn(Old) -> Parts,
) -> Result<Decoded<S>, DecodeError> {
    Ok(Decoded::Many(split(old).several()))
}

/// Whether the retired name at `index` is not a current name and appears once.
#[expect(
    clippy::indexing_slicing,
    reason = "the derive passes an index of the names; anything else stops the build"
)]
pub const fn is_retired_once<S: EventSet>(index: usize) -> bool {
    let name = S::RETIRED_NAMES[index];
    let mut at = 0;
    while at < S::TYPES.len() {
        if same(S::TYPES[at].name, name) {
            return false;
        }
        at += 1;
    }
    at = 0;
    while at < index {
        if same(S::RETIRED_NAMES[at], name) {
            return false;
        }
        at += 1;
    }
    true
}
