//! Work items: which sagas and process managers are due, and which worker has each.
//!
//! The newest message of a subject is the work item of one instance, in the same JetStream stream as its events. So it
//! changes in the atomic batch of the events. A claim is such a message, too, with the next epoch. Each of these messages
//! expects the one before it: of two workers that claim an instance one gets it, and a worker whose instance was claimed by
//! another one writes nothing more.
//!
//! - `record` is such a message.
//! - `index` is what this process knows of the items that have not ended. It may be stale. Then a claim is refused.
//! - `follow` fills and follows it.
//! - `claim`, `renew` and `changes` write.
//! - `items` reads for operators.

mod changes;
mod claim;
mod follow;
mod index;
mod items;
pub(crate) mod record;
mod renew;

use claim::Rivals;
use index::{Index, Known};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What this process knows of work items.
#[derive(Debug, Default)]
pub(crate) struct Work {
    index: Mutex<Index>,
    /// Up to which sequence the index has all messages, `None` before it was filled.
    followed: tokio::sync::Mutex<Option<u64>>,
    /// Claims of this process do not race each other.
    claiming: tokio::sync::Mutex<Rivals>,
}

impl Work {
    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an item that was read or written.
    fn took(&self, known: Known) {
        self.index().put(known);
    }
}
