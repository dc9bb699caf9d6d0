//! The metrics of projections and subscriptions: their names, what they mean, and where they are recorded.
//!
//! What happens is counted from the same measurements that a [`Meter`](crate::Meter) gets. How far a reader lags
//! is measured in `observe.rs`.

use crate::api::Measure;
use es_runtime::metrics::{Metric, count, record};

#[rustfmt::skip]
pub(crate) mod names {
    use super::Metric;

    pub(crate) const PAGES: Metric = ("es_projection_page_duration_seconds", "Time of a page of events, from the first handler to the commit");
    pub(crate) const EVENTS: Metric = ("es_projection_events_total", "Events that were handled or parked");
    pub(crate) const RETRIES: Metric = ("es_projection_retries_total", "Failures at an event that is tried again");
    pub(crate) const PARKED: Metric = ("es_projection_parks_total", "Events that were parked");
    pub(crate) const FENCED: Metric = ("es_projection_leases_lost_total", "Times that another runner took a partition over from this one");
}
#[rustfmt::skip]
#[cfg(feature = "metrics")]
pub(crate) mod gauges {
    use super::Metric;

    pub(crate) const OBSERVED: Metric = ("es_projection_observations_total", "Measurements of the gauges, by whether the databases could be read");
    pub(crate) const LAG_EVENTS: Metric = ("es_projection_lag_events", "Events after the checkpoint");
    pub(crate) const LAG_SECONDS: Metric = ("es_projection_lag_seconds", "How long the first event after the checkpoint has waited");
    pub(crate) const REBUILD: Metric = ("es_projection_rebuild_lag_events", "Events that a rebuild has not read yet, zero without one");
    pub(crate) const WAITING: Metric = ("es_projection_parked_events", "Parked events that wait for an operator");
    pub(crate) const STALLED: Metric = ("es_projection_stalled", "Partitions that fail or have stopped");
}
use names::{EVENTS, FENCED, PAGES, PARKED, RETRIES};

/// Describes the metrics of projections and subscriptions to the recorder of the crate `metrics`. Call it after the
/// recorder was installed.
///
/// ```
/// es_projections::describe_metrics();
/// ```
#[cfg(feature = "metrics")]
pub fn describe_metrics() {
    use gauges::{LAG_EVENTS, LAG_SECONDS, OBSERVED, REBUILD, STALLED, WAITING};
    es_runtime::metrics::describe(
        &[PAGES],
        &[EVENTS, RETRIES, PARKED, FENCED, OBSERVED],
        &[LAG_EVENTS, LAG_SECONDS, REBUILD, WAITING, STALLED],
    );
}

/// Counts what a measurement says.
pub(crate) fn counted(measure: &Measure<'_>) {
    match measure {
        Measure::Batch {
            partition,
            events,
            took,
            ..
        } => {
            let name = [("projection", partition.name)];
            count(EVENTS, name, *events);
            record(PAGES, name, took.as_secs_f64());
        }
        Measure::Retry { partition, .. } => count(RETRIES, [("projection", partition.name)], 1),
        Measure::Parked {
            partition, events, ..
        } => {
            let events = usize::try_from(*events).unwrap_or(usize::MAX);
            count(PARKED, [("projection", partition.name)], events);
        }
        Measure::FenceLost { partition } => count(FENCED, [("projection", partition.name)], 1),
        Measure::Stalled { .. } | Measure::Stopped { .. } | Measure::WentLive { .. } => {}
    }
}
