//! Names that the runtime assigns: the streams of sagas, and the commands at their end.

use es_runtime::{InvalidStreamId, StreamId};

/// The name of the command at the end of a completed saga.
pub(crate) const COMPLETED: &str = "completed";
/// The name of the command at the end of a compensated saga.
pub(crate) const COMPENSATED: &str = "compensated";
/// The prefix of the category, so that a saga and an aggregate with the same name have different streams.
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
/// [`InvalidStreamId`] when the name or the id is not valid.
pub fn stream_of(saga: &str, id: &str) -> Result<StreamId, InvalidStreamId> {
    StreamId::new(&category(saga), id)
}

/// The aggregate half of the streams of parked inputs, of a saga with this category.
pub(crate) fn inputs_of(category: &str) -> String {
    format!("saga-input:{}", name_of(category))
}

/// The name of the saga with this category.
pub(crate) fn name_of(category: &str) -> &str {
    category.strip_prefix(PREFIX).unwrap_or(category)
}

/// The phase of a work item that an operator abandoned.
pub(crate) const ABANDONED: &str = "abandoned";
/// The phase of a work item whose stream cannot be read.
pub(crate) const UNREADABLE: &str = "unreadable";
