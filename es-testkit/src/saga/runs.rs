//! What runs of a saga or a process manager stored and left, to be asserted and compared.

#![allow(clippy::panic, reason = "an assertion of a test panics")]

use crate::diff;
use es_runtime::{RecordedEvent, StreamId};
use std::{
    collections::BTreeMap,
    fmt::{self, Debug, Write as _},
};

/// The events that commands stored, by stream. Each assertion takes away the stream that it is about.
#[derive(Clone, Default)]
pub(super) struct Written {
    streams: BTreeMap<String, Vec<RecordedEvent>>,
}

impl Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.names()).finish()
    }
}

impl Written {
    /// This event was stored.
    pub(super) fn push(&mut self, event: RecordedEvent) {
        let stream = event.stream.to_string();
        self.streams.entry(stream).or_default().push(event);
    }

    /// A command was sent there. It may have stored nothing.
    pub(super) fn sent(&mut self, stream: String) {
        self.streams.entry(stream).or_default();
    }

    /// Takes away a stream. `None` where nothing is known of it.
    pub(super) fn take(&mut self, stream: &StreamId) -> Option<Vec<RecordedEvent>> {
        self.streams.remove(&stream.to_string())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// Each stream with the names of its events.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        self.streams.iter().map(|(stream, events)| {
            let names = events.iter().map(|event| &*event.name).collect();
            (stream.as_str(), names)
        })
    }

    /// What is in each stream, but for ids and times.
    pub(super) fn streams(&self) -> Streams {
        let streams = self.streams.iter();
        let streams = streams.map(|(stream, events)| {
            let events = events.iter().map(text).collect();
            (stream.clone(), events)
        });
        streams.collect()
    }
}

/// The texts of the events of each stream.
pub(super) type Streams = BTreeMap<String, Vec<String>>;

/// An event as a line.
pub(super) fn text(event: &RecordedEvent) -> String {
    let payload = String::from_utf8_lossy(&event.payload);
    format!("{} {payload}", event.name)
}

/// Asserts that a run with crashes stored the same as the run without. Otherwise says `why` that may be.
#[track_caller]
pub(super) fn assert_same_end(when: &str, why: &str, without: &Streams, with: &Streams) {
    assert!(
        with == without,
        "{when} it comes to another end{why}\n{}",
        diff::between(
            ("without a crash", &lines(without)),
            ("with it", &lines(with))
        )
    );
}

fn lines(streams: &Streams) -> String {
    let mut text = String::new();
    for (stream, events) in streams {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{stream}");
        for event in events {
            let _ = writeln!(text, "  {event}");
        }
    }
    text
}

/// What no assertion took away. Each line begins with the assertion that expects it.
pub(super) fn left(lines: &[String]) -> String {
    if lines.is_empty() {
        return "nothing is left to expect".to_owned();
    }
    let mut text = "left to expect, with the assertion for it:".to_owned();
    for line in lines {
        let _ = write!(text, "\n  {line}");
    }
    text
}
