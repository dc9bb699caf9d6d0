//! Futures that must not wait: the handlers of projections are `async` because other databases need it. On
//! SQLite's threads they are done at once, or an error.

use es_runtime::{StorageError, StorageErrorKind};
use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

/// The result; `None` where it would wait.
pub(crate) fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// What a transaction ends with that would wait.
pub(crate) fn waited() -> StorageError {
    StorageError::new(
        StorageErrorKind::Other,
        "a transaction waited for something other than SQLite. It runs on the thread that writes, so all \
         writes would wait with it; it was rolled back",
    )
}
