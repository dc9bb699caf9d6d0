//! Read models: what a projection is, and what runs it.
//!
//! A projection turns events into rows of a read database. Rows and the position up to which events
//! were handled (the checkpoint) move in one transaction, so each event has its effect exactly once,
//! whatever crashes between two statements.
//!
//! - `traits.rs` says what users write and what the derive generates;
//! - `database.rs` what a read database must do, `names.rs` which tables a statement means, `ends.rs`
//!   which statements are refused;
//! - `tables.rs` keeps the projection state: checkpoints, builds, parked events;
//! - `batch.rs` is the one transaction that handles a page of events;
//! - `worker.rs` is the one loop for catching up and for following, `lease.rs` says who runs it;
//! - `builds.rs` makes and swaps builds;
//! - `runner.rs` is what applications hold, `running.rs` keeps the loops as tasks;
//! - `parked.rs` and `status.rs` are for operators.

extern crate self as es_projections;

#[doc(hidden)]
pub mod __private;
mod any;
mod batch;
mod builds;
mod database;
mod delivery;
mod dialect;
mod ends;
mod error;
pub mod inline;
mod lease;
mod names;
mod parked;
mod runner;
#[cfg(feature = "runner")]
mod running;
mod status;
mod tables;
mod traits;
mod value;
mod wait;
mod worker;

pub use any::{AnyReadDatabase, AnyTransaction, ErasedTransaction, Portable};
pub use database::{
    Job, ReadDatabase, RolledBack, RowsOfQueries, SqlTransaction, TransactionError,
};
pub use delivery::{Deliver, Delivery, React, Subscription};
pub use dialect::Dialect;
pub use ends::{EndsTransaction, refuse_end};
pub use error::{HandlerError, Poison, ProjectionError, Stalled};
pub use names::{Expansions, NameTooLong, Names};
pub use parked::{Parked, Retried};
pub use runner::Projections;
#[cfg(feature = "runner")]
pub use running::Running;
pub use status::{Measure, Meter, State, Status};
pub use tables::{Build, Partition};
pub use traits::{Dispatch, Key, Lists, OnUnknownVersion, Project, Projection};
pub use value::{ColumnError, FromSqlValue, SqlRow, SqlValue};
pub use wait::{WaitError, WaitFor};

#[cfg(feature = "derive")]
pub use es_macros::{Projection, Subscription};
