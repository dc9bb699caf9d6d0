//! A projection with portable handlers, used with a store of one certain type.

use super::{
    database::ReadDatabase,
    dialect::Dialect,
    error::HandlerError,
    projection::{Dispatch, Key, OnUnknownVersion, Projection},
};
use es_runtime::{EventFilter, RecordedEvent};
use std::borrow::Cow;

/// Adapts a projection with portable handlers to a store's own read database. Use it to give such a
/// projection to the `inline` option of a store.
///
/// ```
/// # async fn open(orders: impl es_projections::Dispatch) -> Result<(), es_runtime::StorageError> {
/// use es_projections::Portable;
/// use es_sqlite::SqliteStore;
///
/// let store = SqliteStore::options().inline(Portable(orders)).open("shop.db").await?;
/// # let _ = store;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Portable<P>(pub P);

impl<P: Projection> Projection for Portable<P> {
    const NAME: &'static str = P::NAME;
    const VERSION: u32 = P::VERSION;
    const ON_UNKNOWN_VERSION: OnUnknownVersion = P::ON_UNKNOWN_VERSION;
    const PARTITIONS: u32 = P::PARTITIONS;

    fn filter() -> EventFilter {
        P::filter()
    }

    fn key(event: &RecordedEvent) -> Key<'_> {
        P::key(event)
    }
}

impl<P: Dispatch, Db: ReadDatabase> Dispatch<Db> for Portable<P>
where
    Db::Transaction: Sized + 'static,
{
    fn schema(dialect: Dialect) -> Cow<'static, str> {
        P::schema(dialect)
    }

    async fn dispatch(
        &self,
        event: &RecordedEvent,
        tx: &mut Db::Transaction,
    ) -> Result<(), HandlerError> {
        self.0.dispatch(event, tx).await
    }
}
