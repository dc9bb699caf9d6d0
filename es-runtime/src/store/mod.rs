//! What a store of events must do, and the requests and answers that go to and fro.
//!
//! A store is one implementation of [`EventStore`], usually with [`SnapshotStore`] beside it. The
//! conformance suite of `es-testkit` says in tests what these pages say in words.

mod any;
mod append;
pub mod author;
mod commit;
mod error;
mod events;
mod memory;
mod read;
mod rows;
mod rules;
mod snapshot;
mod work;

pub use any::AnyStore;
pub use append::{Append, Appended, InvalidAppend, Limits, NewEvent};
pub use commit::{Commit, CommitError, CommitStore, Committed, CursorMove};
pub use error::{AppendError, Outcome, ReadError, StorageError, StorageErrorKind};
pub use events::EventStore;
pub use memory::MemoryStore;
pub use read::{
    EventFilter, FeedPage, ReadDirection, ReadLimit, StoredEvent, StreamFold, StreamRange,
};
pub use snapshot::{NoSnapshots, Snapshot, SnapshotPolicy, SnapshotStore};
pub use work::{Claim, Claimed, WorkChange, WorkFilter, WorkItem, WorkQueue, WorkStatus};
