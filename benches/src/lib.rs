//! The measurements of es-runtime; run them with `cargo bench -p es-benches`.
//!
//! - `accounts.rs` is what several of them measure: commands to bank accounts, and loads;
//! - `feed.rs` reads the feed of a store;
//! - `table.rs` prints each figure next to its baseline, round by round.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::missing_panics_doc,
    reason = "a benchmark may stop"
)]

pub mod accounts;
pub mod feed;
pub mod table;
