//! Moving a store: the tables and their rows in one form for both databases, dumps, and filling another store.
//!
//! A row has one canonical form, a line of JSON. A dump consists of these lines, what is compared are these lines, and
//! the sums at the end are hashes of them. Every table is read and written in the order of its key, so that a store
//! or a dump can be merged into one that is partly filled: what is there already is not written again.

mod dump;
mod events;
mod fill;
mod id;
#[cfg(feature = "nats")]
mod jetstream;
mod progress;
mod row;
mod rows;
mod sums;
mod table;
mod target;

pub(crate) use dump::{DumpReader, DumpRows, DumpWriter};
pub(crate) use events::EventSums;
pub(crate) use fill::{check_beginning, fill};
pub(crate) use id::id_of;
#[cfg(feature = "nats")]
pub(crate) use jetstream::check_source;
pub(crate) use progress::Progress;
pub(crate) use row::Canonical;
pub(crate) use rows::{Cursor, Rows, StoreRows};
pub(crate) use sums::{Sums, compare, sum_of, sum_of_rows, sums_of};
pub(crate) use table::{EVENTS, Table};
pub(crate) use target::Target;
