//! Read models in SQLite: the database that they are in, the transaction that their handlers get,
//! and how both are opened.

mod database;
mod limit;
mod memory;
mod options;
mod transaction;

pub use database::SqliteReadDatabase;
pub use memory::MemoryReadModels;
pub use transaction::SqliteTransaction;
