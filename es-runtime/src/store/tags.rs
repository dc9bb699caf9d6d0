//! Tags in stores: guards, pages, and recording kinds for events that are stored already.

use super::{
    Commit, CommitError, EventStore, ReadError, ReadLimit, kinds::rule_of, rows::Page,
    unique::RuleState,
};
use crate::{EventTag, NewEvent, Position, RecordedEvent, TagQuery};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::{Bound, RangeBounds},
};

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

/// The newest events that a query found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaggedBackward {
    /// The events, newest first.
    pub events: Vec<RecordedEvent>,
    /// The end of the store when the events were read. Up to it, no event of the range that the query finds is newer than
    /// the first of these.
    pub head: Position,
    /// Whether it is known that the range has no older event that the query finds.
    pub at_start: bool,
}

impl TaggedBackward {
    /// For stores: a page.
    pub const fn new(events: Vec<RecordedEvent>, head: Position, at_start: bool) -> Self {
        Self {
            events,
            head,
            at_start,
        }
    }
}

/// Reads forward to find the newest events, as a store does that has no better way.
pub(super) async fn read_backward<S: EventStore>(
    store: &S,
    query: &TagQuery,
    range: (Position, Bound<Position>),
    limit: ReadLimit,
) -> Result<TaggedBackward, ReadError> {
    // It is read first: what the pages leave out came later.
    let head = store.head().await?;
    let (mut next, until) = range;
    let is_in = |at| at <= head && (Bound::Unbounded, until).contains(&at);
    let mut newest = VecDeque::new();
    let mut is_over = false;
    while !is_over {
        let page = store.read_tagged(query, next, ReadLimit::default()).await?;
        next = page.next;
        is_over = page.at_end;
        for event in page.events {
            if !is_in(event.position) {
                is_over = true;
                break;
            }
            newest.push_back(event);
            if newest.len() > limit.events {
                newest.pop_front();
            }
        }
    }
    let mut page = Page::new(limit);
    let is_all = newest.into_iter().rev().all(|event| page.take(event));
    let at_start = is_all && !page.is_full();
    Ok(TaggedBackward::new(page.events, head, at_start))
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
    /// Their positions, names and tags, as this program decodes them.
    pub tags: Vec<(Position, String, Vec<EventTag>)>,
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

/// Where recording kinds for stored events has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TagWalked {
    /// The names and kinds that are not recorded for all events yet.
    pub missing: Vec<(String, String)>,
    /// The position at which the next step starts.
    pub at: Position,
}

/// Rows of the index: the text of a tag, the position and the name of its event.
type Rows = Vec<(String, Position, String)>;

impl RuleState {
    /// For stores: the tags of an event to be recorded, as they are stored. Call it when the event was decided on.
    pub fn tags_of(&self, event: &NewEvent) -> BTreeSet<String> {
        EventTag::texts(&event.tags, |kind| self.is_on(&rule_of(kind), &event.name))
    }

    /// For stores: a name and a kind of a query that is not recorded for all stored events.
    pub fn not_ready(&self, query: &TagQuery) -> Option<(String, String)> {
        let mut pairs = query.pairs();
        let found = pairs.find(|(event, kind)| !self.is_complete(&rule_of(kind), event));
        found.map(|(event, kind)| (event.to_owned(), kind.to_owned()))
    }

    /// For stores: does a step. `reached` says how far names and kinds are that are not on; the step changes it.
    /// `has_later` says whether an event of one of the names comes after the step. The rows (text of a tag, position and
    /// name of its event) are to be added to those that are there.
    pub fn walk_tags(
        &mut self,
        walk: &TagWalk,
        reached: &mut BTreeMap<(String, String), Position>,
        has_later: bool,
    ) -> (TagWalked, Rows) {
        let (mut stepped, mut missing) = (BTreeSet::new(), BTreeMap::new());
        for key in &walk.kinds {
            let rule = rule_of(&key.1);
            let mut at = reached.remove(key).unwrap_or(Position::START);
            if self.is_on(&rule, &key.0) {
                continue;
            }
            if at >= walk.from {
                stepped.insert((key.0.as_str(), key.1.as_str()));
                at = walk.to.max(at);
                if !has_later && EventTag::is_kind(&key.1) {
                    self.turn_on(&rule, &key.0);
                    continue;
                }
            }
            missing.insert(key.clone(), at);
        }
        let rows = walk.tags.iter().flat_map(|(position, event, tags)| {
            let texts = EventTag::texts(tags, |kind| stepped.contains(&(event.as_str(), kind)));
            let texts = texts.into_iter();
            texts.map(|text| (text, *position, event.clone()))
        });
        let walked = TagWalked {
            at: missing.values().min().copied().unwrap_or(walk.to),
            missing: missing.keys().cloned().collect(),
        };
        reached.extend(missing);
        (walked, rows.collect())
    }
}

/// Checks a guard of a commit, under the lock and before the events of the commit. `head` is the newest position, and
/// `found` the first event after the guard's position that its query finds.
///
/// # Errors
/// [`CommitError::GuardAhead`], [`CommitError::TagsNotReady`], [`CommitError::Guarded`]. Where the stream of an append has
/// seen its append id, [`decide`](super::author::decide) about that append comes first.
pub fn check_guard(
    commit: &Commit,
    guard: usize,
    rules: &RuleState,
    head: Position,
    found: Option<Position>,
) -> Result<(), CommitError> {
    let Some(TagGuard { query, after }) = commit.guards.get(guard) else {
        return Ok(());
    };
    if *after > head {
        let after = *after;
        return Err(CommitError::GuardAhead { guard, after, head });
    }
    if let Some((event, kind)) = rules.not_ready(query) {
        return Err(CommitError::TagsNotReady { event, kind });
    }
    found.map_or(Ok(()), |by| Err(CommitError::Guarded { guard, by }))
}
