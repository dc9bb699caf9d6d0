//! Measurements, and the traces made from them.

use super::{
    error::{Poison, Stalled},
    partition::Partition,
};
use es_runtime::{Position, RecordedEvent};
use std::{future::Future, time::Duration};

/// Receives measurements, to count or to show them. Implemented by applications and for every
/// closure `Fn(&Measure)`. The loops call it, so it should return at once.
pub trait Meter: Send + Sync + 'static {
    /// Records one measurement.
    fn record(&self, measure: &Measure<'_>);
}

impl<F: Fn(&Measure<'_>) + Send + Sync + 'static> Meter for F {
    fn record(&self, measure: &Measure<'_>) {
        self(measure);
    }
}

/// A measurement of a runner.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Measure<'a> {
    /// A page was committed.
    Batch {
        /// The partition.
        partition: &'a Partition,
        /// How many events were handled or parked.
        events: usize,
        /// From before the first handler until after the commit.
        took: Duration,
        /// The age of the newest of them at the commit, which is the lag of the read model. `None`
        /// without an event.
        behind: Option<Duration>,
        /// The number of events in the store after its position, including those that it does not
        /// list. `None` if positions cannot be counted or the store could not be read.
        events_behind: Option<u64>,
        /// The new checkpoint.
        position: Position,
    },
    /// An event failed and will be tried again.
    Retry {
        /// The partition.
        partition: &'a Partition,
        /// The event, and why it failed.
        poison: &'a Poison,
    },
    /// Events were parked.
    Parked {
        /// The partition.
        partition: &'a Partition,
        /// How many.
        events: u64,
        /// The number of their keys.
        keys: u64,
    },
    /// Another owner took the partition.
    FenceLost {
        /// The partition.
        partition: &'a Partition,
    },
    /// A partition waits.
    Stalled {
        /// The partition.
        partition: &'a Partition,
        /// Why.
        why: &'a Stalled,
    },
    /// A partition stopped, and does not go on by itself.
    Stopped {
        /// The partition. Its build is 0 where the whole projection or subscription could not begin.
        partition: &'a Partition,
        /// Why.
        why: &'a str,
    },
    /// A new build went live: it answers queries from now on.
    WentLive {
        /// The partition.
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
        Measure::Stopped { partition, why } => tracing::error!(
            projection = partition.name,
            build = partition.build,
            partition = partition.partition,
            why,
            "stopped"
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

/// A span around everything that a worker does.
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

/// A span around the handler of one event, where `traced`. It continues the trace of the event, and there is none without
/// one.
#[cfg(feature = "tracing")]
pub(crate) fn handling<F: Future>(
    projection: &'static str,
    event: &RecordedEvent,
    traced: bool,
    handler: F,
) -> impl Future<Output = F::Output> + use<F> {
    use tracing::Instrument;
    let new = || tracing::info_span!("handle", projection, event = &*event.name, position = %event.position);
    let span = traced.then(|| event.metadata.continued(new));
    handler.instrument(span.unwrap_or_else(tracing::Span::none))
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn handling<F: Future>(_: &'static str, _: &RecordedEvent, _: bool, handler: F) -> F {
    handler
}
