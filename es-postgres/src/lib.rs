//! The PostgreSQL store of `es-runtime`: events, append ids and snapshots in one schema of a database.
//!
//! Use it when several machines append to one store, or when a PostgreSQL server is there already. For
//! one machine without a server use `es-sqlite`. The server must be PostgreSQL 13 or newer; connection
//! poolers in transaction mode [are supported](PostgresOptions::transaction_pool).
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
//! Applications usually hand the store to a [`Repository`](es_runtime::Repository), which loads
//! aggregates and executes commands.
//!
//! - [`PostgresStore`] is the store. Its page lists what it guarantees and its
//!   [tables](PostgresStore#tables).
//! - [`PostgresOptions`] opens a store with other settings: schema, TLS, timeouts, poolers. An operator
//!   who owns the schema gets the SQL from [`migration_script`](PostgresOptions::migration_script).
//!
//! One connection appends and a few connections read. Appends that wait at the same time share one
//! transaction. The store runs on tokio.
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `metrics` | no | times of appends and sizes of groups, through the facade `metrics` |
//! | `projections` | no | read models in PostgreSQL: `PostgresReadDatabase`, `PostgresTransaction`, `PostgresStore::read_database` and `PostgresOptions::inline`; depends on `es-projections` |
//! | `sqlx` | no | read models in a `sqlx` pool of the application: `SqlxReadDatabase`, `SqlxTransaction`; enables `projections`, needs Rust 1.94 |

mod connection;
mod connection_string;
mod errors;
mod events;
mod feed;
mod identifier;
mod inline;
#[cfg(feature = "projections")]
mod inside;
mod options;
mod pages;
#[cfg(feature = "projections")]
mod read_models;
mod rows;
mod schema;
mod session;
mod settings;
mod single_append;
mod snapshots;
mod statements;
mod stats;
mod store;
mod tagged;
mod wake;
mod work;
mod write;

/// For es-tables, which connects by itself.
#[doc(hidden)]
pub mod __private {
    pub use crate::connection_string::{hosts, read_for_es};
}
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
