//! The in-memory store: the reference that the other stores are compared with.

use super::{
    Append, AppendError, Appended, Direction, EventFilter, EventStore, FeedPage, Limits, ReadError,
    ReadLimit, Snapshot, SnapshotStore, StorageError, StoredEvent, StreamFold, StreamRange,
};
use crate::{
    AppendId, EventId, Metadata, Position, RecordedEvent, StoredPayload, StreamId, Timestamp,
};
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// Keeps everything in memory and loses it with the process. For tests and for trying things out.
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
    data: Mutex<Data>,
    /// The newest position.
    appended: watch::Sender<u64>,
}

#[derive(Default)]
struct Data {
    log: Vec<Arc<Row>>,
    streams: HashMap<StreamId, Stream>,
    event_ids: HashSet<EventId>,
}

#[derive(Default)]
struct Stream {
    rows: Vec<Arc<Row>>,
    appends: HashMap<AppendId, Appended>,
    snapshot: Option<Snapshot>,
}

struct Row {
    position: Position,
    stream: StreamId,
    version: u64,
    event_id: EventId,
    name: Cow<'static, str>,
    schema_version: u16,
    content_type: Cow<'static, str>,
    payload: Vec<u8>,
    metadata: Arc<Metadata>,
    recorded_at: Timestamp,
}

impl MemoryStore {
    /// An empty store with the system's clock.
    pub fn new() -> Self {
        Self::with_clock(Timestamp::now)
    }

    /// An empty store that asks `clock` when it records an event.
    pub fn with_clock(clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self {
            shared: Arc::new(Shared {
                clock: Box::new(clock),
                limits: Limits::default(),
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

    /// The lock is never held across foreign code, so a poisoned one still guards whole data.
    fn data(&self) -> MutexGuard<'_, Data> {
        self.shared
            .data
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn append_now(&self, append: Append) -> Result<Appended, AppendError> {
        if let Err(reason) = append.check(&self.shared.limits) {
            let stream = append.stream;
            return Err(AppendError::Invalid { stream, reason });
        }
        let mut data = self.data();
        let data = &mut *data;
        let empty = Stream::default();
        let stream = data.streams.get(&append.stream).unwrap_or(&empty);
        let actual = stream.version();
        if let Some((id, first)) = append
            .append_id
            .as_ref()
            .and_then(|id| Some((id, stream.appends.get(id)?)))
        {
            return if stream.holds(first, &append) {
                Ok(first.clone().as_repeated())
            } else {
                Err(AppendError::IdReused {
                    stream: append.stream.clone(),
                    append_id: id.clone(),
                    version: first.version,
                })
            };
        }
        if !append.expected.accepts(actual) {
            return Err(AppendError::Conflict {
                stream: append.stream,
                expected: append.expected,
                actual,
            });
        }
        let mut ids = HashSet::new();
        for event in &append.events {
            if data.event_ids.contains(&event.id) || !ids.insert(event.id) {
                return Err(AppendError::DuplicateEventId {
                    stream: append.stream,
                    event_id: event.id,
                });
            }
        }

        let recorded_at = (self.shared.clock)();
        let metadata = Arc::new(append.metadata);
        let mut version = actual;
        let mut place = data.log.len() as u64;
        let count = append.events.len() as u64;
        if count == 0 && append.append_id.is_none() {
            let position = stream.position();
            return Ok(Appended::new(actual, 0, position, recorded_at));
        }
        let stream = data.streams.entry(append.stream.clone()).or_default();
        for event in append.events {
            version += 1;
            place += 1;
            let row = Arc::new(Row {
                position: Position::from_parts([0, 0, place]),
                stream: append.stream.clone(),
                version,
                event_id: event.id,
                name: event.name,
                schema_version: event.schema_version,
                content_type: event.content_type,
                payload: event.payload,
                metadata: Arc::clone(&metadata),
                recorded_at,
            });
            stream.rows.push(Arc::clone(&row));
            data.log.push(row);
        }
        data.event_ids.extend(ids);
        let appended = Appended::new(version, count, stream.position(), recorded_at);
        if let Some(id) = append.append_id {
            stream.appends.insert(id, appended.clone());
        }
        Ok(appended)
    }

    /// The rows of one stream after a version, as they are now.
    fn rows_after(&self, stream: &StreamId, after: u64, most: usize) -> Vec<Arc<Row>> {
        let data = self.data();
        let Some(stream) = data.streams.get(stream) else {
            return Vec::new();
        };
        let start = usize::try_from(after).unwrap_or(usize::MAX);
        let rows = stream.rows.iter().skip(start).take(most);
        rows.map(Arc::clone).collect()
    }
}

impl Stream {
    fn version(&self) -> u64 {
        self.rows.len() as u64
    }

    fn position(&self) -> Position {
        self.rows.last().map_or(Position::START, |row| row.position)
    }

    /// Whether the first append under an id wrote what this one asks for.
    fn holds(&self, first: &Appended, append: &Append) -> bool {
        let start = usize::try_from(first.version - first.events).unwrap_or(usize::MAX);
        let count = usize::try_from(first.events).unwrap_or(usize::MAX);
        let rows = self.rows.iter().skip(start).take(count);
        count == append.events.len()
            && rows.zip(&append.events).all(|(row, event)| {
                event.same_content(
                    &row.name,
                    row.schema_version,
                    &row.content_type,
                    &row.payload,
                )
            })
    }
}

impl Row {
    fn recorded(&self) -> RecordedEvent {
        RecordedEvent::new(
            self.position,
            self.stream.clone(),
            self.version,
            self.event_id,
            self.name.as_ref().into(),
            self.schema_version,
            self.content_type.as_ref().into(),
            self.payload.clone(),
            Metadata::clone(&self.metadata),
            self.recorded_at,
        )
    }

    fn stored(&self) -> StoredEvent<'_> {
        let payload = StoredPayload {
            schema_version: self.schema_version,
            content_type: &self.content_type,
            bytes: &self.payload,
        };
        StoredEvent::new(self.version, self.position, &self.name, payload)
    }
}

/// As many of `rows` as the limit admits.
fn take<'a>(rows: impl Iterator<Item = &'a Arc<Row>>, limit: ReadLimit) -> Vec<RecordedEvent> {
    let mut events = Vec::new();
    let mut bytes = 0;
    for row in rows {
        if !limit.admits(events.len(), bytes, row.payload.len()) {
            break;
        }
        bytes += row.payload.len();
        events.push(row.recorded());
    }
    events
}

impl EventStore for MemoryStore {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let done = self.append_now(append);
        if let Ok(Appended { position, .. }) = &done {
            let [_, _, newest] = position.to_parts();
            self.shared.appended.send_if_modified(|known| {
                let more = newest > *known;
                *known = newest.max(*known);
                more
            });
        }
        done
    }

    async fn changed(&self, position: Position) {
        let [_, _, seen] = position.to_parts();
        let mut appended = self.shared.appended.subscribe();
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
                if fold.event(row.stored()).is_break() {
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
            Direction::Forward => take(rows.iter().filter(|r| r.version > range.after), limit),
            Direction::Backward => {
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
        let events = take(wanted.filter(|row| filter.accepts(&row.name)), limit);
        let end = data.log.last().map_or(after, |row| row.position.max(after));
        let full = events.len() == limit.events;
        let last = events.last().map_or(after, |event| event.position);
        let rest = data.log.partition_point(|row| row.position <= last);
        let mut behind = data.log.iter().skip(rest);
        let at_end = !full && !behind.any(|row| filter.accepts(&row.name));
        let next = if at_end { end } else { last };
        Ok(FeedPage::new(events, next, at_end))
    }

    async fn head(&self) -> Result<Position, ReadError> {
        let data = self.data();
        Ok(data.log.last().map_or(Position::START, |row| row.position))
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
