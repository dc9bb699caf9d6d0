//! A process that dies at a chosen point. From there on every call that it makes fails.

use es_runtime::{StorageError, StorageErrorKind};
use es_sagas::{Fail, Interceptor, StepCall, StepCx};
use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Where a process dies: at one of its writes or calls, either before or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashPoint {
    /// The number of the write or call, from 1.
    pub at: usize,
    /// Whether the process dies after it: it was done, and its result is lost.
    pub after: bool,
}

#[derive(Debug, Default)]
struct Inner {
    crash: Option<CrashPoint>,
    dead: bool,
    passed: Vec<String>,
}

type Watch = Arc<dyn Fn(&str) + Send + Sync>;

/// Counts the writes and calls of a process, and kills it at one of them. Wrap the store in a
/// [`MortalStore`](super::MortalStore), and pass the fuse to
/// [`Sagas::intercept`](es_sagas::Sagas::intercept) for the calls of a runner.
#[derive(Clone, Default)]
pub struct Fuse {
    inner: Arc<Mutex<Inner>>,
    watch: Option<Watch>,
}

impl fmt::Debug for Fuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fuse")
            .field("inner", &*self.inner())
            .finish_non_exhaustive()
    }
}

impl Interceptor for Fuse {
    fn call<'a>(&'a self, cx: &'a StepCx, call: StepCall<'a>) -> StepCall<'a> {
        let gone = || Fail::transient("the process died here");
        Box::pin(self.pass(call_of(cx), call, gone))
    }
}

/// How a call is named among the points.
pub(super) fn call_of(cx: &StepCx) -> String {
    format!("call {} {}", cx.direction().as_str(), cx.step())
}

impl Fuse {
    /// A fuse that blows at this point, or never.
    pub fn new(crash: Option<CrashPoint>) -> Self {
        let fuse = Self::default();
        fuse.inner().crash = crash;
        fuse
    }

    /// Calls `watch` at every point with its name, such as `before claim` or `after call do charge`. The
    /// process goes on when `watch` returns. Use it to kill or to pause a real process at a point.
    #[must_use]
    pub fn watched(mut self, watch: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.watch = Some(Arc::new(watch));
        self
    }

    /// Blows the fuse if this is the crash point. Says whether the process is dead.
    fn look(&self, number: usize, after: bool) -> bool {
        let mut inner = self.inner();
        let here = inner.crash == Some(CrashPoint { at: number, after });
        let name = inner.passed.get(number.saturating_sub(1)).cloned();
        inner.dead |= here;
        let dead = inner.dead;
        drop(inner);
        if let (false, Some(watch), Some(name)) = (dead, &self.watch, name) {
            let side = if after { "after" } else { "before" };
            watch(&format!("{side} {name}"));
        }
        dead
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it has died.
    pub fn is_dead(&self) -> bool {
        self.inner().dead
    }

    /// The names of the writes and calls so far, in order.
    pub fn passed(&self) -> Vec<String> {
        self.inner().passed.clone()
    }

    /// Runs a write or a call, unless the process is dead. A dead process gets the error of `dead`.
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
            inner.passed.len()
        };
        if self.look(number, false) {
            return Err(dead());
        }
        let done = operation.await;
        if self.look(number, true) {
            return Err(dead());
        }
        done
    }

    /// Runs a read, unless the process is dead. A read changes nothing, so it is not a crash point.
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

/// The error of every call of a dead process.
pub(super) fn died() -> StorageError {
    StorageError::new(StorageErrorKind::Closed, "the process died here")
}
