//! Tags in stores: queries by them, guards, and recording a kind for events that are stored already.

use super::unique::RuleState;
use crate::{EventTag, Position, RecordedEvent, Tag};
use es_record::has_control;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// What the names of the rules begin with that say whether a kind is on. No unique value has such a rule.
pub(super) const RULE: &str = "tag:";

pub(super) fn rule_of(kind: &str) -> String {
    format!("{RULE}{kind}")
}

pub(super) fn is_kind(kind: &str) -> bool {
    let is_long = kind.len() > EventTag::MAX_KIND_BYTES;
    !kind.is_empty() && !is_long && !kind.contains(':') && !has_control(kind)
}

/// Tags as they are stored, each once. A kind ends at the first `:`, so two tags have two texts.
pub(super) fn texts(tags: &[EventTag], is_wanted: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let wanted = tags.iter().filter(|tag| is_wanted(&tag.kind));
    let texts = wanted.flat_map(|EventTag { kind, values }| {
        values.iter().map(move |value| format!("{kind}:{value}"))
    });
    texts.collect()
}

/// Finds events of some names that have all of some tags.
///
/// ```
/// # struct CourseId(String);
/// # impl es_runtime::Tag for CourseId {
/// #     const KIND: &'static str = "course";
/// #     fn value(&self) -> std::borrow::Cow<'_, str> { (&*self.0).into() }
/// # }
/// use es_runtime::{
///     Append, Commit, CommitError, CommitStore, Event, EventStore, EventTag, ExpectedVersion,
///     MemoryStore, NewEvent, Position, ReadLimit, StreamId, TagQuery,
/// };
///
/// # futures_executor::block_on(async {
/// let (store, course) = (MemoryStore::new(), CourseId("c1".into()));
/// let subscribe = |student: &str| {
///     let event = NewEvent::json("student.subscribed", 1, "{}").with_tags(vec![
///         EventTag::of(&course),
///         EventTag::new("student").with(student),
///     ]);
///     Ok::<_, es_runtime::InvalidStreamId>(
///         Append::new(StreamId::new("course", "c1")?, ExpectedVersion::Any).with_event(event),
///     )
/// };
/// store.append(subscribe("s1")?).await?;
///
/// let query = TagQuery::of(&course, ["student.subscribed"])?;
/// let page = store.read_tagged(&query, Position::START, ReadLimit::default()).await?;
/// assert!(page.events.len() == 1 && page.at_end);
///
/// // Somebody else is faster.
/// store.append(subscribe("s2")?).await?;
/// let commit = Commit::new().append(subscribe("s3")?).guard(query, page.next);
/// let refused = store.commit(commit).await;
/// assert!(matches!(refused, Err(CommitError::Guarded { guard: 0, .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TagQuery {
    /// Kinds, and the stored texts.
    tags: Vec<(Cow<'static, str>, String)>,
    events: Vec<Cow<'static, str>>,
}

/// A query by tags names no event, so it would find none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a query by tags names no event; name those that it is about")]
pub struct TagQueryEmpty;

impl TagQuery {
    /// Finds events of these stored names that have this tag. A reader that also reads retired names lists them too.
    /// Put the tag first that fewer events have.
    ///
    /// # Errors
    /// [`TagQueryEmpty`] without a name.
    pub fn of<T: Tag>(
        tag: &T,
        events: impl IntoIterator<Item: Into<Cow<'static, str>>>,
    ) -> Result<Self, TagQueryEmpty> {
        let events: BTreeSet<_> = events.into_iter().map(Into::into).collect();
        let (tags, events) = (Vec::new(), events.into_iter().collect::<Vec<_>>());
        if events.is_empty() {
            return Err(TagQueryEmpty);
        }
        Ok(Self { tags, events }.and(tag))
    }

    /// Those of them that have this tag too.
    #[must_use]
    pub fn and<T: Tag>(mut self, tag: &T) -> Self {
        let text = format!("{}:{}", T::KIND, tag.value());
        self.tags.push((Cow::Borrowed(T::KIND), text));
        self
    }

    /// The stored names, sorted.
    pub fn events(&self) -> impl Iterator<Item = &str> {
        self.events.iter().map(|name| &**name)
    }

    /// The kinds of its tags.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().map(|(kind, _)| &**kind)
    }

    /// For stores: the tags as they are stored, `kind:value`.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().map(|(_, text)| text.as_str())
    }

    /// For stores: whether it finds an event of this name with these tags, as they are stored.
    pub fn finds(&self, name: &str, tags: &BTreeSet<String>) -> bool {
        self.events().any(|known| known == name) && self.texts().all(|text| tags.contains(text))
    }
}

/// Values are not shown.
impl fmt::Debug for TagQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.kinds().collect();
        f.debug_struct("TagQuery")
            .field("kinds", &kinds)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

/// What must still be true when a commit is written. [`Commit::guard`](crate::Commit::guard) makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TagGuard {
    /// It finds no event
    pub query: TagQuery,
    /// after this position.
    pub after: Position,
}

/// Events that a query found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaggedPage {
    /// The events, in order.
    pub events: Vec<RecordedEvent>,
    /// Every event up to this position that the query finds was returned, now or before.
    pub next: Position,
    /// Whether `next` is the end of the store, as it was when the events were read.
    pub at_end: bool,
}

impl TaggedPage {
    /// For stores: a page. `head` is the end of the store in the same snapshot, `None` where there may be more events.
    pub fn new(events: Vec<RecordedEvent>, after: Position, head: Option<Position>) -> Self {
        let last = events.last().map_or(after, |event| event.position);
        Self {
            events,
            next: head.unwrap_or(last).max(after),
            at_end: head.is_some(),
        }
    }
}

/// A step of recording kinds of tags for events that are stored already. `turn_on_tags` of `es-decisions` makes the
/// steps.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TagWalk {
    /// Stored names of events, each with a kind of tags.
    pub kinds: Vec<(String, String)>,
    /// The position at which the step before ended.
    pub from: Position,
    /// The position at which this step ends. It considers all events of these names in between.
    pub to: Position,
    /// Their tags.
    pub tags: Vec<WalkedTags>,
}

impl TagWalk {
    /// A step without events, at the start. It asks where the walk is.
    pub const fn new(kinds: Vec<(String, String)>) -> Self {
        Self {
            kinds,
            from: Position::START,
            to: Position::START,
            tags: Vec::new(),
        }
    }

    /// For stores: the names of the events.
    pub fn events(&self) -> BTreeSet<&str> {
        self.kinds.iter().map(|(event, _)| event.as_str()).collect()
    }
}

/// The tags of a stored event.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WalkedTags {
    /// Its position.
    pub position: Position,
    /// Its stored name.
    pub event: String,
    /// Its tags, as this program decodes it.
    pub tags: Vec<EventTag>,
}

impl WalkedTags {
    /// The tags of the event at a position.
    pub fn new(position: Position, event: impl Into<String>, tags: Vec<EventTag>) -> Self {
        let event = event.into();
        Self {
            position,
            event,
            tags,
        }
    }
}

/// Where recording kinds for stored events has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TagWalked {
    /// The names and kinds that are not recorded for all events yet.
    pub missing: Vec<(String, String)>,
    /// The position at which the next step starts.
    pub at: Position,
}

/// For stores: a row of the index, the text of a tag, the position and the name of its event.
pub type TagRow = (String, Position, String);

impl RuleState {
    /// For stores: the tags of an event to be recorded, as they are stored. Call it when the event was decided on.
    pub fn tags_of(&self, event: &crate::NewEvent) -> BTreeSet<String> {
        texts(&event.tags, |kind| self.is_on(&rule_of(kind), &event.name))
    }

    /// For stores: a name and a kind of a query that is not recorded for all stored events.
    pub fn not_ready<'q>(&self, query: &'q TagQuery) -> Option<(&'q str, &'q str)> {
        let rules: Vec<_> = query.kinds().map(|kind| (kind, rule_of(kind))).collect();
        query.events().find_map(|event| {
            let mut rules = rules.iter();
            let found = rules.find(|(_, rule)| !self.is_complete(rule, event));
            found.map(|(kind, _)| (event, *kind))
        })
    }

    /// For stores: does a step. `reached` says how far each name and kind is that is not on; afterwards it has those
    /// that are still not on. `has_later` says whether an event of one of the names comes after the step. The rows are
    /// to be added to those that are there.
    pub fn walk_tags(
        &mut self,
        walk: &TagWalk,
        reached: &mut BTreeMap<(String, String), Position>,
        has_later: bool,
    ) -> (TagWalked, Vec<TagRow>) {
        let mut stepped = BTreeSet::new();
        let kinds = walk.kinds.iter().filter(|(_, kind)| is_kind(kind));
        for key in kinds {
            let (event, rule) = (&key.0, rule_of(&key.1));
            if self.is_on(&rule, event) {
                reached.remove(key);
                continue;
            }
            let at = reached.entry(key.clone()).or_insert(Position::START);
            if *at < walk.from {
                continue;
            }
            stepped.insert((event.as_str(), key.1.as_str()));
            *at = walk.to.max(*at);
            if !has_later {
                reached.remove(key);
                self.turn_on(&rule, event);
            }
        }
        let rows = walk.tags.iter().flat_map(|walked| {
            let is_wanted = |kind: &str| stepped.contains(&(walked.event.as_str(), kind));
            let texts = texts(&walked.tags, is_wanted).into_iter();
            texts.map(|text| (text, walked.position, walked.event.clone()))
        });
        let walked = TagWalked {
            missing: reached.keys().cloned().collect(),
            at: reached.values().min().copied().unwrap_or(walk.to),
        };
        (walked, rows.collect())
    }
}
