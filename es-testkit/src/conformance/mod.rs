//! The conformance suite: the tests that every event store for es-runtime must pass.
//!
//! Use it when you write a store. Implement [`StoreFixture`], and call
//! [`conformance!`](crate::conformance!) in a test file. It makes one test for each check. A store that also
//! implements [`WorkQueue`](es_runtime::WorkQueue) calls
//! [`saga_conformance!`](crate::saga_conformance!) too. One that implements only
//! [`CommitStore`](es_runtime::CommitStore) calls [`commit_conformance!`](crate::commit_conformance!).
//!
//! ```
//! use es_runtime::MemoryStore;
//! use es_testkit::conformance::{Capabilities, NoDatabase, StoreFixture};
//!
//! struct Memory;
//!
//! impl StoreFixture for Memory {
//!     type Store = MemoryStore;
//!     type Database = NoDatabase;
//!
//!     async fn open(&self) -> MemoryStore {
//!         MemoryStore::new()
//!     }
//!
//!     fn capabilities(&self) -> Capabilities {
//!         Capabilities {
//!             wakes: true,
//!             unique: true,
//!             unique_walks: true,
//!             tags: true,
//!             tag_walks: true,
//!             lists_streams: true,
//!             event_ids: true,
//!             ..Capabilities::default()
//!         }
//!     }
//! }
//!
//! // In a test file: one test for each check, each with its own fixture.
//! es_testkit::conformance!(Memory);
//! # fn main() {}
//! ```
//!
//! A check that fails panics. A check that hangs fails after [`PATIENCE`]. No check is skipped: what a store
//! does not [declare](Capabilities) must be rejected or absent. [`report`] runs all checks and prints a table.

// A check reports a failure by panicking, as tests do.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used
)]

pub mod append;
pub mod checkpoints;
pub mod commits;
mod erased;
pub mod faults;
pub mod feed;
pub mod fidelity;
mod fixture;
pub mod guards;
pub mod idempotency;
pub mod lifecycle;
mod list;
pub mod listing;
pub mod reading;
mod report;
pub mod safety;
pub mod sagas;
pub mod snapshots;
pub mod tags;
pub mod tags_backward;
pub mod unique;

pub use erased::AnyFixture;
pub use fixture::{Capabilities, Fault, NoDatabase, NoTransaction, StoreFixture};
pub use list::{ABSENT, Check, checks, commit_checks, run_check, saga_checks};
pub use report::{Line, Report, report};

use erased::AnyTested;
use es_runtime::{
    Append, AppendError, AppendId, Appended, EventFilter, EventStore, ExpectedVersion, NewEvent,
    Position, ReadLimit, RecordedEvent, StoredEvent, StreamFold, StreamId, StreamRange,
};
use std::{
    future::Future,
    ops::ControlFlow,
    pin::{Pin, pin},
    time::Duration,
};
use tokio::task::JoinHandle;

/// The time limit for one check.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// Runs one check on its own runtime, for at most [`PATIENCE`].
pub fn run(check: impl Future<Output = ()>) {
    run_pinned(pin!(check));
}

// Not generic, so that a program compiles the runtime once and not for each check. `spawn` is for the same.
fn run_pinned(check: Pin<&mut dyn Future<Output = ()>>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let ended = runtime.block_on(async { tokio::time::timeout(PATIENCE, check).await });
    // A check that hangs may leave tasks that hang.
    runtime.shutdown_background();
    ended.expect("the check ends in time");
}

fn spawn<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    let task: Pin<Box<dyn Future<Output = T> + Send>> = Box::pin(task);
    tokio::spawn(task)
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "callers make the text on the spot"
)]
fn stream(id: impl ToString) -> StreamId {
    StreamId::new("conformance", &id.to_string()).expect("a usable id")
}

fn append_id(text: impl AsRef<str>) -> AppendId {
    AppendId::new(text).expect("a usable id")
}

fn numbered(number: u64) -> NewEvent {
    NewEvent::json("test.counted", 1, format!(r#"{{"number":{number}}}"#))
}

/// An append of events with these numbers.
fn request(
    stream: &StreamId,
    expected: ExpectedVersion,
    numbers: impl IntoIterator<Item = u64>,
) -> Append {
    Append::new(stream.clone(), expected).with_events(numbers.into_iter().map(numbered))
}

async fn write<S: EventStore>(
    store: &S,
    stream: &StreamId,
    expected: ExpectedVersion,
    numbers: impl IntoIterator<Item = u64>,
) -> Appended {
    store
        .append(request(stream, expected, numbers))
        .await
        .expect("the append is accepted")
}

async fn all_of<S: EventStore>(store: &S, stream: &StreamId) -> Vec<RecordedEvent> {
    let limit = ReadLimit::events(usize::MAX).with_bytes(usize::MAX);
    store
        .read_stream(stream, StreamRange::forward(0), limit)
        .await
        .expect("the stream can be read")
}

async fn version_of<S: EventStore>(store: &S, stream: &StreamId) -> u64 {
    all_of(store, stream).await.len() as u64
}

/// Everything after `after`, in pages of `size`.
async fn feed_from<S: EventStore>(
    store: &S,
    after: Position,
    filter: &EventFilter,
    size: usize,
) -> Vec<RecordedEvent> {
    let mut events = Vec::new();
    let mut from = after;
    loop {
        let page = store
            .read_feed(from, filter, ReadLimit::events(size))
            .await
            .expect("the feed can be read");
        assert!(page.events.len() <= size, "a page is larger than asked for");
        assert!(page.next >= from, "the feed goes back");
        assert!(
            page.at_end || page.next > from,
            "the feed stands still before its end"
        );
        events.extend(page.events);
        from = page.next;
        if page.at_end {
            return events;
        }
    }
}

async fn whole_feed<S: EventStore>(store: &S) -> Vec<RecordedEvent> {
    feed_from(store, Position::START, &EventFilter::all(), 1_000).await
}

fn versions(events: &[RecordedEvent]) -> Vec<u64> {
    events.iter().map(|event| event.version).collect()
}

fn positions(events: &[RecordedEvent]) -> Vec<Position> {
    events.iter().map(|event| event.position).collect()
}

/// Whether each item is greater than the one before it.
fn rising<T: PartialOrd>(items: &[T]) -> bool {
    items.windows(2).all(|pair| pair[0] < pair[1])
}

/// Asserts that an append failed with this conflict.
fn expect_conflict(
    result: Result<Appended, AppendError>,
    wanted: &StreamId,
    by: ExpectedVersion,
    at: u64,
) {
    match result {
        Err(AppendError::Conflict {
            stream,
            expected,
            actual,
        }) => assert_eq!((&stream, expected, actual), (wanted, by, at)),
        other => panic!("expected a conflict, got {other:?}"),
    }
}

/// One event as a fold saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    version: u64,
    position: Position,
    name: String,
    schema_version: u16,
    content_type: String,
    bytes: Vec<u8>,
}

impl From<&RecordedEvent> for Seen {
    fn from(event: &RecordedEvent) -> Self {
        Self {
            version: event.version,
            position: event.position,
            name: event.name.to_string(),
            schema_version: event.schema_version,
            content_type: event.content_type.to_string(),
            bytes: event.payload.clone(),
        }
    }
}

/// Collects events, up to this many.
struct Collect {
    seen: Vec<Seen>,
    most: usize,
}

impl Collect {
    fn up_to(most: usize) -> Self {
        Self {
            seen: Vec::new(),
            most,
        }
    }
}

impl StreamFold for Collect {
    fn event(&mut self, event: StoredEvent<'_>) -> ControlFlow<()> {
        self.seen.push(Seen {
            version: event.version,
            position: event.position,
            name: event.name.to_owned(),
            schema_version: event.payload.schema_version,
            content_type: event.payload.content_type.to_owned(),
            bytes: event.payload.bytes.to_vec(),
        });
        if self.seen.len() < self.most {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }
}

/// The events that a fold of a stream receives.
async fn folded<S: EventStore>(store: &S, stream: &StreamId, after: u64) -> Vec<Seen> {
    store
        .fold_stream(stream, after, Collect::up_to(usize::MAX))
        .await
        .expect("the stream can be folded")
        .seen
}

/// Closes the store and opens it again, if the store can be reopened.
async fn again(fixture: &AnyFixture, store: AnyTested) -> AnyTested {
    if !fixture.capabilities().reopens {
        return store;
    }
    fixture.close(store).await;
    fixture.open().await
}

/// Waits for all tasks, and panics if one of them panicked.
async fn join_all<T: Send + 'static>(tasks: Vec<tokio::task::JoinHandle<T>>) -> Vec<T> {
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.expect("a task ends without a panic"));
    }
    results
}
