//! The threads of a store run code of the application: handlers, folds, queries. What that code may not do
//! there is to wait for the same store, which would be to wait for itself.

use crate::settings::StoreSettings;
use es_runtime::{StorageError, StorageErrorKind};
use std::{cell::Cell, ptr};

thread_local! {
    /// The settings of the store that this thread belongs to, by which the store is recognised.
    static STORE: Cell<*const StoreSettings> = const { Cell::new(ptr::null()) };
}

/// Says that this thread belongs to the store with these settings.
pub(crate) fn enter(settings: &StoreSettings) {
    STORE.set(settings);
}

/// Refuses a request that a thread of the store makes to the store itself.
pub(crate) fn refuse_reentry(settings: &StoreSettings) -> Result<(), StorageError> {
    if !ptr::eq(STORE.get(), settings) {
        return Ok(());
    }
    Err(StorageError::new(
        StorageErrorKind::Other,
        "it was called from code that it runs on its own thread, such as the handler of a projection, and \
         would wait for itself; nothing was done. A handler uses the transaction that it gets; commands \
         belong into a subscription, a process manager or a saga",
    ))
}
