//! A store that pauses a reader of the feed before it hands over a page.

use crate::{Layered, StoreLayer};
use es_runtime::{
    Commit, CommitError, CommitStore, Committed, CursorMove, EventFilter, EventStore, FeedPage,
    Position, ReadError, ReadLimit,
};
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

type Pause = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A store that runs something between the read of a page of the feed and its delivery.
///
/// Use it to test a process that is paused after it read a page, while other processes go on.
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
pub type PausingStore<S> = Layered<Pausing<S>>;

/// The layer of a [`PausingStore`].
#[derive(Clone)]
pub struct Pausing<S> {
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

/// Runs the work on a thread and a runtime of its own, so that a paused store stops this work and nothing
/// else, as a stopped process would. The receiver gets the result. It closes if the work panics or the
/// runtime cannot be made.
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
    /// Waits until the store has read a page and holds it back.
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
        // A test that failed meanwhile does not resume it.
        let at_most = Duration::from_secs(60);
        drop(condition.wait_timeout_while(resumed, at_most, |is_resumed| !*is_resumed));
    }
}

impl<S> PausingStore<S> {
    /// Runs `pause` after each read of a page, before the page is handed over.
    pub fn new(
        inner: S,
        pause: impl Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync + 'static,
    ) -> Self {
        Layered(Pausing {
            inner,
            pause: Arc::new(pause),
            ignores_wakes: false,
            moves: Arc::default(),
        })
    }

    /// Holds each page back until [`Resume::resume`] is called, at most one minute. This blocks the reader's
    /// thread, so run the reader with [`as_a_process`].
    pub fn until_resumed(inner: S) -> (Self, Resume) {
        let resume = Resume {
            is_resumed: Arc::default(),
            paused: Arc::new(Semaphore::new(0)),
        };
        let paused = resume.clone();
        let store = Self::new(inner, move || {
            // Other tasks of this runtime, such as shared connections, go on.
            tokio::task::block_in_place(|| paused.pause());
            Box::pin(std::future::ready(()))
        });
        (store, resume)
    }

    /// Whether [`changed`](EventStore::changed) never returns, so that readers have to poll.
    #[must_use]
    pub fn ignoring_wakes(mut self, ignores_wakes: bool) -> Self {
        self.0.ignores_wakes = ignores_wakes;
        self
    }

    /// The cursor moves that were committed through this store, in order.
    pub fn moves(&self) -> Vec<CursorMove> {
        let moves = self.moves.lock();
        moves.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<S: EventStore> StoreLayer for Pausing<S> {
    type Inner = S;

    fn inner(&self) -> &S {
        &self.inner
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

    async fn changed(&self, position: Position) {
        if self.ignores_wakes {
            std::future::pending::<()>().await;
        }
        self.inner.changed(position).await;
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError>
    where
        S: CommitStore,
    {
        let cursor = commit.cursor.clone();
        let done = self.inner.commit(commit).await?;
        if let Some(cursor) = cursor {
            let moves = self.moves.lock();
            moves.unwrap_or_else(PoisonError::into_inner).push(cursor);
        }
        Ok(done)
    }
}
