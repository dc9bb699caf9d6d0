//! What runs projections and subscriptions: the loop of each partition, its transactions and its lease.

pub(crate) mod batch;
pub(crate) mod builds;
pub(crate) mod consumer;
pub(crate) mod core;
pub(crate) mod delivery;
pub(crate) mod erased;
pub(crate) mod handler;
#[cfg(feature = "runner")]
pub(crate) mod keeper;
pub(crate) mod lease;
pub(crate) mod local;
pub(crate) mod registered;
pub(crate) mod retry;
pub(crate) mod task;
pub(crate) mod worker;
