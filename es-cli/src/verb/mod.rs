//! The verbs, one file each. None of them writes to a store.

pub(crate) mod completions;
pub(crate) mod events;
pub(crate) mod parked;
pub(crate) mod readers;
pub(crate) mod sagas;
pub(crate) mod show;
pub(crate) mod stats;
pub(crate) mod streams;
pub(crate) mod tail;
pub(crate) mod trace;
pub(crate) mod verify;

use crate::{
    output::{Notes, Printer},
    store::Store,
};

/// What a verb works with.
pub(crate) struct Session<'a> {
    pub(crate) store: Store<'a>,
    pub(crate) printer: Printer<'a>,
    pub(crate) notes: Notes<'a>,
}
