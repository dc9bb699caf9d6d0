//! Delivering one event of a subscription: the check before it, the call, and the move of the position.

use super::batch::{CheckpointGuard, Page, PageEnd, ParkRule, catch_panics};
use crate::api::{
    Deliver, Delivery, HandlerError, Job, OnUnknownVersion, ReadDatabase, RolledBack,
};
use es_runtime::RecordedEvent;

/// Delivers one event, outside of any transaction.
pub(crate) async fn deliver_one<D: Deliver>(
    subscription: &D,
    event: &RecordedEvent,
    delivery: &Delivery,
) -> Result<(), HandlerError> {
    match catch_panics(subscription.deliver(event, delivery)).await {
        Err(error) if D::ON_UNKNOWN_VERSION == OnUnknownVersion::Skip && error.is_newer() => Ok(()),
        other => other,
    }
}

/// Checks whether the first event of a page may be delivered, and parks it if its key is blocked.
pub(crate) struct CheckDelivery {
    pub(crate) page: Page,
    pub(crate) key: String,
    pub(crate) rule: ParkRule,
}

/// The result of the check.
#[derive(Debug)]
pub(crate) enum Checked {
    Open,
    Closed(PageEnd),
}

impl<Db: ReadDatabase> Job<Db> for CheckDelivery {
    type Output = Checked;

    async fn run(self, tx: &mut Db::Transaction) -> Result<Checked, RolledBack<Checked>> {
        use RolledBack::{Failed, With};
        let closed = |end| match end {
            With(end) => With(Checked::Closed(end)),
            Failed(error) => Failed(error),
        };
        let Self { page, key, rule } = self;
        let mut state = CheckpointGuard::lock::<Db>(tx, &page)
            .await
            .map_err(closed)?;
        let Some(event) = page.events().first() else {
            return Ok(Checked::Open);
        };
        if !state
            .park_if_blocked::<Db>(tx, &page, &rule, 0, event, &key)
            .await?
        {
            return Err(With(Checked::Open));
        }
        let end = state.close::<Db>(tx, &page).await.map_err(closed)?;
        Ok(Checked::Closed(end))
    }
}

/// Moves the position past what was delivered.
pub(crate) struct AdvancePosition(pub(crate) Page);

impl<Db: ReadDatabase> Job<Db> for AdvancePosition {
    type Output = PageEnd;

    async fn run(self, tx: &mut Db::Transaction) -> Result<PageEnd, RolledBack<PageEnd>> {
        let state = CheckpointGuard::lock::<Db>(tx, &self.0).await?;
        state.close::<Db>(tx, &self.0).await
    }
}
