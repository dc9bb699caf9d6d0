//! Stores whose tags or guards are broken on purpose, as in `broken.rs`.

use es_runtime::{
    Append, AppendError, Appended, Commit, CommitError, CommitStore, Committed, EventFilter,
    EventStore, EventTag, ExpectedVersion, MemoryStore, Position, ReadError, ReadLimit,
    StorageError, StorageErrorKind, StreamId, Tag, TagQuery, TagWalk, TagWalked, TaggedBackward,
    TaggedPage,
};
use es_testkit::conformance::{Capabilities, NoDatabase, StoreFixture};
use es_testkit::{Layered, StoreLayer};
use std::{
    borrow::Cow,
    collections::HashMap,
    ops::{Bound, RangeBounds},
    sync::{Arc, Mutex, MutexGuard},
};

/// What is wrong with a store that is otherwise the one in memory.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    IgnoresTags,
    /// The same of a store that says that it has no tags.
    IgnoresTagsAndSaysSo,
    /// Looks for the first tag of a query only.
    LooksForOneTag,
    /// All events of an append get the tags of the first one.
    TakesTheTagsOfTheFirst,
    /// An event keeps one tag of each kind.
    KeepsOneTagOfAKind,
    FoldsTagsToLowerCase,
    /// A tag that breaks a bound is left out.
    LeavesBadTagsOut,
    /// What was refused is indexed.
    TagsWhatWasRefused,
    /// Where tags are not recorded for all events, it returns those that are.
    AnswersInPart,
    /// A program that does not know a kind writes as before.
    LetsOlderProgramsPass,
    /// A step of turning a kind on leaves out what came before it.
    TurnsOnWithGaps,
    /// A step is trusted to have seen all events.
    TurnsOnTooEarly,
    /// The tags are written outside of the transaction of the event.
    TagsLater,
    /// The end of the store is read after the events.
    ReadsTheHeadLater,
    /// A read from the end begins at the start.
    ReadsForward,
    /// A read from the end knows no range.
    ReadsTheWholeRange,
    /// A read from the end looks at the newest event of the tags only, whatever its name is.
    StopsAtAnotherName,
    /// A read from the end looks for the first tag of a query only.
    LooksForOneTagBackward,
    /// A read from the end answers where tags are not recorded for all events.
    AnswersInPartBackward,
    /// A read from the end reads the end of the store after the events.
    ReadsTheHeadLaterBackward,
    IgnoresGuards,
    /// Looks whether a guard holds, and writes later.
    LooksThenWritesWithoutALock,
    /// A guard is about all events of its names.
    GuardsByName,
    /// Looks once the events of the commit are there.
    GuardsAfterTheEvents,
    PassesGuardsAhead,
    /// Looks whether a guard holds before it looks for the append id.
    GuardsBeforeTheId,
    PassesGuardsInPart,
    /// Kinds that a refused commit brought are on.
    KeepsKindsOfRefusedCommits,
}

#[derive(Clone)]
struct Broken {
    inner: MemoryStore,
    fault: Fault,
    /// For streams, the tags that are written later.
    later: Arc<Mutex<HashMap<StreamId, Vec<EventTag>>>>,
}

struct BrokenFixture(Fault);

impl BrokenFixture {
    const fn new(fault: Fault) -> Self {
        Self(fault)
    }
}

impl StoreFixture for BrokenFixture {
    type Store = Layered<Broken>;
    type Database = NoDatabase;

    async fn open(&self) -> Layered<Broken> {
        Layered(Broken {
            inner: MemoryStore::new(),
            fault: self.0,
            later: Arc::default(),
        })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            wakes: true,
            unique: true,
            unique_walks: true,
            tag_walks: true,
            lists_streams: true,
            event_ids: true,
            tags: self.0 != Fault::IgnoresTagsAndSaysSo,
            ..Capabilities::default()
        }
    }
}

/// A tag out of the text of one.
struct Text(String);

impl Tag for Text {
    const KIND: &'static str = "course";

    fn value(&self) -> Cow<'_, str> {
        self.0.as_str().into()
    }
}

/// The query by the first tag only, if it is a course.
fn first_tag(query: &TagQuery) -> Option<TagQuery> {
    let value = query.texts().next()?.strip_prefix("course:")?.to_owned();
    let events: Vec<String> = query.events().map(str::to_owned).collect();
    TagQuery::of(&Text(value), events).ok()
}

impl Broken {
    fn later(&self) -> MutexGuard<'_, HashMap<StreamId, Vec<EventTag>>> {
        self.later.lock().expect("no panic under it")
    }

    /// The first event that a guard of a commit excludes just now.
    async fn guarded(&self, commit: &Commit) -> Option<CommitError> {
        for (guard, of) in commit.guards.iter().enumerate() {
            let found = self
                .inner
                .read_tagged(&of.query, of.after, ReadLimit::events(1));
            if let Some(by) = found.await.ok()?.events.first() {
                let by = by.position;
                return Some(CommitError::Guarded { guard, by });
            }
        }
        None
    }
}

impl StoreLayer for Broken {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    async fn append(&self, mut append: Append) -> Result<Appended, AppendError> {
        let tags = append.events.iter_mut().map(|event| &mut event.tags);
        match self.fault {
            Fault::IgnoresTags | Fault::IgnoresTagsAndSaysSo => tags.for_each(Vec::clear),
            Fault::TakesTheTagsOfTheFirst => {
                let first = append.events.first().map(|event| event.tags.clone());
                for event in &mut append.events {
                    event.tags = first.clone().unwrap_or_default();
                }
            }
            Fault::KeepsOneTagOfAKind => tags.flatten().for_each(|tag| tag.values.truncate(1)),
            Fault::LeavesBadTagsOut => {
                for tag in tags.flatten() {
                    tag.values.retain(|value| (1..=256).contains(&value.len()));
                }
            }
            Fault::FoldsTagsToLowerCase => {
                for value in tags.flatten().flat_map(|tag| &mut tag.values) {
                    *value = value.to_lowercase();
                }
            }
            Fault::TagsWhatWasRefused => {
                let done = self.inner.append(append.clone()).await;
                let is_refused = done.as_ref().map_or(true, |done| done.repeated);
                if is_refused && append.events.iter().any(|event| !event.tags.is_empty()) {
                    let left = StreamId::new("left", append.stream.id()).expect("usable");
                    let mut left = Append::new(left, ExpectedVersion::Any);
                    left.events = append.events;
                    for event in &mut left.events {
                        event.id = es_runtime::EventId::new();
                    }
                    let _ = self.inner.append(left).await;
                }
                return done;
            }
            Fault::LetsOlderProgramsPass => loop {
                let done = self.inner.append(append.clone()).await;
                let Err(AppendError::TagKindUnknown { kind, event, .. }) = done else {
                    return done;
                };
                for of_name in append.events.iter_mut().filter(|new| new.name == event) {
                    of_name.tags.push(EventTag::new(kind.clone()));
                }
            },
            Fault::TagsLater => {
                let own = append.stream.clone();
                let tagged: Vec<EventTag> = tags.flat_map(std::mem::take).collect();
                let done = self.inner.append(append).await;
                tokio::task::yield_now().await;
                self.later().insert(own, tagged);
                return done;
            }
            _ => {}
        }
        self.inner.append(append).await
    }

    async fn read_tagged(
        &self,
        query: &TagQuery,
        after: Position,
        limit: ReadLimit,
    ) -> Result<TaggedPage, ReadError> {
        match self.fault {
            Fault::IgnoresTags => {
                let head = self.inner.head().await?;
                Ok(TaggedPage::new(Vec::new(), after, Some(head)))
            }
            Fault::IgnoresTagsAndSaysSo => {
                let kind = StorageErrorKind::Unsupported;
                Err(StorageError::new(kind, "there are no tags").into())
            }
            Fault::LooksForOneTag => {
                let first = first_tag(query);
                let query = first.as_ref().unwrap_or(query);
                self.inner.read_tagged(query, after, limit).await
            }
            Fault::FoldsTagsToLowerCase => {
                let value = query.texts().next().unwrap_or_default().to_lowercase();
                let value = value.trim_start_matches("course:").to_owned();
                let events: Vec<String> = query.events().map(str::to_owned).collect();
                let query = TagQuery::of(&Text(value), events).expect("a name");
                self.inner.read_tagged(&query, after, limit).await
            }
            Fault::AnswersInPart => match self.inner.read_tagged(query, after, limit).await {
                Err(ReadError::TagsNotReady { head, .. }) => {
                    Ok(TaggedPage::new(Vec::new(), after, Some(head)))
                }
                other => other,
            },
            Fault::TagsLater => {
                let page = self
                    .inner
                    .read_feed(after, &EventFilter::all(), limit)
                    .await?;
                let later = self.later();
                let mut events = page.events;
                events.retain(|event| {
                    let tags = later.get(&event.stream).into_iter().flatten();
                    let texts = tags.flat_map(|tag| {
                        let texts = tag.values.iter();
                        texts.map(move |value| format!("{}:{value}", tag.kind))
                    });
                    query.finds(&event.name, &texts.collect())
                });
                Ok(TaggedPage::new(events, after, Some(page.next)))
            }
            Fault::ReadsTheHeadLater => {
                let mut page = self.inner.read_tagged(query, after, limit).await?;
                let mut waits = 0;
                // Somebody writes in between, unless nobody writes any more.
                while page.at_end && waits < 1_000 && self.inner.head().await? == page.next {
                    waits += 1;
                    tokio::task::yield_now().await;
                }
                if page.at_end {
                    page.next = self.inner.head().await?;
                }
                Ok(page)
            }
            _ => self.inner.read_tagged(query, after, limit).await,
        }
    }

    async fn read_tagged_backward(
        &self,
        query: &TagQuery,
        after: Position,
        until: Bound<Position>,
        limit: ReadLimit,
    ) -> Result<TaggedBackward, ReadError> {
        let inner = &self.inner;
        match self.fault {
            Fault::IgnoresTagsAndSaysSo => {
                let kind = StorageErrorKind::Unsupported;
                Err(StorageError::new(kind, "there are no tags").into())
            }
            Fault::ReadsForward => {
                let page = inner.read_tagged(query, after, limit).await?;
                let mut events = page.events;
                events.retain(|event| (Bound::Unbounded, until).contains(&event.position));
                let at_start = page.at_end || events.is_empty();
                Ok(TaggedBackward::new(events, inner.head().await?, at_start))
            }
            Fault::ReadsTheWholeRange => {
                let all = (Position::START, Bound::Unbounded);
                let page = inner.read_tagged_backward(query, all.0, all.1, limit);
                page.await
                    .map(|page| TaggedBackward::new(page.events, page.head, true))
            }
            Fault::StopsAtAnotherName => {
                let names = ["test.subscribed", "test.defined"];
                let mut tags = query.texts();
                let course = tags.next().and_then(|text| text.strip_prefix("course:"));
                let (Some(course), None) = (course, tags.next()) else {
                    return inner.read_tagged_backward(query, after, until, limit).await;
                };
                let any = TagQuery::of(&Text(course.to_owned()), names).expect("names");
                let page = inner
                    .read_tagged_backward(&any, after, until, limit)
                    .await?;
                let mut events = page.events;
                events.retain(|event| query.events().any(|name| *name == *event.name));
                let at_start = page.at_start || events.is_empty();
                Ok(TaggedBackward::new(events, page.head, at_start))
            }
            Fault::LooksForOneTagBackward => {
                let first = first_tag(query);
                let query = first.as_ref().unwrap_or(query);
                inner.read_tagged_backward(query, after, until, limit).await
            }
            Fault::AnswersInPartBackward => {
                match inner.read_tagged_backward(query, after, until, limit).await {
                    Err(ReadError::TagsNotReady { head, .. }) => {
                        Ok(TaggedBackward::new(Vec::new(), head, true))
                    }
                    other => other,
                }
            }
            Fault::ReadsTheHeadLaterBackward => {
                let mut page = inner
                    .read_tagged_backward(query, after, until, limit)
                    .await?;
                let mut waits = 0;
                // As in a read forward.
                while waits < 1_000 && inner.head().await? == page.head {
                    waits += 1;
                    tokio::task::yield_now().await;
                }
                page.head = inner.head().await?;
                Ok(page)
            }
            _ => inner.read_tagged_backward(query, after, until, limit).await,
        }
    }

    async fn walk_tags(&self, mut walk: TagWalk) -> Result<TagWalked, StorageError> {
        match self.fault {
            Fault::TurnsOnWithGaps => walk.from = Position::START,
            Fault::TurnsOnTooEarly if !walk.tags.is_empty() => {
                walk.to = self.inner.head().await?;
            }
            _ => {}
        }
        self.inner.walk_tags(walk).await
    }

    async fn commit(&self, mut commit: Commit) -> Result<Committed, CommitError> {
        match self.fault {
            Fault::IgnoresGuards | Fault::IgnoresTagsAndSaysSo => commit.guards.clear(),
            Fault::LooksThenWritesWithoutALock => {
                if let Some(refused) = self.guarded(&commit).await {
                    return Err(refused);
                }
                tokio::task::yield_now().await;
                commit.guards.clear();
            }
            Fault::GuardsByName => {
                let head = self.inner.head().await.expect("memory can be read");
                if let Some(guard) = commit.guards.iter().position(|guard| guard.after < head) {
                    return Err(CommitError::Guarded { guard, by: head });
                }
            }
            Fault::GuardsAfterTheEvents => {
                let guards = std::mem::take(&mut commit.guards);
                let done = self.inner.commit(commit.clone()).await?;
                commit.guards = guards;
                return match self.guarded(&commit).await {
                    Some(refused) => Err(refused),
                    None => Ok(done),
                };
            }
            Fault::PassesGuardsAhead => {
                let done = self.inner.commit(commit.clone()).await;
                if !matches!(done, Err(CommitError::GuardAhead { .. })) {
                    return done;
                }
                commit.guards.clear();
            }
            Fault::GuardsBeforeTheId => {
                if let Some(refused) = self.guarded(&commit).await {
                    return Err(refused);
                }
            }
            Fault::PassesGuardsInPart => {
                let done = self.inner.commit(commit.clone()).await;
                if !matches!(done, Err(CommitError::TagsNotReady { .. })) {
                    return done;
                }
                commit.guards.clear();
            }
            Fault::KeepsKindsOfRefusedCommits => {
                let done = self.inner.commit(commit.clone()).await;
                let Err(refused) = done else { return done };
                let events = commit.appends.iter().flat_map(|append| &append.events);
                let kinds = events.flat_map(|event| {
                    let tags = event.tags.iter();
                    tags.map(|tag| (event.name.to_string(), tag.kind.to_string()))
                });
                let walk = TagWalk::new(kinds.collect());
                let _ = self.inner.walk_tags(walk).await;
                return Err(refused);
            }
            _ => {}
        }
        self.inner.commit(commit).await
    }
}

broken_stores! {
    ignored_tags: IgnoresTags => tags::a_query_finds_the_events_with_its_tags;
    ignored_tags_said: IgnoresTagsAndSaysSo => tags::a_query_finds_the_events_with_its_tags;
    one_tag_of_two: LooksForOneTag => tags::a_query_finds_the_events_with_its_tags;
    tags_of_the_first: TakesTheTagsOfTheFirst => tags::events_of_one_append_have_their_own_tags;
    one_tag_of_a_kind: KeepsOneTagOfAKind => tags::an_event_may_have_several_tags_of_one_kind;
    folded_tags: FoldsTagsToLowerCase => tags::tags_are_compared_byte_by_byte;
    bad_tags_left_out: LeavesBadTagsOut => tags::tags_out_of_bounds_are_refused;
    refused_and_tagged: TagsWhatWasRefused => tags::a_refused_or_repeated_append_adds_no_tags;
    part_of_an_answer: AnswersInPart => tags::an_answer_is_never_a_part;
    unfenced_kinds: LetsOlderProgramsPass => tags::a_program_without_the_kind_is_fenced;
    on_with_gaps: TurnsOnWithGaps => tags::a_kind_is_turned_on_for_older_events;
    on_too_early: TurnsOnTooEarly => tags::a_kind_is_turned_on_for_older_events;
    late_tags: TagsLater => tags::an_event_and_its_tags_are_there_or_neither_is;
    late_head: ReadsTheHeadLater => tags::the_end_of_a_page_is_that_of_its_events;
    one_random_tag: LooksForOneTag => tags::random_queries_find_what_a_scan_finds;
    from_the_start: ReadsForward => tags_backward::the_newest_events_are_found_first;
    no_range: ReadsTheWholeRange => tags_backward::the_newest_events_are_found_first;
    another_name: StopsAtAnotherName => tags_backward::the_newest_events_are_found_first;
    one_tag_backward: LooksForOneTagBackward => tags_backward::the_newest_events_are_found_first;
    one_random_tag_backward: LooksForOneTagBackward
        => tags_backward::random_queries_find_the_newest_of_a_scan;
    part_of_an_answer_backward: AnswersInPartBackward => tags::an_answer_is_never_a_part;
    late_head_backward: ReadsTheHeadLaterBackward
        => tags_backward::the_end_of_a_page_backward_is_that_of_its_events;
    no_guards: IgnoresGuards => guards::a_guard_refuses_what_came_after_its_position;
    ignored_guards_said: IgnoresTagsAndSaysSo
        => guards::a_guard_refuses_what_came_after_its_position;
    unlocked_guards: LooksThenWritesWithoutALock => guards::one_of_sixteen_racing_guards_wins;
    wide_guards: GuardsByName => guards::guards_of_other_tags_do_not_collide;
    guards_that_see_themselves: GuardsAfterTheEvents
        => guards::a_guard_sees_neither_its_own_commit_nor_a_refused_one;
    guards_ahead: PassesGuardsAhead => guards::a_guard_ahead_of_the_store_is_refused;
    guards_before_ids: GuardsBeforeTheId => guards::a_repeated_commit_comes_before_its_guards;
    guards_in_part: PassesGuardsInPart => guards::a_guard_needs_the_tags_of_all_events;
    kinds_of_refused_commits: KeepsKindsOfRefusedCommits
        => guards::tags_of_a_refused_commit_are_not_there;
}
