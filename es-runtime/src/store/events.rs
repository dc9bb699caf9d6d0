//! The trait of event stores.

use super::{
    Append, AppendError, Appended, EventFilter, FeedPage, ReadError, ReadLimit, StreamFold,
    StreamRange, TagWalk, TagWalked, TaggedBackward, TaggedPage, UniqueWalk, UniqueWalked,
};
use crate::{
    AppendId, Position, RecordedEvent, StorageError, StorageErrorKind, StreamId, TagQuery,
};
use std::{future::Future, ops::Bound};

/// A store of events: streams with versions 1, 2, 3, .. and one order over all of them.
///
/// Stores implement it: [`MemoryStore`](crate::MemoryStore), those of `es-sqlite` and `es-postgres`,
/// [`AnyStore`](crate::AnyStore) over any of them, and yours. A value is a handle; a clone is another
/// handle on the same store.
///
/// Every implementation promises:
/// - An append and its idempotency record are one transaction: all of it is stored or nothing.
/// - Of several appends at one expected version exactly one succeeds. The others write nothing.
/// - `Ok` means stored. Each store documents how durable that is.
/// - A dropped future leaves the append done or not done, never half, and the store usable.
/// - Readers of the feed see events in the order of their positions. That order agrees with the
///   versions of each stream.
pub trait EventStore: Clone + Send + Sync + 'static {
    /// Appends events to one stream.
    ///
    /// When the stream has already seen the [`append_id`](Append::append_id), the store writes nothing and
    /// returns the first result with [`Appended::repeated`] set. It checks the id before the expected
    /// version. It writes nothing for an append without events and without an id.
    ///
    /// # Errors
    /// See [`AppendError`]. [`AppendError::outcome`] says whether something was written.
    ///
    /// # Cancel safety
    /// When the future is dropped the append may or may not happen, never half of it.
    /// [`find_append`](EventStore::find_append) tells.
    fn append(&self, append: Append) -> impl Future<Output = Result<Appended, AppendError>> + Send;

    /// The result of an earlier append with this id, `None` when the stream has not seen it.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when the store cannot be read.
    fn find_append(
        &self,
        stream: &StreamId,
        id: &AppendId,
    ) -> impl Future<Output = Result<Option<Appended>, ReadError>> + Send;

    /// Passes the events of a stream after version `after` to `fold`, in order, and returns the fold.
    ///
    /// Aggregates load this way. The events are borrowed from the store's buffer one at a time, so a long
    /// history takes no more memory than a short one. The read ends early when the fold breaks.
    ///
    /// # Errors
    /// [`ReadError`] when the stream cannot be read to its end. The fold is lost then.
    ///
    /// # Cancel safety
    /// Reads only.
    fn fold_stream<F: StreamFold>(
        &self,
        stream: &StreamId,
        after: u64,
        fold: F,
    ) -> impl Future<Output = Result<F, ReadError>> + Send;

    /// The events of one stream with all of their columns, at most `limit`.
    ///
    /// A stream without events gives an empty list, not an error.
    ///
    /// # Errors
    /// [`ReadError`] when a row cannot be read. The result is never shortened instead.
    ///
    /// # Cancel safety
    /// Reads only.
    fn read_stream(
        &self,
        stream: &StreamId,
        range: StreamRange,
        limit: ReadLimit,
    ) -> impl Future<Output = Result<Vec<RecordedEvent>, ReadError>> + Send;

    /// The events of all streams after `after` that `filter` accepts, in order.
    ///
    /// [`FeedPage::next`] is the position to continue from, past events that the filter excluded. A full
    /// page may be the last one without [`FeedPage::at_end`]; the next page is empty then.
    ///
    /// # Errors
    /// [`ReadError`] when a row cannot be read. The result is never shortened instead.
    ///
    /// # Cancel safety
    /// Reads only.
    fn read_feed(
        &self,
        after: Position,
        filter: &EventFilter,
        limit: ReadLimit,
    ) -> impl Future<Output = Result<FeedPage, ReadError>> + Send;

    /// The streams of one aggregate that have events, after the stream with the id `after` (empty for all), in the
    /// order of the bytes of their ids, at most `at_most`. The id of the last one is the `after` of the next page.
    ///
    /// Each costs a look at an index, however many events it has. A stream that is new meanwhile may be missing.
    /// [`Repository::ids`](crate::Repository::ids) gives them as ids of an aggregate.
    ///
    /// # Errors
    /// [`ReadError`] when the store cannot be read. The default is
    /// [`Unsupported`](crate::StorageErrorKind::Unsupported).
    ///
    /// # Cancel safety
    /// Reads only.
    fn list_streams(
        &self,
        aggregate: &str,
        after: &str,
        at_most: usize,
    ) -> impl Future<Output = Result<Vec<StreamId>, ReadError>> + Send {
        let _ = (aggregate, after, at_most);
        std::future::ready(Err(super::rules::unsupported("lists of streams").into()))
    }

    /// The position of the newest event, [`Position::START`] in an empty store.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when the store cannot be read.
    fn head(&self) -> impl Future<Output = Result<Position, ReadError>> + Send;

    /// A unique text that is created with the store. Read models and idempotency keys belong to it, so
    /// those of two stores are never mixed up.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when it cannot be read. The default is
    /// [`Unsupported`](crate::StorageErrorKind::Unsupported).
    fn store_id(&self) -> impl Future<Output = Result<String, ReadError>> + Send {
        let none = StorageError::new(StorageErrorKind::Unsupported, "this store has no id");
        std::future::ready(Err(none.into()))
    }

    /// The stream that has a unique value by a rule, or for which it is reserved. `None` when it is free.
    ///
    /// Another stream may claim the value right after. Only an append that claims it is sure to have it.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when it cannot be read. The default is
    /// [`Unsupported`](crate::StorageErrorKind::Unsupported).
    ///
    /// # Cancel safety
    /// Reads only.
    ///
    /// ```
    #[doc = include_str!("../../docs/holder.rs")]
    /// ```
    fn unique_holder(
        &self,
        rule: &str,
        value: &str,
    ) -> impl Future<Output = Result<Option<StreamId>, ReadError>> + Send {
        let _ = (rule, value);
        std::future::ready(Err(super::rules::unsupported("unique values").into()))
    }

    /// Does a step of turning a rule of unique values on for events that are stored already, under the lock of
    /// appends. `turn_on` of `es-decisions` calls it.
    ///
    /// # Errors
    /// [`StorageError`] when the step was not done, or its answer was lost. The default is
    /// [`Unsupported`](crate::StorageErrorKind::Unsupported).
    ///
    /// # Cancel safety
    /// The step is done or not. A step that asks where the walk is says so.
    fn walk_unique(
        &self,
        walk: UniqueWalk,
    ) -> impl Future<Output = Result<UniqueWalked, StorageError>> + Send {
        let _ = walk;
        std::future::ready(Err(super::rules::unsupported("unique values")))
    }

    /// The events after `after` that a query by tags finds, in order, at most `limit`. See [`TagQuery`].
    ///
    /// # Errors
    /// [`ReadError::TagsNotReady`] where tags of one of the kinds are not recorded for all stored events of one of the
    /// names: the answer is never a part. [`ReadError`] when it cannot be read. The default is
    /// [`Unsupported`](crate::StorageErrorKind::Unsupported).
    ///
    /// # Cancel safety
    /// Reads only.
    fn read_tagged(
        &self,
        query: &TagQuery,
        after: Position,
        limit: ReadLimit,
    ) -> impl Future<Output = Result<TaggedPage, ReadError>> + Send {
        let _ = (query, after, limit);
        std::future::ready(Err(super::rules::unsupported("tags").into()))
    }

    /// The newest events after `after` and up to `until` that a query by tags finds, newest first, at most `limit`.
    ///
    /// A state of the newest event alone is read this way, so a store should look for it from the end of its index. The
    /// default reads all events of the range by [`read_tagged`](EventStore::read_tagged), and keeps the newest ones.
    ///
    /// # Errors
    /// As [`read_tagged`](EventStore::read_tagged).
    ///
    /// # Cancel safety
    /// Reads only.
    ///
    /// ```
    #[doc = include_str!("../../docs/newest.rs")]
    /// ```
    fn read_tagged_backward(
        &self,
        query: &TagQuery,
        after: Position,
        until: Bound<Position>,
        limit: ReadLimit,
    ) -> impl Future<Output = Result<TaggedBackward, ReadError>> + Send {
        super::tags::read_backward(self, query, (after, until), limit)
    }

    /// Does a step of recording tags for events that are stored already, under the lock of appends. `turn_on_tags` of
    /// `es-decisions` calls it.
    ///
    /// # Errors
    /// [`StorageError`] when the step was not done, or its answer was lost. The default is
    /// [`Unsupported`](crate::StorageErrorKind::Unsupported).
    ///
    /// # Cancel safety
    /// The step is done or not, and may be done again.
    fn walk_tags(
        &self,
        walk: TagWalk,
    ) -> impl Future<Output = Result<TagWalked, StorageError>> + Send {
        let _ = walk;
        std::future::ready(Err(super::rules::unsupported("tags")))
    }

    /// Waits until there may be events after `position`, or for ever where the store cannot know.
    ///
    /// It is only a hint to read before the next poll. It may complete without new events, and it does
    /// not complete for appends of other processes. The default never completes.
    ///
    /// # Cancel safety
    /// It only waits.
    fn changed(&self, position: Position) -> impl Future<Output = ()> + Send {
        let _ = position;
        std::future::pending()
    }

    /// Closes the store for all its handles: accepted requests are finished, later ones fail with
    /// [`StorageErrorKind::Closed`](crate::StorageErrorKind::Closed). By default it does nothing.
    ///
    /// # Cancel safety
    /// The store is closing all the same.
    fn close(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}
