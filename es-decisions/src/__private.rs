//! What generated code calls. Not for users: anything here may change in any release.

pub use crate::{
    fold::FoldsEvent,
    readable::{EmittedEvent, EmittedType, ReadAlone, is_seen},
};
pub use es_runtime::{
    __private::{
        ConstantTag, HasNone, HasOtherNames, Listed, ListedEvent, ListsEvent, assert_apart,
        first_without, is_event_of, joined,
    },
    Aggregate, DecodeError, EventSet, RecordedEvent, Tag, TagQuery,
};
pub use std::marker::PhantomData;

use crate::emitted::Tagged;
use es_runtime::{
    __private::{is_kind, same},
    Decoded, Event, EventOf, EventType, NewEvent, StreamId,
};

/// For tests: an event as a decision stores it, and the stream that it goes to.
///
/// # Errors
/// Why it cannot be stored.
pub fn stored<E: Event>(event: &E) -> Result<(StreamId, NewEvent), String> {
    let tagged = Tagged::of(event, false);
    let home = tagged.home.ok_or_else(|| {
        let name = E::NAME;
        format!("event `{name}` has no tag that names its stream; write `given::<Aggregate>(id, ..)`, which names it")
    })?;
    let home = home.map_err(|error| error.to_string())?;
    Ok((home, tagged.event?))
}

/// The stored names of all entries.
pub fn names(listed: &[Listed]) -> Vec<&'static str> {
    let names = listed.iter().flat_map(|(live, retired)| {
        let live = live.iter().map(|kind| kind.name);
        live.chain(retired.iter().copied())
    });
    names.collect()
}

/// Whether the entry has an event of this name.
pub fn knows((live, retired): Listed, name: &str) -> bool {
    live.iter().any(|kind| kind.name == name) || retired.contains(&name)
}

/// What a stored event is read as. Of several events only those that the query finds are left: the stored one has
/// the tags of all of them.
///
/// # Errors
/// [`DecodeError`] when it cannot be read.
pub fn decoded<S: EventSet>(
    query: &TagQuery,
    stored: &RecordedEvent,
) -> Result<Decoded<S>, DecodeError> {
    let decoded = S::decode(&stored.name, stored.stored_payload())?;
    Ok(match decoded {
        Decoded::One(event) => Decoded::One(event),
        Decoded::Many(events) => {
            let mut events = events;
            events.retain(|event| {
                let texts = crate::emitted::texts(&event.tags());
                query.texts().all(|text| texts.contains(text))
            });
            Decoded::Many(events)
        }
    })
}

/// What a list of events calls. The functions belong to a type, so that errors are shown at the entry.
#[derive(Debug)]
pub enum List {}

impl List {
    /// The event out of the event set of its aggregate.
    ///
    /// # Errors
    /// The event, when it is another one.
    pub fn narrow<A: Aggregate, E: EventOf<A, Event = A::Event>>(
        event: A::Event,
    ) -> Result<E, A::Event> {
        E::from_event(event)
    }
}

/// Whether the kind is one of these.
pub const fn has(kinds: &[&str], kind: &str) -> bool {
    let mut rest = kinds;
    while let [first, tail @ ..] = rest {
        if is_kind(first, kind) {
            return true;
        }
        rest = tail;
    }
    false
}

/// Whether all events of a set have tags of this kind.
pub const fn all_carry(types: &[EventType], kinds: &[(&str, &[&str])], kind: &str) -> bool {
    let mut types = types;
    while let [first, tail @ ..] = types {
        let mut carries = false;
        let mut all = kinds;
        while let [(name, kinds), rest @ ..] = all {
            carries = carries || (same(name, first.name) && has(kinds, kind));
            all = rest;
        }
        if !carries {
            return false;
        }
        types = tail;
    }
    true
}
