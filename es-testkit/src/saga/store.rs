//! A store that is gone when the process dies.

use super::fuse::{Fuse, died};
use es_runtime::{
    Append, AppendError, AppendId, Appended, Claim, Claimed, Commit, CommitError, CommitStore,
    Committed, EventFilter, EventStore, FeedPage, Outcome, Position, ReadError, ReadLimit,
    RecordedEvent, StorageError, StreamFold, StreamId, StreamRange, Timestamp, WorkQueue,
};
use es_runtime::{WorkFilter, WorkItem};
use std::time::Duration;

/// A store as one process sees it; another process sees the same data through its own.
#[derive(Clone, Debug)]
pub struct MortalStore<S> {
    inner: S,
    fuse: Fuse,
}

impl<S> MortalStore<S> {
    /// The store as a process sees it that dies with this fuse.
    pub const fn new(inner: S, fuse: Fuse) -> Self {
        Self { inner, fuse }
    }
}

fn unread() -> ReadError {
    ReadError::Storage(died())
}

impl<S: EventStore> EventStore for MortalStore<S> {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let stream = append.stream.clone();
        let dead = || AppendError::Storage {
            stream: stream.clone(),
            outcome: Outcome::Unknown,
            error: died(),
        };
        let write = self.inner.append(append);
        self.fuse.pass("append", write, dead).await
    }

    async fn find_append(
        &self,
        stream: &StreamId,
        id: &AppendId,
    ) -> Result<Option<Appended>, ReadError> {
        let read = self.inner.find_append(stream, id);
        self.fuse.read(read, unread).await
    }

    async fn fold_stream<F: StreamFold>(
        &self,
        stream: &StreamId,
        after: u64,
        fold: F,
    ) -> Result<F, ReadError> {
        let read = self.inner.fold_stream(stream, after, fold);
        self.fuse.read(read, unread).await
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        range: StreamRange,
        limit: ReadLimit,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let read = self.inner.read_stream(stream, range, limit);
        self.fuse.read(read, unread).await
    }

    async fn read_feed(
        &self,
        after: Position,
        filter: &EventFilter,
        limit: ReadLimit,
    ) -> Result<FeedPage, ReadError> {
        let read = self.inner.read_feed(after, filter, limit);
        self.fuse.read(read, unread).await
    }

    async fn head(&self) -> Result<Position, ReadError> {
        self.fuse.read(self.inner.head(), unread).await
    }

    async fn changed(&self, position: Position) {
        self.inner.changed(position).await;
    }
}

impl<S: CommitStore> CommitStore for MortalStore<S> {
    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        let dead = || CommitError::Storage {
            outcome: Outcome::Unknown,
            error: died(),
        };
        let events = commit.appends.iter().flat_map(|append| &append.events);
        let names: Vec<_> = events.map(|event| &*event.name).collect();
        let what = format!("commit [{}]", names.join(", "));
        let write = self.inner.commit(commit);
        self.fuse.pass(what, write, dead).await
    }

    async fn cursor(&self, consumer: &str) -> Result<Option<Position>, ReadError> {
        let read = self.inner.cursor(consumer);
        self.fuse.read(read, unread).await
    }
}

impl<S: WorkQueue> WorkQueue for MortalStore<S> {
    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StorageError> {
        self.fuse.pass("claim", self.inner.claim(claim), died).await
    }

    async fn renew(&self, claimed: &Claimed, lease: Duration) -> Result<bool, StorageError> {
        let write = self.inner.renew(claimed, lease);
        self.fuse.pass("renew", write, died).await
    }

    async fn work_items(&self, filter: &WorkFilter) -> Result<Vec<WorkItem>, ReadError> {
        self.fuse.read(self.inner.work_items(filter), unread).await
    }

    async fn now(&self) -> Result<Timestamp, ReadError> {
        self.fuse.read(self.inner.now(), unread).await
    }

    async fn store_id(&self) -> Result<String, ReadError> {
        self.fuse.read(self.inner.store_id(), unread).await
    }
}
