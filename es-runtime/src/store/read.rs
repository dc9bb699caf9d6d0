//! Parameters and results of reads: ranges, limits, filters, folds and pages.

use crate::{Position, RecordedEvent, StoredPayload};
use std::{ops::ControlFlow, sync::Arc};

/// One event of a stream, borrowed from the buffer of the store. A [`StreamFold`] receives it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct StoredEvent<'a> {
    /// Its number in the stream, from 1 without gaps.
    pub version: u64,
    /// Its position among all events of the store.
    pub position: Position,
    /// Its stored name.
    pub name: &'a str,
    /// The payload with the columns that are needed to decode it.
    pub payload: StoredPayload<'a>,
}

impl<'a> StoredEvent<'a> {
    /// For stores: one event.
    pub const fn new(
        version: u64,
        position: Position,
        name: &'a str,
        payload: StoredPayload<'a>,
    ) -> Self {
        Self {
            version,
            position,
            name,
            payload,
        }
    }
}

/// Receives the events of one stream, in order, one at a time.
///
/// Code that reads whole streams implements it; the repository does. The store may run it on a thread of
/// its own and returns it at the end.
pub trait StreamFold: Send + 'static {
    /// Receives one event. `Break` ends the read.
    fn event(&mut self, event: StoredEvent<'_>) -> ControlFlow<()>;
}

/// A range of the versions of one stream, and the direction to read it in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamRange {
    /// The version before the first event, in the direction of reading.
    pub after: u64,
    /// Oldest first or newest first.
    pub direction: ReadDirection,
}

impl StreamRange {
    /// Oldest first, those with a version above `after`; 0 for all.
    pub const fn forward(after: u64) -> Self {
        Self {
            after,
            direction: ReadDirection::Forward,
        }
    }

    /// Newest first, those with a version below `before`; `u64::MAX` for all.
    pub const fn backward(before: u64) -> Self {
        Self {
            after: before,
            direction: ReadDirection::Backward,
        }
    }
}

/// The direction of a read of a stream.
///
/// The enum is exhaustive on purpose: a store must implement both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadDirection {
    /// Oldest first.
    Forward,
    /// Newest first.
    Backward,
}

/// The bounds of one read: a number of events, and a number of bytes of payload.
///
/// A read always returns the first event, however large it is, so that every reader makes progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadLimit {
    /// The greatest number of events, 1,000 by default.
    pub events: usize,
    /// The greatest number of bytes of payload, 4 MiB by default.
    pub bytes: usize,
}

impl ReadLimit {
    /// At most this many events, with the default bound on bytes.
    pub fn events(events: usize) -> Self {
        Self {
            events,
            ..Self::default()
        }
    }

    /// With this bound on the bytes of all payloads.
    #[must_use]
    pub const fn with_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// For stores: whether one more event of `size` bytes may follow `count` events of `bytes`.
    pub const fn admits(self, count: usize, bytes: usize, size: usize) -> bool {
        count < self.events && (count == 0 || bytes.saturating_add(size) <= self.bytes)
    }
}

impl Default for ReadLimit {
    fn default() -> Self {
        Self {
            events: 1_000,
            bytes: 4 * 1024 * 1024,
        }
    }
}

/// The events that a reader of the feed wants, by their stored names and the aggregates of their streams. The
/// store skips other events.
///
/// ```
/// use es_runtime::EventFilter;
///
/// let filter = EventFilter::names(["order.placed"]);
/// assert!(filter.accepts("order", "order.placed"));
/// assert!(!filter.accepts("order", "order.shipped"));
/// let orders = EventFilter::all().of_aggregates(["order"]);
/// assert!(orders.accepts("order", "anything"));
/// assert!(!orders.accepts("customer", "anything"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    names: Option<Vec<Arc<str>>>,
    aggregates: Option<Vec<Arc<str>>>,
}

/// The texts, each once and in order.
fn sorted<N: Into<Arc<str>>>(texts: impl IntoIterator<Item = N>) -> Vec<Arc<str>> {
    let mut texts: Vec<Arc<str>> = texts.into_iter().map(Into::into).collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}

fn has(texts: Option<&Vec<Arc<str>>>, text: &str) -> bool {
    texts.is_none_or(|texts| texts.binary_search_by(|known| (**known).cmp(text)).is_ok())
}

impl EventFilter {
    /// Every event.
    pub const fn all() -> Self {
        Self {
            names: None,
            aggregates: None,
        }
    }

    /// Events with these stored names.
    pub fn names<N: Into<Arc<str>>>(names: impl IntoIterator<Item = N>) -> Self {
        Self {
            names: Some(sorted(names)),
            aggregates: None,
        }
    }

    /// Of these events, only those of streams of these aggregates, which are stored names such as `Order::NAME`.
    #[must_use]
    pub fn of_aggregates<N: Into<Arc<str>>>(
        mut self,
        aggregates: impl IntoIterator<Item = N>,
    ) -> Self {
        self.aggregates = Some(sorted(aggregates));
        self
    }

    /// Every event of a set, including retired names.
    pub fn of<S: crate::EventSet>() -> Self {
        let live = S::TYPES.iter().map(|kind| kind.name);
        Self::names(live.chain(S::RETIRED_NAMES.iter().copied()))
    }

    /// For stores: the names, sorted, `None` for every name.
    pub fn as_names(&self) -> Option<&[Arc<str>]> {
        self.names.as_deref()
    }

    /// For stores: the aggregates, sorted, `None` for every aggregate.
    pub fn as_aggregates(&self) -> Option<&[Arc<str>]> {
        self.aggregates.as_deref()
    }

    /// Whether an event of a stream of this aggregate, with this stored name, is wanted.
    pub fn accepts(&self, aggregate: &str, name: &str) -> bool {
        self.accepts_name(name) && has(self.aggregates.as_ref(), aggregate)
    }

    /// Whether events with this stored name are wanted, of at least one aggregate.
    pub fn accepts_name(&self, name: &str) -> bool {
        has(self.names.as_ref(), name)
    }
}

/// A page of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedPage {
    /// The events, in order.
    pub events: Vec<RecordedEvent>,
    /// The position to continue from, which is the checkpoint of the reader. All events up to it were
    /// considered.
    pub next: Position,
    /// Whether the store had no more events.
    pub at_end: bool,
}

impl FeedPage {
    /// For stores: a page.
    pub const fn new(events: Vec<RecordedEvent>, next: Position, at_end: bool) -> Self {
        Self {
            events,
            next,
            at_end,
        }
    }
}
