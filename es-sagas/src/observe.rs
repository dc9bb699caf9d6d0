//! Measures how far sagas and process managers lag, and where their instances stand, for the gauges.

use crate::{
    SagaError, Sagas,
    engine::cursor::stored_place,
    metrics::{
        gauges,
        names::{EVENTS, PARKED},
    },
    names::name_of,
};
use es_runtime::{
    EventFilter, EventStore, Timestamp, WorkFilter, WorkQueue, WorkStatus,
    metrics::{count, set, waits},
};
use std::time::Duration;

impl Sagas {
    /// Sets the gauges of all sagas and process managers of this runner: how far they lag, instances by status, overdue
    /// instances, and parked events. [`start`](Sagas::start) calls it every 15 seconds. Call it where the workers do not
    /// run as tasks of tokio.
    ///
    /// ```
    /// # async fn scrape(sagas: es_sagas::Sagas) -> Result<(), es_sagas::SagaError> {
    /// sagas.record_metrics().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SagaError::Read`] when the store cannot be read. The gauges keep their values, and
    /// `es_saga_observations_total` counts the failure.
    ///
    /// # Cancel safety
    /// It only reads. Some gauges may be set.
    pub async fn record_metrics(&self) -> Result<(), SagaError> {
        let done = self.observe().await;
        let result = if done.is_ok() { "ok" } else { "failed" };
        count(gauges::OBSERVED, [("result", result)], 1);
        done
    }

    #[allow(clippy::cast_precision_loss, reason = "far from 2^53")]
    async fn observe(&self) -> Result<(), SagaError> {
        use gauges::{INSTANCES, LAG_EVENTS, LAG_SECONDS, OVERDUE, STALLED, WAITING};
        let (core, store) = (&self.core, &self.core.store);
        let stalled = self.stalled();
        for category in core.categories() {
            let saga = ("saga", name_of(&category));
            // A counter that is there from the start shows its first increase.
            for counter in [EVENTS, PARKED] {
                count(counter, [saga], 0);
            }
            let filter = core.filter(&category).unwrap_or_else(EventFilter::all);
            if let Some(place) = stored_place(core, &category, &filter).await? {
                let position = place.start();
                let head = store.head().await?;
                let (events, waits) = if position < head {
                    (position.until(head), waits(store, position).await?)
                } else {
                    (Some(0), Duration::ZERO)
                };
                if let Some(events) = events {
                    set(LAG_EVENTS, [saga], events as f64);
                }
                set(LAG_SECONDS, [saga], waits.as_secs_f64());
            }
            let is_stalled = stalled.contains_key(&format!("input {category}"));
            set(STALLED, [saga], f64::from(u8::from(is_stalled)));
            let counts = self.counts(Some(saga.1)).await?;
            set(WAITING, [saga], counts.parked_inputs as f64);
            for (status, number) in [
                (WorkStatus::Running, counts.running),
                (WorkStatus::Parked, counts.parked),
                (WorkStatus::Done, counts.done),
            ] {
                set(
                    INSTANCES,
                    [saga, ("status", status.as_str())],
                    number as f64,
                );
            }
            let now = store.now().await?;
            let mut due = WorkFilter::of(vec![category.clone()]);
            due.due_before = Timestamp::from_unix_micros(now.unix_micros() - OVERDUE_MICROS);
            let due = store.work_items(&due).await?;
            let free = due.iter().filter(|item| item.is_free_and_due(now));
            set(OVERDUE, [saga], free.count() as f64);
        }
        Ok(())
    }
}

/// For longer than this, a worker should have come.
const OVERDUE_MICROS: i64 = 60_000_000;

/// As often as Prometheus usually asks.
#[cfg(feature = "runner")]
pub(crate) const EVERY: Duration = Duration::from_secs(15);

/// Nobody measures the gauges of this runner any more. A recorder would show their last values for ever.
#[cfg(feature = "runner")]
pub(crate) fn forget(sagas: &Sagas) {
    use gauges::{INSTANCES, LAG_EVENTS, LAG_SECONDS, OVERDUE, STALLED, WAITING};
    for category in sagas.core.categories() {
        let saga = ("saga", name_of(&category));
        for gauge in [LAG_EVENTS, LAG_SECONDS, OVERDUE, STALLED, WAITING] {
            set(gauge, [saga], f64::NAN);
        }
        for status in [WorkStatus::Running, WorkStatus::Parked, WorkStatus::Done] {
            set(INSTANCES, [saga, ("status", status.as_str())], f64::NAN);
        }
    }
}
