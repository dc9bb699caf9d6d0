//! A process that dies at a chosen point: everything that it asks for fails from there on.

use es_runtime::{StorageError, StorageErrorKind};
use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Where a process dies: at which of its writes and calls, counted from 1, and on which side of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashPoint {
    /// Which write or call.
    pub at: usize,
    /// Whether it was done: dead behind it, nobody hears of its outcome.
    pub after: bool,
}

#[derive(Debug, Default)]
struct Inner {
    crash: Option<CrashPoint>,
    dead: bool,
    passed: Vec<String>,
}

/// Counts the writes and calls of a process, and kills it at one of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Fuse {
    inner: Arc<Mutex<Inner>>,
}

impl Fuse {
    pub(super) fn new(crash: Option<CrashPoint>) -> Self {
        let fuse = Self::default();
        fuse.inner().crash = crash;
        fuse
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_dead(&self) -> bool {
        self.inner().dead
    }

    /// What was passed, in order.
    pub(super) fn passed(&self) -> Vec<String> {
        self.inner().passed.clone()
    }

    /// A write or a call; `dead` is what a dead process is told.
    pub(super) async fn pass<T, E>(
        &self,
        what: impl Into<String>,
        operation: impl Future<Output = Result<T, E>>,
        dead: impl Fn() -> E,
    ) -> Result<T, E> {
        let number = {
            let mut inner = self.inner();
            if !inner.dead {
                inner.passed.push(what.into());
            }
            let number = inner.passed.len();
            let here = |crash: CrashPoint| crash.at == number && !crash.after;
            inner.dead |= inner.crash.is_some_and(here);
            number
        };
        if self.is_dead() {
            return Err(dead());
        }
        let done = operation.await;
        let mut inner = self.inner();
        let here = |crash: CrashPoint| crash.at == number && crash.after;
        inner.dead |= inner.crash.is_some_and(here);
        if inner.dead { Err(dead()) } else { done }
    }

    /// A read: it changes nothing, so it is no point of its own, but the dead do not read.
    pub(super) async fn read<T, E>(
        &self,
        operation: impl Future<Output = Result<T, E>>,
        dead: impl Fn() -> E,
    ) -> Result<T, E> {
        if self.is_dead() {
            return Err(dead());
        }
        operation.await
    }
}

/// What the dead are told.
pub(super) fn died() -> StorageError {
    StorageError::new(StorageErrorKind::Closed, "the process died here")
}
