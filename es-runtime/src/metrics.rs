//! The metrics of commands and stores: their names, what they mean, and where they are counted.

use crate::{Aggregate, AppendError, CommitError, ExecuteError, Executed};
pub use es_record::metrics::{Metric, Timer, count, describe, record, set};
#[cfg(feature = "metrics")]
use {
    crate::{EventFilter, EventStore, Position, ReadError, ReadLimit, Timestamp},
    std::time::Duration,
};

#[rustfmt::skip]
mod names {
    use super::Metric;

    pub(super) const COMMANDS: Metric = ("es_command_duration_seconds", "Time of a command, with all of its attempts");
    pub(super) const APPENDS: Metric = ("es_append_duration_seconds", "Time of an append or a commit, from the call to the answer of the store");
    pub(super) const GROUPS: Metric = ("es_commit_group_size", "Writes that shared one transaction of the store");
    pub(super) const QUEUES: Metric = ("es_command_queue_duration_seconds", "Time that a command waited for its turn at its stream");
    pub(super) const ATTEMPTS: Metric = ("es_command_attempts_total", "Decisions of commands, repeated ones included");
    pub(super) const CONFLICTS: Metric = ("es_command_conflicts_total", "Appends of commands that were refused because another writer was first");
    pub(super) const CACHED: Metric = ("es_cached_states_total", "Commands by whether a cached state was found (hit, miss), and found to be stale");
}
use names::{APPENDS, ATTEMPTS, CACHED, COMMANDS, CONFLICTS, GROUPS, QUEUES};

/// Describes the metrics of commands and stores to the recorder of the crate `metrics`. Call it after the recorder was
/// installed. `es-projections`, `es-sagas` and `es-decisions` describe their own.
///
/// ```
/// // metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder()?;
/// es_runtime::describe_metrics();
/// ```
#[cfg(feature = "metrics")]
pub fn describe_metrics() {
    describe(
        &[COMMANDS, QUEUES, APPENDS, GROUPS],
        &[ATTEMPTS, CONFLICTS, CACHED],
        &[],
    );
}

pub(crate) fn executed<A: Aggregate>(
    since: Timer,
    done: &Result<Executed<A>, ExecuteError<A::Error>>,
) {
    let result = match done {
        Ok(done) if done.repeated => "repeated",
        Ok(_) => "accepted",
        Err(ExecuteError::Rejected(_)) => "rejected",
        Err(ExecuteError::Conflict { .. }) => "conflict",
        Err(ExecuteError::VersionMismatch { .. }) => "mismatch",
        Err(_) => "failed",
    };
    since.stop(COMMANDS, [("aggregate", A::NAME), ("result", result)]);
}

pub(crate) fn attempt(aggregate: &str) {
    count(ATTEMPTS, [("aggregate", aggregate)], 1);
}

/// A command has its turn, for which it waited since then.
pub(crate) fn queued(since: Timer, aggregate: &'static str) {
    since.stop(QUEUES, [("aggregate", aggregate)]);
}

/// So many conflicts. A repository begins with none, because only a counter that is there shows its first increase.
pub(crate) fn conflicts(aggregate: &str, by: usize) {
    count(CONFLICTS, [("aggregate", aggregate)], by);
}

/// A cached state was found (`hit`) or not (`miss`), or was too old (`stale`).
pub(crate) fn cached(aggregate: &str, result: &str) {
    count(CACHED, [("aggregate", aggregate), ("result", result)], 1);
}

/// For stores: an append that began at `since` was answered. `store` is the name of the kind of store.
///
/// ```
/// use es_runtime::store::author::{Timer, appended, grouped};
///
/// let since = Timer::start();
/// // .. the append, in a transaction with two others
/// grouped("list", 3);
/// appended(since, "list", &Ok(()));
/// ```
pub fn appended<T>(since: Timer, store: &'static str, answer: &Result<T, AppendError>) {
    let result = match answer {
        Ok(_) => "ok",
        Err(AppendError::Storage { .. }) => "failed",
        Err(_) => "refused",
    };
    since.stop(APPENDS, [("store", store), ("result", result)]);
}

/// For stores: a commit that began at `since` was answered.
pub fn committed<T>(since: Timer, store: &'static str, answer: &Result<T, CommitError>) {
    use CommitError::{Append, Storage};
    let result = match answer {
        Ok(_) => "ok",
        Err(Storage { .. } | Append(AppendError::Storage { .. })) => "failed",
        Err(_) => "refused",
    };
    since.stop(APPENDS, [("store", store), ("result", result)]);
}

/// For stores: so many writes shared a transaction that was committed.
pub fn grouped(store: &'static str, writes: usize) {
    let writes = f64::from(u32::try_from(writes).unwrap_or(u32::MAX));
    record(GROUPS, [("store", store)], writes);
}

/// How long the first event after the position of a reader has waited, zero without one.
#[cfg(feature = "metrics")]
pub async fn waits<S: EventStore>(store: &S, after: Position) -> Result<Duration, ReadError> {
    let (all, one) = (EventFilter::all(), ReadLimit::events(1));
    let page = store.read_feed(after, &all, one).await?;
    let since = page
        .events
        .first()
        .map(|event| event.recorded_at.unix_micros());
    let waits = since.map(|since| Timestamp::now().unix_micros().saturating_sub(since));
    Ok(Duration::from_micros(
        u64::try_from(waits.unwrap_or(0)).unwrap_or(0),
    ))
}
