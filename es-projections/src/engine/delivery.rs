//! Delivering one event of a subscription: the check before it, the call, and the move of the position.

use super::batch::{CheckpointGuard, Page, PageEnd, ParkRule, guarded};
use crate::api::{
    Deliver, Delivery, HandlerError, Job, OnUnknownVersion, ReadDatabase, RolledBack,
};
use es_runtime::RecordedEvent;

/// Delivers one event, outside of any transaction.
pub(crate) async fn deliver_guarded<D: Deliver>(
    subscription: &D,
    event: &RecordedEvent,
    delivery: &Delivery,
) -> Result<(), HandlerError> {
    match guarded(subscription.deliver(event, delivery)).await {
        Err(error) if D::ON_UNKNOWN_VERSION == OnUnknownVersion::Skip && error.is_newer() => Ok(()),
        other => other,
    }
}

/// Checks whether the first event of a page may be delivered, and parks it if its key is blocked.
pub(crate) struct Gate {
    pub(crate) page: Page,
    pub(crate) key: String,
    pub(crate) rule: ParkRule,
}

/// The result of the check.
#[derive(Debug)]
pub(crate) enum Gated {
    Open,
    Closed(PageEnd),
}

impl<Db: ReadDatabase> Job<Db> for Gate {
    type Output = Gated;

    async fn run(self, tx: &mut Db::Transaction) -> Result<Gated, RolledBack<Gated>> {
        use RolledBack::{Failed, With};
        let closed = |end| match end {
            With(end) => With(Gated::Closed(end)),
            Failed(error) => Failed(error),
        };
        let Self { page, key, rule } = self;
        let mut state = CheckpointGuard::lock::<Db>(tx, &page)
            .await
            .map_err(closed)?;
        let Some(event) = page.events().first() else {
            return Ok(Gated::Open);
        };
        if !state
            .park_if_blocked::<Db>(tx, &page, &rule, 0, event, &key)
            .await?
        {
            return Err(With(Gated::Open));
        }
        let end = state.close::<Db>(tx, &page).await.map_err(closed)?;
        Ok(Gated::Closed(end))
    }
}

/// Moves the position past what was delivered.
pub(crate) struct Delivered(pub(crate) Page);

impl<Db: ReadDatabase> Job<Db> for Delivered {
    type Output = PageEnd;

    async fn run(self, tx: &mut Db::Transaction) -> Result<PageEnd, RolledBack<PageEnd>> {
        let state = CheckpointGuard::lock::<Db>(tx, &self.0).await?;
        state.close::<Db>(tx, &self.0).await
    }
}
