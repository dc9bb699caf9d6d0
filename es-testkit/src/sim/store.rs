//! A store as one process of the simulation sees it.

use super::{
    trouble::{Kind, Trouble},
    world::World,
};
use crate::{Layered, StoreLayer};
use es_runtime::{
    Append, AppendError, AppendId, Appended, Claim, Claimed, Commit, CommitError, CommitStore,
    Committed, EventFilter, EventStore, FeedPage, MemoryStore, Outcome, Position, ReadError,
    ReadLimit, RecordedEvent, Snapshot, SnapshotStore, StorageError, StorageErrorKind, StreamFold,
    StreamId, StreamRange, TagQuery, TaggedBackward, TaggedPage, WorkFilter, WorkItem, WorkQueue,
};
use std::{fmt, future::Future, ops::Bound, sync::Arc, time::Duration};

/// The store in memory, whose calls fail as the seed says.
pub type SimStore = Layered<Simulated>;

/// The layer of a [`SimStore`].
#[derive(Clone)]
pub struct Simulated {
    world: Arc<World>,
    process: usize,
}

impl fmt::Debug for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulated")
            .field("process", &self.process)
            .finish_non_exhaustive()
    }
}

pub(super) fn silent() -> StorageError {
    StorageError::new(
        StorageErrorKind::Unreachable,
        "the simulated store does not answer",
    )
}

impl Simulated {
    pub(super) const fn new(world: Arc<World>, process: usize) -> Self {
        Self { world, process }
    }

    /// Stores the checkpoint of a subscription. Says whether that is certain.
    pub(super) async fn store_checkpoint(&self, of: &'static str, to: Position) -> bool {
        let write = async {
            self.world.move_checkpoint(of, to);
            Ok(())
        };
        let what = format!("checkpoint of {of}");
        self.write(&what, write, |_| ()).await.is_ok()
    }

    /// Commits, and makes sure that no reader of the feed goes back, which no release and no failure may lead to.
    async fn commit_forward(&self, commit: Commit) -> Result<Committed, CommitError> {
        let moved = commit.cursor.as_ref();
        let moved = moved.map(|moved| (moved.consumer.clone(), moved.to));
        let before = match &moved {
            Some((consumer, _)) => self.inner().cursor(consumer).await.ok().flatten(),
            None => None,
        };
        let done = self.inner().commit(commit).await;
        if let (Ok(_), Some((consumer, to)), Some(before)) = (&done, moved, before) {
            assert!(
                before <= to,
                "the place of `{consumer}` in the feed goes back from {before} to {to}"
            );
        }
        done
    }

    fn note_conflict(&self, what: &str, error: Option<&AppendError>) {
        if let Some(AppendError::Conflict { .. }) = error {
            let process = self.process;
            self.world
                .note(format!("process {process}, {what}: conflict"));
        }
    }

    async fn read<T>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, ReadError>>,
    ) -> Result<T, ReadError> {
        match self.world.point(self.process, what, Kind::Read).await {
            Some(_) => Err(silent().into()),
            None => call.await,
        }
    }

    /// `failed` makes the error of the call.
    async fn write<T, E>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, E>>,
        failed: impl Fn(Outcome) -> E,
    ) -> Result<T, E> {
        match self.world.point(self.process, what, Kind::Write).await {
            None => call.await,
            Some(Trouble::Unavailable) => Err(failed(Outcome::NotApplied)),
            Some(Trouble::UnknownNotApplied) => Err(failed(Outcome::Unknown)),
            Some(Trouble::UnknownApplied) => {
                let _ = call.await;
                Err(failed(Outcome::Unknown))
            }
            Some(Trouble::DiesBefore) => match self.world.die(self.process).await {},
            Some(Trouble::DiesAfter) => {
                let _ = call.await;
                match self.world.die(self.process).await {}
            }
        }
    }
}

impl StoreLayer for Simulated {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.world.store
    }

    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let stream = append.stream.clone();
        let failed = |outcome| AppendError::Storage {
            stream: stream.clone(),
            outcome,
            error: silent(),
        };
        let what = format!("append to {stream}");
        let done = self.write(&what, self.inner().append(append), failed).await;
        self.note_conflict(&what, done.as_ref().err());
        done
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        // Never that it was not applied: sagas would wait for real time before they try again.
        let failed = |_| CommitError::Storage {
            outcome: Outcome::Unknown,
            error: silent(),
        };
        let names = commit.appends.iter().flat_map(|append| &append.events);
        let names: Vec<_> = names.map(|event| &*event.name).collect();
        let what = format!("commit of [{}]", names.join(", "));
        let done = self.write(&what, self.commit_forward(commit), failed).await;
        let conflict = match &done {
            Err(CommitError::Append(error)) => Some(error),
            _ => None,
        };
        self.note_conflict(&what, conflict);
        done
    }

    async fn find_append(
        &self,
        stream: &StreamId,
        id: &AppendId,
    ) -> Result<Option<Appended>, ReadError> {
        let call = self.inner().find_append(stream, id);
        self.read("find_append", call).await
    }

    async fn unique_holder(&self, rule: &str, value: &str) -> Result<Option<StreamId>, ReadError> {
        let call = self.inner().unique_holder(rule, value);
        self.read("unique_holder", call).await
    }

    async fn read_tagged(
        &self,
        query: &TagQuery,
        after: Position,
        limit: ReadLimit,
    ) -> Result<TaggedPage, ReadError> {
        let call = self.inner().read_tagged(query, after, limit);
        self.read("read_tagged", call).await
    }

    async fn read_tagged_backward(
        &self,
        query: &TagQuery,
        after: Position,
        until: Bound<Position>,
        limit: ReadLimit,
    ) -> Result<TaggedBackward, ReadError> {
        let call = self
            .inner()
            .read_tagged_backward(query, after, until, limit);
        self.read("read_tagged_backward", call).await
    }

    async fn fold_stream<F: StreamFold>(
        &self,
        stream: &StreamId,
        after: u64,
        fold: F,
    ) -> Result<F, ReadError> {
        let call = self.inner().fold_stream(stream, after, fold);
        self.read("fold_stream", call).await
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        range: StreamRange,
        limit: ReadLimit,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let call = self.inner().read_stream(stream, range, limit);
        self.read("read_stream", call).await
    }

    async fn read_feed(
        &self,
        after: Position,
        filter: &EventFilter,
        limit: ReadLimit,
    ) -> Result<FeedPage, ReadError> {
        let call = self.inner().read_feed(after, filter, limit);
        self.read("read_feed", call).await
    }

    async fn list_streams(
        &self,
        aggregate: &str,
        after: &str,
        at_most: usize,
    ) -> Result<Vec<StreamId>, ReadError> {
        let call = self.inner().list_streams(aggregate, after, at_most);
        self.read("list_streams", call).await
    }

    async fn head(&self) -> Result<Position, ReadError> {
        self.read("head", self.inner().head()).await
    }

    async fn cursor(&self, consumer: &str) -> Result<Option<Position>, ReadError> {
        self.read("cursor", self.inner().cursor(consumer)).await
    }

    async fn cursor_inputs(&self, consumer: &str) -> Result<Option<String>, ReadError> {
        let call = self.inner().cursor_inputs(consumer);
        self.read("cursor_inputs", call).await
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StorageError> {
        let call = self.inner().claim(claim);
        self.write("claim", call, |_| silent()).await
    }

    async fn renew(&self, claimed: &Claimed, lease: Duration) -> Result<bool, StorageError> {
        let call = self.inner().renew(claimed, lease);
        self.write("renew", call, |_| silent()).await
    }

    async fn work_items(&self, filter: &WorkFilter) -> Result<Vec<WorkItem>, ReadError> {
        self.read("work_items", self.inner().work_items(filter))
            .await
    }

    async fn load_snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, ReadError> {
        self.read("load_snapshot", self.inner().load_snapshot(stream))
            .await
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> Result<(), StorageError> {
        let call = self.inner().save_snapshot(snapshot);
        self.write("save_snapshot", call, |_| silent()).await
    }
}
