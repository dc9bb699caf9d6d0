//! What a decision can read, and which events it would see.

use crate::{__private::has, Read};
use es_runtime::{
    __private::{Listed, is_kind, same},
    Aggregate, Event, EventSet,
};

/// What a decision can read: an aggregate by its id, or a [`Fold`](crate::Fold) by its tags.
///
/// Every [`Aggregate`] is one. `#[derive(Fold)]` implements it for a fold.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither an aggregate nor a fold",
    label = "a decision cannot read `{Self}`",
    note = "add `#[derive(es_runtime::Aggregate)]` or `#[derive(es_decisions::Fold)]` to `{Self}`"
)]
pub trait Readable {
    /// The field in the struct of the reads.
    type Read;
    /// What says which one to read: references to the id, or to each of the tags.
    type Key<'a>;
    /// Which events it would see.
    const SEES: Sees;

    /// The one with this key, not yet loaded.
    fn read(key: Self::Key<'_>) -> Self::Read;
}

/// [`Aggregate`], with a message for what a decision reads.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither an aggregate nor a fold",
    label = "a decision cannot read `{Self}`",
    note = "add `#[derive(es_runtime::Aggregate)]` or `#[derive(es_decisions::Fold)]` to `{Self}`"
)]
pub trait IsAggregate: Aggregate {}

#[diagnostic::do_not_recommend]
impl<A: Aggregate> IsAggregate for A {}

#[diagnostic::do_not_recommend]
impl<A: IsAggregate> Readable for A {
    type Read = Read<A>;
    type Key<'a> = &'a A::Id;

    const SEES: Sees = Sees {
        by: By::Stream(A::NAME),
        events: &[(
            <A::Event as EventSet>::TYPES,
            <A::Event as EventSet>::RETIRED_NAMES,
        )],
    };

    fn read(key: &A::Id) -> Read<A> {
        Read::of(key)
    }
}

/// Which events a read would see. `#[derive(Decision)]` compares it with the events that the decision stores.
#[derive(Clone, Copy, Debug)]
pub struct Sees {
    by: By,
    events: &'static [Listed],
}

#[derive(Clone, Copy, Debug)]
enum By {
    Tags(&'static [&'static str]),
    /// The stream of an aggregate of this name.
    Stream(&'static str),
    /// It is not known, because its definition has a fault.
    Unknown,
}

impl Sees {
    /// Whatever the event is.
    pub const UNKNOWN: Self = Self {
        by: By::Unknown,
        events: &[],
    };

    /// Events with tags of all of these kinds. `events` are types of events, each with retired names.
    pub const fn tagged(kinds: &'static [&'static str], events: &'static [Listed]) -> Self {
        Self {
            by: By::Tags(kinds),
            events,
        }
    }

    const fn sees(&self, event: &EmittedType) -> bool {
        let fits = match self.by {
            By::Unknown => return true,
            By::Stream(stream) => matches!(event.home, Some(home) if is_kind(home, stream)),
            By::Tags(kinds) => {
                let mut rest = kinds;
                let mut fits = true;
                while let [kind, tail @ ..] = rest {
                    fits = fits && has(event.kinds, kind);
                    rest = tail;
                }
                fits
            }
        };
        let mut lists = self.events;
        while let ([(types, _), tail @ ..], true) = (lists, fits) {
            let mut types = *types;
            while let [first, tail @ ..] = types {
                if same(first.name, event.name) {
                    return true;
                }
                types = tail;
            }
            lists = tail;
        }
        false
    }
}

/// What is known at build time of an event that a decision stores.
#[derive(Clone, Copy, Debug)]
pub struct EmittedType {
    name: &'static str,
    kinds: &'static [&'static str],
    /// The kind of its home.
    pub home: Option<&'static str>,
}

/// [`Event`] for an entry of `emits(..)`, with a message for it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event, so it cannot be listed in `emits(..)`",
    label = "`{Self}` does not implement `Event`",
    note = "an event is a struct with `#[derive(es_runtime::Event, serde::Serialize, serde::Deserialize)]` and `#[event(\"some.name\")]`"
)]
pub trait EmittedEvent {
    /// What is known of it.
    const EVENT: EmittedType;
}

#[diagnostic::do_not_recommend]
impl<E: Event> EmittedEvent for E {
    const EVENT: EmittedType = EmittedType {
        name: E::NAME,
        kinds: E::TAG_KINDS,
        home: E::HOME,
    };
}

/// Whether one of the reads sees the event.
pub const fn is_seen(event: &EmittedType, reads: &[Sees]) -> bool {
    let mut rest = reads;
    while let [first, tail @ ..] = rest {
        if first.sees(event) {
            return true;
        }
        rest = tail;
    }
    false
}

/// A fold by constant tags, which is read without a field. `#[derive(Fold)]` implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read without a field",
    label = "the parentheses are empty",
    note = "write the field with its id: `name: {Self}(field)`"
)]
pub trait ReadAlone: Readable {
    /// The one that there is, not yet loaded.
    fn read_alone() -> Self::Read;
}
