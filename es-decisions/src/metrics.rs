//! The metrics of decisions: their names, what they mean, and where they are counted.

use crate::{Decide, Decided, DecisionError};
use es_runtime::metrics::{Metric, Timer, count};

const DECISIONS: Metric = (
    "es_decision_duration_seconds",
    "Time of a decision, with all of its attempts",
);
const QUEUES: Metric = (
    "es_decision_queue_duration_seconds",
    "Time that a decision waited for its turn at what another one changed",
);
const ATTEMPTS: Metric = (
    "es_decision_attempts_total",
    "Attempts at decisions, repeated ones included",
);
const CONFLICTS: Metric = (
    "es_decision_conflicts_total",
    "Attempts at decisions in which another writer was first",
);

/// Describes the metrics of decisions to the recorder of the crate `metrics`. Call it after the recorder was installed.
///
/// ```
/// es_decisions::describe_metrics();
/// ```
#[cfg(feature = "metrics")]
pub fn describe_metrics() {
    es_runtime::metrics::describe(&[DECISIONS, QUEUES], &[ATTEMPTS, CONFLICTS], &[]);
}

pub(crate) fn decided<D: Decide>(since: Timer, done: &Result<Decided<D>, DecisionError<D::Error>>) {
    let result = match done {
        Ok(decided) if decided.repeated => "repeated",
        Ok(_) => "accepted",
        Err(DecisionError::Rejected(_)) => "rejected",
        Err(DecisionError::Conflict { .. } | DecisionError::FoldConflict { .. }) => "conflict",
        Err(DecisionError::VersionMismatch { .. }) => "mismatch",
        Err(_) => "failed",
    };
    since.stop(DECISIONS, [("decision", D::NAME), ("result", result)]);
}

/// A decision has its turn, for which it waited since then.
pub(crate) fn queued(since: Timer, decision: &'static str) {
    since.stop(QUEUES, [("decision", decision)]);
}

pub(crate) fn attempt(decision: &str) {
    count(ATTEMPTS, [("decision", decision)], 1);
    // A counter that is there from the start shows its first increase.
    count(CONFLICTS, [("decision", decision)], 0);
}

pub(crate) fn conflict(decision: &str) {
    count(CONFLICTS, [("decision", decision)], 1);
}
