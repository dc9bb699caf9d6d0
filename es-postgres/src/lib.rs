//! The server store of `es-runtime`: events, idempotency records and snapshots in PostgreSQL.
//!
//! ```no_run
//! use es_postgres::PostgresStore;
//! use es_runtime::{Append, EventStore, ExpectedVersion, NewEvent, StreamId};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let store = PostgresStore::open("postgres://shop@localhost/shop").await?;
//! let order = StreamId::new("order", "4711")?;
//! let placed = NewEvent::json("order.placed", 1, r#"{"customer":"alice"}"#);
//! let done = store
//!     .append(Append::new(order, ExpectedVersion::NoStream).with_event(placed))
//!     .await?;
//! assert_eq!(done.version, 1);
//! store.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! One connection appends, a few read, and every request may wait with others: appends that wait
//! together are committed together. PostgreSQL 13 or newer.

mod connection;
mod errors;
mod feed;
mod identifier;
mod inline;
mod options;
mod pages;
#[cfg(feature = "projections")]
mod read_models;
mod rows;
mod schema;
mod settings;
mod statements;
mod stats;
mod store;
mod wake;
mod work;
mod write;

pub use options::PostgresOptions;
#[cfg(feature = "projections")]
pub use read_models::{PostgresReadDatabase, PostgresTransaction, Reading, StatementError};
#[cfg(feature = "sqlx")]
pub use read_models::{SqlxReadDatabase, SqlxTransaction};
pub use settings::Durability;
#[cfg(feature = "sqlx")]
pub use sqlx;
pub use stats::Stats;
pub use store::PostgresStore;
pub use tokio_postgres;
