//! Read models in SQLite: the database that they live in, the transaction that their handlers get,
//! and projections inside the appends of a store.

mod database;
pub(crate) mod inline;
mod transaction;

pub use database::SqliteReadDatabase;
pub use transaction::SqliteTransaction;
