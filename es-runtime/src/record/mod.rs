//! What is stored with an event: stream, version, position, ids, time and metadata.

mod envelope;
mod ids;
mod metadata;
mod position;
mod stream;
mod timestamp;

pub use envelope::{Envelope, EventRow, RecordedEvent};
pub use ids::{AppendId, EventId, InvalidAppendId, InvalidEventId};
pub use metadata::Metadata;
pub use position::{InvalidPosition, Position};
pub(crate) use stream::has_control;
pub use stream::{
    ExpectedVersion, InvalidStreamId, MAX_STREAM_ID_BYTES, StreamId, StreamIdProblem,
};
pub use timestamp::{InvalidTimestamp, Timestamp};
