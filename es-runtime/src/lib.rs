//! The core of event sourcing: events, aggregates, a repository, and the traits of event stores.
//!
//! An aggregate is a plain struct. Its state is the result of its stored events, and each command
//! decides which events come next. The derives write the event enum, the dispatch and the decoding of
//! older versions. A [`Repository`] loads an aggregate, lets it decide, and appends the events under
//! optimistic concurrency control.
//!
//! Use this crate where the history of a value matters: audits, corrections, several read models of
//! one truth. Do not use it for state that nobody asks about later; a table is simpler.
//!
//! # Example
//!
//! ```
//! use es_runtime::{Aggregate, AnyStore, Apply, Event, Events, Handle, MemoryStore, Repository};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Event, Serialize, Deserialize)]
//! #[event("room.booked")]
//! struct Booked { guest: String }
//!
//! #[derive(Clone)]
//! struct Book { guest: String }
//!
//! #[derive(Debug, PartialEq, thiserror::Error)]
//! #[error("the room is taken")]
//! struct Taken;
//!
//! #[derive(Aggregate, Default)]
//! #[aggregate("room", id = String, error = Taken, events(Booked))]
//! struct Room { guest: Option<String> }
//!
//! impl Apply<Booked> for Room {
//!     fn apply(&mut self, event: &Booked) {
//!         self.guest = Some(event.guest.clone());
//!     }
//! }
//!
//! impl Handle<Book> for Room {
//!     fn handle(&self, command: Book) -> Result<Events<Self>, Taken> {
//!         match self.guest {
//!             Some(_) => Err(Taken),
//!             None => Ok(Booked { guest: command.guest }.into()),
//!         }
//!     }
//! }
//!
//! # futures_executor::block_on(async {
//! let rooms: Repository<Room> = Repository::new(AnyStore::new(MemoryStore::new()));
//! let done = rooms.execute("101", Book { guest: "Alice".into() }).await?;
//! assert_eq!((done.version, done.events.len()), (1, 1));
//! let error = rooms.execute("101", Book { guest: "Bob".into() }).await.unwrap_err();
//! assert_eq!(error.rejection(), Some(&Taken));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! [`MemoryStore`] is for tests. `es-sqlite` and `es-postgres` have stores for production, `es-testkit`
//! has given/when/then for aggregates.
//!
//! # Where to look
//!
//! | You want to | Look at |
//! |---|---|
//! | define events, and change them later | [`Event`](derive@Event) |
//! | define an aggregate | [`Aggregate`](derive@Aggregate), [`Apply`], [`Handle`] |
//! | return no event, or several | [`Events`], [`events!`] |
//! | execute commands, load, list, read a history | [`Repository`] |
//! | choose the store at run time | [`AnyStore`] |
//! | make a command safe to repeat | [`Execute::append_id`] |
//! | record who caused an event | [`Metadata`] |
//! | handle errors | [`ExecuteError`], [`LoadError`], [`Outcome`] |
//! | load long streams faster | [`SnapshotPolicy`] |
//! | send many commands to the same aggregates | [`Repository::cached`] |
//! | read the events of all streams | [`EventStore::read_feed`] |
//! | commit to several streams at once | [`CommitStore`], [`command`] |
//! | know how types look when they are stored | [`schema`] |
//! | write a store | [`store`], [`store::author`] |
//!
//! Read models are in `es-projections`, long-running processes in `es-sagas`. `es-schema-lock` checks
//! that released events stay readable.

// The derives name this crate `::es_runtime`, also in its own documentation tests and unit tests.
extern crate self as es_runtime;

#[doc(hidden)]
#[path = "private/mod.rs"]
pub mod __private;
mod aggregate;
mod event;
mod first;
#[doc(hidden)]
pub mod metrics;
mod record;
mod repository;
pub mod schema;
pub mod store;
mod trace;

pub use aggregate::{Aggregate, AggregateId, Apply, AsId, Command, DomainError, Handle, NotAnId};
#[doc(inline)]
pub use es_record::{
    AppendId, Codec, CodecError, EventId, EventTag, EventType, Fingerprint, InvalidAppendId,
    InvalidEventId, InvalidPosition, InvalidTags, InvalidTimestamp, Metadata, Position, Tag,
    TagQuery, TagQueryEmpty, Timestamp, UniqueChange, UniqueValue,
};
#[cfg(feature = "tracing")]
#[doc(inline)]
pub use es_record::{TraceContext, set_trace_context};
pub use event::{DecodeError, Decoded, Event, EventOf, EventSet, Events, Recorder, StoredPayload};
#[cfg(feature = "metrics")]
pub use metrics::describe_metrics;
pub use record::{
    Envelope, ExpectedVersion, InvalidStreamId, MAX_STREAM_ID_BYTES, RecordedEvent, StreamId,
    StreamIdProblem,
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
    NewEvent, NoSnapshots, OnDuplicates, Outcome, ReadDirection, ReadError, ReadLimit, Snapshot,
    SnapshotPolicy, SnapshotStore, StateError, StorageError, StorageErrorKind, StoredEvent,
    StreamFold, StreamRange, TagGuard, TagWalk, TagWalked, TaggedBackward, TaggedPage,
    UniqueDuplicate, UniqueWalk, UniqueWalked, WalkedChange, WorkChange, WorkFilter, WorkItem,
    WorkQueue, WorkStatus,
};

pub mod command {
    //! Commands to aggregates of any type as one type.
    //!
    //! Use it to decide commands on several aggregates and to commit the results in one transaction, as
    //! sagas do. For a single aggregate use [`Repository::execute`](crate::Repository::execute).
    pub use crate::aggregate::HandledBy;
    pub use crate::repository::command::{
        AggregateCommand, DecideError, encode_events, name_of, prove,
    };
    pub use crate::repository::find_events;
}

#[cfg(feature = "derive")]
pub use es_macros::{Aggregate, Event, Shape, Tag};
