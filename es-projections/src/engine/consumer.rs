//! What a loop calls for each page: the handlers of a projection, or the reactions of a subscription.

use super::{
    batch::{Batch, Page, PageEnd, ParkRule, key_of, stream_key},
    core::Core,
    delivery::{AdvancePosition, CheckDelivery, Checked, deliver_one},
    lease::{Lease, Lost},
};
use crate::api::{Declared, Deliver, Delivery, Dispatch, Key, ReadDatabase, TransactionError};
use es_runtime::{EventFilter, EventStore, RecordedEvent};
use std::{future::Future, marker::PhantomData, sync::Arc};

/// What the loop of a partition calls for each page. Implemented for projections and for
/// subscriptions.
pub(crate) trait Consumer<Db: ReadDatabase>: Send + Sync + 'static {
    const PARTITIONS: u32;
    /// The largest number of events in one call.
    const MAX_BATCH: usize;

    fn filter(&self) -> EventFilter;
    fn key(event: &RecordedEvent) -> Key<'_>;
    fn handle<S: EventStore>(
        &self,
        core: &Core<S, Db>,
        lease: &mut Lease,
        page: Page,
        rule: ParkRule,
        attempt: u32,
    ) -> impl Future<Output = Result<PageEnd, TransactionError>> + Send;
}

/// A projection: one transaction for each page.
pub(crate) struct Projecting<P> {
    pub(crate) projection: Arc<P>,
    /// The names that its schema declares.
    pub(crate) declared: Declared,
}

impl<P: Dispatch<Db>, Db: ReadDatabase> Consumer<Db> for Projecting<P> {
    const PARTITIONS: u32 = P::PARTITIONS;
    const MAX_BATCH: usize = usize::MAX;

    fn filter(&self) -> EventFilter {
        P::filter()
    }

    fn key(event: &RecordedEvent) -> Key<'_> {
        P::key(event)
    }

    async fn handle<S: EventStore>(
        &self,
        core: &Core<S, Db>,
        _: &mut Lease,
        page: Page,
        rule: ParkRule,
        _: u32,
    ) -> Result<PageEnd, TransactionError> {
        // The transaction locks the checkpoint's row, so nobody can take the partition before it
        // ends.
        let batch = Batch {
            projection: Arc::clone(&self.projection),
            declared: Arc::clone(&self.declared),
            page,
            rule,
            database: PhantomData,
        };
        core.db.transact(batch).await
    }
}

/// A subscription: one event at a time.
pub(crate) struct Delivering<D>(pub(crate) Arc<D>);

impl<D: Deliver, Db: ReadDatabase> Consumer<Db> for Delivering<D> {
    const PARTITIONS: u32 = D::PARTITIONS;
    const MAX_BATCH: usize = 1;

    fn filter(&self) -> EventFilter {
        D::filter()
    }

    fn key(event: &RecordedEvent) -> Key<'_> {
        D::key(event)
    }

    async fn handle<S: EventStore>(
        &self,
        core: &Core<S, Db>,
        lease: &mut Lease,
        page: Page,
        rule: ParkRule,
        attempt: u32,
    ) -> Result<PageEnd, TransactionError> {
        if let Some(event) = page.events().first() {
            let key = key_of(D::key, event);
            let gate = CheckDelivery {
                key: match &key {
                    Ok(key) => key.to_string(),
                    Err(_) => stream_key(event).into_owned(),
                },
                page: page.clone(),
                rule,
            };
            match core.db.transact(gate).await? {
                Checked::Closed(end) => return Ok(end),
                Checked::Open => {}
            }
            if let Err(error) = key {
                return Ok(PageEnd::Failed { index: 0, error });
            }
            let delivery = Delivery::new(D::NAME, event.event_id, attempt);
            let reaction = core.within_grace(deliver_one(&*self.0, event, &delivery));
            match core.while_leased(&page.partition, lease, reaction).await {
                Ok(Some(Ok(()))) => {}
                Ok(Some(Err(error))) => return Ok(PageEnd::Failed { index: 0, error }),
                Ok(None) => return Ok(PageEnd::Interrupted),
                Err(Lost) => return Ok(PageEnd::Fenced),
            }
        }
        core.db.transact(AdvancePosition(page)).await
    }
}
