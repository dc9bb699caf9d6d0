//! The store runs code of the application inside its transactions. What such code asks of a store would be
//! another transaction: one that does not see what this one wrote, and waits for it where it runs inside an
//! append. A command would be run again with each rebuild.

use es_runtime::{StorageError, StorageErrorKind};
use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::pin,
};

thread_local! {
    /// Whether this thread runs code inside a transaction at the moment.
    static IS_INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Runs the future; what it calls is known to be called inside a transaction.
pub(crate) async fn inside<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    poll_fn(|context| {
        let _inside = Inside(IS_INSIDE.replace(true));
        future.as_mut().poll(context)
    })
    .await
}

/// What was before, to be restored, also after a panic.
struct Inside(bool);

impl Drop for Inside {
    fn drop(&mut self) {
        IS_INSIDE.set(self.0);
    }
}

/// Refuses what code inside a transaction asks of a store.
pub(crate) fn refuse_reentry() -> Result<(), StorageError> {
    if !IS_INSIDE.get() {
        return Ok(());
    }
    Err(StorageError::new(
        StorageErrorKind::Other,
        "it was called from inside of a transaction, such as from the handler of a projection; nothing was \
         done. A handler uses the transaction that it gets; commands belong into a subscription, a process \
         manager or a saga",
    ))
}
