//! Does what can be done now, and says what is left.

use super::{
    ahead::free_what_is_ahead,
    core::{BoxFuture, Core, Stop},
    cursor::{Progress, ReadAhead},
    input::read_on,
    resume::resume_known,
    work::{claim, work_on},
};
use crate::{error::SagaError, names::inputs_of};
use es_runtime::{Timestamp, WorkFilter, WorkItem, WorkQueue, WorkStatus};
use std::time::Instant;

/// The result of [`Sagas::run_until_idle`](crate::Sagas::run_until_idle): what is left to do later.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Idle {
    /// Instances that continue later, or that another runner works on.
    pub running: u64,
    /// Instances and input events that wait for an operator.
    pub parked: u64,
    /// The time at which the first of them is due.
    pub next_due: Option<Timestamp>,
}

impl Idle {
    fn count(&mut self, row: &WorkItem) {
        match row.status {
            WorkStatus::Running => {
                self.running += 1;
                // An instance with a lease is due for others when the lease expires.
                let due = row
                    .due_at
                    .map(|due| row.lease_until.map_or(due, |l| l.max(due)));
                self.next_due = match (self.next_due, due) {
                    (Some(known), Some(due)) => Some(known.min(due)),
                    (known, due) => known.or(due),
                };
            }
            WorkStatus::Parked => self.parked += 1,
            _ => {}
        }
    }
}

/// Reads new events and calls due steps until nothing can be done.
pub(super) fn run_until_idle(core: &Core) -> BoxFuture<'_, Result<Idle, SagaError>> {
    Box::pin(async move {
        resume_known(core).await?;
        free_what_is_ahead(core).await?;
        loop {
            let mut did = false;
            for category in core.categories() {
                let mut ahead = ReadAhead::default();
                let read = read_on(core, &category, &mut ahead).await?;
                did |= matches!(read, Progress::More);
            }
            let since = Instant::now();
            let mut failed = Ok(());
            for claimed in claim(core, core.settings.concurrency).await? {
                did = true;
                let done = work_on(core, claimed, since, &Stop::never()).await;
                failed = failed.and(done);
            }
            failed?;
            if !did {
                break;
            }
        }
        let mut idle = Idle {
            running: 0,
            parked: 0,
            next_due: None,
        };
        for status in [WorkStatus::Running, WorkStatus::Parked] {
            let categories = core.categories();
            let inputs = categories.iter().map(|category| inputs_of(category));
            let mut filter = WorkFilter::of(inputs.chain(categories.iter().cloned()).collect());
            filter.status = Some(status);
            loop {
                let rows = core.store.work_items(&filter).await?;
                let Some(last) = rows.last() else { break };
                filter.after = Some(last.instance.clone());
                for row in rows {
                    idle.count(&row);
                }
            }
        }
        Ok(idle)
    })
}
