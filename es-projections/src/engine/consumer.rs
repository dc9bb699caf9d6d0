//! What a loop calls for each page: the handlers of a projection, or the reactions of a subscription.

use super::{
    batch::{Batch, Page, PageEnd, ParkRule},
    core::Core,
    delivery::{AdvancePosition, CheckDelivery, Checked, Progress, deliver_page},
    lease::{Lease, Lost},
};
use crate::api::{Declared, Deliver, Dispatch, Key, ReadDatabase, TransactionError};
use es_runtime::{EventFilter, EventStore, RecordedEvent};
use std::{collections::HashSet, future::Future, marker::PhantomData, sync::Arc, time::Duration};

/// What the loop of a partition calls for each page. Implemented for projections and for
/// subscriptions.
pub(crate) trait Consumer<Db: ReadDatabase>: Send + Sync + 'static {
    const PARTITIONS: u32;

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

/// A subscription: one event at a time, and one checkpoint for those that were delivered within
/// [`CHECKPOINT_EVERY`].
pub(crate) struct Delivering<D>(pub(crate) Arc<D>);

/// How long events are delivered before the checkpoint moves. After a crash they are delivered again.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(100);

impl<D: Deliver, Db: ReadDatabase> Consumer<Db> for Delivering<D> {
    const PARTITIONS: u32 = D::PARTITIONS;

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
        let (mut blocked, progress) = (HashSet::new(), Progress::default());
        let all = page.events().len();
        let mut end = Ok(());
        if all > 0 {
            let check = CheckDelivery::<D> {
                page: page.clone(),
                rule: rule.clone(),
                subscription: PhantomData,
            };
            blocked = match core.db.transact(check).await? {
                Checked::Blocked(blocked) => blocked,
                Checked::Fenced => return Ok(PageEnd::Fenced),
            };
            let delivery = deliver_page(
                &*self.0,
                &page,
                &blocked,
                attempt,
                &progress,
                CHECKPOINT_EVERY.min(core.settings.lease / 4),
                || core.is_shutdown(),
            );
            let delivery = core.within_grace(delivery);
            match core.while_leased(&page.partition, lease, delivery).await {
                Ok(Some(ended)) => end = ended.map_err(Some),
                Ok(None) => end = Err(None),
                Err(Lost) => return Ok(PageEnd::Fenced),
            }
        }
        let count = progress.done();
        match end {
            Err(None) if count == 0 => return Ok(PageEnd::Interrupted),
            Err(Some(error)) if count == 0 => return Ok(PageEnd::Failed { index: 0, error }),
            _ => {}
        }
        let advance = AdvancePosition::<D> {
            page: if count == all {
                page
            } else {
                page.first(count)
            },
            rule,
            blocked,
            subscription: PhantomData,
        };
        let mut ended = core.db.transact(advance).await?;
        if let PageEnd::Committed { error, .. } = &mut ended {
            *error = end.err().flatten();
        }
        Ok(ended)
    }
}
