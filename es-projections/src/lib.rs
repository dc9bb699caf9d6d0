//! Read models and subscriptions for [es-runtime](es_runtime).
//!
//! A **projection** turns events into rows of tables. The rows and the position up to which events were
//! handled (the checkpoint) are committed in one transaction, so each event takes effect exactly once,
//! also after a crash. es-sqlite and es-postgres provide the databases, with their feature `projections`.
//!
//! # Example
//!
//! ```
//! use es_projections::{AnyReadDatabase, AnyTransaction, HandlerError, Project, Projection};
//! use es_projections::{Projections, WaitFor, values};
//! use es_runtime::{AnyStore, Append, Envelope, Event, EventStore, ExpectedVersion, NewEvent};
//! use es_runtime::StreamId;
//! use es_sqlite::SqliteStore;
//! use serde::{Deserialize, Serialize};
//! use std::time::Duration;
//!
//! #[derive(Event, Serialize, Deserialize)]
//! #[event("order.placed")]
//! struct OrderPlaced {
//!     cents: i64,
//! }
//!
//! #[derive(Projection)]
//! #[projection("orders", version = 1, events(OrderPlaced))]
//! #[projection(schema = "CREATE TABLE {orders} (id TEXT PRIMARY KEY, cents BIGINT NOT NULL)")]
//! struct Orders;
//!
//! impl Project<OrderPlaced> for Orders {
//!     async fn project(
//!         &self,
//!         placed: &Envelope<OrderPlaced>,
//!         tx: &mut AnyTransaction,
//!     ) -> Result<(), HandlerError> {
//!         let (id, cents) = (placed.stream.id(), placed.event.cents);
//!         tx.run("INSERT INTO {orders} (id, cents) VALUES ($1, $2)", values![id, cents]).await?;
//!         Ok(())
//!     }
//! }
//!
//! # futures_executor::block_on(async {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("shop.db");
//! let store = SqliteStore::open(path).await?;
//! let read = AnyReadDatabase::new(store.read_database());
//! let store = AnyStore::new(store);
//! let append = Append::new(StreamId::new("order", "4711")?, ExpectedVersion::NoStream)
//!     .with_event(NewEvent::json("order.placed", 1, r#"{"cents":2933}"#));
//! let appended = store.append(append).await?;
//!
//! Projections::new(store, read.clone()).with(Orders).catch_up().await?;
//! read.wait_for::<Orders>(appended.position, Duration::from_secs(1)).await?;
//! let rows = read.select("SELECT cents FROM orders WHERE id = $1", values!["4711"]).await?;
//! assert_eq!(rows[0].get::<i64>(0)?, 2_933);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! The same program runs on PostgreSQL: only the type of `store` changes. A service calls
//! [`Projections::start`] instead of [`catch_up`](Projections::catch_up). `start` keeps the tables up to date
//! in tasks of tokio until it is shut down.
//!
//! # Which one to use
//!
//! | | Use it for | Guarantee |
//! |---|---|---|
//! | [`Projection`], run by [`Projections`] | tables for queries | exactly once; soon after the append |
//! | [`Projection`] inside appends: the `inline` option of a store | tables that must be right when a command returns, or that may refuse it | in the transaction of the append |
//! | [`Subscription`] | effects outside of the database: e-mail, webhooks, queues | at least once, in order for each key |
//!
//! Do not use them to make decisions of an aggregate, which sees its own stream only, or to run a process
//! that must compensate failed steps: es-sagas is for that. An inline projection slows each append down and
//! can fail it, so prefer a runner and [`wait_for`](WaitFor::wait_for) where a short delay is acceptable.
//!
//! # Where to go from here
//!
//! - Handlers: [`Project`] and the [rules of portable SQL](SqlValue#portable-sql). A handler for one database
//!   names it: `Project<OrderPlaced, SqliteReadDatabase>` gets the transaction of that database.
//! - Changes: raise `version`. The new tables are built next to the live ones and go live once they have
//!   caught up. See [`Projections`](Projections#versions).
//! - Failures: an event that keeps failing is [parked](Projections::parked) with the later events of its
//!   key, and can be [retried](Projections::retry) or [discarded](Projections::discard).
//! - Operation: [`Projections::status`], [`Meter`], and spans with the feature `tracing`. Any number of
//!   processes may run the same projections.
//! - Authors of read databases and stores: [`backend`].
//!
//! | Feature | Default | Contents |
//! |---|---|---|
//! | `derive` | yes | the derives `Projection` and `Subscription` |
//! | `runner` | yes | [`Projections::start`]: the loops as tasks of tokio |
//! | `metrics` | no | counters and gauges of the runner, through the facade `metrics` |
//! | `tracing` | no | spans and events of the runner |

extern crate self as es_projections;

#[doc(hidden)]
pub mod __private;
mod api;
pub mod backend;
mod boxed;
mod engine;
mod inline;
mod metrics;
#[cfg(feature = "metrics")]
mod observe;
mod parked;
mod runner;
#[cfg(feature = "runner")]
mod running;
mod state;
mod status;
mod wait;

pub use api::{
    AnyReadDatabase, AnyTransaction, ColumnError, Deliver, Delivery, Dialect, Dispatch,
    FromSqlValue, HandlerError, Key, Lists, Measure, Meter, OnUnknownVersion, Partition, Poison,
    Portable, Project, Projection, ProjectionError, React, ReadDatabase, SqlRow, SqlValue, Stalled,
    Status, Subscription, WorkerState,
};
#[cfg(feature = "metrics")]
pub use metrics::describe_metrics;
pub use parked::{RetryOutcome, discard_parked};
pub use runner::Projections;
#[cfg(feature = "runner")]
pub use running::Running;
pub use state::{builds::Build, parked::ParkedEvent};
pub use wait::{WaitError, WaitFor};

#[cfg(feature = "derive")]
pub use es_macros::{Projection, Subscription};
