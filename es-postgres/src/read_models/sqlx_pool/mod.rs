//! Read models in a `sqlx` pool of the application's own: the same state, and handlers that get a
//! `sqlx` connection.
//!
//! - `database.rs` is the pool as a read database;
//! - `transaction.rs` is what handlers get;
//! - `values.rs` brings values and errors from one side to the other.

mod database;
mod transaction;
mod values;

pub use database::SqlxReadDatabase;
pub use transaction::SqlxTransaction;
