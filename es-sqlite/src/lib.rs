//! The embedded store of `es-runtime`: events, idempotency records and snapshots in one SQLite file.
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
//! One thread writes, a few read; no async runtime is needed, any executor will do. The file is
//! plain SQL: `sqlite3 shop.db 'select * from events'` shows what happened, and an application may
//! keep tables of its own beside [those of the store](SqliteStore#tables).

mod append;
#[cfg(feature = "projections")]
mod block_on;
mod commit;
mod connection;
mod errors;
mod inline;
mod options;
mod queries;
#[cfg(feature = "projections")]
mod read_models;
mod reader;
mod rows;
mod schema;
mod settings;
mod stats;
mod store;
mod task;
mod work;
mod writer;

pub use options::SqliteOptions;
#[cfg(feature = "projections")]
pub use read_models::{SqliteReadDatabase, SqliteTransaction};
pub use rusqlite;
pub use settings::Durability;
pub use stats::Stats;
pub use store::SqliteStore;
