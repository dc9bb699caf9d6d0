//! A store without a type parameter. Applications name it in their types and choose the database at run
//! time.
#![allow(clippy::elidable_lifetime_names, reason = "written by macros")]

use super::{
    Append, AppendError, Appended, Claim, Claimed, Commit, CommitError, CommitStore, Committed,
    EventFilter, EventStore, FeedPage, Outcome, ReadError, ReadLimit, Snapshot, SnapshotStore,
    StorageError, StorageErrorKind, StoredEvent, StreamFold, StreamRange, WorkFilter, WorkItem,
    WorkQueue, WorkStatus,
};
use crate::{AppendId, Position, RecordedEvent, StreamId, Timestamp};
use std::{any::Any, fmt, future::Future, ops::ControlFlow, pin::Pin, sync::Arc, time::Duration};

type Counts = Vec<(String, WorkStatus, u64)>;
type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Any event store, behind dynamic dispatch.
///
/// Use it to name types without parameters: `Repository<Order>` is a repository on `AnyStore`, and
/// `Projections` and `Sagas` default to it too. A clone is another handle on the same store.
///
/// Each call costs one more boxed future than with the store's own type, and a load one virtual call for
/// each event. Where that matters write `Repository<Order, SqliteStore>`.
///
/// ```
/// use es_runtime::{AnyStore, EventStore, MemoryStore, Position};
///
/// # futures_executor::block_on(async {
/// let store = AnyStore::new(MemoryStore::new());
/// assert_eq!(store.head().await?, Position::START);
/// # Ok::<(), es_runtime::ReadError>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct AnyStore {
    inner: Arc<dyn Erased>,
}

impl AnyStore {
    /// Wraps a store with events, snapshots, commits of several streams, and work items.
    pub fn new<S: WorkQueue + SnapshotStore>(store: S) -> Self {
        Self {
            inner: Arc::new(Full(store)),
        }
    }

    /// Wraps a store with events and snapshots only. Commits of several streams and claims fail with
    /// [`StorageErrorKind::Unsupported`], so sagas do not run on it.
    pub fn of_events<S: EventStore + SnapshotStore>(store: S) -> Self {
        Self {
            inner: Arc::new(EventsOnly(store)),
        }
    }
}

impl fmt::Debug for AnyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyStore").field(&self.inner.name()).finish()
    }
}

/// A fold as an object. The store receives it and returns it.
trait ErasedFold: Send {
    fn event(&mut self, event: StoredEvent<'_>) -> ControlFlow<()>;
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send>;
}

impl<F: StreamFold> ErasedFold for F {
    fn event(&mut self, event: StoredEvent<'_>) -> ControlFlow<()> {
        StreamFold::event(self, event)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

struct BoxedFold(Box<dyn ErasedFold>);

impl StreamFold for BoxedFold {
    fn event(&mut self, event: StoredEvent<'_>) -> ControlFlow<()> {
        self.0.event(event)
    }
}

// The calls of the traits, which are declared and forwarded as they are.
macro_rules! of_events {
    ($each:ident) => {
        $each! {
            append(append: Append) -> Result<Appended, AppendError>;
            find_append(stream: &'a StreamId, id: &'a AppendId) -> Result<Option<Appended>, ReadError>;
            read_stream(stream: &'a StreamId, range: StreamRange, limit: ReadLimit)
                -> Result<Vec<RecordedEvent>, ReadError>;
            read_feed(after: Position, filter: &'a EventFilter, limit: ReadLimit)
                -> Result<FeedPage, ReadError>;
            head() -> Result<Position, ReadError>;
            store_id() -> Result<String, ReadError>;
            changed(position: Position) -> ();
            load_snapshot(stream: &'a StreamId) -> Result<Option<Snapshot>, ReadError>;
            save_snapshot(snapshot: Snapshot) -> Result<(), StorageError>;
            delete_snapshot(stream: &'a StreamId) -> Result<(), StorageError>;
        }
    };
}

/// What only a store with work items can do.
macro_rules! beyond_events {
    ($each:ident) => {
        $each! {
            cursor(consumer: &'a str) -> Result<Option<Position>, ReadError>;
            cursor_inputs(consumer: &'a str) -> Result<Option<String>, ReadError>;
            claim(claim: Claim) -> Result<Vec<Claimed>, StorageError>;
            renew(claimed: &'a Claimed, lease: Duration) -> Result<bool, StorageError>;
            work_items(filter: &'a WorkFilter) -> Result<Vec<WorkItem>, ReadError>;
            work_counts(aggregates: Vec<String>) -> Result<Counts, ReadError>;
            now() -> Result<Timestamp, ReadError>;
        }
    };
}

macro_rules! declared_calls {
    ($($name:ident($($arg:ident: $type:ty),*) -> $output:ty;)*) => {
        $(fn $name<'a>(&'a self, $($arg: $type),*) -> Boxed<'a, $output>;)*
    };
}

macro_rules! unsupported_calls {
    ($($name:ident($($arg:ident: $type:ty),*) -> $output:ty;)*) => {
        $(fn $name<'a>(&'a self, $($arg: $type),*) -> Boxed<'a, $output> {
            $(let _ = $arg;)*
            unsupported_call()
        })*
    };
}

macro_rules! forwarded_calls {
    ($($name:ident($($arg:ident: $type:ty),*) -> $output:ty;)*) => {
        $(fn $name<'a>(&'a self, $($arg: $type),*) -> Boxed<'a, $output> {
            Box::pin(self.0.$name($($arg),*))
        })*
    };
}

trait Erased: Send + Sync {
    fn name(&self) -> &'static str;
    fn fold_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        after: u64,
        fold: Box<dyn ErasedFold>,
    ) -> Boxed<'a, Result<Box<dyn ErasedFold>, ReadError>>;
    fn close(&self) -> Boxed<'_, ()>;
    of_events!(declared_calls);

    // A store of events only has none of these.
    fn commit(&self, _: Commit) -> Boxed<'_, Result<Committed, CommitError>> {
        Box::pin(std::future::ready(Err(CommitError::Storage {
            outcome: Outcome::NotApplied,
            error: unsupported(),
        })))
    }
    beyond_events!(unsupported_calls);
}

struct Full<S>(S);
struct EventsOnly<S>(S);

macro_rules! erase_events {
    () => {
        fn name(&self) -> &'static str {
            std::any::type_name::<S>()
        }

        fn fold_stream<'a>(
            &'a self,
            stream: &'a StreamId,
            after: u64,
            fold: Box<dyn ErasedFold>,
        ) -> Boxed<'a, Result<Box<dyn ErasedFold>, ReadError>> {
            Box::pin(async move {
                let folded = self.0.fold_stream(stream, after, BoxedFold(fold)).await?;
                Ok(folded.0)
            })
        }

        fn close(&self) -> Boxed<'_, ()> {
            Box::pin(EventStore::close(&self.0))
        }

        of_events!(forwarded_calls);
    };
}

impl<S: WorkQueue + SnapshotStore> Erased for Full<S> {
    erase_events!();
    beyond_events!(forwarded_calls);

    fn commit(&self, commit: Commit) -> Boxed<'_, Result<Committed, CommitError>> {
        Box::pin(self.0.commit(commit))
    }
}

fn unsupported() -> StorageError {
    let what = "this store keeps events and snapshots only: it has no commits of several streams \
                and no work items";
    StorageError::new(StorageErrorKind::Unsupported, what)
}

fn unsupported_call<'a, T: Send + 'a, E: From<StorageError> + Send + 'a>() -> Boxed<'a, Result<T, E>>
{
    Box::pin(std::future::ready(Err(unsupported().into())))
}

impl<S: EventStore + SnapshotStore> Erased for EventsOnly<S> {
    erase_events!();
}

impl EventStore for AnyStore {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        self.inner.append(append).await
    }

    async fn find_append(
        &self,
        stream: &StreamId,
        id: &AppendId,
    ) -> Result<Option<Appended>, ReadError> {
        self.inner.find_append(stream, id).await
    }

    async fn fold_stream<F: StreamFold>(
        &self,
        stream: &StreamId,
        after: u64,
        fold: F,
    ) -> Result<F, ReadError> {
        let fold: Box<dyn ErasedFold> = Box::new(fold);
        let folded = self.inner.fold_stream(stream, after, fold).await?;
        folded.into_any().downcast::<F>().map_or_else(
            |_| {
                let what = "the store returned a fold of another type than it received";
                Err(StorageError::new(StorageErrorKind::Other, what).into())
            },
            |fold| Ok(*fold),
        )
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        range: StreamRange,
        limit: ReadLimit,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
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

    async fn store_id(&self) -> Result<String, ReadError> {
        self.inner.store_id().await
    }

    async fn changed(&self, position: Position) {
        self.inner.changed(position).await;
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

impl SnapshotStore for AnyStore {
    async fn load_snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, ReadError> {
        self.inner.load_snapshot(stream).await
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> Result<(), StorageError> {
        self.inner.save_snapshot(snapshot).await
    }

    async fn delete_snapshot(&self, stream: &StreamId) -> Result<(), StorageError> {
        self.inner.delete_snapshot(stream).await
    }
}

impl CommitStore for AnyStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        self.inner.commit(commit).await
    }

    async fn cursor(&self, consumer: &str) -> Result<Option<Position>, ReadError> {
        self.inner.cursor(consumer).await
    }

    async fn cursor_inputs(&self, consumer: &str) -> Result<Option<String>, ReadError> {
        self.inner.cursor_inputs(consumer).await
    }
}

impl WorkQueue for AnyStore {
    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StorageError> {
        self.inner.claim(claim).await
    }

    async fn renew(&self, claimed: &Claimed, lease: Duration) -> Result<bool, StorageError> {
        self.inner.renew(claimed, lease).await
    }

    async fn work_items(&self, filter: &WorkFilter) -> Result<Vec<WorkItem>, ReadError> {
        self.inner.work_items(filter).await
    }

    async fn work_counts(&self, aggregates: Vec<String>) -> Result<Counts, ReadError> {
        self.inner.work_counts(aggregates).await
    }

    async fn now(&self) -> Result<Timestamp, ReadError> {
        self.inner.now().await
    }
}
