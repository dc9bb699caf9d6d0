//! The store: one handle, and the traits of `es-runtime` on it.

use crate::{Durability, NatsOptions, shared::Shared, transfer::Transfer};
use es_runtime::{
    Append, AppendError, AppendId, Appended, Claim, Claimed, Commit, CommitError, CommitStore,
    Committed, EventFilter, EventStore, FeedPage, Position, ReadError, ReadLimit, RecordedEvent,
    Snapshot, SnapshotStore, StorageError, StreamFold, StreamId, StreamRange, TagQuery, TagWalk,
    TagWalked, TaggedBackward, TaggedPage, Timestamp, UniqueWalk, UniqueWalked, WorkFilter,
    WorkItem, WorkQueue, WorkStatus,
    store::author::{Timer, appended, committed},
};
use std::{fmt, ops::Bound, sync::Arc, time::Duration};

const NAME: &str = "nats";

/// A store on a stream of NATS JetStream. A clone is another handle on the same store.
///
/// - **`Ok` means stored on a majority of the replicas**, and synced to their disks unless
///   [`durability`](NatsStore::durability) says otherwise.
/// - **An answer that gets lost is looked for.** The same commit is sent again until
///   [`patience`](NatsOptions::patience) ends, and is stored once. Only then the outcome is
///   [`Unknown`](es_runtime::Outcome::Unknown).
/// - **Reads see all that was acknowledged before**, through every handle: the leader says where a stream ends.
/// - **Positions** have two numbers: the sequence of the commit, and the number of the event in it. Events between two
///   positions cannot be counted.
/// - **Ids of events** must differ within a commit. They are not compared with those of other commits.
/// - **A list of streams** reads the names of all streams of the aggregate, one request for each 100,000, and keeps the next 100,000
///   for the pages after it. So a walk through a million streams reads them about ten times, whatever the size of its pages; one that
///   waits for more than a minute between two pages reads them again.
/// - **A stream of JetStream that is made anew** while the store is open is
///   [`Corrupt`](es_runtime::StorageErrorKind::Corrupt) as soon as a sequence is smaller than it was, and every later call is. A
///   new one that has grown past the old one is noticed when the store is opened again. A server that has an older stream of that name was
///   left behind, and is [`Unreachable`](es_runtime::StorageErrorKind::Unreachable).
/// - **Unique values** are enforced from the first event of a name on. A rule cannot be turned on for events that are stored
///   without it.
/// - **Work items** are messages of the same stream, so sagas and process managers run on it, in many processes. Due times and
///   leases are compared with the clock of the server that leads the stream. A process remembers the items that have not ended.
///   The first claim reads the newest message of each item, also of those that have ended.
/// - **Tags** are recorded from the first event of a name on. A kind cannot be turned on for events that are stored already.
///   A guard compares one tag of its query, and only an event that the query finds refuses a commit. Where other processes write
///   that tag without a pause, a commit may fail with [`Busy`](es_runtime::StorageErrorKind::Busy) after
///   [`patience`](NatsOptions::patience).
/// - **Inline projections** are refused as
///   [`Unsupported`](es_runtime::StorageErrorKind::Unsupported), before anything is written.
///
/// It runs on tokio.
///
/// ```no_run
/// use es_nats::NatsStore;
/// use es_runtime::{Append, EventStore, ExpectedVersion, NewEvent, StreamId};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let store = NatsStore::options().one_replica().unchecked_syncs().open("nats://localhost").await?;
/// let order = StreamId::new("order", "4711")?;
/// let placed = NewEvent::json("order.placed", 1, r#"{"customer":"alice"}"#);
/// let append = Append::new(order, ExpectedVersion::NoStream).with_event(placed);
/// assert_eq!(store.append(append).await?.version, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct NatsStore {
    shared: Arc<Shared>,
}

impl NatsStore {
    /// Options to open a store with.
    pub fn options() -> NatsOptions {
        NatsOptions::new()
    }

    pub(crate) const fn of(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Its messages as data, for programs that move a store.
    pub fn transfer(&self) -> Transfer {
        Transfer {
            shared: Arc::clone(&self.shared),
        }
    }

    /// What an acknowledged append survives, as it was checked when the store was opened.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), es_runtime::StorageError> {
    /// # let store = es_nats::NatsStore::options().open("nats://localhost").await?;
    /// println!("{}", store.durability());
    /// # Ok(())
    /// # }
    /// ```
    pub fn durability(&self) -> Durability {
        self.shared.durability
    }
}

impl fmt::Debug for NatsStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

impl EventStore for NatsStore {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let since = Timer::start();
        let answer = self.shared.append(append).await;
        appended(since, NAME, &answer);
        answer
    }

    async fn find_append(
        &self,
        stream: &StreamId,
        id: &AppendId,
    ) -> Result<Option<Appended>, ReadError> {
        let _open = self.shared.enter().await?;
        let first = self.shared.first_with(stream, id).await?;
        Ok(first.map(|first| first.appended.as_repeated()))
    }

    async fn fold_stream<F: StreamFold>(
        &self,
        stream: &StreamId,
        after: u64,
        fold: F,
    ) -> Result<F, ReadError> {
        let _open = self.shared.enter().await?;
        self.shared.fold(stream, after, fold).await
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        range: StreamRange,
        limit: ReadLimit,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let _open = self.shared.enter().await?;
        self.shared.read(stream, range, limit).await
    }

    async fn read_feed(
        &self,
        after: Position,
        filter: &EventFilter,
        limit: ReadLimit,
    ) -> Result<FeedPage, ReadError> {
        let _open = self.shared.enter().await?;
        self.shared.feed(after, filter, limit).await
    }

    async fn list_streams(
        &self,
        aggregate: &str,
        after: &str,
        at_most: usize,
    ) -> Result<Vec<StreamId>, ReadError> {
        let _open = self.shared.enter().await?;
        self.shared.streams(aggregate, after, at_most).await
    }

    async fn head(&self) -> Result<Position, ReadError> {
        let _open = self.shared.enter().await?;
        self.shared.head().await
    }

    async fn unique_holder(&self, rule: &str, value: &str) -> Result<Option<StreamId>, ReadError> {
        let _open = self.shared.enter().await?;
        self.shared.unique_holder(rule, value).await
    }

    async fn read_tagged(
        &self,
        query: &TagQuery,
        after: Position,
        limit: ReadLimit,
    ) -> Result<TaggedPage, ReadError> {
        let _open = self.shared.enter().await?;
        self.shared.tagged(query, after, limit).await
    }

    async fn read_tagged_backward(
        &self,
        query: &TagQuery,
        after: Position,
        until: Bound<Position>,
        limit: ReadLimit,
    ) -> Result<TaggedBackward, ReadError> {
        let _open = self.shared.enter().await?;
        let read = self.shared.tagged_backward(query, after, until, limit);
        read.await
    }

    async fn walk_tags(&self, walk: TagWalk) -> Result<TagWalked, StorageError> {
        let _open = self.shared.enter().await?;
        self.shared.walk_tags(&walk).await
    }

    async fn walk_unique(&self, walk: UniqueWalk) -> Result<UniqueWalked, StorageError> {
        let _open = self.shared.enter().await?;
        self.shared.walk_unique(&walk).await
    }

    async fn store_id(&self) -> Result<String, ReadError> {
        Ok(self.shared.identity.store_id.clone())
    }

    async fn changed(&self, position: Position) {
        self.shared.changed(position).await;
    }

    async fn close(&self) {
        self.shared.close().await;
    }
}

impl CommitStore for NatsStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        let since = Timer::start();
        let answer = self.shared.commit(commit).await;
        committed(since, NAME, &answer);
        answer
    }

    async fn cursor(&self, consumer: &str) -> Result<Option<Position>, ReadError> {
        let _open = self.shared.enter().await?;
        let cursor = self.shared.cursor_of(consumer).await?;
        Ok(cursor.map(|(_, cursor)| cursor.position))
    }

    async fn cursor_inputs(&self, consumer: &str) -> Result<Option<String>, ReadError> {
        let _open = self.shared.enter().await?;
        let cursor = self.shared.cursor_of(consumer).await?;
        Ok(cursor.and_then(|(_, cursor)| cursor.inputs))
    }
}

impl WorkQueue for NatsStore {
    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StorageError> {
        let _open = self.shared.enter_to_write().await?;
        self.shared.claim(&claim).await
    }

    async fn renew(&self, claimed: &Claimed, lease: Duration) -> Result<bool, StorageError> {
        let _open = self.shared.enter_to_write().await?;
        self.shared.renew(claimed, lease).await
    }

    async fn work_items(&self, filter: &WorkFilter) -> Result<Vec<WorkItem>, ReadError> {
        let _open = self.shared.enter().await?;
        self.shared.work_items(filter).await
    }

    async fn work_counts(
        &self,
        aggregates: Vec<String>,
    ) -> Result<Vec<(String, WorkStatus, u64)>, ReadError> {
        let _open = self.shared.enter().await?;
        self.shared.work_counts(aggregates).await
    }

    async fn now(&self) -> Result<Timestamp, ReadError> {
        let _open = self.shared.enter().await?;
        Ok(self.shared.now().await?)
    }
}

impl SnapshotStore for NatsStore {
    async fn load_snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, ReadError> {
        let _open = self.shared.enter().await?;
        self.shared.snapshot(stream).await
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> Result<(), StorageError> {
        let _open = self.shared.enter_to_write().await?;
        self.shared.keep(snapshot).await
    }

    async fn delete_snapshot(&self, stream: &StreamId) -> Result<(), StorageError> {
        let _open = self.shared.enter_to_write().await?;
        self.shared.drop_snapshot(stream).await
    }
}
