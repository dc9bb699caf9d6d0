//! Read models in PostgreSQL: the database that they are in, the transaction that their handlers get,
//! and how both are opened.

mod database;
mod errors;
mod options;
mod pool;
mod prepared;
#[cfg(feature = "sqlx")]
mod sqlx_pool;
mod transaction;

pub(crate) use database::ReadSettings;
pub use database::{PostgresReadDatabase, Reading};
#[cfg(feature = "sqlx")]
pub use sqlx_pool::{SqlxReadDatabase, SqlxTransaction};
pub use transaction::{PostgresTransaction, StatementError};
