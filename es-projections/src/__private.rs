//! What generated code calls. Not for users: anything here may change in any release.

pub use crate::api::TablesIn;
pub use es_runtime::{
    __private::{
        HasNone, HasOtherNames, Listed, ListedEvent, assert_apart, first_without, is_event_of,
        joined,
    },
    Aggregate, Envelope, EventFilter, EventOf, EventSet, EventType, RecordedEvent,
};
pub use std::{borrow::Cow, marker::PhantomData};

/// Whether the entry has an event of this name.
pub fn knows((live, retired): Listed, name: &str) -> bool {
    live.iter().any(|kind| kind.name == name) || retired.contains(&name)
}

/// A filter that accepts the events of all entries.
pub fn filter(listed: &[Listed]) -> EventFilter {
    EventFilter::names(listed.iter().flat_map(|(live, retired)| {
        let live = live.iter().map(|kind| kind.name);
        live.chain(retired.iter().copied())
    }))
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

/// Whether the text names a table in braces.
pub const fn names_a_table(text: &str) -> bool {
    let mut bytes = text.as_bytes();
    while let [byte, rest @ ..] = bytes {
        if *byte == b'{' {
            return true;
        }
        bytes = rest;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{EventType, Listed, filter, knows};

    const A: Listed = (
        &[EventType {
            name: "a",
            version: 1,
        }],
        &["old.a"],
    );
    const B: Listed = (
        &[EventType {
            name: "b",
            version: 1,
        }],
        &[],
    );

    #[test]
    fn a_filter_has_the_names_of_all() {
        let filter = filter(&[A, B]);
        for name in ["a", "b", "old.a"] {
            assert!(filter.accepts_name(name));
            assert!(knows(A, name) || knows(B, name));
        }
        assert!(!filter.accepts_name("c"));
        assert!(!knows(A, "b"));
    }
}
