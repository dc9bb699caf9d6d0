//! The whole feed of a store in memory.

#![allow(clippy::panic, reason = "an assertion of a test panics")]

use es_runtime::{EventFilter, EventStore, MemoryStore, Position, ReadLimit, RecordedEvent};

/// All events after a position, in order.
pub(crate) async fn all(store: &MemoryStore, mut after: Position) -> Vec<RecordedEvent> {
    let filter = EventFilter::all();
    let mut all = Vec::new();
    loop {
        let page = store.read_feed(after, &filter, ReadLimit::default()).await;
        let page = page.unwrap_or_else(|error| panic!("{error}"));
        after = page.next;
        all.extend(page.events);
        if page.at_end {
            return all;
        }
    }
}
