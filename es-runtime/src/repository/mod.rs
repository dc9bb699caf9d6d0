//! The repository: loads aggregates, decides commands and stores the events.

pub(crate) mod cache;
pub(crate) mod command;
mod error;
mod execute;
mod many;
mod replay;
mod retry;

pub use error::{ExecuteError, LoadError};
pub use execute::{Execute, Executed, SnapshotFailure, find_events};
pub use replay::{Loaded, SnapshotDropped, SnapshotUse};
pub use retry::RetryPolicy;

use crate::{
    Aggregate, AnyStore, AsId, Command, Envelope, EventStore, Fingerprint, NoSnapshots, ReadLimit,
    SnapshotStore, StreamId, StreamRange, aggregate::HandledBy, metrics,
};
use std::{fmt, marker::PhantomData, sync::Arc};

/// Executes commands on one type of aggregate, loads it, and reads its history.
///
/// `Repository<Order>` is a repository on [`AnyStore`], so applications can name it without a store and
/// choose the store at run time. `Repository<Order, SqliteStore>` avoids the dynamic dispatch. The third
/// parameter is the store of snapshots, by default the same store.
///
/// [`execute`](Repository::execute), [`load`](Repository::load) and [`history`](Repository::history)
/// take an id, a reference to one, or a `&str` where the id is a `String`. A clone of a repository is
/// cheap.
///
/// ```
/// use es_runtime::{AnyStore, MemoryStore, Repository};
#[doc = include_str!("../../docs/door.rs")]
///
/// # futures_executor::block_on(async {
/// let doors: Repository<Door> = Repository::new(AnyStore::new(MemoryStore::new()));
/// let done = doors.execute(7, Open).await?;
/// assert_eq!(done.version, 1);
/// assert!(doors.load(7).await?.state.open);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub struct Repository<A: Aggregate, S = AnyStore, N = S> {
    store: S,
    snapshots: N,
    retry: RetryPolicy,
    fingerprint: Option<Fingerprint>,
    cache: Arc<cache::StateCache>,
    /// Without it the cache is only a queue.
    cached: Option<&'static cache::Typed<A>>,
    aggregate: PhantomData<fn() -> A>,
}

impl<A: Aggregate, S: EventStore> Repository<A, S> {
    /// A repository on `store`, which also stores the snapshots.
    pub fn new(store: S) -> Self
    where
        S: SnapshotStore,
    {
        Self::with_snapshots(store.clone(), store)
    }

    /// A repository without snapshots. It always replays the whole stream.
    pub fn without_snapshots(store: S) -> Repository<A, S, NoSnapshots> {
        Self::with_snapshots(store, NoSnapshots)
    }

    /// A repository with snapshots in another store.
    ///
    /// The repository uses a snapshot when its stream has an event with the same version and position.
    /// Delete the snapshots when you replace the events, for example by an older backup. Otherwise a
    /// snapshot of the old history could match an event of the new one.
    pub fn with_snapshots<N: SnapshotStore>(store: S, snapshots: N) -> Repository<A, S, N> {
        metrics::conflicts(A::NAME, 0);
        Repository {
            store,
            snapshots,
            retry: RetryPolicy::default(),
            fingerprint: A::SNAPSHOTS.map(|policy| policy.fingerprint(A::CODEC)),
            cache: Arc::new(cache::StateCache::new(128)),
            cached: None,
            aggregate: PhantomData,
        }
    }
}

impl<A: Aggregate, S: EventStore, N: SnapshotStore> Repository<A, S, N> {
    /// With this policy for conflicts.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// With a cache of at most this many states for [`execute`](Repository::execute), which all clones of this
    /// repository share. Use it where the same aggregates get command after command.
    ///
    /// It changes no result. A command decides on the cached state, and the store accepts its events only at the
    /// version of that state. When it does not, and before a command is rejected or answered without an event,
    /// the repository reads what is new and decides again. Commands to one stream take turns.
    ///
    /// A clone of a state must share nothing with it that `apply` or `handle` change. Events are not read again:
    /// only a [`load`](Repository::load) finds that an old one was damaged since then. Restart the program when
    /// you replace the events, for example by an older backup.
    ///
    /// ```
    /// use es_runtime::{AnyStore, MemoryStore, Repository};
    #[doc = include_str!("../../docs/door.rs")]
    /// let store = AnyStore::new(MemoryStore::new());
    /// let doors = Repository::<Door>::new(store).cached(10_000);
    /// ```
    #[must_use]
    pub fn cached(mut self, states: usize) -> Self
    where
        A: Clone,
    {
        self.cache = Arc::new(cache::StateCache::new(states));
        self.cached = Some(&cache::Typed::ALL);
        self
    }

    /// The store of events.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Executes a command: loads the aggregate, decides, and appends the events at the version that was
    /// loaded. When another writer was first, it decides again on the newer state, as often as the [`RetryPolicy`]
    /// allows. Where commands of this repository and its clones met at a stream, they take turns.
    ///
    /// `id` is an id, a reference to one, or a `&str` where the id is a `String`. The returned [`Execute`]
    /// takes metadata and an append id. It runs when it is awaited.
    ///
    /// # Errors
    /// [`ExecuteError`]. Its [`outcome`](ExecuteError::outcome) says whether something was written.
    ///
    /// # Cancel safety
    /// A dropped future leaves the command done or not done, never half. With an
    /// [`append_id`](Execute::append_id) you can repeat it safely.
    pub fn execute<C>(&self, id: impl AsId<A::Id>, command: C) -> Execute<'_, A, S, N>
    where
        C: Command + HandledBy<A>,
    {
        Execute::new(self, id, command)
    }

    /// The current state of the aggregate. Without events it is the default state at version 0.
    ///
    /// # Errors
    /// [`LoadError`] when the stream cannot be read to its end. No event is ever skipped.
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn load(&self, id: impl AsId<A::Id>) -> Result<Loaded<A>, LoadError> {
        self.replay(&StreamId::of::<A>(id)?, None, u64::MAX).await
    }

    /// The state after the event with this version, or the current state when the stream is shorter.
    ///
    /// # Errors
    /// [`LoadError`] as for [`load`](Repository::load).
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn load_at(
        &self,
        id: impl AsId<A::Id>,
        version: u64,
    ) -> Result<Loaded<A>, LoadError> {
        self.replay(&StreamId::of::<A>(id)?, None, version).await
    }

    /// The events of one aggregate after a version (0 for all), at most `limit` stored events.
    ///
    /// One call may return fewer events than there are. Continue with the version of the last one until a
    /// page is empty:
    ///
    /// ```
    /// # use es_runtime::{Aggregate, Event, EventStore, LoadError, ReadLimit, Repository, SnapshotStore};
    /// async fn count<A: Aggregate, S: EventStore + SnapshotStore>(
    ///     repository: &Repository<A, S>,
    ///     id: &A::Id,
    /// ) -> Result<usize, LoadError> {
    ///     let (mut after, mut count) = (0, 0);
    ///     loop {
    ///         let page = repository.history(id, after, ReadLimit::default()).await?;
    ///         let Some(last) = page.last() else { return Ok(count) };
    ///         after = last.version;
    ///         count += page.len();
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// [`LoadError`] as for [`load`](Repository::load).
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn history(
        &self,
        id: impl AsId<A::Id>,
        after: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Envelope<A::Event>>, LoadError> {
        self.page(&StreamId::of::<A>(id)?, after, limit).await
    }

    /// At least one event, if there is one: stored events that read as none do not make an empty page.
    async fn page(
        &self,
        stream: &StreamId,
        mut after: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Envelope<A::Event>>, LoadError> {
        let mut events = Vec::new();
        while events.is_empty() {
            let range = StreamRange::forward(after);
            let recorded = self.store.read_stream(stream, range, limit).await?;
            let Some(last) = recorded.last() else { break };
            after = last.version;
            for event in &recorded {
                // The error names the stream and version.
                let decoded = event.decode().map_err(|source| LoadError::Decode {
                    stream: event.stream.clone(),
                    version: event.version,
                    position: event.position,
                    source,
                });
                events.extend(decoded?);
            }
        }
        Ok(events)
    }
}

impl<A: Aggregate, S: Clone, N: Clone> Clone for Repository<A, S, N> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            snapshots: self.snapshots.clone(),
            retry: self.retry.clone(),
            fingerprint: self.fingerprint,
            cache: Arc::clone(&self.cache),
            cached: self.cached,
            aggregate: PhantomData,
        }
    }
}

impl<A: Aggregate, S, N> fmt::Debug for Repository<A, S, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository")
            .field("aggregate", &A::NAME)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
