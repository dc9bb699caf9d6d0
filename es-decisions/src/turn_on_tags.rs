//! Records tags for events that are stored already.

use crate::{
    TurnOnError,
    turn_on::{STEP, decode},
};
use es_runtime::{
    AnyStore, EventFilter, EventSet, EventStore, EventTag, ReadLimit, RecordedEvent, TagWalk,
};

/// Records the tags of all events of a set, also of those that are stored already.
///
/// Tags of an event that is new in a store need no call: they are recorded from the first event. A decision that reads
/// events by a tag which is not recorded for all of them fails with `TagsNotReady`. Call this at each start of a program whose
/// tags came later than its events: where they are recorded, it costs one look.
///
/// It reads the events through their upcasters, in steps. Each step is stored with its position, so after a crash the
/// next call goes on there, and several programs may call it at once. The last step sees all events under the lock of
/// appends. From then on the store refuses what a program writes that does not know the tags; so deploy them everywhere
/// first.
///
/// # Errors
/// See [`TurnOnError`]. What was walked until then is stored.
///
/// # Cancel safety
/// The next call goes on where this one ended.
///
/// ```
/// use es_decisions::turn_on_tags;
/// use es_runtime::{
///     AnyStore, Append, Codec, CodecError, DecodeError, Event, EventStore, EventTag,
///     ExpectedVersion, MemoryStore, NewEvent, Position, ReadLimit, StoredPayload, StreamId, Tag,
///     TagQuery,
/// };
/// use std::borrow::Cow;
///
/// struct CourseId(String);
///
/// impl Tag for CourseId {
///     const KIND: &'static str = "course";
///
///     fn value(&self) -> Cow<'_, str> {
///         Cow::Borrowed(&self.0)
///     }
/// }
///
/// struct Defined(CourseId);
///
/// impl Event for Defined {
///     const NAME: &'static str = "course.defined";
///     const VERSION: u16 = 1;
///     const TAG_KINDS: &'static [&'static str] = &["course"];
///
///     fn to_payload(&self, codec: Codec) -> Result<Vec<u8>, CodecError> {
///         codec.encode(&self.0.0)
///     }
///
///     fn from_payload(stored: StoredPayload<'_>) -> Result<Self, DecodeError> {
///         let course = Codec::Json.decode(stored.bytes);
///         let unreadable = |source| DecodeError::Payload { name: Self::NAME, version: 1, source };
///         course.map(|id| Self(CourseId(id))).map_err(unreadable)
///     }
///
///     fn tags(&self) -> Vec<EventTag> {
///         vec![EventTag::of(&self.0)]
///     }
/// }
///
/// # futures_executor::block_on(async {
/// let (store, stream) = (AnyStore::new(MemoryStore::new()), StreamId::new("course", "c1")?);
/// // Stored by a program without tags.
/// let old = NewEvent::json("course.defined", 1, r#""c1""#);
/// store.append(Append::new(stream, ExpectedVersion::NoStream).with_event(old)).await?;
/// let query = TagQuery::of(&CourseId("c1".into()), ["course.defined"])?;
/// let read = || store.read_tagged(&query, Position::START, ReadLimit::default());
/// assert!(read().await.is_err());
///
/// assert_eq!(turn_on_tags::<Defined>(&store).await?.events, 1);
/// assert_eq!(read().await?.events.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub async fn turn_on_tags<S: EventSet>(store: &AnyStore) -> Result<TagsOn, TurnOnError> {
    let mut done = TagsOn::default();
    let pairs = pairs_of::<S>();
    if pairs.is_empty() {
        return Ok(done);
    }
    if let Some((_, kind)) = pairs.iter().find(|(_, kind)| !EventTag::is_kind(kind)) {
        let kind = kind.clone();
        return Err(TurnOnError::BadKind { kind });
    }
    let mut walked = store.walk_tags(TagWalk::new(pairs)).await?;
    while !walked.missing.is_empty() {
        let mut step = TagWalk::new(walked.missing);
        let filter = EventFilter::names(step.events());
        let page = store
            .read_feed(walked.at, &filter, ReadLimit::events(STEP))
            .await?;
        (step.from, step.to) = (walked.at, page.next);
        for stored in &page.events {
            let tags = tags_of::<S>(stored)?;
            let name = stored.name.to_string();
            step.tags.push((stored.position, name, tags));
        }
        let events = u64::try_from(page.events.len()).unwrap_or(u64::MAX);
        walked = store.walk_tags(step).await?;
        done.events = done.events.saturating_add(events);
    }
    Ok(done)
}

/// Names and kinds. What a retired name is read as may have any kind of the set.
fn pairs_of<S: EventSet>() -> Vec<(String, String)> {
    let pair = |event: &str, kind: &str| (event.to_owned(), kind.to_owned());
    let live = S::TAG_KINDS.iter();
    let live = live.flat_map(|(event, kinds)| kinds.iter().map(move |kind| pair(event, kind)));
    let kinds = || S::TAG_KINDS.iter().flat_map(|(_, kinds)| kinds.iter());
    let retired = S::RETIRED_NAMES.iter();
    let retired = retired.flat_map(|event| kinds().map(move |kind| pair(event, kind)));
    let mut pairs: Vec<_> = live.chain(retired).collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

fn tags_of<S: EventSet>(stored: &RecordedEvent) -> Result<Vec<EventTag>, TurnOnError> {
    let decoded = decode::<S>(stored)?;
    let tags: Vec<EventTag> = decoded.into_iter().flat_map(|event| event.tags()).collect();
    EventTag::check(&tags).map_err(|reason| TurnOnError::Tags {
        stream: stored.stream.clone(),
        position: stored.position,
        reason,
    })?;
    Ok(tags)
}

/// The tags of a set are recorded for all of its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TagsOn {
    /// How many stored events this call has read.
    pub events: u64,
}
