//! A base for stores that change some calls and forward all others.

use es_runtime::{
    Append, AppendError, AppendId, Appended, Claim, Claimed, Commit, CommitError, CommitStore,
    Committed, EventFilter, EventStore, FeedPage, Position, ReadError, ReadLimit, RecordedEvent,
    Snapshot, SnapshotStore, StorageError, StreamFold, StreamId, StreamRange, TagQuery, TagWalk,
    TagWalked, TaggedBackward, TaggedPage, Timestamp, UniqueWalk, UniqueWalked, WorkFilter,
    WorkItem, WorkQueue, WorkStatus,
};
use std::{
    future::Future,
    ops::{Bound, Deref},
    time::Duration,
};

/// Changes some calls of a store and forwards the others.
///
/// Implement it to inject faults, to count calls or to hold them up. Every method forwards to the
/// [`inner`](StoreLayer::inner) store; override those that should behave otherwise. [`Layered`] turns a
/// layer into a store, which has all traits of the inner store.
///
/// ```
/// use es_runtime::{
///     Append, AppendError, Appended, EventStore, ExpectedVersion, MemoryStore, NewEvent, Outcome,
///     StorageError, StorageErrorKind, StreamId,
/// };
/// use es_testkit::{Layered, StoreLayer};
///
/// /// A store without room for large events.
/// #[derive(Clone)]
/// struct Full(MemoryStore);
///
/// impl StoreLayer for Full {
///     type Inner = MemoryStore;
///
///     fn inner(&self) -> &MemoryStore {
///         &self.0
///     }
///
///     async fn append(&self, append: Append) -> Result<Appended, AppendError> {
///         if append.events.iter().any(|event| event.payload.len() > 10) {
///             return Err(AppendError::Storage {
///                 stream: append.stream,
///                 outcome: Outcome::NotApplied,
///                 error: StorageError::new(StorageErrorKind::Full, "no room"),
///             });
///         }
///         self.inner().append(append).await
///     }
/// }
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let store = Layered(Full(MemoryStore::new()));
/// let append = |payload: &str| -> Result<Append, Box<dyn std::error::Error>> {
///     let event = NewEvent::json("order.placed", 1, payload);
///     Ok(Append::new(StreamId::new("order", "1")?, ExpectedVersion::Any).with_event(event))
/// };
/// store.append(append("{}")?).await?;
/// assert!(store.append(append(r#"{"cents":100}"#)?).await.is_err());
/// assert_eq!(store.inner().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait StoreLayer: Clone + Send + Sync + 'static {
    /// The store below.
    type Inner: EventStore;

    /// The store below.
    fn inner(&self) -> &Self::Inner;

    /// [`EventStore::append`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn append(&self, append: Append) -> impl Future<Output = Result<Appended, AppendError>> + Send {
        self.inner().append(append)
    }

    /// [`EventStore::find_append`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn find_append(
        &self,
        stream: &StreamId,
        id: &AppendId,
    ) -> impl Future<Output = Result<Option<Appended>, ReadError>> + Send {
        self.inner().find_append(stream, id)
    }

    /// [`EventStore::unique_holder`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn unique_holder(
        &self,
        rule: &str,
        value: &str,
    ) -> impl Future<Output = Result<Option<StreamId>, ReadError>> + Send {
        self.inner().unique_holder(rule, value)
    }

    /// [`EventStore::walk_unique`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn walk_unique(
        &self,
        walk: UniqueWalk,
    ) -> impl Future<Output = Result<UniqueWalked, StorageError>> + Send {
        self.inner().walk_unique(walk)
    }

    /// [`EventStore::read_tagged`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn read_tagged(
        &self,
        query: &TagQuery,
        after: Position,
        limit: ReadLimit,
    ) -> impl Future<Output = Result<TaggedPage, ReadError>> + Send {
        self.inner().read_tagged(query, after, limit)
    }

    /// [`EventStore::read_tagged_backward`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn read_tagged_backward(
        &self,
        query: &TagQuery,
        after: Position,
        until: Bound<Position>,
        limit: ReadLimit,
    ) -> impl Future<Output = Result<TaggedBackward, ReadError>> + Send {
        self.inner()
            .read_tagged_backward(query, after, until, limit)
    }

    /// [`EventStore::walk_tags`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn walk_tags(
        &self,
        walk: TagWalk,
    ) -> impl Future<Output = Result<TagWalked, StorageError>> + Send {
        self.inner().walk_tags(walk)
    }

    /// [`EventStore::fold_stream`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn fold_stream<F: StreamFold>(
        &self,
        stream: &StreamId,
        after: u64,
        fold: F,
    ) -> impl Future<Output = Result<F, ReadError>> + Send {
        self.inner().fold_stream(stream, after, fold)
    }

    /// [`EventStore::read_stream`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn read_stream(
        &self,
        stream: &StreamId,
        range: StreamRange,
        limit: ReadLimit,
    ) -> impl Future<Output = Result<Vec<RecordedEvent>, ReadError>> + Send {
        self.inner().read_stream(stream, range, limit)
    }

    /// [`EventStore::read_feed`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn read_feed(
        &self,
        after: Position,
        filter: &EventFilter,
        limit: ReadLimit,
    ) -> impl Future<Output = Result<FeedPage, ReadError>> + Send {
        self.inner().read_feed(after, filter, limit)
    }

    /// [`EventStore::list_streams`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn list_streams(
        &self,
        aggregate: &str,
        after: &str,
        at_most: usize,
    ) -> impl Future<Output = Result<Vec<StreamId>, ReadError>> + Send {
        self.inner().list_streams(aggregate, after, at_most)
    }

    /// [`EventStore::head`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn head(&self) -> impl Future<Output = Result<Position, ReadError>> + Send {
        self.inner().head()
    }

    /// [`EventStore::changed`].
    fn changed(&self, position: Position) -> impl Future<Output = ()> + Send {
        self.inner().changed(position)
    }

    /// [`EventStore::close`].
    fn close(&self) -> impl Future<Output = ()> + Send {
        self.inner().close()
    }

    /// [`CommitStore::commit`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn commit(&self, commit: Commit) -> impl Future<Output = Result<Committed, CommitError>> + Send
    where
        Self::Inner: CommitStore,
    {
        self.inner().commit(commit)
    }

    /// [`CommitStore::cursor`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn cursor(
        &self,
        consumer: &str,
    ) -> impl Future<Output = Result<Option<Position>, ReadError>> + Send
    where
        Self::Inner: CommitStore,
    {
        self.inner().cursor(consumer)
    }

    /// [`CommitStore::cursor_inputs`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn cursor_inputs(
        &self,
        consumer: &str,
    ) -> impl Future<Output = Result<Option<String>, ReadError>> + Send
    where
        Self::Inner: CommitStore,
    {
        self.inner().cursor_inputs(consumer)
    }

    /// [`WorkQueue::claim`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn claim(&self, claim: Claim) -> impl Future<Output = Result<Vec<Claimed>, StorageError>> + Send
    where
        Self::Inner: WorkQueue,
    {
        self.inner().claim(claim)
    }

    /// [`WorkQueue::renew`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn renew(
        &self,
        claimed: &Claimed,
        lease: Duration,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send
    where
        Self::Inner: WorkQueue,
    {
        self.inner().renew(claimed, lease)
    }

    /// [`WorkQueue::work_items`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn work_items(
        &self,
        filter: &WorkFilter,
    ) -> impl Future<Output = Result<Vec<WorkItem>, ReadError>> + Send
    where
        Self::Inner: WorkQueue,
    {
        self.inner().work_items(filter)
    }

    /// [`WorkQueue::work_counts`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn work_counts(
        &self,
        aggregates: Vec<String>,
    ) -> impl Future<Output = Result<Vec<(String, WorkStatus, u64)>, ReadError>> + Send
    where
        Self::Inner: WorkQueue,
    {
        self.inner().work_counts(aggregates)
    }

    /// [`WorkQueue::now`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn now(&self) -> impl Future<Output = Result<Timestamp, ReadError>> + Send
    where
        Self::Inner: WorkQueue,
    {
        self.inner().now()
    }

    /// [`EventStore::store_id`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn store_id(&self) -> impl Future<Output = Result<String, ReadError>> + Send {
        self.inner().store_id()
    }

    /// [`SnapshotStore::load_snapshot`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn load_snapshot(
        &self,
        stream: &StreamId,
    ) -> impl Future<Output = Result<Option<Snapshot>, ReadError>> + Send
    where
        Self::Inner: SnapshotStore,
    {
        self.inner().load_snapshot(stream)
    }

    /// [`SnapshotStore::save_snapshot`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn save_snapshot(
        &self,
        snapshot: Snapshot,
    ) -> impl Future<Output = Result<(), StorageError>> + Send
    where
        Self::Inner: SnapshotStore,
    {
        self.inner().save_snapshot(snapshot)
    }

    /// [`SnapshotStore::delete_snapshot`].
    ///
    /// # Errors
    /// Those of the inner store.
    fn delete_snapshot(
        &self,
        stream: &StreamId,
    ) -> impl Future<Output = Result<(), StorageError>> + Send
    where
        Self::Inner: SnapshotStore,
    {
        self.inner().delete_snapshot(stream)
    }
}

/// The store that a [`StoreLayer`] makes of its inner store.
///
/// It dereferences to the layer, so that tests reach the layer's own methods and fields.
#[derive(Clone, Debug, Default)]
pub struct Layered<L>(pub L);

impl<L> Deref for Layered<L> {
    type Target = L;

    fn deref(&self) -> &L {
        &self.0
    }
}

impl<L: StoreLayer> EventStore for Layered<L> {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        self.0.append(append).await
    }

    async fn store_id(&self) -> Result<String, ReadError> {
        self.0.store_id().await
    }

    async fn find_append(
        &self,
        stream: &StreamId,
        id: &AppendId,
    ) -> Result<Option<Appended>, ReadError> {
        self.0.find_append(stream, id).await
    }

    async fn walk_unique(&self, walk: UniqueWalk) -> Result<UniqueWalked, StorageError> {
        self.0.walk_unique(walk).await
    }

    async fn read_tagged(
        &self,
        query: &TagQuery,
        after: Position,
        limit: ReadLimit,
    ) -> Result<TaggedPage, ReadError> {
        self.0.read_tagged(query, after, limit).await
    }

    async fn read_tagged_backward(
        &self,
        query: &TagQuery,
        after: Position,
        until: Bound<Position>,
        limit: ReadLimit,
    ) -> Result<TaggedBackward, ReadError> {
        self.0
            .read_tagged_backward(query, after, until, limit)
            .await
    }

    async fn walk_tags(&self, walk: TagWalk) -> Result<TagWalked, StorageError> {
        self.0.walk_tags(walk).await
    }

    async fn unique_holder(&self, rule: &str, value: &str) -> Result<Option<StreamId>, ReadError> {
        self.0.unique_holder(rule, value).await
    }

    async fn fold_stream<F: StreamFold>(
        &self,
        stream: &StreamId,
        after: u64,
        fold: F,
    ) -> Result<F, ReadError> {
        self.0.fold_stream(stream, after, fold).await
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        range: StreamRange,
        limit: ReadLimit,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        self.0.read_stream(stream, range, limit).await
    }

    async fn read_feed(
        &self,
        after: Position,
        filter: &EventFilter,
        limit: ReadLimit,
    ) -> Result<FeedPage, ReadError> {
        self.0.read_feed(after, filter, limit).await
    }

    async fn list_streams(
        &self,
        aggregate: &str,
        after: &str,
        at_most: usize,
    ) -> Result<Vec<StreamId>, ReadError> {
        self.0.list_streams(aggregate, after, at_most).await
    }

    async fn head(&self) -> Result<Position, ReadError> {
        self.0.head().await
    }

    async fn changed(&self, position: Position) {
        self.0.changed(position).await;
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

impl<L: StoreLayer> CommitStore for Layered<L>
where
    L::Inner: CommitStore,
{
    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        self.0.commit(commit).await
    }

    async fn cursor(&self, consumer: &str) -> Result<Option<Position>, ReadError> {
        self.0.cursor(consumer).await
    }

    async fn cursor_inputs(&self, consumer: &str) -> Result<Option<String>, ReadError> {
        self.0.cursor_inputs(consumer).await
    }
}

impl<L: StoreLayer> WorkQueue for Layered<L>
where
    L::Inner: WorkQueue,
{
    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StorageError> {
        self.0.claim(claim).await
    }

    async fn renew(&self, claimed: &Claimed, lease: Duration) -> Result<bool, StorageError> {
        self.0.renew(claimed, lease).await
    }

    async fn work_items(&self, filter: &WorkFilter) -> Result<Vec<WorkItem>, ReadError> {
        self.0.work_items(filter).await
    }

    async fn work_counts(
        &self,
        aggregates: Vec<String>,
    ) -> Result<Vec<(String, WorkStatus, u64)>, ReadError> {
        self.0.work_counts(aggregates).await
    }

    async fn now(&self) -> Result<Timestamp, ReadError> {
        self.0.now().await
    }
}

impl<L: StoreLayer> SnapshotStore for Layered<L>
where
    L::Inner: SnapshotStore,
{
    async fn load_snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, ReadError> {
        self.0.load_snapshot(stream).await
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> Result<(), StorageError> {
        self.0.save_snapshot(snapshot).await
    }

    async fn delete_snapshot(&self, stream: &StreamId) -> Result<(), StorageError> {
        self.0.delete_snapshot(stream).await
    }
}
