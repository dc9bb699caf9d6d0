//! The SQLite store of `es-runtime`: events, append ids and snapshots in one file, inside your program.
//!
//! Use it for applications on one machine: services with one node, desktop and command-line programs,
//! tests with a real database. Several processes on that machine may use the same file. For programs on
//! several machines use `es-postgres`: SQLite does not work on network file systems.
//!
//! ```
//! use es_runtime::{Append, EventStore, ExpectedVersion, NewEvent, ReadLimit, StreamId, StreamRange};
//! use es_sqlite::SqliteStore;
//!
//! # pollster::block_on(async {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("shop.db");
//! let store = SqliteStore::open(&path).await?;
//! let order = StreamId::new("order", "4711")?;
//! let placed = NewEvent::json("order.placed", 1, r#"{"customer":"alice"}"#);
//! let done = store
//!     .append(Append::new(order.clone(), ExpectedVersion::NoStream).with_event(placed))
//!     .await?;
//! assert_eq!(done.version, 1);
//!
//! let events = store.read_stream(&order, StreamRange::forward(0), ReadLimit::default()).await?;
//! assert_eq!(events.len(), 1);
//! store.close().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Applications usually hand the store to a [`Repository`](es_runtime::Repository), which loads
//! aggregates and executes commands.
//!
//! - [`SqliteStore`] is the store. Its page lists what it guarantees and its [tables](SqliteStore#tables).
//! - [`SqliteOptions`] opens a store with other settings: timeouts, [`Durability`], read-only access.
//!
//! One thread writes and a few threads read. The store works with any async executor. The tables are
//! plain: `sqlite3 shop.db 'select * from events'` lists the events. An application may have other
//! tables in the same file.
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `metrics` | no | times of appends and sizes of groups, through the facade `metrics` |
//! | `projections` | no | read models in SQLite: `SqliteReadDatabase`, `SqliteTransaction`, `SqliteStore::read_database` and `SqliteOptions::inline`; depends on `es-projections` |

mod append;
mod busy;
mod commit;
mod connection;
mod errors;
mod inline;
mod inside;
mod log;
mod options;
#[cfg(feature = "projections")]
mod poll_once;
mod process;
mod queries;
#[cfg(feature = "projections")]
mod read_models;
mod reader;
mod rows;
mod rules;
mod schema;
mod settings;
mod stats;
mod store;
mod tags;
mod task;
mod unique;
mod work;
mod writer;

pub use options::SqliteOptions;
#[cfg(feature = "projections")]
pub use read_models::{SqliteReadDatabase, SqliteTransaction};
pub use rows::Readable;
pub use rusqlite;
pub use settings::Durability;
pub use stats::Stats;
pub use store::SqliteStore;

/// For es-testkit.
#[cfg(feature = "projections")]
#[doc(hidden)]
pub mod __private {
    pub use crate::read_models::MemoryReadModels;
}
