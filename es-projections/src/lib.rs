//! Read models and subscriptions for es-runtime.

extern crate self as es_projections;

#[doc(hidden)]
pub mod __private;
mod api;
pub mod backend;
mod engine;
mod inline;
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
pub use parked::RetryOutcome;
pub use runner::Projections;
#[cfg(feature = "runner")]
pub use running::Running;
pub use state::{builds::Build, parked::ParkedEvent};
pub use wait::{WaitError, WaitFor};

#[cfg(feature = "derive")]
pub use es_macros::{Projection, Subscription};
