//! Delivering events of a subscription: the check before them, the calls, and the move of the checkpoint.

use super::{
    batch::{CheckpointGuard, Page, PageEnd, ParkRule, key_of, key_or_stream},
    erased::{AnySubscription, KeyOf},
    handler::catch_panics,
};
use crate::api::{Delivery, HandlerError, Job, ReadDatabase, RolledBack, handling};
use es_runtime::RecordedEvent;
use std::{
    collections::HashSet,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

/// Delivers one event, outside of any transaction.
pub(crate) async fn deliver_one(
    subscription: &AnySubscription,
    event: &RecordedEvent,
    delivery: &Delivery,
) -> Result<(), HandlerError> {
    let reaction = catch_panics(subscription.reactions.react(event, delivery));
    match handling(subscription.definition.name, event, true, reaction).await {
        Err(error) if subscription.definition.skips(&error) => Ok(()),
        other => other,
    }
}

/// Finds out which events of a page may be delivered. Changes nothing.
pub(crate) struct CheckDelivery {
    pub(crate) page: Page,
    pub(crate) rule: ParkRule,
    pub(crate) key: KeyOf,
}

/// The result of the check.
#[derive(Debug)]
pub(crate) enum Checked {
    /// All may be delivered but those with these indices, which will be parked.
    Blocked(HashSet<usize>),
    /// Another owner has the partition.
    Fenced,
}

impl<Db: ReadDatabase> Job<Db> for CheckDelivery {
    type Output = Checked;

    async fn run(self, tx: &mut Db::Transaction) -> Result<Checked, RolledBack<Checked>> {
        let Self { page, rule, key } = self;
        let mut state = match CheckpointGuard::lock::<Db>(tx, &page).await {
            Ok(state) => state,
            Err(RolledBack::With(_)) => return Err(RolledBack::With(Checked::Fenced)),
            Err(RolledBack::Failed(error)) => return Err(RolledBack::Failed(error)),
        };
        let blocked = state.blocked::<Db>(tx, &page, &rule, key).await?;
        Err(RolledBack::With(Checked::Blocked(blocked)))
    }
}

/// Moves the checkpoint past a page that was delivered, and parks what was not.
pub(crate) struct AdvancePosition {
    pub(crate) page: Page,
    pub(crate) rule: ParkRule,
    pub(crate) blocked: HashSet<usize>,
    pub(crate) key: KeyOf,
}

impl<Db: ReadDatabase> Job<Db> for AdvancePosition {
    type Output = PageEnd;

    async fn run(self, tx: &mut Db::Transaction) -> Result<PageEnd, RolledBack<PageEnd>> {
        let Self {
            page,
            rule,
            blocked,
            key: key_of_event,
        } = self;
        let mut state = CheckpointGuard::lock::<Db>(tx, &page).await?;
        for (index, event) in page.events().iter().enumerate() {
            // An event that was delivered is not parked, even if its key was parked meanwhile.
            if blocked.contains(&index) {
                let key = key_or_stream(key_of_event, event);
                state
                    .park_if_blocked::<Db>(tx, &page, &rule, index, event, &key)
                    .await?;
            }
        }
        state.close::<Db>(tx, &page).await
    }
}

/// How far a page has been delivered. Another task may read it while the delivery goes on, and after it was
/// dropped.
#[derive(Default)]
pub(crate) struct Progress(AtomicUsize);

impl Progress {
    /// How many events of the page are done, from the first one on.
    pub(crate) fn done(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

/// Delivers the events of a page one after another, but those that are blocked. Stops at the first failure,
/// and between two events once `time` is over or `stop` says so.
pub(crate) async fn deliver_page(
    subscription: &AnySubscription,
    page: &Page,
    blocked: &HashSet<usize>,
    attempt: u32,
    progress: &Progress,
    time: Duration,
    stop: impl Fn() -> bool,
) -> Result<(), HandlerError> {
    let began = Instant::now();
    for (index, event) in page.events().iter().enumerate() {
        if !blocked.contains(&index) {
            if index > 0 && (began.elapsed() >= time || stop()) {
                break;
            }
            // It will be parked by its key, so it must have one.
            key_of(subscription.definition.key, event)?;
            let attempt = if index == 0 { attempt } else { 1 };
            let delivery = Delivery::new(subscription.definition.name, event.event_id, attempt);
            deliver_one(subscription, event, &delivery).await?;
        }
        progress.0.store(index.saturating_add(1), Ordering::Release);
    }
    Ok(())
}
