//! Measurements, and the traces made from them.

use super::{
    error::{Poison, Stalled},
    partition::Partition,
};
use es_runtime::Position;
use std::{future::Future, time::Duration};

/// Receives measurements, to count or to show them. It is called from the loops and should return
/// at once.
pub trait Meter: Send + Sync + 'static {
    /// Something happened.
    fn record(&self, measure: &Measure<'_>);
}

impl<F: Fn(&Measure<'_>) + Send + Sync + 'static> Meter for F {
    fn record(&self, measure: &Measure<'_>) {
        self(measure);
    }
}

/// Something worth counting.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Measure<'a> {
    /// A page was committed.
    Batch {
        /// Whose.
        partition: &'a Partition,
        /// How many events were handled or parked.
        events: usize,
        /// From before the first handler until after the commit.
        took: Duration,
        /// How old the newest of them was at the commit: how far the read model is behind. `None`
        /// without an event.
        behind: Option<Duration>,
        /// How many events of the store are behind its position; those that it does not list count
        /// too. `None` where positions cannot be counted or the store could not be asked.
        events_behind: Option<u64>,
        /// Where the checkpoint stands now.
        position: Position,
    },
    /// An event failed and will be tried again.
    Retry {
        /// Whose.
        partition: &'a Partition,
        /// ParkedRow, and why.
        poison: &'a Poison,
    },
    /// Events were parked.
    Parked {
        /// Whose.
        partition: &'a Partition,
        /// How many.
        events: u64,
        /// How many keys they are of.
        keys: u64,
    },
    /// Another owner took the partition.
    FenceLost {
        /// ParkedRow.
        partition: &'a Partition,
    },
    /// It waits.
    Stalled {
        /// ParkedRow.
        partition: &'a Partition,
        /// Why.
        why: &'a Stalled,
    },
    /// A new build answers queries from now on.
    WentLive {
        /// ParkedRow.
        partition: &'a Partition,
    },
}

#[cfg(feature = "tracing")]
pub(crate) fn trace(measure: &Measure<'_>) {
    match measure {
        Measure::Batch {
            partition,
            events,
            took,
            behind,
            events_behind,
            position,
        } => tracing::debug!(
            projection = partition.name,
            build = partition.build,
            partition = partition.partition,
            events,
            events_behind,
            behind_ms = behind.map(|behind| u64::try_from(behind.as_millis()).unwrap_or(u64::MAX)),
            took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            %position,
            "page committed"
        ),
        Measure::Retry { partition, poison } => tracing::warn!(
            projection = partition.name,
            position = %poison.position,
            stream = %poison.stream,
            attempts = poison.attempts,
            reason = poison.reason,
            "event failed and is tried again"
        ),
        Measure::Parked {
            partition,
            events,
            keys,
        } => tracing::error!(
            projection = partition.name,
            build = partition.build,
            events,
            keys,
            "events parked"
        ),
        Measure::FenceLost { partition } => tracing::warn!(
            projection = partition.name,
            build = partition.build,
            partition = partition.partition,
            "taken over by another runner"
        ),
        Measure::Stalled { partition, why } => tracing::warn!(
            projection = partition.name,
            build = partition.build,
            partition = partition.partition,
            %why,
            "waits"
        ),
        Measure::WentLive { partition } => tracing::info!(
            projection = partition.name,
            build = partition.build,
            "a new build answers queries"
        ),
    }
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn trace(_: &Measure<'_>) {}

/// A span over everything that a worker does.
#[cfg(feature = "tracing")]
pub(crate) fn in_span<F: Future>(
    partition: &Partition,
    work: F,
) -> impl Future<Output = F::Output> + use<F> {
    use tracing::Instrument;
    work.instrument(tracing::info_span!(
        "projection",
        name = partition.name,
        build = partition.build,
        partition = partition.partition
    ))
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn in_span<F: Future>(_: &Partition, work: F) -> F {
    work
}
