//! A task of a process, and who woke it.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

/// A task of a process.
pub(super) struct Task {
    pub(super) process: usize,
    /// The number of a service, which ends when all others have.
    pub(super) service: Option<u64>,
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
    woken: Arc<Woken>,
}

struct Woken {
    is: AtomicBool,
    /// By another thread, such as that of a timer. It comes at any time, so it counts only when nothing else can go
    /// on: the order would not be that of the seed.
    from_outside: AtomicBool,
    runner: Thread,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        if thread::current().id() == self.runner.id() {
            self.is.store(true, Ordering::SeqCst);
        } else {
            self.from_outside.store(true, Ordering::SeqCst);
            self.runner.unpark();
        }
    }
}

impl Task {
    pub(super) fn new(
        process: usize,
        service: Option<u64>,
        future: Pin<Box<dyn Future<Output = ()> + Send>>,
    ) -> Self {
        Self {
            process,
            service,
            future,
            woken: Arc::new(Woken {
                is: AtomicBool::new(true),
                from_outside: AtomicBool::new(false),
                runner: thread::current(),
            }),
        }
    }

    pub(super) fn poll(&mut self) -> Poll<()> {
        self.woken.is.store(false, Ordering::SeqCst);
        let waker = Waker::from(self.woken.clone());
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    pub(super) fn is_able(&self) -> bool {
        self.woken.is.load(Ordering::SeqCst)
    }

    /// Takes over what came from outside. Says whether something had come.
    pub(super) fn look_outside(&self) -> bool {
        let has_come = self.woken.from_outside.swap(false, Ordering::SeqCst);
        if has_come {
            self.woken.is.store(true, Ordering::SeqCst);
        }
        has_come
    }
}
