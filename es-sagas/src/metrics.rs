//! The metrics of sagas and process managers: their names, what they mean, and where they are recorded.

use crate::{key::StepDirection, names::name_of};
use es_runtime::metrics::{Metric, Timer, count};

#[rustfmt::skip]
pub(crate) mod names {
    use super::Metric;

    pub(crate) const STEPS: Metric = ("es_saga_step_duration_seconds", "Time of a call of a step or an undo, by whether it succeeded");
    pub(crate) const EVENTS: Metric = ("es_saga_events_total", "Events that sagas and process managers took");
    pub(crate) const PARKED: Metric = ("es_saga_parks_total", "Events that could not be taken and were parked");
}
#[rustfmt::skip]
#[cfg(feature = "metrics")]
pub(crate) mod gauges {
    use super::Metric;

    pub(crate) const OBSERVED: Metric = ("es_saga_observations_total", "Measurements of the gauges, by whether the store could be read");
    pub(crate) const LAG_EVENTS: Metric = ("es_saga_lag_events", "Events after the cursor");
    pub(crate) const LAG_SECONDS: Metric = ("es_saga_lag_seconds", "How long the first event after the cursor has waited");
    pub(crate) const WAITING: Metric = ("es_saga_parked_events", "Parked events that wait for an operator");
    pub(crate) const STALLED: Metric = ("es_saga_stalled", "Whether this process fails at the events of the saga or process manager");
    pub(crate) const INSTANCES: Metric = ("es_saga_instances", "Instances by status");
    pub(crate) const OVERDUE: Metric = ("es_saga_overdue_instances", "Instances that are due for more than a minute while no worker has them, at most 1,000");
}
use names::{EVENTS, PARKED, STEPS};

/// Describes the metrics of sagas and process managers to the recorder of the crate `metrics`. Call it after the
/// recorder was installed.
///
/// ```
/// es_sagas::describe_metrics();
/// ```
#[cfg(feature = "metrics")]
pub fn describe_metrics() {
    use gauges::{INSTANCES, LAG_EVENTS, LAG_SECONDS, OBSERVED, OVERDUE, STALLED, WAITING};
    es_runtime::metrics::describe(
        &[STEPS],
        &[EVENTS, PARKED, OBSERVED],
        &[
            LAG_EVENTS,
            LAG_SECONDS,
            WAITING,
            STALLED,
            INSTANCES,
            OVERDUE,
        ],
    );
}

/// Events were taken.
pub(crate) fn took(category: &str, events: usize) {
    count(EVENTS, [("saga", name_of(category))], events);
}

/// An event was parked.
pub(crate) fn parked(category: &str) {
    count(PARKED, [("saga", name_of(category))], 1);
}

/// A step or an undo was called.
pub(crate) fn called(since: Timer, category: &str, step: &str, to: StepDirection, is_ok: bool) {
    let result = if is_ok { "done" } else { "failed" };
    let saga = name_of(category);
    since.stop(
        STEPS,
        [
            ("saga", saga),
            ("step", step),
            ("call", to.as_str()),
            ("result", result),
        ],
    );
}
