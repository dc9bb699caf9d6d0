//! Read models in PostgreSQL: the database that they live in, and the transaction that their handlers
//! get, and projections inside the appends of a store.

mod database;
pub(crate) mod inline;
mod pool;
#[cfg(feature = "sqlx")]
mod sqlx_pool;
mod transaction;

pub(crate) use database::ReadSettings;
pub use database::{PostgresReadDatabase, Reading};
#[cfg(feature = "sqlx")]
pub use sqlx_pool::{SqlxReadDatabase, SqlxTransaction};
pub use transaction::{PostgresTransaction, StatementError};
