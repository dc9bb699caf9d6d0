//! What is stored with an event: its stream, and the row as a whole.

mod envelope;
mod stream;

pub use envelope::{Envelope, EventRow, RecordedEvent};
pub use stream::{
    ExpectedVersion, InvalidStreamId, MAX_STREAM_ID_BYTES, StreamId, StreamIdProblem,
};
