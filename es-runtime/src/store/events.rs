//! What a store of events must do.

use super::{
    Append, AppendError, Appended, EventFilter, FeedPage, ReadError, ReadLimit, StreamFold,
    StreamRange,
};
use crate::{AppendId, Position, RecordedEvent, StreamId};
use std::future::Future;

/// A store of events: streams with versions 1, 2, 3, .. and one order over all of them.
///
/// A handle: cloning it gives another handle on the same store.
///
/// What every implementation promises:
/// - An append is one transaction with its idempotency record: all of it is stored or nothing.
/// - Of several appends at one expected version exactly one wins, the others wrote nothing.
/// - `Ok` means stored; how durably is the store's to say.
/// - Dropping a future leaves the append done or not done, never half, and the store usable.
/// - Positions rise in the order in which readers of the feed see events, and that order agrees
///   with the versions of each stream.
pub trait EventStore: Clone + Send + Sync + 'static {
    /// Appends events to one stream.
    ///
    /// With an [`append_id`](Append::append_id) that the stream has already seen, nothing is
    /// written and the first result comes back with [`Appended::repeated`] set; this is looked at
    /// before the expected version. Without events and without an id nothing is written either.
    ///
    /// # Errors
    /// See [`AppendError`]; [`AppendError::outcome`] says whether something was written.
    ///
    /// # Cancel safety
    /// When the future is dropped the append may or may not happen, never half of it. Ask with
    /// [`find_append`](EventStore::find_append).
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

    /// Hands the events of a stream after version `after` to `fold`, in order, and gives it back.
    ///
    /// This is how aggregates load: one event at a time, borrowed from the store's buffer, so a
    /// long history takes no more memory than a short one. It ends early when the fold says so.
    ///
    /// # Errors
    /// [`ReadError`] when the stream cannot be read to its end; the fold is lost then.
    ///
    /// # Cancel safety
    /// Reads only.
    fn fold_stream<F: StreamFold>(
        &self,
        stream: &StreamId,
        after: u64,
        fold: F,
    ) -> impl Future<Output = Result<F, ReadError>> + Send;

    /// The events of one stream with all that is known about them, at most `limit`.
    ///
    /// A stream without events is empty, not an error.
    ///
    /// # Errors
    /// [`ReadError`] when a row cannot be read; never a shorter answer.
    ///
    /// # Cancel safety
    /// Reads only.
    fn read_stream(
        &self,
        stream: &StreamId,
        range: StreamRange,
        limit: ReadLimit,
    ) -> impl Future<Output = Result<Vec<RecordedEvent>, ReadError>> + Send;

    /// The events of all streams after `after` that `filter` lets through, in order.
    ///
    /// The page says where to go on, past events that the filter held back. A page that is full may
    /// be the last one without saying so; the next one is empty then.
    ///
    /// # Errors
    /// [`ReadError`] when a row cannot be read; never a shorter answer.
    ///
    /// # Cancel safety
    /// Reads only.
    fn read_feed(
        &self,
        after: Position,
        filter: &EventFilter,
        limit: ReadLimit,
    ) -> impl Future<Output = Result<FeedPage, ReadError>> + Send;

    /// The position of the newest event, [`Position::START`] in an empty store.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when the store cannot be read.
    fn head(&self) -> impl Future<Output = Result<Position, ReadError>> + Send;

    /// Waits until events after `position` may be there, or for ever where the store cannot tell.
    /// Only a hint, to look at once instead of at the next poll: it may come without a reason, and
    /// it does not come for what other processes append.
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
