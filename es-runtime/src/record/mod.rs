//! What stands around an event once it is stored: stream, version, position, ids, time, metadata.

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
pub use stream::{
    ExpectedVersion, InvalidStreamId, MAX_STREAM_ID_BYTES, StreamId, StreamIdProblem,
};
pub use timestamp::{InvalidTimestamp, Timestamp};
