//! A store whose reader falls asleep after it got a page of the feed.

use es_runtime::{
    Append, AppendError, AppendId, Appended, EventFilter, EventStore, FeedPage, MemoryStore,
    Position, ReadError, ReadLimit, RecordedEvent, StorageError, StreamFold, StreamId, StreamRange,
    Timestamp,
    saga::{Claim, Claimed, Commit, CommitError, Committed, RowFilter, SagaRow, SagaStore},
};
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

type Sleep = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A cursor's move: where it stood, where it went.
pub type Move = (Option<Position>, Position);

/// The in-memory store, with something that happens after each page was read.
#[derive(Clone)]
pub struct Sleepy {
    inner: MemoryStore,
    sleep: Sleep,
    moves: Arc<Mutex<Vec<Move>>>,
}

impl Sleepy {
    pub fn new(
        inner: MemoryStore,
        sleep: impl Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync + 'static,
    ) -> Self {
        let sleep: Sleep = Arc::new(sleep);
        Self {
            inner,
            sleep,
            moves: Arc::default(),
        }
    }

    /// Where its cursors were set to, each with where they stood.
    pub fn moves(&self) -> Vec<Move> {
        self.moves.lock().expect("not poisoned").clone()
    }
}

impl EventStore for Sleepy {
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
        (self.sleep)().await;
        page
    }

    async fn head(&self) -> Result<Position, ReadError> {
        self.inner.head().await
    }
}

impl SagaStore for Sleepy {
    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        let moved = commit.cursor.clone();
        let done = self.inner.commit(commit).await?;
        if let Some(moved) = moved {
            let mut moves = self.moves.lock().expect("not poisoned");
            moves.push((moved.from, moved.to));
        }
        Ok(done)
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StorageError> {
        self.inner.claim(claim).await
    }

    async fn renew(&self, claimed: &Claimed, lease: Duration) -> Result<bool, StorageError> {
        self.inner.renew(claimed, lease).await
    }

    async fn saga_rows(&self, filter: &RowFilter) -> Result<Vec<SagaRow>, ReadError> {
        self.inner.saga_rows(filter).await
    }

    async fn saga_cursor(&self, consumer: &str) -> Result<Option<Position>, ReadError> {
        self.inner.saga_cursor(consumer).await
    }

    async fn saga_time(&self) -> Result<Timestamp, ReadError> {
        self.inner.saga_time().await
    }

    async fn saga_space(&self) -> Result<String, ReadError> {
        self.inner.saga_space().await
    }
}
