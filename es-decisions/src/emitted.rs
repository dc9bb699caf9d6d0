//! The events of a decision, each list on its aggregate.

use es_runtime::{Aggregate, AsId, Events, InvalidStreamId, StreamId};
use std::{any::Any, fmt, marker::PhantomData};

/// The events that a decision stores, in the order of its calls.
///
/// ```
/// use es_decisions::Emitted;
#[doc = include_str!("../docs/account.rs")]
/// # struct Gift;
/// let deposited: Events<Account> = Deposited { cents: 5 }.into();
/// let emitted: Emitted<Gift> = Emitted::new().on("DE02", deposited);
/// assert_eq!(emitted.len(), 1);
/// ```
pub struct Emitted<D: ?Sized> {
    pub(crate) lists: Vec<List>,
    decision: PhantomData<fn() -> D>,
}

/// The events of one aggregate.
pub(crate) struct List {
    pub(crate) stream: Result<StreamId, InvalidStreamId>,
    pub(crate) count: usize,
    /// The aggregate's `Events<A>`.
    pub(crate) events: Box<dyn Any + Send>,
}

impl<D: ?Sized> Emitted<D> {
    /// No events: the decision is accepted and nothing changes.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            lists: Vec::new(),
            decision: PhantomData,
        }
    }

    /// With these events, such as those of a handler, on the aggregate with this id. The decision must have read it.
    #[must_use]
    pub fn on<A: Aggregate>(mut self, id: impl AsId<A::Id>, events: Events<A>) -> Self {
        self.lists.push(List {
            stream: StreamId::of::<A>(id),
            count: events.len(),
            events: Box::new(events),
        });
        self
    }

    /// How many events there are, on all aggregates.
    pub fn len(&self) -> usize {
        self.lists.iter().map(|list| list.count).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<D: ?Sized> Default for Emitted<D> {
    fn default() -> Self {
        Self::new()
    }
}

impl<D: ?Sized> fmt::Debug for Emitted<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = self.lists.iter().map(|list| (&list.stream, list.count));
        f.debug_list().entries(lists).finish()
    }
}
