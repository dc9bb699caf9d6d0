//! The span of a decision. Without the feature `tracing` there is none.

use std::future::Future;

/// Runs a decision in a span, which belongs to the one in which the decision is polled first.
#[cfg(feature = "tracing")]
pub(crate) async fn in_span<F: Future>(decision: &'static str, work: F) -> F::Output {
    tracing::Instrument::instrument(work, tracing::info_span!("decision", name = decision)).await
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn in_span<F: Future>(_: &'static str, work: F) -> F {
    work
}
