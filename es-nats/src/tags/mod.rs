//! Tags: subjects whose messages point at the events that have them, queries by them, and guards of commits.
//!
//! Each tag of the events of a commit is one small message in the batch of the commit, on a subject of the tag
//! ([`write`], [`stored`]). A query looks where those subjects end ([`as_of`]), reads the messages of one tag
//! ([`list`]), and then the events ([`read`]). A guard is an expected last sequence of one of those subjects
//! ([`guards`]). The kinds that are on are registered with the names of events, as rules of unique values are.

mod as_of;
mod batches;
mod guards;
mod list;
mod read;
mod stored;
mod write;

pub(crate) use batches::Batches;
pub(crate) use guards::{Compared, compared_and_written};
pub(crate) use stored::{carried, tagged};
