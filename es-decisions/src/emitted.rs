//! The events of a decision: lists for its aggregates, and events with tags.

use crate::Emits;
use es_runtime::{
    Aggregate, AsId, Codec, Event, EventTag, Events, InvalidStreamId, NewEvent, StoredPayload,
    StreamId,
};
use std::{any::Any, collections::BTreeSet, fmt, marker::PhantomData};

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
    pub(crate) tagged: Vec<Tagged>,
    decision: PhantomData<fn() -> D>,
}

/// The events of one aggregate.
pub(crate) struct List {
    pub(crate) stream: Result<StreamId, InvalidStreamId>,
    pub(crate) count: usize,
    /// The aggregate's `Events<A>`.
    pub(crate) events: Box<dyn Any + Send>,
}

/// An event that goes to its home.
pub(crate) struct Tagged {
    pub(crate) name: &'static str,
    /// Whether no read needs to see it.
    pub(crate) is_blind: bool,
    /// `None` where it has no tag that names a stream.
    pub(crate) home: Option<Result<StreamId, InvalidStreamId>>,
    /// Or why it cannot be stored.
    pub(crate) event: Result<NewEvent, String>,
}

impl Tagged {
    pub(crate) fn of<E: Event>(event: &E, is_blind: bool) -> Self {
        let home = E::HOME.and_then(|kind| home(kind, &event.tags()));
        Self {
            name: E::NAME,
            is_blind,
            home,
            event: encode(event),
        }
    }
}

/// The stream that the first value of this kind names.
fn home(kind: &str, tags: &[EventTag]) -> Option<Result<StreamId, InvalidStreamId>> {
    let mut of_kind = tags.iter().filter(|tag| tag.kind == kind);
    let value = of_kind.find_map(|tag| tag.values.first())?;
    Some(StreamId::new(kind, value))
}

/// Encodes an event and reads it back: a replay sees the decoded one, so its values are the ones to claim and to tag.
fn encode<E: Event>(event: &E) -> Result<NewEvent, String> {
    let payload = event.to_payload(Codec::Json);
    let payload = payload.map_err(|error| error.to_string())?;
    let stored = StoredPayload::new(E::WRITES, Codec::Json.content_type(), &payload);
    let read_back = E::from_payload(stored).map_err(|error| error.to_string())?;
    let (unique, tags) = (read_back.unique(), read_back.tags());
    let new = NewEvent::json(E::NAME, E::WRITES, payload);
    Ok(new.with_unique(unique).with_tags(tags))
}

/// Tags as they are stored.
pub(crate) fn texts(tags: &[EventTag]) -> BTreeSet<String> {
    EventTag::texts(tags, |_| true)
}

impl<D: ?Sized> Emitted<D> {
    /// No events: the decision is accepted and nothing changes.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            lists: Vec::new(),
            tagged: Vec::new(),
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

    /// With this event. It goes to the stream that its [home](Event::HOME) names, whatever version that has. The decision
    /// must list it in `emits(..)`.
    ///
    /// ```
    /// use es_decisions::{Emits, Emitted};
    /// use es_runtime::{Event, Tag};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Tag, Serialize, Deserialize)]
    /// #[tag("course")]
    /// struct CourseId(String);
    ///
    /// #[derive(Event, Serialize, Deserialize)]
    /// #[event("course.defined")]
    /// struct CourseDefined {
    ///     #[tag]
    ///     course: CourseId,
    ///     capacity: u32,
    /// }
    ///
    /// struct Define;
    /// // `#[derive(Decision)]` writes this for `emits(CourseDefined)`.
    /// impl Emits<CourseDefined> for Define {}
    ///
    /// let defined = CourseDefined { course: CourseId("c1".into()), capacity: 3 };
    /// let emitted: Emitted<Define> = Emitted::new().event(defined);
    /// assert_eq!(emitted.len(), 1);
    /// ```
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the event is given away, as to `on`"
    )]
    #[must_use]
    pub fn event<E: Event>(mut self, event: E) -> Self
    where
        D: Emits<E>,
    {
        self.tagged.push(Tagged::of(&event, D::BLIND));
        self
    }

    /// How many events there are, on all streams.
    pub fn len(&self) -> usize {
        let on_aggregates: usize = self.lists.iter().map(|list| list.count).sum();
        on_aggregates + self.tagged.len()
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
        let tagged = self.tagged.iter().map(|event| (&event.home, event.name));
        f.debug_list().entries(lists).entries(tagged).finish()
    }
}
