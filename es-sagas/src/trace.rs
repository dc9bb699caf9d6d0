//! Spans of inputs and steps, which continue the traces of events. Without the feature `tracing` there are none, and
//! there is none without a trace.

use crate::key::StepDirection;
#[cfg(feature = "tracing")]
use crate::names::name_of;
use es_runtime::{Metadata, RecordedEvent};
use std::future::Future;

/// Runs what follows from an event in a span.
#[cfg(feature = "tracing")]
pub(crate) fn handling<F: Future>(
    category: &str,
    event: &RecordedEvent,
    work: F,
) -> impl Future<Output = F::Output> + use<F> {
    tracing::Instrument::instrument(work, handle(category, event))
}

/// Calls the function that says what follows from an event, in a span.
#[cfg(feature = "tracing")]
pub(crate) fn routing<T>(category: &str, event: &RecordedEvent, route: impl FnOnce() -> T) -> T {
    handle(category, event).in_scope(route)
}

#[cfg(feature = "tracing")]
fn handle(category: &str, event: &RecordedEvent) -> tracing::Span {
    event.metadata.continued(
        || tracing::info_span!("handle", saga = name_of(category), event = &*event.name, position = %event.position),
    )
}

/// Runs what is due of an instance in a span: a timer, or an input that waited.
#[cfg(feature = "tracing")]
pub(crate) fn due<F: Future>(
    category: &str,
    metadata: &Metadata,
    work: F,
) -> impl Future<Output = F::Output> + use<F> {
    let span = metadata.continued(|| tracing::info_span!("due", saga = name_of(category)));
    tracing::Instrument::instrument(work, span)
}

/// Runs a step or an undo in a span.
#[cfg(feature = "tracing")]
pub(crate) fn step<F: Future>(
    category: &str,
    (step, to, attempt): (&str, StepDirection, u32),
    metadata: &Metadata,
    work: F,
) -> impl Future<Output = F::Output> + use<F> {
    let span = metadata.continued(|| {
        tracing::info_span!(
            "step",
            saga = name_of(category),
            step,
            call = to.as_str(),
            attempt
        )
    });
    tracing::Instrument::instrument(work, span)
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn handling<F: Future>(_: &str, _: &RecordedEvent, work: F) -> F {
    work
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn routing<T>(_: &str, _: &RecordedEvent, route: impl FnOnce() -> T) -> T {
    route()
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn due<F: Future>(_: &str, _: &Metadata, work: F) -> F {
    work
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn step<F: Future>(_: &str, _: (&str, StepDirection, u32), _: &Metadata, work: F) -> F {
    work
}
