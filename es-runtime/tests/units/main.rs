//! The parts of the crate that need no repository, through their public interface.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

mod any_store;
mod codec;
mod consumer;
mod fields;
mod fingerprint;
mod metadata;
mod names;
mod position;
mod retry;
mod rules;
mod shapes;
mod timestamp;
