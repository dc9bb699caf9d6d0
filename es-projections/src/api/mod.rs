//! What users implement and hold: the traits, errors and values of projections and subscriptions, and what
//! a read database must do.

mod any;
mod database;
mod dialect;
mod ends;
mod error;
mod measure;
mod names;
mod partition;
mod portable;
mod projection;
pub(crate) mod schema;
mod sql;
mod status;
mod stops;
mod subscription;
mod transaction;
mod value;

pub use any::AnyReadDatabase;
pub use database::{
    BrokenConstraint, Job, ReadDatabase, RolledBack, RowsOfQueries, SqlTransaction,
    TransactionError,
};
pub use dialect::Dialect;
pub use ends::{EndsTransaction, refuse_end};
pub use error::{HandlerError, Poison, ProjectionError, Stalled};
pub use measure::{Measure, Meter};
pub(crate) use measure::{handling, in_span, trace};
pub(crate) use names::{Declared, suffix_of};
pub use names::{Expansions, NameError, Names};
pub use partition::Partition;
pub use portable::Portable;
pub use projection::{Dispatch, Key, Lists, OnUnknownVersion, Project, Projection, TablesIn};
pub use status::{Status, WorkerState};
pub use stops::Stops;
pub use subscription::{Deliver, Delivery, React, Subscription};
pub use transaction::{AnyTransaction, ErasedTransaction};
pub use value::{ColumnError, FromSqlValue, SqlRow, SqlValue};
