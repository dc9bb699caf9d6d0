//! What is given in a test: events as the codec of their aggregate stores them.

#![allow(clippy::panic, reason = "an assertion of a test panics")]

use es_runtime::{
    Aggregate, Append, AsId, Events, ExpectedVersion, StreamId, command::encode_events,
};

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
