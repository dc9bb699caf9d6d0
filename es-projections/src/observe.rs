//! Measures how far projections and subscriptions lag, how much is parked, and what stalls, for the gauges.
//!
//! It is done apart from the loops: one that hangs, or that runs nowhere, would leave its last value.

use crate::{
    Projections,
    api::{ProjectionError, ReadDatabase, Stalled, Status, WorkerState},
    metrics::{
        gauges,
        names::{EVENTS, FENCED, PARKED, RETRIES},
    },
};
use es_runtime::{
    EventStore,
    metrics::{count, set, waits},
};
use std::collections::BTreeMap;

impl<S: EventStore, Db: ReadDatabase> Projections<S, Db> {
    /// Sets the gauges of all projections and subscriptions of this runner: how far each partition lags, how many events
    /// are parked, and how many partitions are stalled. [`start`](Projections::start) calls it every 15 seconds. Call it
    /// where the loops do not run as tasks of tokio.
    ///
    /// ```
    /// # use es_projections::{ProjectionError, Projections, ReadDatabase};
    /// # use es_runtime::EventStore;
    /// # async fn scrape<S: EventStore, Db: ReadDatabase>(projections: Projections<S, Db>) -> Result<(), ProjectionError> {
    /// projections.record_metrics().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ProjectionError::Storage`] when the store or the read database cannot be read. The gauges keep their values,
    /// and `es_projection_observations_total` counts the failure.
    ///
    /// # Cancel safety
    /// It only reads. Some gauges may be set.
    pub async fn record_metrics(&self) -> Result<(), ProjectionError> {
        let done = self.observe().await;
        let result = if done.is_ok() { "ok" } else { "failed" };
        count(gauges::OBSERVED, [("result", result)], 1);
        done
    }

    #[allow(clippy::cast_precision_loss, reason = "far from 2^53")]
    async fn observe(&self) -> Result<(), ProjectionError> {
        use gauges::{LAG_EVENTS, LAG_SECONDS, REBUILD, STALLED, WAITING};
        // Without tables yet there is no status, and a read database that is away must not look like that.
        let answers = self.core.db.query("SELECT 1", &[]).await;
        let name = self.names().next().unwrap_or_default();
        answers.map_err(|error| ProjectionError::storage(name, error))?;
        let mut all: BTreeMap<&'static str, Vec<Status>> = BTreeMap::new();
        for status in self.status().await? {
            all.entry(status.projection).or_default().push(status);
        }
        for (projection, found) in all {
            let name = ("projection", projection);
            // A counter that is there from the start shows its first increase.
            for counter in [EVENTS, RETRIES, PARKED, FENCED] {
                count(counter, [name], 0);
            }
            // Queries see the live build. Before there is one, the newest is all there is.
            let newest = found.iter().map(|status| (status.live, status.build)).max();
            let is_shown =
                |status: &&Status| newest.is_some_and(|(_, build)| build == status.build);
            for status in found.iter().filter(is_shown) {
                let waits = if status.position < status.head {
                    waits(&self.core.store, status.position).await
                } else {
                    Ok(std::time::Duration::ZERO)
                };
                let waits = waits.map_err(|error| ProjectionError::storage(projection, error))?;
                let partition = status.partition.to_string();
                let labels = [name, ("partition", &partition)];
                if let Some(events) = status.events_behind {
                    set(LAG_EVENTS, labels, events as f64);
                }
                set(LAG_SECONDS, labels, waits.as_secs_f64());
            }
            let rebuilt = found.iter().filter(|status| !is_shown(status));
            let rebuilt = rebuilt.filter_map(|status| status.events_behind).max();
            set(REBUILD, [name], rebuilt.unwrap_or(0) as f64);
            let parked = found.iter().filter(is_shown).map(|status| status.parked);
            set(WAITING, [name], parked.sum::<u64>() as f64);
            let stalled = found.iter().filter(|status| is_stalled(&status.state));
            set(STALLED, [name], stalled.count() as f64);
        }
        Ok(())
    }
}

/// Nobody measures the gauges of this runner any more. A recorder would show their last values for ever.
#[cfg(feature = "runner")]
fn forget<S, Db>(projections: &Projections<S, Db>) {
    use gauges::{LAG_EVENTS, LAG_SECONDS, REBUILD, STALLED, WAITING};
    for registered in &projections.registered {
        let name = ("projection", registered.name());
        for partition in 0..registered.consumer.definition().partitions {
            let partition = partition.to_string();
            for gauge in [LAG_EVENTS, LAG_SECONDS] {
                set(gauge, [name, ("partition", &partition)], f64::NAN);
            }
        }
        for gauge in [REBUILD, WAITING, STALLED] {
            set(gauge, [name], f64::NAN);
        }
    }
}

/// Who stands by for another process is well.
fn is_stalled(state: &WorkerState) -> bool {
    match state {
        WorkerState::Stalled(Stalled::StandBy { .. })
        | WorkerState::Running
        | WorkerState::Idle => false,
        WorkerState::Stalled(_) | WorkerState::Stopped(_) => true,
    }
}

/// Sets the gauges from time to time, until the runner shuts down.
#[cfg(feature = "runner")]
pub(crate) async fn keep_observing<S: EventStore, Db: ReadDatabase>(
    projections: Projections<S, Db>,
    core: std::sync::Arc<crate::engine::core::Core<S, Db>>,
) {
    /// As often as Prometheus usually asks.
    const EVERY: std::time::Duration = std::time::Duration::from_secs(15);
    while !core.is_shutdown() {
        // A failure was counted.
        let _ = projections.record_metrics().await;
        core.pause(EVERY).await;
    }
    forget(&projections);
}
