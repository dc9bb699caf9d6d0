//! A store without a type parameter. Applications name it in their types and choose the database at run
//! time.
#![allow(clippy::elidable_lifetime_names, reason = "written by macros")]

use super::{
    Append, AppendError, Appended, Claim, Claimed, Commit, CommitError, CommitStore, Committed,
    EventFilter, EventStore, FeedPage, NoSnapshots, Outcome, ReadError, ReadLimit, Snapshot,
    SnapshotStore, StorageError, StorageErrorKind, StoredEvent, StreamFold, StreamRange, TagWalk,
    TagWalked, TaggedBackward, TaggedPage, UniqueWalk, UniqueWalked, WorkFilter, WorkItem,
    WorkQueue, WorkStatus,
};
use crate::{AppendId, Position, RecordedEvent, StreamId, TagQuery, Timestamp};
use std::{
    any::Any,
    fmt,
    future::{Future, ready},
    ops::{Bound, ControlFlow},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

type Counts = Vec<(String, WorkStatus, u64)>;
type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Any event store, behind dynamic dispatch.
///
/// Use it to name types without parameters: `Repository<Order>` is a repository on `AnyStore`, and
/// `Projections` defaults to it, and `Sagas` runs on it. A clone is another handle on the same store.
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
        Self::full(store.clone(), store)
    }

    /// Wraps a store with events, commits of several streams, and work items, and leaves out its snapshots.
    /// An `AnyStore` is not wrapped again and keeps what it has.
    pub fn without_snapshots<S: WorkQueue>(store: S) -> Self {
        Self::full(store, NoSnapshots)
    }

    /// Wraps a store with events and snapshots only. Commits of several streams and claims fail with
    /// [`StorageErrorKind::Unsupported`], so sagas do not run on it.
    pub fn of_events<S: EventStore + SnapshotStore>(store: S) -> Self {
        Self {
            inner: Arc::new(EventsOnly(store)),
        }
    }

    /// Wraps a store with events, snapshots and commits of several streams. Decisions run on it. Claims fail with
    /// [`StorageErrorKind::Unsupported`], so sagas do not.
    pub fn of_commits<S: CommitStore + SnapshotStore>(store: S) -> Self {
        Self {
            inner: Arc::new(CommitsOnly(store)),
        }
    }

    fn full<S: WorkQueue, N: SnapshotStore>(store: S, snapshots: N) -> Self {
        let erased: Option<&Self> = (&store as &dyn Any).downcast_ref();
        erased.cloned().unwrap_or_else(|| Self {
            inner: Arc::new(Full(store, snapshots)),
        })
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

// The calls of the traits, with the lifetimes of their arguments. `$each` writes a function for each.
macro_rules! events {
    ($each:ident $of:tt) => {
        $each! { $of;
            append[](append: Append) -> Result<Appended, AppendError>;
            find_append['s, 'i](stream: &'s StreamId, id: &'i AppendId)
                -> Result<Option<Appended>, ReadError>;
            read_stream['s](stream: &'s StreamId, range: StreamRange, limit: ReadLimit)
                -> Result<Vec<RecordedEvent>, ReadError>;
            read_feed['f](after: Position, filter: &'f EventFilter, limit: ReadLimit)
                -> Result<FeedPage, ReadError>;
            list_streams['n, 'i](aggregate: &'n str, after: &'i str, at_most: usize)
                -> Result<Vec<StreamId>, ReadError>;
            head[]() -> Result<Position, ReadError>;
            unique_holder['r, 'v](rule: &'r str, value: &'v str)
                -> Result<Option<StreamId>, ReadError>;
            walk_unique[](walk: UniqueWalk) -> Result<UniqueWalked, StorageError>;
            read_tagged['q](query: &'q TagQuery, after: Position, limit: ReadLimit)
                -> Result<TaggedPage, ReadError>;
            read_tagged_backward['q](query: &'q TagQuery, after: Position, until: Bound<Position>, limit: ReadLimit)
                -> Result<TaggedBackward, ReadError>;
            walk_tags[](walk: TagWalk) -> Result<TagWalked, StorageError>;
            store_id[]() -> Result<String, ReadError>;
            changed[](position: Position) -> ();
            close[]() -> ();
        }
    };
}

macro_rules! snapshots {
    ($each:ident $of:tt) => {
        $each! { $of;
            load_snapshot['s](stream: &'s StreamId) -> Result<Option<Snapshot>, ReadError>;
            save_snapshot[](snapshot: Snapshot) -> Result<(), StorageError>;
            delete_snapshot['s](stream: &'s StreamId) -> Result<(), StorageError>;
        }
    };
}

macro_rules! cursors {
    ($each:ident $of:tt) => {
        $each! { $of;
            cursor['c](consumer: &'c str) -> Result<Option<Position>, ReadError>;
            cursor_inputs['c](consumer: &'c str) -> Result<Option<String>, ReadError>;
        }
    };
}

macro_rules! work {
    ($each:ident $of:tt) => {
        $each! { $of;
            claim[](claim: Claim) -> Result<Vec<Claimed>, StorageError>;
            renew['c](claimed: &'c Claimed, lease: Duration) -> Result<bool, StorageError>;
            work_items['f](filter: &'f WorkFilter) -> Result<Vec<WorkItem>, ReadError>;
            work_counts[](aggregates: Vec<String>) -> Result<Counts, ReadError>;
            now[]() -> Result<Timestamp, ReadError>;
        }
    };
}

macro_rules! declared {
    ($of:tt; $($name:ident[$($l:lifetime),*]($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        $(fn $name<'a, $($l: 'a),*>(&'a self, $($arg: $type),*) -> Boxed<'a, $out>;)*
    };
}

macro_rules! rejected {
    ($of:tt; $($name:ident[$($l:lifetime),*]($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        $(fn $name<'a, $($l: 'a),*>(&'a self, $(_: $type),*) -> Boxed<'a, $out> {
            Box::pin(ready(Err(unsupported().into())))
        })*
    };
}

macro_rules! boxed {
    ($of:tt; $($name:ident[$($l:lifetime),*]($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        $(fn $name<'a, $($l: 'a),*>(&'a self, $($arg: $type),*) -> Boxed<'a, $out> {
            Box::pin(self.$of.$name($($arg),*))
        })*
    };
}

macro_rules! awaited {
    ($of:tt; $($name:ident[$($l:lifetime),*]($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        $(async fn $name<$($l),*>(&self, $($arg: $type),*) -> $out {
            self.$of.$name($($arg),*).await
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
    events!(declared self);
    snapshots!(declared self);

    // A store of events only has none of these.
    fn commit(&self, _: Commit) -> Boxed<'_, Result<Committed, CommitError>> {
        Box::pin(ready(Err(CommitError::Storage {
            outcome: Outcome::NotApplied,
            error: unsupported(),
        })))
    }
    cursors!(rejected self);
    work!(rejected self);
}

/// A store with work items, and where its snapshots are.
struct Full<S, N>(S, N);
struct EventsOnly<S>(S);
struct CommitsOnly<S>(S);

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

        events!(boxed 0);
    };
}

impl<S: WorkQueue, N: SnapshotStore> Erased for Full<S, N> {
    erase_events!();
    snapshots!(boxed 1);
    cursors!(boxed 0);
    work!(boxed 0);

    fn commit(&self, commit: Commit) -> Boxed<'_, Result<Committed, CommitError>> {
        Box::pin(self.0.commit(commit))
    }
}

impl<S: EventStore + SnapshotStore> Erased for EventsOnly<S> {
    erase_events!();
    snapshots!(boxed 0);
}

impl<S: CommitStore + SnapshotStore> Erased for CommitsOnly<S> {
    erase_events!();
    snapshots!(boxed 0);
    cursors!(boxed 0);

    fn commit(&self, commit: Commit) -> Boxed<'_, Result<Committed, CommitError>> {
        Box::pin(self.0.commit(commit))
    }
}

fn unsupported() -> StorageError {
    let what = "this store has no work items, or no commits of several streams either";
    StorageError::new(StorageErrorKind::Unsupported, what)
}

impl EventStore for AnyStore {
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

    events!(awaited inner);
}

impl SnapshotStore for AnyStore {
    snapshots!(awaited inner);
}

impl CommitStore for AnyStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        self.inner.commit(commit).await
    }

    cursors!(awaited inner);
}

impl WorkQueue for AnyStore {
    work!(awaited inner);
}
