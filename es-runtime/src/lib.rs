//! Event sourcing from plain annotated structs.
//!
//! Events, commands and the aggregate are structs; the derives write the event enum, the dispatch
//! and the decoding; a [`Repository`] loads, decides, appends and retries on any [`EventStore`].

// The derives name this crate `::es_runtime`, also in its own documentation tests and unit tests.
extern crate self as es_runtime;

#[doc(hidden)]
#[path = "private/mod.rs"]
pub mod __private;
mod aggregate;
mod codec;
mod envelope;
mod event;
mod events;
mod ids;
mod metadata;
mod position;
mod repository;
pub mod schema;
mod shape;
mod store;
mod stream;
mod timestamp;

pub use aggregate::{Aggregate, AggregateId, Apply, Command, DomainError, Handle};
pub use codec::{Codec, CodecError};
pub use envelope::{Envelope, RecordedEvent};
pub use event::{DecodeError, Decoded, Event, EventSet, EventType, StoredPayload};
pub use events::{Events, Recorder};
pub use ids::{AppendId, EventId, InvalidAppendId, InvalidEventId};
pub use metadata::Metadata;
pub use position::{InvalidPosition, Position};
pub use repository::{
    Execute, ExecuteError, Executed, LoadError, Loaded, Repository, RetryPolicy, SnapshotDropped,
    SnapshotFailure, SnapshotUse,
};
pub use store::{
    Append, AppendError, Appended, Direction, EventFilter, EventStore, FeedPage, Fingerprint,
    InvalidAppend, Limits, MemoryStore, NewEvent, NoSnapshots, Outcome, ReadError, ReadLimit,
    Snapshot, SnapshotPolicy, SnapshotStore, StorageError, StorageErrorKind, StoredEvent,
    StreamFold, StreamRange,
};
pub use stream::{
    ExpectedVersion, InvalidStreamId, MAX_STREAM_ID_BYTES, StreamId, StreamIdProblem,
};
pub use timestamp::{InvalidTimestamp, Timestamp};

#[cfg(feature = "derive")]
pub use es_macros::{Aggregate, Event};
