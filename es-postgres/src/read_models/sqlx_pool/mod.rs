//! Read models in a `sqlx` pool of the application. Handlers get a `sqlx` connection.

mod database;
mod transaction;
mod values;

pub use database::SqlxReadDatabase;
pub use transaction::SqlxTransaction;
