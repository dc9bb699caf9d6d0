//! The store of `es-runtime` on NATS JetStream: events that survive the loss of a machine.
//!
//! Use it when the events must stay available while one of three servers is gone, or when many machines append and read.
//! For one database server use `es-postgres`: it is easier to run, and has read models in the same transaction.
//! The servers must be nats-server 2.12.14, 2.14.4, 2.15 or newer.
//!
//! ```no_run
//! use es_nats::NatsStore;
//! use es_runtime::{Append, EventStore, ExpectedVersion, NewEvent, StreamId};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let store = NatsStore::options()
//!     .monitoring(["http://nats-1:8222", "http://nats-2:8222", "http://nats-3:8222"])
//!     .open("nats://nats-1,nats://nats-2,nats://nats-3")
//!     .await?;
//! let order = StreamId::new("order", "4711")?;
//! let placed = NewEvent::json("order.placed", 1, r#"{"customer":"alice"}"#);
//! let done = store
//!     .append(Append::new(order, ExpectedVersion::NoStream).with_event(placed))
//!     .await?;
//! assert_eq!(done.version, 1);
//! # Ok(())
//! # }
//! ```
//!
//! - [`NatsStore`] is the store. Its page lists what it guarantees and what it refuses.
//! - [`NatsOptions`] opens it. What loses acknowledged events is refused unless an option names it, and
//!   [`Durability`] reports it.
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `metrics` | no | times of appends and commits, through the facade `metrics` |

mod address;
mod ahead;
mod append;
mod clock;
mod commit;
mod connect;
mod direct;
mod durability;
mod errors;
mod failure;
mod feed;
mod identity;
mod ids;
mod known;
mod listing;
mod login;
mod message;
mod monitor;
mod options;
mod publish;
mod quiet;
mod record;
mod settings;
mod shared;
mod snapshots;
mod store;
mod stream;
mod subject;
mod tags;
pub mod transfer;
mod turned_on;
mod unique;
mod wake;
mod wire;
mod work;

pub use address::Address;
pub use async_nats;
pub use durability::{Durability, Syncs};
pub use options::NatsOptions;
pub use store::NatsStore;
