//! Everything that is written goes through one task and the lock on the end of the feed.

mod changes;
mod commits;
mod decide;
mod doubt;
mod queue;
mod single_round_trip;
mod transaction;
mod writer;

pub(crate) use queue::Message;
pub(crate) use writer::{Told, raise, start};
