//! A small aggregate, and a store that fails on demand.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "each test file uses its part, and a test may panic"
)]

use es_runtime::{
    Aggregate, Append, AppendError, AppendId, Appended, Apply, Event, EventFilter, EventStore,
    Events, ExpectedVersion, FeedPage, Handle, MemoryStore, NewEvent, Outcome, Position, ReadError,
    ReadLimit, RecordedEvent, Snapshot, SnapshotStore, StorageError, StorageErrorKind, StreamFold,
    StreamId, StreamRange, events,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{Arc, Mutex},
    task::Poll,
};

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("counter.added")]
pub struct Added {
    pub amount: i64,
}

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("counter.measured")]
pub struct Measured {
    pub value: f64,
}

/// An amount that its stored form rounds down to tens.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("counter.rounded")]
pub struct Rounded {
    #[serde(with = "tens")]
    pub amount: i64,
}

mod tens {
    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(amount: &i64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(amount / 10)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
        Ok(i64::deserialize(from)? * 10)
    }
}

#[derive(Clone)]
pub struct AddRounded(pub i64);

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("counter.broken")]
pub struct Broken {}

#[derive(Clone)]
pub struct Add(pub i64);

/// Adds each of the amounts, one event each.
#[derive(Clone)]
pub struct AddAll(pub Vec<i64>);

/// Adds only when the total is this.
#[derive(Clone)]
pub struct AddOnceAt(pub i64);

#[derive(Clone)]
pub struct Measure(pub f64);

#[derive(Clone)]
pub struct PanicInHandler;

#[derive(Clone)]
pub struct PanicInApply;

#[derive(Clone)]
pub struct Nothing;

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the total is {0}")]
pub struct OtherTotal(pub i64);

/// A sum, with a snapshot every 5 events.
#[derive(Aggregate, Default, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[aggregate("counter", id = String, error = OtherTotal)]
#[aggregate(events(Added, Rounded, Broken, ignore(Measured)))]
#[aggregate(commands(Add, AddAll, Measure))]
#[aggregate(snapshot(every = 5))]
pub struct Counter {
    pub total: i64,
    pub events: u64,
}

impl Apply<Added> for Counter {
    fn apply(&mut self, event: &Added) {
        self.total += event.amount;
        self.events += 1;
    }
}

impl Apply<Rounded> for Counter {
    fn apply(&mut self, event: &Rounded) {
        self.total += event.amount;
        self.events += 1;
    }
}

impl Handle<AddRounded> for Counter {
    fn handle(&self, command: AddRounded) -> Result<Events<Self>, OtherTotal> {
        Ok(Rounded { amount: command.0 }.into())
    }
}

impl Apply<Broken> for Counter {
    fn apply(&mut self, _: &Broken) {
        panic!("applying is broken");
    }
}

impl Handle<Add> for Counter {
    fn handle(&self, command: Add) -> Result<Events<Self>, OtherTotal> {
        Ok(Added { amount: command.0 }.into())
    }
}

impl Handle<AddAll> for Counter {
    fn handle(&self, command: AddAll) -> Result<Events<Self>, OtherTotal> {
        let added = command.0.into_iter().map(|amount| Added { amount });
        Ok(added.collect())
    }
}

impl Handle<AddOnceAt> for Counter {
    fn handle(&self, command: AddOnceAt) -> Result<Events<Self>, OtherTotal> {
        if self.total != command.0 {
            return Err(OtherTotal(self.total));
        }
        Ok(events![Added { amount: 1 }])
    }
}

impl Handle<Measure> for Counter {
    fn handle(&self, command: Measure) -> Result<Events<Self>, OtherTotal> {
        Ok(Measured { value: command.0 }.into())
    }
}

impl Handle<PanicInHandler> for Counter {
    fn handle(&self, _: PanicInHandler) -> Result<Events<Self>, OtherTotal> {
        panic!("the handler is broken");
    }
}

impl Handle<PanicInApply> for Counter {
    fn handle(&self, _: PanicInApply) -> Result<Events<Self>, OtherTotal> {
        Ok(Broken {}.into())
    }
}

impl Handle<Nothing> for Counter {
    fn handle(&self, _: Nothing) -> Result<Events<Self>, OtherTotal> {
        Ok(events![])
    }
}

pub fn stream(id: &str) -> StreamId {
    StreamId::new("counter", id).expect("a good id")
}

pub fn append_id(text: &str) -> AppendId {
    AppendId::new(text).expect("a good id")
}

/// Appends an event of any name, version and payload behind the repository's back.
pub async fn append_raw(store: &impl EventStore, id: &str, event: NewEvent) -> Appended {
    let append = Append::new(stream(id), ExpectedVersion::Any).with_event(event);
    store.append(append).await.expect("appends")
}

pub fn added(amount: i64) -> NewEvent {
    NewEvent::json("counter.added", 1, format!(r#"{{"amount":{amount}}}"#))
}

/// What the next append meets.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Another writer appends first.
    Competitor,
    /// The append happens and the answer is lost.
    AnswerLost,
    /// The append does not happen and nobody can tell.
    RequestLost,
    /// The database is full.
    Full,
}

/// A memory store that yields once in every operation and fails as its script says.
#[derive(Clone, Default)]
pub struct Scripted {
    pub inner: MemoryStore,
    pub faults: Arc<Mutex<VecDeque<Fault>>>,
    pub appends: Arc<Mutex<u64>>,
    pub reads: Arc<Mutex<u64>>,
    pub snapshots: Arc<Mutex<u64>>,
    pub snapshots_fail: bool,
}

impl Scripted {
    pub fn new(faults: impl IntoIterator<Item = Fault>) -> Self {
        Self {
            faults: Arc::new(Mutex::new(faults.into_iter().collect())),
            ..Self::default()
        }
    }

    pub fn appends(&self) -> u64 {
        *self.appends.lock().expect("not poisoned")
    }

    pub fn snapshots(&self) -> u64 {
        *self.snapshots.lock().expect("not poisoned")
    }

    pub fn reads(&self) -> u64 {
        *self.reads.lock().expect("not poisoned")
    }
}

/// Gives the executor one turn, so that a future can be dropped here.
pub async fn yield_once() {
    let mut yielded = false;
    poll_fn(|context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn lost(stream: StreamId, outcome: Outcome, kind: StorageErrorKind) -> AppendError {
    AppendError::Storage {
        stream,
        outcome,
        error: StorageError::new(kind, "made up by the test"),
    }
}

impl EventStore for Scripted {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        yield_once().await;
        *self.appends.lock().expect("not poisoned") += 1;
        let fault = self.faults.lock().expect("not poisoned").pop_front();
        let stream = append.stream.clone();
        match fault {
            None => {}
            Some(Fault::Competitor) => {
                let other =
                    Append::new(stream.clone(), ExpectedVersion::Any).with_event(added(100));
                self.inner.append(other).await?;
            }
            Some(Fault::AnswerLost) => {
                self.inner.append(append).await?;
                return Err(lost(stream, Outcome::Unknown, StorageErrorKind::Other));
            }
            Some(Fault::RequestLost) => {
                return Err(lost(stream, Outcome::Unknown, StorageErrorKind::Other));
            }
            Some(Fault::Full) => {
                return Err(lost(stream, Outcome::NotApplied, StorageErrorKind::Full));
            }
        }
        let appended = self.inner.append(append).await;
        yield_once().await;
        appended
    }

    async fn find_append(
        &self,
        stream: &StreamId,
        id: &AppendId,
    ) -> Result<Option<Appended>, ReadError> {
        yield_once().await;
        self.inner.find_append(stream, id).await
    }

    async fn fold_stream<F: StreamFold>(
        &self,
        stream: &StreamId,
        after: u64,
        fold: F,
    ) -> Result<F, ReadError> {
        yield_once().await;
        *self.reads.lock().expect("not poisoned") += 1;
        self.inner.fold_stream(stream, after, fold).await
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        range: StreamRange,
        limit: ReadLimit,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        yield_once().await;
        self.inner.read_stream(stream, range, limit).await
    }

    async fn read_feed(
        &self,
        after: Position,
        filter: &EventFilter,
        limit: ReadLimit,
    ) -> Result<FeedPage, ReadError> {
        self.inner.read_feed(after, filter, limit).await
    }

    async fn head(&self) -> Result<Position, ReadError> {
        self.inner.head().await
    }
}

impl SnapshotStore for Scripted {
    async fn load_snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, ReadError> {
        yield_once().await;
        if self.snapshots_fail {
            return Err(StorageError::new(StorageErrorKind::Other, "made up by the test").into());
        }
        self.inner.load_snapshot(stream).await
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> Result<(), StorageError> {
        yield_once().await;
        *self.snapshots.lock().expect("not poisoned") += 1;
        if self.snapshots_fail {
            return Err(StorageError::new(
                StorageErrorKind::Other,
                "made up by the test",
            ));
        }
        self.inner.save_snapshot(snapshot).await
    }

    async fn delete_snapshot(&self, stream: &StreamId) -> Result<(), StorageError> {
        self.inner.delete_snapshot(stream).await
    }
}
