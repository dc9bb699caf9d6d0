//! Event sourcing from plain annotated structs.
//!
//! Events, commands and the aggregate are structs. The derives write the event enum, the dispatch and
//! the decoding; a [`Repository`] loads, decides, appends and retries on any [`EventStore`].
//!
//! ```
//! use es_runtime::{Aggregate, Apply, Event, Events, Handle, MemoryStore, Metadata, Repository};
//! use serde::{Deserialize, Serialize};
//!
//! /// A guest checked in.
//! #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
//! #[event("stay.begun")]
//! struct StayBegun {
//!     guest: String,
//! }
//!
//! /// The guest left.
//! #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
//! #[event("stay.ended")]
//! struct StayEnded {}
//!
//! #[derive(Clone)]
//! struct CheckIn {
//!     guest: String,
//! }
//!
//! #[derive(Debug, PartialEq, thiserror::Error)]
//! #[error("the room is taken")]
//! struct Taken;
//!
//! #[derive(Aggregate, Default)]
//! #[aggregate("room", id = u32, error = Taken, events(StayBegun, StayEnded))]
//! struct Room {
//!     guest: Option<String>,
//! }
//!
//! impl Apply<StayBegun> for Room {
//!     fn apply(&mut self, event: &StayBegun) {
//!         self.guest = Some(event.guest.clone());
//!     }
//! }
//!
//! impl Apply<StayEnded> for Room {
//!     fn apply(&mut self, _: &StayEnded) {
//!         self.guest = None;
//!     }
//! }
//!
//! impl Handle<CheckIn> for Room {
//!     fn handle(&self, command: CheckIn) -> Result<Events<Self>, Taken> {
//!         match self.guest {
//!             Some(_) => Err(Taken),
//!             None => Ok(StayBegun { guest: command.guest }.into()),
//!         }
//!     }
//! }
//!
//! # futures_executor::block_on(async {
//! let rooms = Repository::<Room, _>::new(MemoryStore::new());
//! let alice = CheckIn { guest: "Alice".into() };
//! let who = Metadata::new().with_user("reception");
//! let done = rooms.execute(&101, alice).metadata(who).await?;
//! assert_eq!((done.version, done.events.len()), (1, 1));
//!
//! let bob = CheckIn { guest: "Bob".into() };
//! let refused = rooms.execute(&101, bob).await.unwrap_err();
//! assert_eq!(refused.rejection(), Some(&Taken));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # Where to look
//!
//! - [`Event`](derive@Event) and [`Aggregate`](derive@Aggregate): what the derives take.
//! - [`Repository`]: executing commands, loading, histories.
//! - [`EventStore`] and [`SnapshotStore`]: what a store promises. Who writes one uses [`store::author`].
//! - [`ExecuteError`], [`LoadError`], [`AppendError`]: what can go wrong, and whether it was written.

// The derives name this crate `::es_runtime`, also in its own documentation tests and unit tests.
extern crate self as es_runtime;

#[doc(hidden)]
#[path = "private/mod.rs"]
pub mod __private;
mod aggregate;
mod codec;
mod event;
mod fingerprint;
mod first;
mod record;
mod repository;
pub mod schema;
pub mod store;

pub use aggregate::{Aggregate, AggregateId, Apply, AsId, Command, DomainError, Handle, NotAnId};
pub use codec::{Codec, CodecError};
pub use event::{
    DecodeError, Decoded, Event, EventOf, EventSet, EventType, Events, Recorder, StoredPayload,
};
pub use fingerprint::Fingerprint;
pub use record::{
    AppendId, Envelope, EventId, ExpectedVersion, InvalidAppendId, InvalidEventId, InvalidPosition,
    InvalidStreamId, InvalidTimestamp, MAX_STREAM_ID_BYTES, Metadata, Position, RecordedEvent,
    StreamId, StreamIdProblem, Timestamp,
};
pub use repository::{
    Execute, ExecuteError, Executed, LoadError, Loaded, Repository, RetryPolicy, SnapshotDropped,
    SnapshotFailure, SnapshotUse,
};
pub use schema::Shape;
#[doc(inline)]
pub use store::{
    AnyStore, Append, AppendError, Appended, Claim, Claimed, Commit, CommitError, CommitStore,
    Committed, CursorMove, EventFilter, EventStore, FeedPage, InvalidAppend, Limits, MemoryStore,
    NewEvent, NoSnapshots, Outcome, ReadDirection, ReadError, ReadLimit, Snapshot, SnapshotPolicy,
    SnapshotStore, StorageError, StorageErrorKind, StoredEvent, StreamFold, StreamRange,
    WorkChange, WorkFilter, WorkItem, WorkQueue, WorkStatus,
};

pub mod command {
    //! A command of any aggregate behind one type, for code that commits several decisions at once.
    pub use crate::repository::command::{AggregateCommand, DecideError, encode_events};
}

#[cfg(feature = "derive")]
pub use es_macros::{Aggregate, Event, Shape};
