//! What is given in a test: events as the codec of their aggregate stores them.

#![allow(clippy::panic, reason = "an assertion of a test panics")]

use es_runtime::{
    Aggregate, Append, AsId, Events, ExpectedVersion, StreamId, command::encode_events,
};
#[cfg(feature = "projections")]
use es_runtime::{AnyStore, EventFilter, EventStore, Position};
#[cfg(feature = "projections")]
use std::{collections::BTreeSet, panic::Location};

/// The append of these events to the stream of this aggregate.
#[track_caller]
pub(crate) fn append<A: Aggregate>(id: impl AsId<A::Id>, events: impl Into<Events<A>>) -> Append {
    let stream = stream::<A>(id);
    match encode_events(&stream, &events.into()) {
        Ok(encoded) => Append::new(stream, ExpectedVersion::Any).with_events(encoded),
        Err(error) => panic!("{error}"),
    }
}

/// The stream of this aggregate.
#[track_caller]
pub(crate) fn stream<A: Aggregate>(id: impl AsId<A::Id>) -> StreamId {
    match StreamId::of::<A>(id) {
        Ok(stream) => stream,
        Err(error) => panic!("{error}"),
    }
}

/// The append of this event to the stream that its tag names.
#[cfg(feature = "decisions")]
#[allow(
    clippy::needless_pass_by_value,
    reason = "an event is written out in a test"
)]
#[track_caller]
pub(crate) fn append_event<E: es_runtime::Event>(event: E) -> Append {
    match es_decisions::__private::stored(&event) {
        Ok((stream, event)) => Append::new(stream, ExpectedVersion::Any).with_events([event]),
        Err(error) => panic!("{error}"),
    }
}

/// An append, and where the test says it.
#[cfg(feature = "projections")]
#[derive(Debug)]
pub(crate) struct Given {
    append: Append,
    at: &'static Location<'static>,
}

#[cfg(feature = "projections")]
impl Given {
    #[track_caller]
    pub(crate) fn new(append: Append) -> Self {
        Self {
            append,
            at: Location::caller(),
        }
    }
}

/// What was given and is stored.
#[cfg(feature = "projections")]
#[derive(Debug, Default)]
pub(crate) struct Stored(Vec<(Position, &'static Location<'static>)>);

#[cfg(feature = "projections")]
impl Stored {
    /// Stores what is given next.
    pub(crate) async fn append(&mut self, store: &AnyStore, Given { append, at }: Given) {
        match store.append(append).await {
            Ok(appended) => self.0.push((appended.position, at)),
            Err(error) => panic!("{at}: {error}"),
        }
    }

    /// Where the event at this position was given.
    pub(crate) fn given_at(&self, position: Position) -> Option<&'static Location<'static>> {
        let mut given = self.0.iter();
        let found = given.find(|(last, _)| position <= *last);
        found.map(|(_, at)| *at)
    }
}

/// A line for each kind of event that is given and not listed.
#[cfg(feature = "projections")]
pub(crate) fn passed_over(reader: &str, filter: &EventFilter, given: &[Given]) -> String {
    let mut names = BTreeSet::new();
    for Given { append, .. } in given {
        let events = append.events.iter().map(|event| &*event.name);
        names.extend(events.filter(|name| !filter.accepts(append.stream.aggregate(), name)));
    }
    let line =
        |name| format!("`{name}` is not in the events of `{reader}`, so it was passed over\n");
    names.into_iter().map(line).collect()
}
