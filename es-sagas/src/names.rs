//! Names that the runtime gives: streams of sagas, and the commands at their ends.

use es_runtime::{InvalidStreamId, StreamId};

/// The step that stands for the command of a completed saga.
pub(crate) const COMPLETED: &str = "completed";
/// The step that stands for the command of a compensated saga.
pub(crate) const COMPENSATED: &str = "compensated";
/// In front of the saga's name, so that a saga and an aggregate of one name have two streams.
pub(crate) const PREFIX: &str = "saga:";

/// The aggregate half of the streams of a saga.
pub(crate) fn category(saga: &str) -> String {
    format!("{PREFIX}{saga}")
}

/// The stream of one instance: `saga:<name>/<id>`.
///
/// ```
/// assert_eq!(es_sagas::stream_of("order", "4711")?.to_string(), "saga:order/4711");
/// # Ok::<(), es_runtime::InvalidStreamId>(())
/// ```
///
/// # Errors
/// [`InvalidStreamId`] when the id cannot be one.
pub fn stream_of(saga: &str, id: &str) -> Result<StreamId, InvalidStreamId> {
    StreamId::new(&category(saga), id)
}

/// What a row says of a saga whose stream cannot be read.
pub(crate) const UNREADABLE: &str = "unreadable";
