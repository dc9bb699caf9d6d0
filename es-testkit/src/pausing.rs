//! A store whose reader falls paused after it got a page of the feed, and who waits there may never be
//! woken.

use es_runtime::{
    Append, AppendError, AppendId, Appended, Claim, Claimed, Commit, CommitError, CommitStore,
    Committed, CursorMove, EventFilter, EventStore, FeedPage, Position, ReadError, ReadLimit,
    RecordedEvent, StorageError, StreamFold, StreamId, StreamRange, Timestamp, WorkQueue,
};
use es_runtime::{WorkFilter, WorkItem};
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

type Pause = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A store with something that happens between the read of a page of the feed and its delivery: a process
/// that was paused with the page in its hands, while the world went on.
///
/// ```
/// use es_runtime::{EventFilter, EventStore, MemoryStore, Position, ReadLimit};
/// use es_testkit::PausingStore;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
/// # runtime.block_on(async {
/// let (store, resume) = PausingStore::until_resumed(MemoryStore::new());
/// let reader = es_testkit::as_a_process(async move {
///     let all = EventFilter::all();
///     store.read_feed(Position::START, &all, ReadLimit::default()).await
/// });
/// resume.is_paused().await;
/// // Here another process does what it likes.
/// resume.resume();
/// assert!(reader.await.expect("no panic")?.events.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PausingStore<S> {
    inner: S,
    pause: Pause,
    ignores_wakes: bool,
    moves: Arc<Mutex<Vec<CursorMove>>>,
}

/// Resumes a [`PausingStore`].
#[derive(Clone)]
pub struct Resume {
    is_resumed: Arc<(Mutex<bool>, Condvar)>,
    paused: Arc<Semaphore>,
}

/// Runs the work on a thread and a runtime of its own, so that it stands still with a paused store,
/// as a process does that was stopped, and nothing else does. What it gives comes through the receiver, which closes
/// where it panics or the runtime cannot be made.
pub fn as_a_process<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> oneshot::Receiver<T> {
    let (done, result) = oneshot::channel();
    std::thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        if let Ok(runtime) = runtime.enable_all().build() {
            let _ = done.send(runtime.block_on(work));
        }
    });
    result
}

impl Resume {
    /// Waits until a page was read and is held back.
    ///
    /// # Panics
    /// After 20 seconds.
    pub async fn is_paused(&self) {
        let paused = tokio::time::timeout(Duration::from_secs(20), self.paused.acquire()).await;
        assert!(paused.is_ok(), "nobody read the feed in 20 seconds");
        let permit = paused.into_iter().flatten();
        permit.for_each(SemaphorePermit::forget);
    }

    /// Hands over the page that is held back, and all that follow.
    pub fn resume(&self) {
        let (is_resumed, condition) = &*self.is_resumed;
        *is_resumed.lock().unwrap_or_else(PoisonError::into_inner) = true;
        condition.notify_all();
    }

    fn pause(&self) {
        self.paused.add_permits(1);
        let (is_resumed, condition) = &*self.is_resumed;
        let resumed = is_resumed.lock().unwrap_or_else(PoisonError::into_inner);
        // A test that failed meanwhile does not wake it.
        let at_most = Duration::from_secs(60);
        drop(condition.wait_timeout_while(resumed, at_most, |is_resumed| !*is_resumed));
    }
}

impl<S> PausingStore<S> {
    /// Does this with each page before it is handed over.
    pub fn new(
        inner: S,
        pause: impl Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner,
            pause: Arc::new(pause),
            ignores_wakes: false,
            moves: Arc::default(),
        }
    }

    /// Holds each page back until the resume goes off, at most a minute. The reader's thread stands still,
    /// as that of a process that was stopped: run it with [`as_a_process`].
    pub fn until_resumed(inner: S) -> (Self, Resume) {
        let resume = Resume {
            is_resumed: Arc::default(),
            paused: Arc::new(Semaphore::new(0)),
        };
        let paused = resume.clone();
        let store = Self::new(inner, move || {
            // What else this runtime drives, such as connections that others use too, goes on.
            tokio::task::block_in_place(|| paused.pause());
            Box::pin(std::future::ready(()))
        });
        (store, resume)
    }

    /// Whether nobody who waits for new events is ever woken, and everybody has to look by himself.
    #[must_use]
    pub fn ignoring_wakes(mut self, ignores_wakes: bool) -> Self {
        self.ignores_wakes = ignores_wakes;
        self
    }

    /// How commits of sagas moved cursors.
    pub fn moves(&self) -> Vec<CursorMove> {
        let moves = self.moves.lock();
        moves.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<S: EventStore> EventStore for PausingStore<S> {
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
        self.inner.fold_stream(stream, after, fold).await
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
        let page = self.inner.read_feed(after, filter, limit).await;
        (self.pause)().await;
        page
    }

    async fn head(&self) -> Result<Position, ReadError> {
        self.inner.head().await
    }

    async fn changed(&self, position: Position) {
        if self.ignores_wakes {
            std::future::pending::<()>().await;
        }
        self.inner.changed(position).await;
    }
}

impl<S: CommitStore> CommitStore for PausingStore<S> {
    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        let cursor = commit.cursor.clone();
        let done = self.inner.commit(commit).await?;
        if let Some(cursor) = cursor {
            let moves = self.moves.lock();
            moves.unwrap_or_else(PoisonError::into_inner).push(cursor);
        }
        Ok(done)
    }

    async fn cursor(&self, consumer: &str) -> Result<Option<Position>, ReadError> {
        self.inner.cursor(consumer).await
    }
}

impl<S: WorkQueue> WorkQueue for PausingStore<S> {
    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StorageError> {
        self.inner.claim(claim).await
    }

    async fn renew(&self, claimed: &Claimed, lease: Duration) -> Result<bool, StorageError> {
        self.inner.renew(claimed, lease).await
    }

    async fn work_items(&self, filter: &WorkFilter) -> Result<Vec<WorkItem>, ReadError> {
        self.inner.work_items(filter).await
    }

    async fn now(&self) -> Result<Timestamp, ReadError> {
        self.inner.now().await
    }

    async fn store_id(&self) -> Result<String, ReadError> {
        self.inner.store_id().await
    }
}
