//! The in-memory store. It is the reference that the other stores are compared with.

use super::{
    Append, AppendError, Appended, Claim, Claimed, Commit, CommitError, CommitStore, Committed,
    EventFilter, EventStore, FeedPage, Limits, ReadDirection, ReadError, ReadLimit, Snapshot,
    SnapshotStore, StorageError, StoredEvent, StreamFold, StreamRange, TagWalk, TagWalked,
    TaggedBackward, TaggedPage, UniqueWalk, UniqueWalked, WorkFilter, WorkItem, WorkQueue,
    WorkStatus,
    rows::{Page, Repeated},
    rules::{self, Accepted, Comparison, Decision, Earlier, StreamHead},
    tags,
    unique::{RuleNeeds, RuleState},
};
use crate::{
    AppendId, EventId, Position, RecordedEvent, StreamId, TagQuery, Timestamp, record::EventRow,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt,
    ops::{Bound, RangeBounds},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// A store in memory, for tests and experiments. Its events end with the process.
///
/// ```
/// use es_runtime::MemoryStore;
/// let store = MemoryStore::new();
/// assert_eq!(store.len(), 0);
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    limits: Limits,
    store_id: String,
    data: Mutex<Data>,
    /// The newest position.
    appended: watch::Sender<u64>,
}

#[derive(Default)]
struct Data {
    texts: Repeated,
    log: Vec<Arc<RecordedEvent>>,
    /// The tags of each event of the log.
    tags: Vec<BTreeSet<String>>,
    streams: HashMap<StreamId, Stream>,
    /// The streams with events of each aggregate, in the order of their ids.
    ids: HashMap<String, BTreeMap<Arc<str>, StreamId>>,
    event_ids: HashSet<EventId>,
    /// The largest of them: a new id begins with the time, so it is usually larger and need not be looked for.
    newest_id: Option<EventId>,
    work: BTreeMap<StreamId, WorkItem>,
    cursors: HashMap<String, (Position, Option<String>)>,
    uniques: RuleState,
    /// For each rule that is being turned on, where the walk is, and which streams wait for a value.
    walks: HashMap<String, (Position, Waiting)>,
    /// For names of events and kinds of tags that are being turned on, where the walk is.
    tag_walks: BTreeMap<(String, String), Position>,
}

type Waiting = Vec<(StreamId, String, Position)>;

#[derive(Default)]
struct Stream {
    rows: Vec<Arc<RecordedEvent>>,
    appends: HashMap<AppendId, Appended>,
    snapshot: Option<Snapshot>,
}

impl MemoryStore {
    /// An empty store with the system's clock.
    pub fn new() -> Self {
        Self::with_clock(Timestamp::now)
    }

    /// An empty store that takes the times of events from `clock`.
    pub fn with_clock(clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self {
            shared: Arc::new(Shared {
                clock: Box::new(clock),
                limits: Limits::default(),
                store_id: EventId::new().to_string(),
                data: Mutex::default(),
                appended: watch::Sender::new(0),
            }),
        }
    }

    /// How many events are stored.
    pub fn len(&self) -> usize {
        self.data().log.len()
    }

    /// Whether no event is stored.
    pub fn is_empty(&self) -> bool {
        self.data().log.is_empty()
    }

    /// No foreign code runs under the lock, so the data behind a poisoned lock is still consistent.
    fn data(&self) -> MutexGuard<'_, Data> {
        self.shared
            .data
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn append_now(&self, append: Append) -> Result<Appended, AppendError> {
        rules::check_bounds(&append, &self.shared.limits)?;
        let mut data = self.data();
        let now = (self.shared.clock)();
        data.read_rules(RuleNeeds::of([&append]));
        data.whole(
            |data| match data.decide(&append, &HashSet::new(), 0, now)? {
                Decision::Answer(first) => Ok(first),
                Decision::Write(accepted) => Ok(data.write(append, accepted, now)),
            },
        )
    }

    fn commit_now(&self, commit: Commit) -> Result<Committed, CommitError> {
        commit.check_appends(&self.shared.limits)?;
        let mut data = self.data();
        let now = (self.shared.clock)();
        data.whole(|data| data.commit(commit, now))
    }

    /// Wakes the readers that wait for new events. A reader that begins to wait after this looks at the events first.
    fn wake_readers(&self, appended: &Appended) {
        if self.shared.appended.receiver_count() == 0 {
            return;
        }
        let [_, _, newest] = appended.position.to_parts();
        self.shared.appended.send_if_modified(|known| {
            let more = newest > *known;
            *known = newest.max(*known);
            more
        });
    }

    /// The rows of one stream after a version, as they are now.
    fn rows_after(&self, stream: &StreamId, after: u64, most: usize) -> Vec<Arc<RecordedEvent>> {
        let data = self.data();
        let Some(stream) = data.streams.get(stream) else {
            return Vec::new();
        };
        let start = usize::try_from(after).unwrap_or(usize::MAX);
        let rows = stream.rows.iter().skip(start).take(most);
        rows.map(Arc::clone).collect()
    }
}

impl Data {
    /// Does a write whole or not at all.
    fn whole<T, E>(&mut self, write: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let done = write(self);
        if done.is_err() {
            self.uniques.back(0);
        }
        self.uniques.settle();
        done
    }

    /// Checks everything before it writes anything, because only unique values are rolled back.
    fn commit(&mut self, commit: Commit, now: Timestamp) -> Result<Committed, CommitError> {
        let kinds = commit.guards.iter().flat_map(|guard| guard.query.pairs());
        self.read_rules(RuleNeeds::of(&commit.appends).with_kinds(kinds));
        self.check_guards(&commit)?;
        let mut ids = HashSet::new();
        let mut events = 0;
        let mut accepted = Vec::with_capacity(commit.appends.len());
        for append in &commit.appends {
            let decided = self.decide(append, &ids, events, now);
            match decided.map_err(CommitError::Append)? {
                Decision::Write(writes) => {
                    ids.extend(append.events.iter().map(|event| event.id));
                    events += writes.count();
                    accepted.push(writes);
                }
                Decision::Answer(first) => {
                    rules::check_first_time(append, first)?;
                }
            }
        }
        for row in &commit.work {
            let actual = self.work.get(&row.instance).map_or(0, |row| row.epoch);
            rules::check_epoch(row, actual)?;
        }
        if let Some(moved) = &commit.cursor {
            let cursor = self.cursors.get(&moved.consumer);
            let actual = cursor.map(|(position, _)| *position);
            rules::check_cursor(moved, actual)?;
            rules::check_inputs(moved, actual, cursor.and_then(|(_, text)| text.as_deref()))?;
        }
        let write = |(append, accepted)| self.write(append, accepted, now);
        let appended = commit
            .appends
            .into_iter()
            .zip(accepted)
            .map(write)
            .collect();
        for row in commit.work {
            self.work
                .entry(row.instance.clone())
                .and_modify(|known| known.change(&row, now))
                .or_insert_with(|| WorkItem::new(&row, now));
        }
        if let Some(moved) = commit.cursor {
            let known = self.cursors.remove(&moved.consumer);
            let known = known.and_then(|(_, inputs)| inputs);
            let inputs = moved.inputs.map(|(_, to)| to).or(known);
            self.cursors.insert(moved.consumer, (moved.to, inputs));
        }
        Ok(Committed::new(appended))
    }

    fn walk(&mut self, walk: &UniqueWalk) -> UniqueWalked {
        let known = self.walks.remove(&walk.rule);
        let (at, waiting) = known.unwrap_or((Position::START, Vec::new()));
        for (stream, value, position) in waiting {
            self.uniques.read_waiting(stream, &value, position);
        }
        let start = self.log.partition_point(|row| row.position <= walk.to);
        let has_later = self.log.iter().skip(start).any(|row| walk.reads(&row.name));
        let walked = self.uniques.walk(walk, at, has_later);
        self.uniques.settle();
        let waiting = self.uniques.waiting();
        let waiting = waiting.map(|(stream, value, at)| (stream.clone(), value.to_owned(), at));
        let waiting = waiting.collect();
        self.uniques.forget_waiting();
        self.walks.insert(walk.rule.clone(), (walked.at, waiting));
        walked
    }

    /// Looks which of these rules could be turned on.
    fn read_rules(&mut self, needs: RuleNeeds<'_>) {
        for (rule, event) in needs.rules {
            if !self.uniques.is_on(&rule, event) {
                let has_events = self.log.iter().any(|row| &*row.name == event);
                self.uniques.read_rule(&rule, event, false, has_events);
            }
        }
    }

    fn head(&self) -> Position {
        self.log.last().map_or(Position::START, |row| row.position)
    }

    /// The events after a position that a query by tags finds.
    fn tagged<'d>(
        &'d self,
        query: &'d TagQuery,
        after: Position,
    ) -> impl DoubleEndedIterator<Item = &'d Arc<RecordedEvent>> {
        let start = self.log.partition_point(|row| row.position <= after);
        let rows = self.log.iter().zip(&self.tags).skip(start);
        rows.filter_map(|(row, tags)| query.finds(&row.name, tags).then_some(row))
    }

    /// Whether the tags of a query are recorded for all events.
    fn ready(&mut self, query: &TagQuery) -> Result<(), ReadError> {
        self.read_rules(RuleNeeds::default().with_kinds(query.pairs()));
        let Some(key) = self.uniques.not_ready(query) else {
            return Ok(());
        };
        let reached = self.tag_walks.get(&key).copied();
        Err(ReadError::TagsNotReady {
            event: key.0,
            kind: key.1,
            reached: reached.unwrap_or(Position::START),
            head: self.head(),
        })
    }

    fn check_guards(&self, commit: &Commit) -> Result<(), CommitError> {
        for (index, guard) in commit.guards.iter().enumerate() {
            let found = self.tagged(&guard.query, guard.after).next();
            let found = found.map(|row| row.position);
            let checked = tags::check_guard(commit, index, &self.uniques, self.head(), found);
            let Err(refused) = checked else { continue };
            // What was done before comes first.
            for append in &commit.appends {
                let stream = self.streams.get(&append.stream);
                if let Some(earlier) = stream.and_then(|stream| stream.earlier(append)) {
                    rules::check_repeated(append, earlier)?;
                }
            }
            return Err(refused);
        }
        Ok(())
    }

    fn walk_tags(&mut self, walk: &TagWalk) -> TagWalked {
        let names = walk.events();
        let start = self.log.partition_point(|row| row.position <= walk.to);
        let mut later = self.log.iter().skip(start);
        let has_later = later.any(|row| names.contains(&*row.name));
        let reached = &mut self.tag_walks;
        let (walked, rows) = self.uniques.walk_tags(walk, reached, has_later);
        self.uniques.settle();
        for (text, position, _) in rows {
            let index = self.log.partition_point(|row| row.position < position);
            if let Some(tags) = self.tags.get_mut(index) {
                tags.insert(text);
            }
        }
        walked
    }

    /// Whether an append may be written; `ids` are those of other events of the same transaction, which come
    /// before it and are so many.
    fn decide(
        &mut self,
        append: &Append,
        ids: &HashSet<EventId>,
        events: u64,
        now: Timestamp,
    ) -> Result<Decision, AppendError> {
        let stream = self.streams.get(&append.stream);
        let earlier = stream.and_then(|stream| stream.earlier(append));
        let head = stream.map_or(StreamHead::EMPTY, Stream::head);
        let end = Position::from_parts([0, 0, self.log.len() as u64 + events]);
        let decision = self.uniques.decide(append, earlier, head, end, now)?;
        if let Decision::Write(_) = decision {
            let is_stored = |id| Some(id) <= self.newest_id && self.event_ids.contains(&id);
            let is_known = |id| is_stored(id) || ids.contains(&id);
            rules::check_event_ids(append, is_known)?;
        }
        Ok(decision)
    }

    /// Writes an append that was accepted.
    fn write(&mut self, append: Append, accepted: Accepted, recorded_at: Timestamp) -> Appended {
        let at = |number| Position::from_parts([0, 0, number]);
        let mut end = self.log.len() as u64;
        let appended = accepted.appended(at(end + accepted.count()), recorded_at);
        if !accepted.writes() {
            return appended;
        }
        let stream = self.streams.entry(append.stream.clone()).or_default();
        if stream.rows.is_empty() && !append.events.is_empty() {
            let ids = self.ids.entry(append.stream.aggregate().to_owned());
            let id = append.stream.shared_id();
            ids.or_default().insert(id, append.stream.clone());
        }
        for (version, event) in accepted.versions().zip(append.events) {
            end += 1;
            self.event_ids.insert(event.id);
            self.newest_id = self.newest_id.max(Some(event.id));
            self.tags.push(self.uniques.tags_of(&event));
            let row = Arc::new(RecordedEvent::from(EventRow {
                position: at(end),
                stream: append.stream.clone(),
                version,
                event_id: event.id,
                name: self.texts.text(&event.name),
                schema_version: event.schema_version,
                content_type: self.texts.text(&event.content_type),
                payload: event.payload,
                metadata: append.metadata.clone(),
                recorded_at,
            }));
            stream.rows.push(Arc::clone(&row));
            self.log.push(row);
        }
        if let Some(id) = append.append_id {
            let first = appended.clone().with_request(append.request);
            stream.appends.insert(id, first);
        }
        appended
    }
}

impl Stream {
    fn head(&self) -> StreamHead {
        self.rows
            .last()
            .map_or(StreamHead::EMPTY, |row| StreamHead {
                version: row.version,
                position: row.position,
            })
    }

    /// The comparison with an earlier append under the same id.
    fn earlier(&self, append: &Append) -> Option<Earlier> {
        let first = self.appends.get(append.append_id.as_ref()?)?;
        let mut comparison = Comparison::new(append, first.clone());
        let [start, count] = [comparison.after(), comparison.count()]
            .map(|number| usize::try_from(number).unwrap_or(usize::MAX));
        for row in self.rows.iter().skip(start).take(count) {
            comparison.event(&stored(row));
        }
        Some(comparison.finish())
    }
}

fn stored(row: &RecordedEvent) -> StoredEvent<'_> {
    StoredEvent::new(row.version, row.position, &row.name, row.stored_payload())
}

/// As many of `rows` as the limit admits.
fn take<'a>(
    rows: impl Iterator<Item = &'a Arc<RecordedEvent>>,
    limit: ReadLimit,
) -> Vec<RecordedEvent> {
    let mut events = Vec::new();
    let mut bytes = 0;
    for row in rows {
        if !limit.admits(events.len(), bytes, row.payload.len()) {
            break;
        }
        bytes += row.payload.len();
        events.push(RecordedEvent::clone(row));
    }
    events
}

impl EventStore for MemoryStore {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let done = self.append_now(append);
        if let Ok(appended) = &done {
            self.wake_readers(appended);
        }
        done
    }

    async fn changed(&self, position: Position) {
        let [_, _, seen] = position.to_parts();
        let mut appended = self.shared.appended.subscribe();
        let [_, _, head] = self.data().head().to_parts();
        if head > seen {
            return;
        }
        if appended.wait_for(|newest| *newest > seen).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    async fn find_append(
        &self,
        stream: &StreamId,
        id: &AppendId,
    ) -> Result<Option<Appended>, ReadError> {
        let data = self.data();
        let found = data.streams.get(stream).and_then(|s| s.appends.get(id));
        Ok(found.map(|first| first.clone().as_repeated()))
    }

    async fn fold_stream<F: StreamFold>(
        &self,
        stream: &StreamId,
        after: u64,
        mut fold: F,
    ) -> Result<F, ReadError> {
        const CHUNK: usize = 256;
        let mut after = after;
        loop {
            let rows = self.rows_after(stream, after, CHUNK);
            for row in &rows {
                if fold.event(stored(row)).is_break() {
                    return Ok(fold);
                }
                after = row.version;
            }
            if rows.len() < CHUNK {
                return Ok(fold);
            }
        }
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        range: StreamRange,
        limit: ReadLimit,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let data = self.data();
        let rows = data.streams.get(stream).map_or(&[][..], |s| &s.rows);
        Ok(match range.direction {
            ReadDirection::Forward => take(rows.iter().filter(|r| r.version > range.after), limit),
            ReadDirection::Backward => {
                take(rows.iter().rev().filter(|r| r.version < range.after), limit)
            }
        })
    }

    async fn read_feed(
        &self,
        after: Position,
        filter: &EventFilter,
        limit: ReadLimit,
    ) -> Result<FeedPage, ReadError> {
        let data = self.data();
        let start = data.log.partition_point(|row| row.position <= after);
        let wanted = data.log.iter().skip(start);
        let is_wanted =
            |row: &Arc<RecordedEvent>| filter.accepts(row.stream.aggregate(), &row.name);
        let events = take(wanted.filter(|row| is_wanted(row)), limit);
        let end = data.log.last().map_or(after, |row| row.position.max(after));
        let full = events.len() == limit.events;
        let last = events.last().map_or(after, |event| event.position);
        let rest = data.log.partition_point(|row| row.position <= last);
        let mut later = data.log.iter().skip(rest);
        let at_end = !full && !later.any(is_wanted);
        let next = if at_end { end } else { last };
        Ok(FeedPage::new(events, next, at_end))
    }

    async fn list_streams(
        &self,
        aggregate: &str,
        after: &str,
        at_most: usize,
    ) -> Result<Vec<StreamId>, ReadError> {
        let data = self.data();
        let later = (Bound::Excluded(after), Bound::Unbounded);
        let ids = data.ids.get(aggregate).into_iter();
        let ids = ids.flat_map(|ids| ids.range::<str, _>(later));
        Ok(ids
            .take(at_most)
            .map(|(_, stream)| stream.clone())
            .collect())
    }

    async fn head(&self) -> Result<Position, ReadError> {
        Ok(self.data().head())
    }

    async fn store_id(&self) -> Result<String, ReadError> {
        Ok(self.shared.store_id.clone())
    }

    async fn walk_unique(&self, walk: UniqueWalk) -> Result<UniqueWalked, StorageError> {
        Ok(self.data().walk(&walk))
    }

    async fn read_tagged(
        &self,
        query: &TagQuery,
        after: Position,
        limit: ReadLimit,
    ) -> Result<TaggedPage, ReadError> {
        let mut data = self.data();
        data.ready(query)?;
        let events = take(data.tagged(query, after), limit);
        let last = events.last().map_or(after, |event| event.position);
        let is_cut = data.tagged(query, last).next().is_some();
        let head = (!is_cut).then(|| data.head());
        Ok(TaggedPage::new(events, after, head))
    }

    async fn read_tagged_backward(
        &self,
        query: &TagQuery,
        after: Position,
        until: Bound<Position>,
        limit: ReadLimit,
    ) -> Result<TaggedBackward, ReadError> {
        let mut data = self.data();
        data.ready(query)?;
        let range = (Bound::Unbounded, until);
        let found = data.tagged(query, after).rev();
        let mut found = found.filter(|row| range.contains(&row.position));
        let mut page = Page::new(limit);
        let at_start = loop {
            if page.is_full() {
                break false;
            }
            match found.next() {
                Some(row) if page.take(RecordedEvent::clone(row)) => {}
                row => break row.is_none(),
            }
        };
        Ok(TaggedBackward::new(page.events, data.head(), at_start))
    }

    async fn walk_tags(&self, walk: TagWalk) -> Result<TagWalked, StorageError> {
        Ok(self.data().walk_tags(&walk))
    }

    async fn unique_holder(&self, rule: &str, value: &str) -> Result<Option<StreamId>, ReadError> {
        let now = (self.shared.clock)();
        let data = self.data();
        let row = data.uniques.value(rule, value);
        Ok(row
            .filter(|row| row.is_taken(now))
            .map(|row| row.holder.clone()))
    }
}

impl CommitStore for MemoryStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        let done = self.commit_now(commit)?;
        done.appended
            .iter()
            .for_each(|appended| self.wake_readers(appended));
        Ok(done)
    }

    async fn cursor(&self, consumer: &str) -> Result<Option<Position>, ReadError> {
        Ok(self
            .data()
            .cursors
            .get(consumer)
            .map(|(position, _)| *position))
    }

    async fn cursor_inputs(&self, consumer: &str) -> Result<Option<String>, ReadError> {
        let data = self.data();
        Ok(data
            .cursors
            .get(consumer)
            .and_then(|(_, inputs)| inputs.clone()))
    }
}

impl WorkQueue for MemoryStore {
    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StorageError> {
        let now = (self.shared.clock)();
        let mut data = self.data();
        let mut free: Vec<_> = data
            .work
            .values_mut()
            .filter(|row| {
                claim
                    .aggregates
                    .iter()
                    .any(|saga| saga == row.instance.aggregate())
            })
            .filter(|row| row.is_free_and_due(now))
            .collect();
        free.sort_by_key(|row| row.due_at);
        let claimed = free.into_iter().take(claim.at_most).map(|row| {
            let lease_expired = row.lease_until.is_some();
            row.epoch += 1;
            row.owner = Some(claim.owner.clone());
            row.lease_until = Some(now.after(claim.lease));
            row.updated_at = now;
            Claimed::new(row.instance.clone(), row.epoch).after_expired_lease(lease_expired)
        });
        Ok(claimed.collect())
    }

    async fn renew(&self, claimed: &Claimed, lease: Duration) -> Result<bool, StorageError> {
        let now = (self.shared.clock)();
        let mut data = self.data();
        let row = data.work.get_mut(&claimed.instance);
        Ok(row
            .filter(|row| row.epoch == claimed.epoch)
            .is_some_and(|row| {
                row.lease_until = Some(now.after(lease));
                row.updated_at = now;
                true
            }))
    }

    async fn work_items(&self, filter: &WorkFilter) -> Result<Vec<WorkItem>, ReadError> {
        let data = self.data();
        let rows = data.work.values();
        let rows = rows.filter(|row| filter.accepts(&row.instance, row.status));
        let rows = rows.filter(|row| filter.changed_after.is_none_or(|at| row.updated_at > at));
        let rows = rows.filter(|row| row.is_due_before(filter.due_before));
        Ok(rows.take(filter.at_most).cloned().collect())
    }

    async fn work_counts(
        &self,
        aggregates: Vec<String>,
    ) -> Result<Vec<(String, WorkStatus, u64)>, ReadError> {
        let filter = WorkFilter::of(aggregates);
        let mut counts: Vec<(String, WorkStatus, u64)> = Vec::new();
        let data = self.data();
        let rows = data.work.values().map(|row| (&row.instance, row.status));
        for (instance, status) in
            rows.filter(|(instance, status)| filter.accepts(instance, *status))
        {
            let kind = instance.aggregate();
            match counts
                .iter_mut()
                .find(|known| known.0 == kind && known.1 == status)
            {
                Some((_, _, count)) => *count += 1,
                None => counts.push((kind.to_owned(), status, 1)),
            }
        }
        Ok(counts)
    }

    async fn now(&self) -> Result<Timestamp, ReadError> {
        Ok((self.shared.clock)())
    }
}

impl SnapshotStore for MemoryStore {
    async fn load_snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, ReadError> {
        let data = self.data();
        Ok(data.streams.get(stream).and_then(|s| s.snapshot.clone()))
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> Result<(), StorageError> {
        let mut data = self.data();
        let stream = data.streams.entry(snapshot.stream.clone()).or_default();
        if stream
            .snapshot
            .as_ref()
            .is_none_or(|old| snapshot.replaces(old))
        {
            stream.snapshot = Some(snapshot);
        }
        Ok(())
    }

    async fn delete_snapshot(&self, stream: &StreamId) -> Result<(), StorageError> {
        if let Some(stream) = self.data().streams.get_mut(stream) {
            stream.snapshot = None;
        }
        Ok(())
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("events", &self.len())
            .finish_non_exhaustive()
    }
}
