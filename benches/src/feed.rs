//! The feed, read as fast as it comes.

use es_runtime::{EventFilter, EventStore, FeedPage, Position, ReadLimit};
use std::time::Instant;

/// Events a second of the feed, by pages from the first event on and from the beginning again, until a page was the
/// last one.
pub async fn feed<S: EventStore>(
    store: &S,
    limit: ReadLimit,
    is_over: impl Fn(&FeedPage) -> bool,
) -> f64 {
    let (all, began) = (EventFilter::all(), Instant::now());
    let (mut read, mut from) = (0, Position::START);
    loop {
        let page = store.read_feed(from, &all, limit).await.unwrap();
        read += page.events.len();
        if is_over(&page) {
            return read as f64 / began.elapsed().as_secs_f64();
        }
        from = if page.at_end {
            Position::START
        } else {
            page.next
        };
    }
}
