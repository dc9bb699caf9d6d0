//! A projection with portable handlers, used with a store of one certain type.

use super::{
    database::ReadDatabase,
    dialect::Dialect,
    error::HandlerError,
    projection::{Dispatch, Key, OnUnknownVersion, Projection},
};
use es_runtime::{EventFilter, RecordedEvent};
use std::borrow::Cow;

/// A projection with portable handlers, for places that want one for a certain database: projections
/// inside the appends of a store.
///
/// ```
/// # fn inline<P: es_projections::Dispatch>(projection: P, give: impl FnOnce(es_projections::Portable<P>)) {
/// give(es_projections::Portable(projection));
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
