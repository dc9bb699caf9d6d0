//! The hotel as its guests meet it: the program itself, called over HTTP, on a file, on a PostgreSQL
//! server, and on JetStream.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]
#![allow(unreachable_pub, reason = "five modules are those of the other tests")]

mod audit;
#[path = "../programs/built.rs"]
mod built;
mod closing;
mod http;
mod kills;
mod load;
#[path = "../programs/messages.rs"]
mod messages;
mod progress;
mod releases;
mod requests;
mod running;
#[path = "../../../tests/src/server.rs"]
mod server;
mod service;
#[path = "../../../tests/src/signals.rs"]
#[allow(dead_code, reason = "nothing here kills itself")]
mod signals;
#[path = "../../../tests/src/tiers.rs"]
mod tiers;
