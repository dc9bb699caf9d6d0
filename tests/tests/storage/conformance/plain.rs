//! A store that implements what a store must, and no read by tags from the end: it has the one of the trait.

use es_runtime::{
    Append, AppendError, AppendId, Appended, EventFilter, EventStore, FeedPage, MemoryStore,
    Position, ReadError, ReadLimit, RecordedEvent, Snapshot, SnapshotStore, StorageError,
    StreamFold, StreamId, StreamRange, TagQuery, TagWalk, TagWalked, TaggedPage,
};
use es_testkit::conformance::{self, AnyFixture, Capabilities, NoDatabase, StoreFixture};

#[derive(Clone)]
struct Plain(MemoryStore);

impl EventStore for Plain {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        self.0.append(append).await
    }

    async fn find_append(
        &self,
        stream: &StreamId,
        id: &AppendId,
    ) -> Result<Option<Appended>, ReadError> {
        self.0.find_append(stream, id).await
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

    async fn head(&self) -> Result<Position, ReadError> {
        self.0.head().await
    }

    /// In small pages, so that there are several.
    async fn read_tagged(
        &self,
        query: &TagQuery,
        after: Position,
        limit: ReadLimit,
    ) -> Result<TaggedPage, ReadError> {
        let few = ReadLimit::events(limit.events.min(3));
        let page = self.0.read_tagged(query, after, few).await;
        tokio::task::yield_now().await;
        page
    }

    async fn walk_tags(&self, walk: TagWalk) -> Result<TagWalked, StorageError> {
        self.0.walk_tags(walk).await
    }
}

impl SnapshotStore for Plain {
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

struct PlainFixture;

impl StoreFixture for PlainFixture {
    type Store = Plain;
    type Database = NoDatabase;

    async fn open(&self) -> Plain {
        Plain(MemoryStore::new())
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            tags: true,
            tag_walks: true,
            event_ids: true,
            ..Capabilities::default()
        }
    }
}

#[test]
fn the_read_backward_of_the_trait_is_right() {
    let checks = conformance::checks();
    let checks = checks.iter().filter(|check| {
        check.module == "tags_backward" || check.name == "an_answer_is_never_a_part"
    });
    let mut count = 0;
    for check in checks {
        (check.run)(AnyFixture::new(PlainFixture));
        count += 1;
    }
    assert_eq!(count, 4);
}
