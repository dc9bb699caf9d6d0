//! Leases of partitions: taking one, renewing it while work outside of the read database takes long, and
//! giving it back. A lease only saves work. The epoch decides who may write.

use super::core::Core;
use crate::{
    api::{Job, Partition, ReadDatabase, RolledBack},
    state::checkpoints::{self, Checkpoint, LeaseNote},
};
use es_runtime::{
    __private::{first_of, pause, sleep},
    EventStore, Position,
};
use std::{
    future::Future,
    pin::pin,
    time::{Duration, Instant},
};

/// The lease of a partition and its checkpoint, as its owner knows them.
pub(crate) struct Lease {
    pub(crate) epoch: i64,
    pub(crate) position: Position,
    /// When the lease last began.
    pub(crate) renewed: Instant,
}

/// Another owner took the partition.
#[derive(Debug)]
pub(crate) struct Lost;

impl<S: EventStore, Db: ReadDatabase> Core<S, Db> {
    /// Does work outside of the read database's transactions, and renews the lease whenever a third
    /// of it is over. If the partition is lost meanwhile, the work is dropped.
    ///
    /// Without renewal, two runners whose work takes longer than the lease would take the partition
    /// from each other forever, and neither would ever write.
    pub(crate) async fn while_leased<T>(
        &self,
        partition: &Partition,
        lease: &mut Lease,
        work: impl Future<Output = T>,
    ) -> Result<T, Lost> {
        let every = (self.settings.lease / 3).max(Duration::from_millis(1));
        let mut work = pin!(work);
        loop {
            let left = every.saturating_sub(lease.renewed.elapsed());
            // Work that is done at once needs no timer.
            if let Ok(done) = first_of(work.as_mut(), pause(left)).await {
                return Ok(done);
            }
            let now = Instant::now();
            let renewal = self.db.transact(Renew {
                partition: partition.clone(),
                epoch: lease.epoch,
                lease_ms: self.settings.lease_ms(),
                why: LeaseNote::Unchanged,
            });
            match first_of(work.as_mut(), renewal).await {
                Ok(done) => return Ok(done),
                Err(Ok(false)) => return Err(Lost),
                // If the database failed, the next renewal or transaction shows whether the lease
                // was lost.
                Err(Ok(true) | Err(_)) => lease.renewed = now,
            }
        }
    }

    /// Does the work. After a shutdown request the work gets as much time as a lease lasts; then
    /// the result is `None`.
    pub(crate) async fn within_grace<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let work = pin!(work);
        let grace = async {
            self.shutdown_requested().await;
            sleep(self.settings.lease).await;
        };
        first_of(work, grace).await.ok()
    }
}

/// Makes `owner` the owner of the partition, unless another owner's lease has not expired. The lease of the
/// owner `expired` has.
pub(crate) struct Acquire {
    pub(crate) partition: Partition,
    pub(crate) owner: String,
    pub(crate) lease_ms: i64,
    pub(crate) take_over: bool,
    pub(crate) expired: Option<(String, i64)>,
}

pub(crate) enum Acquired {
    Mine(Checkpoint),
    Busy {
        owner: String,
        lease_until: i64,
        position: Position,
    },
    Inline,
    Gone,
}

impl<Db: ReadDatabase> Job<Db> for Acquire {
    type Output = Acquired;

    async fn run(self, tx: &mut Db::Transaction) -> Result<Acquired, RolledBack<Acquired>> {
        let Some(mut found) = checkpoints::lock_checkpoint::<Db>(tx, &self.partition).await? else {
            return Err(RolledBack::With(Acquired::Gone));
        };
        if checkpoints::is_inline(&found.owner) {
            return Err(RolledBack::With(Acquired::Inline));
        }
        let now = checkpoints::now::<Db>(tx).await?;
        let lease = (found.owner.clone(), found.lease_until);
        let free = found.lease_until <= now || self.expired == Some(lease);
        if !free && found.owner != self.owner && !self.take_over {
            return Err(RolledBack::With(Acquired::Busy {
                owner: found.owner,
                lease_until: found.lease_until,
                position: found.position,
            }));
        }
        found.epoch = found.epoch.saturating_add(1);
        checkpoints::acquire::<Db>(tx, &self.partition, found.epoch, &self.owner, self.lease_ms)
            .await?;
        Ok(Acquired::Mine(found))
    }
}

/// Moves the end of the lease; 0 milliseconds end it now. The result is `false` if another owner
/// has the partition.
pub(crate) struct Renew {
    pub(crate) partition: Partition,
    pub(crate) epoch: i64,
    pub(crate) lease_ms: i64,
    pub(crate) why: LeaseNote,
}

impl<Db: ReadDatabase> Job<Db> for Renew {
    type Output = bool;

    async fn run(self, tx: &mut Db::Transaction) -> Result<bool, RolledBack<bool>> {
        let kept =
            checkpoints::renew::<Db>(tx, &self.partition, self.epoch, self.lease_ms, &self.why)
                .await?;
        Ok(kept)
    }
}
