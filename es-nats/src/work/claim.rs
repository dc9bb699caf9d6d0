//! Claims.

use super::{Known, record};
use crate::{publish::Placed, shared::Shared};
use es_runtime::{Claim, Claimed, EventId, StorageError, Timestamp};
use futures_util::{StreamExt as _, stream};
use std::sync::Arc;

/// How often other processes were first. All of them know the same items, so when several claim at the same time each one takes
/// some of more items than it needs.
#[derive(Debug, Default)]
pub(super) struct Rivals {
    /// From none to [`RIVALS`].
    were_first: usize,
}

const RIVALS: usize = 7;

impl Rivals {
    /// From how many items to choose so many.
    const fn choice(&self, wanted: usize) -> usize {
        wanted.saturating_mul(self.were_first.saturating_add(1))
    }

    fn lost(&mut self, any: bool) {
        self.were_first = if any {
            self.were_first.saturating_add(1).min(RIVALS)
        } else {
            self.were_first.saturating_sub(1)
        };
    }

    /// Some of these items, in their order.
    fn some_of(mut free: Vec<Known>, wanted: usize) -> Vec<Known> {
        while free.len() > wanted {
            free.remove(fastrand::usize(..free.len()));
        }
        free
    }
}

/// Claims on their way at one time.
const CLAIMS: usize = 32;

impl Shared {
    pub(crate) async fn claim(
        self: &Arc<Self>,
        claim: &Claim,
    ) -> Result<Vec<Claimed>, StorageError> {
        if claim.at_most == 0 {
            return Ok(Vec::new());
        }
        let mut rivals = self.work.claiming.lock().await;
        let mut attempts = self.wire.attempts();
        loop {
            self.follow_work().await?;
            let now = self.now().await?;
            let free = self
                .work
                .index()
                .free(&claim.aggregates, now, rivals.choice(claim.at_most));
            let free = Rivals::some_of(free, claim.at_most);
            if free.is_empty() {
                return Ok(Vec::new());
            }
            let claims = free
                .into_iter()
                .map(|known| self.claim_one(known, claim, now));
            let answers: Vec<_> = stream::iter(claims).buffered(CLAIMS).collect().await;
            rivals.lost(answers.iter().any(|answer| matches!(answer, Ok(None))));
            let (mut granted, mut failed) = (Vec::new(), None);
            for answer in answers {
                match answer {
                    Ok(claimed) => granted.extend(claimed),
                    Err(error) => failed = Some(error),
                }
            }
            match failed {
                _ if !granted.is_empty() => return Ok(granted),
                Some(error) => return Err(error),
                // Other workers were first, so there is progress. There may be more.
                None if attempts.again().await => {}
                None => return Ok(Vec::new()),
            }
        }
    }

    /// Returns `None` where the item has changed since it was read.
    async fn claim_one(
        self: &Arc<Self>,
        known: Known,
        claim: &Claim,
        now: Timestamp,
    ) -> Result<Option<Claimed>, StorageError> {
        let Known { sequence, mut item } = known;
        let lease_expired = item.lease_until.is_some();
        item.epoch = item.epoch.saturating_add(1);
        item.owner = Some(claim.owner.clone());
        item.lease_until = Some(now.after(claim.lease));
        item.updated_at = now;
        let id = EventId::new();
        let message = record::message(&self.subjects, &item, sequence, id)?;
        let mut attempts = self.wire.attempts();
        let placed = self.place(vec![message], id, &mut attempts).await;
        match placed.map_err(|unwritten| unwritten.error)? {
            Placed::At(sequence) => {
                let claimed = Claimed::new(item.instance.clone(), item.epoch);
                self.work.took(Known { sequence, item });
                Ok(Some(claimed.after_expired_lease(lease_expired)))
            }
            Placed::Moved => {
                self.work_item(&item.instance).await?;
                Ok(None)
            }
        }
    }
}
