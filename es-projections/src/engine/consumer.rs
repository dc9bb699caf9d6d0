//! What a loop calls for each page: the handlers of a projection, or the reactions of a subscription.

use super::{
    batch::{Batch, Page, PageEnd, ParkRule},
    core::Core,
    delivery::{AdvancePosition, CheckDelivery, Checked, Progress, deliver_page},
    erased::{AnyProjection, AnySubscription, Definition},
    lease::{Lease, Lost},
};
use crate::api::{Declared, ReadDatabase, TransactionError};
use es_runtime::EventStore;
use std::{collections::HashSet, sync::Arc, time::Duration};

/// What the loop of a partition calls for each page.
pub(crate) enum Consumer<Db> {
    Projection {
        projection: AnyProjection<Db>,
        /// The names that its schema declares.
        declared: Declared,
    },
    Subscription(AnySubscription),
}

/// How long events are delivered before the checkpoint moves. After a crash they are delivered again.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(100);

impl<Db> Consumer<Db> {
    pub(crate) fn definition(&self) -> &Definition {
        match self {
            Self::Projection { projection, .. } => &projection.definition,
            Self::Subscription(subscription) => &subscription.definition,
        }
    }
}

impl<Db: ReadDatabase> Consumer<Db> {
    /// Handles a page: that of a projection in one transaction, that of a subscription event by event,
    /// with one checkpoint for those that were delivered within [`CHECKPOINT_EVERY`].
    pub(crate) async fn handle<S: EventStore>(
        &self,
        core: &Core<S, Db>,
        lease: &mut Lease,
        page: Page,
        rule: ParkRule,
        attempt: u32,
    ) -> Result<PageEnd, TransactionError> {
        match self {
            // The transaction locks the checkpoint's row, so nobody can take the partition before it
            // ends.
            Self::Projection {
                projection,
                declared,
            } => {
                let batch = Batch {
                    projection: projection.clone(),
                    declared: Arc::clone(declared),
                    page,
                    rule,
                };
                core.db.transact(batch).await
            }
            Self::Subscription(subscription) => {
                deliver(subscription, core, lease, page, rule, attempt).await
            }
        }
    }
}

async fn deliver<S: EventStore, Db: ReadDatabase>(
    subscription: &AnySubscription,
    core: &Core<S, Db>,
    lease: &mut Lease,
    page: Page,
    rule: ParkRule,
    attempt: u32,
) -> Result<PageEnd, TransactionError> {
    let (mut blocked, progress) = (HashSet::new(), Progress::default());
    let all = page.events().len();
    let mut end = Ok(());
    let key = subscription.definition.key;
    if all > 0 {
        let check = CheckDelivery {
            page: page.clone(),
            rule: rule.clone(),
            key,
        };
        blocked = match core.db.transact(check).await? {
            Checked::Blocked(blocked) => blocked,
            Checked::Fenced => return Ok(PageEnd::Fenced),
        };
        let delivery = deliver_page(
            subscription,
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
    let advance = AdvancePosition {
        page: if count == all {
            page
        } else {
            page.first(count)
        },
        rule,
        blocked,
        key,
    };
    let mut ended = core.db.transact(advance).await?;
    if let PageEnd::Committed { error, .. } = &mut ended {
        *error = end.err().flatten();
    }
    Ok(ended)
}
