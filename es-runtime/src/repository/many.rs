//! Which aggregates there are, and loads of many.

use super::{LoadError, Loaded, Repository};
use crate::{
    Aggregate, AsId, EventStore, ReadLimit, SnapshotStore, StreamId, StreamRange, first::all_of,
};

/// So many loads run at a time.
const LOADS: usize = 16;

impl<A: Aggregate, S: EventStore, N: SnapshotStore> Repository<A, S, N> {
    /// Whether the aggregate has an event. It reads at most one, and no snapshot.
    ///
    /// # Errors
    /// [`LoadError::StreamId`] for an id that names no stream, [`LoadError::Read`] when the store cannot be read.
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn exists(&self, id: impl AsId<A::Id>) -> Result<bool, LoadError> {
        let (stream, first) = (StreamId::of::<A>(id)?, StreamRange::forward(0));
        let events = self.store.read_stream(&stream, first, ReadLimit::events(1));
        Ok(!events.await?.is_empty())
    }

    /// The ids of the aggregates that have events, after `after`, in the order of the bytes of their texts (so 10
    /// comes before 9), at most `at_most`. The last one is the `after` of the next page.
    ///
    /// ```
    /// use es_runtime::{AnyStore, MemoryStore, Repository};
    #[doc = include_str!("../../docs/door.rs")]
    #[doc = include_str!("../../docs/ids.rs")]
    /// ```
    ///
    /// # Errors
    /// [`LoadError::NotAnId`] when a stream has an id that is no `A::Id`, [`LoadError::Read`] when the store cannot be
    /// read or does not [list streams](EventStore::list_streams).
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn ids(
        &self,
        after: Option<&A::Id>,
        at_most: usize,
    ) -> Result<Vec<A::Id>, LoadError> {
        let after = after.map(ToString::to_string).unwrap_or_default();
        let streams = self.store.list_streams(A::NAME, &after, at_most).await?;
        let ids = streams.iter().map(|stream| Ok(stream.id_of::<A>()?));
        ids.collect()
    }

    /// The states of many aggregates, in the order of the ids. Several are loaded at a time.
    ///
    /// # Errors
    /// [`LoadError`] as for [`load`](Repository::load): the first one, which names its stream.
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn load_many<I: AsId<A::Id>>(
        &self,
        ids: impl IntoIterator<Item = I>,
    ) -> Result<Vec<Loaded<A>>, LoadError> {
        let streams: Result<Vec<_>, _> = ids.into_iter().map(StreamId::of::<A>).collect();
        let streams = streams?;
        let load = |stream| self.replay(stream, None, u64::MAX);
        all_of(streams.iter().map(load), LOADS).await
    }
}
