//! The traits of stores, their requests and results, and the in-memory store.
//!
//! Applications use [`MemoryStore`] in tests and name stores by [`AnyStore`]. Authors of stores implement
//! [`EventStore`] and usually [`SnapshotStore`], and for sagas also [`CommitStore`] and [`WorkQueue`].
//! [`author`] helps them. The conformance suite of `es-testkit` tests what the traits promise.
//!
//! ```
//! use es_runtime::{Append, EventStore, ExpectedVersion, MemoryStore, NewEvent, StreamId};
//!
//! # futures_executor::block_on(async {
//! let store = MemoryStore::new();
//! let order = StreamId::new("order", "4711")?;
//! let append = Append::new(order, ExpectedVersion::NoStream)
//!     .with_event(NewEvent::json("order.placed", 1, "{}"));
//! assert_eq!(store.append(append).await?.version, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod any;
mod append;
pub mod author;
mod commit;
mod error;
mod events;
mod kinds;
mod memory;
mod read;
mod rows;
mod rules;
mod snapshot;
mod tags;
mod unique;
mod unique_walk;
mod work;
mod work_item;

pub use any::AnyStore;
pub use append::{Append, Appended, InvalidAppend, Limits, NewEvent};
pub use commit::{Commit, CommitError, CommitStore, Committed, CursorMove};
pub use error::{AppendError, Outcome, ReadError, StorageError, StorageErrorKind};
pub use events::EventStore;
pub use memory::MemoryStore;
pub use read::{
    EventFilter, FeedPage, ReadDirection, ReadLimit, StoredEvent, StreamFold, StreamRange,
};
pub use snapshot::{NoSnapshots, Snapshot, SnapshotPolicy, SnapshotStore, StateError};
pub use tags::{TagGuard, TagWalk, TagWalked, TaggedBackward, TaggedPage};
pub use unique_walk::{OnDuplicates, UniqueDuplicate, UniqueWalk, UniqueWalked, WalkedChange};
pub use work::{Claim, Claimed, WorkFilter, WorkQueue};
pub use work_item::{WorkChange, WorkItem, WorkStatus};
