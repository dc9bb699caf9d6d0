//! What every program of the comparison shares: the bank account, the loops that measure, and the report.
//!
//! - `bank.rs` is the domain: events, state and decisions;
//! - `loops.rs` measures appends, commands and loads, the same way for everybody;
//! - `decisions.rs` measures decisions over events of several streams;
//! - `report.rs` reads the arguments and writes the results.

#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::missing_panics_doc,
    reason = "a benchmark may stop"
)]

mod bank;
mod decisions;
mod loops;
mod report;

pub use bank::{Account, BankEvent, Command, NotOpen, decide, deposits, history};
pub use decisions::{COURSES, SEATS, School, Tried, decisions};
pub use loops::{Bank, CALLERS, appends, cached_commands, commands, loads, median, rate, writes};
pub use report::{Arguments, Connect, Report, remove, runtime};

/// Events of a feed, a subscription or a projection, in streams of ten.
pub const FEED: u64 = 100_000;
/// The events that each stream of the feed has.
pub const FEED_STREAM: u64 = 10;
/// Events of the replay in memory.
pub const REPLAYED: u64 = 100_000;
/// The lengths of the streams that are loaded.
pub const LENGTHS: [u64; 3] = [10, 1_000, 100_000];

/// The name of the stream with so many events.
#[must_use]
pub fn long(length: u64) -> String {
    format!("long-{length}")
}
