//! A store that stops working when the process dies.

use super::fuse::{Fuse, died};
use crate::{Layered, StoreLayer};
use es_runtime::{
    Append, AppendError, AppendId, Appended, Claim, Claimed, Commit, CommitError, CommitStore,
    Committed, EventFilter, EventStore, FeedPage, Outcome, Position, ReadError, ReadLimit,
    RecordedEvent, StorageError, StreamFold, StreamId, StreamRange, Timestamp, WorkQueue,
};
use es_runtime::{WorkFilter, WorkItem};
use std::time::Duration;

/// A store as one process sees it. After the fuse blows every call fails; other processes reach the same
/// data through stores of their own.
pub type MortalStore<S> = Layered<Mortal<S>>;

/// The layer of a [`MortalStore`].
#[derive(Clone, Debug)]
pub struct Mortal<S> {
    inner: S,
    fuse: Fuse,
}

impl<S> MortalStore<S> {
    /// The store of a process that dies with this fuse.
    pub const fn new(inner: S, fuse: Fuse) -> Self {
        Layered(Mortal { inner, fuse })
    }
}

fn unread() -> ReadError {
    ReadError::Storage(died())
}

impl<S: EventStore> StoreLayer for Mortal<S> {
    type Inner = S;

    fn inner(&self) -> &S {
        &self.inner
    }

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

    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError>
    where
        S: CommitStore,
    {
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

    async fn cursor(&self, consumer: &str) -> Result<Option<Position>, ReadError>
    where
        S: CommitStore,
    {
        let read = self.inner.cursor(consumer);
        self.fuse.read(read, unread).await
    }

    async fn cursor_inputs(&self, consumer: &str) -> Result<Option<String>, ReadError>
    where
        S: CommitStore,
    {
        let read = self.inner.cursor_inputs(consumer);
        self.fuse.read(read, unread).await
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StorageError>
    where
        S: WorkQueue,
    {
        self.fuse.pass("claim", self.inner.claim(claim), died).await
    }

    async fn renew(&self, claimed: &Claimed, lease: Duration) -> Result<bool, StorageError>
    where
        S: WorkQueue,
    {
        let write = self.inner.renew(claimed, lease);
        self.fuse.pass("renew", write, died).await
    }

    async fn work_items(&self, filter: &WorkFilter) -> Result<Vec<WorkItem>, ReadError>
    where
        S: WorkQueue,
    {
        self.fuse.read(self.inner.work_items(filter), unread).await
    }

    async fn now(&self) -> Result<Timestamp, ReadError>
    where
        S: WorkQueue,
    {
        self.fuse.read(self.inner.now(), unread).await
    }

    async fn store_id(&self) -> Result<String, ReadError> {
        self.fuse.read(self.inner.store_id(), unread).await
    }
}
