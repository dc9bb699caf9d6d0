//! Everything that is written goes through one task and the lock on the end of the feed.

mod changes;
mod commits;
mod decide;
mod doubt;
#[cfg(feature = "projections")]
mod projected;
mod queue;
mod rules;
mod single_round_trip;
mod tags;
mod transaction;
mod unique;
#[cfg(not(feature = "projections"))]
mod unprojected;
mod writer;

pub(crate) use queue::Message;
pub(crate) use rules::rules;
pub(crate) use tags::{reached, walk as walk_tags};
pub(crate) use unique::walk;
pub(crate) use writer::{Notifier, raise, start};
