//! What was stored on streams of aggregates, and assertions on it.

#![allow(clippy::panic, reason = "an assertion of a test panics")]

use crate::diff;
use es_runtime::{Aggregate, Events, RecordedEvent, StreamId};
use std::fmt::Debug;

/// Asserts that these events are stored on the stream, as its aggregate reads them.
#[track_caller]
pub(crate) fn assert_events<A: Aggregate<Event: Debug + PartialEq>>(
    stream: &StreamId,
    expected: &Events<A>,
    stored: &[RecordedEvent],
) {
    let mut actual = Events::none();
    for recorded in stored {
        match recorded.decode::<A::Event>() {
            Ok(decoded) => decoded
                .into_iter()
                .for_each(|of| actual.push_event(of.event)),
            Err(error) => panic!("{error}"),
        }
    }
    assert!(
        actual == *expected,
        "other events than expected on {stream}\n{}",
        diff::values(expected, &actual)
    );
}
