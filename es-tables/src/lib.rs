#![doc = include_str!("../README.md")]

mod address;
mod check;
mod condition;
mod connection;
mod database;
mod error;
pub mod events;
pub mod integrity;
#[cfg(feature = "nats")]
pub mod jetstream;
mod need;
pub mod parked;
mod place;
pub mod position;
mod postgres;
mod query;
pub mod readers;
pub mod sagas;
mod sqlite;
mod store;
pub mod streams;
pub mod time;
mod tls;
mod value;
mod write;

pub use condition::Condition;
pub use connection::Connection;
pub use database::{Access, PAGE, PAGE_BYTES, Page};
pub use error::Error;
pub use place::{Location, Place};
pub use query::{Dialect, Query};
pub use sqlite::{is_busy, is_damaged, open_alone};
pub use store::{Flow, OnStatement, Store, Tables};
pub use tls::MakeTls;
pub use value::{Row, Value, hex};
pub use write::{Param, Write};
