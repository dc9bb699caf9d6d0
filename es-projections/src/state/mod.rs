//! The projection state, kept in tables of the read database: which build of a read model answers
//! queries, how far each partition of each build has come, who runs it, and which events are parked.
//!
//! Each statement is written once, for all databases.

pub(crate) mod builds;
pub(crate) mod checkpoints;
pub(crate) mod columns;
pub(crate) mod parked;
pub(crate) mod schema;
