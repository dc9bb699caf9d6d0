//! Futures whose type has no name.

use std::pin::Pin;

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A task as it is spawned: boxed, so that a program compiles the runtime's part of it once and not for each
/// store and database.
#[cfg(feature = "runner")]
pub(crate) fn boxed<T>(task: impl Future<Output = T> + Send + 'static) -> BoxFuture<'static, T> {
    Box::pin(task)
}
