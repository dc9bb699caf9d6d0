//! The span of a command, and its trace in the metadata of its events. Without the feature `tracing` nothing is done.

use crate::Metadata;
use std::future::Future;

/// Runs a command in a span, which belongs to the one in which the command is polled first.
#[cfg(feature = "tracing")]
pub(crate) async fn in_span<F: Future>(aggregate: &'static str, command: F) -> F::Output {
    tracing::Instrument::instrument(command, tracing::info_span!("command", aggregate)).await
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn in_span<F: Future>(_: &'static str, command: F) -> F {
    command
}

/// Metadata with the current trace.
pub fn traced(metadata: Metadata) -> Metadata {
    #[cfg(feature = "tracing")]
    return metadata.with_current_trace();
    #[cfg(not(feature = "tracing"))]
    metadata
}
