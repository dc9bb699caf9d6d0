//! A shutdown stores how far events were read, also those that led to nothing: an operator would take the rest for a lag.

use es_runtime::{
    Append, CommitStore, EventFilter, EventStore, ExpectedVersion, FeedPage, MemoryStore, NewEvent,
    Position, ReadError, ReadLimit, StreamId,
};
use es_sagas::Sagas;
use es_testkit::{Layered, StoreLayer};
use es_tests::fulfilment::{Fulfilment, pay};
use tokio::sync::watch;

/// Says how far a reader of the feed is.
#[derive(Clone)]
struct Watched {
    store: MemoryStore,
    read: watch::Sender<Position>,
}

impl StoreLayer for Watched {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.store
    }

    async fn read_feed(
        &self,
        after: Position,
        filter: &EventFilter,
        limit: ReadLimit,
    ) -> Result<FeedPage, ReadError> {
        let page = self.store.read_feed(after, filter, limit).await?;
        self.read.send_replace(page.next);
        Ok(page)
    }
}

#[tokio::test]
async fn how_far_events_were_read_is_stored() {
    let (store, read) = (MemoryStore::new(), watch::Sender::new(Position::START));
    let mut reader = read.subscribe();
    let watched = Watched {
        store: store.clone(),
        read,
    };
    for round in 1..=3_u64 {
        let sagas = Sagas::new(Layered(watched.clone()))
            .from_the_beginning(true)
            .with_process_manager::<Fulfilment>();
        let running = sagas.start().await.expect("starts");
        // One that it reacts to and that is for no instance, and one that it does not know.
        pay(&store, round, 0).await;
        let stream = StreamId::new("note", &round.to_string()).expect("a stream");
        let note = NewEvent::json("note.taken", 1, "{}");
        let append = Append::new(stream, ExpectedVersion::Any).with_event(note);
        store.append(append).await.expect("appended");
        let head = store.head().await.expect("a head");
        let read = reader.wait_for(|read| *read >= head).await;
        read.expect("read");
        running.shutdown().await;
        let cursor = store.cursor("saga:fulfilment").await.expect("a cursor");
        assert_eq!(cursor, Some(head), "in round {round}");
    }
}
