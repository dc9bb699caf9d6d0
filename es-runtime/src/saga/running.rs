//! Sagas as tasks of tokio: one that reads events for each saga, one that hands out what is due.

use super::{SagaError, SagaStore, Sagas, runner::Core};
use crate::Position;
use futures_timer::Delay;
use std::{
    fmt,
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};
use tokio::task::JoinSet;

/// Sagas that run. Dropping it leaves them running until the process ends.
#[must_use = "without it they cannot be ended"]
pub struct RunningSagas {
    tasks: JoinSet<()>,
    shutdown: tokio::sync::watch::Sender<bool>,
}

impl RunningSagas {
    /// Lets the steps that are being called come to their end, gives the sagas back, and ends.
    ///
    /// # Cancel safety
    /// The loops end all the same; what they hold is free again when its lease has run out.
    pub async fn shutdown(mut self) {
        self.shutdown.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

impl fmt::Debug for RunningSagas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunningSagas({} tasks)", self.tasks.len())
    }
}

impl Drop for RunningSagas {
    fn drop(&mut self) {
        // A JoinSet would end its tasks in the middle of a call.
        self.tasks.detach_all();
    }
}

impl<S: SagaStore> Sagas<S> {
    /// Runs them as tasks of tokio until [`shutdown`](RunningSagas::shutdown). Call it inside of a
    /// runtime.
    ///
    /// # Errors
    /// [`SagaError::Definition`] when a definition is wrong; nothing runs then. What goes wrong later is
    /// tried again and can be seen in [`stalled`](Sagas::stalled).
    pub fn start(&self) -> Result<RunningSagas, SagaError> {
        self.check()?;
        let mut tasks = JoinSet::new();
        for category in self.core.categories() {
            tasks.spawn(read(Arc::clone(&self.core), category));
        }
        tasks.spawn(hand_out(Arc::clone(&self.core)));
        Ok(RunningSagas {
            tasks,
            shutdown: self.core.shutdown.clone(),
        })
    }
}

/// Reads the events of one saga.
async fn read<S: SagaStore>(core: Arc<Core<S>>, category: String) {
    let what = format!("input {category}");
    let mut failures = 0;
    while !core.is_shutdown() {
        match super::input::read_on(&core, &category).await {
            Ok(Some(_)) => failures = 0,
            Ok(None) => {
                failures = 0;
                core.stall(&what, None);
                let at = core.store.saga_cursor(&category).await.ok().flatten();
                let at = at.unwrap_or(Position::START);
                let changed = core.store.changed(at);
                core.pause_or(core.settings.poll, changed).await;
            }
            Err(error) => {
                failures += 1;
                core.stall(&what, Some(error.to_string()));
                core.pause_or(backoff(failures), std::future::pending())
                    .await;
            }
        }
    }
}

/// Hands out what is due, as many at once as the settings say.
async fn hand_out<S: SagaStore>(core: Arc<Core<S>>) {
    let mut at_work = JoinSet::new();
    let mut failures = 0;
    let mut resumed = false;
    while !core.is_shutdown() {
        if !resumed {
            resumed = super::repair::resume_known(&core).await.is_ok();
        }
        while let Some(done) = at_work.try_join_next() {
            note(&core, done.ok());
        }
        let free = core.settings.at_once.saturating_sub(at_work.len());
        let head = core.store.head().await.unwrap_or(Position::START);
        let claimed = if free == 0 {
            Ok(Vec::new())
        } else {
            super::work::claim(&core, free).await
        };
        match claimed {
            Ok(claimed) => {
                failures = 0;
                let none = claimed.is_empty();
                for claimed in claimed {
                    let core = Arc::clone(&core);
                    at_work.spawn(async move { super::work::work_on(&core, claimed).await });
                }
                if none {
                    let core = Arc::clone(&core);
                    let mut ended = None;
                    let busy = !at_work.is_empty() && free == 0;
                    core.pause_or(core.settings.poll, async {
                        if busy {
                            ended = at_work.join_next().await;
                        } else {
                            core.store.changed(head).await;
                        }
                    })
                    .await;
                    if let Some(done) = ended {
                        note(&core, done.ok());
                    }
                }
            }
            Err(error) => {
                failures += 1;
                core.stall("work", Some(error.to_string()));
                core.pause_or(backoff(failures), std::future::pending())
                    .await;
            }
        }
    }
    while let Some(done) = at_work.join_next().await {
        note(&core, done.ok());
    }
}

/// A failure of the store, or of a saga, is seen until work goes well again. A task that panicked can
/// only have done so in the store; its saga is due again when its lease has run out.
fn note<S: SagaStore>(core: &Core<S>, done: Option<Result<(), SagaError>>) {
    match done {
        Some(Ok(())) => core.stall("work", None),
        Some(Err(error)) => core.stall("work", Some(error.to_string())),
        None => core.stall("work", Some("a task panicked".to_owned())),
    }
}

fn backoff(failures: u32) -> Duration {
    Duration::from_millis(50) * 2_u32.saturating_pow(failures.min(6))
}

impl<S: SagaStore> Core<S> {
    /// Waits, at most so long, until `wake` or a shutdown.
    async fn pause_or(&self, time: Duration, wake: impl Future<Output = ()>) {
        let mut shutdown = self.shutdown.subscribe();
        let mut told = pin!(shutdown.wait_for(|shutdown| *shutdown));
        let mut delay = pin!(Delay::new(time));
        let mut wake = pin!(wake);
        poll_fn(|context| {
            let over = told.as_mut().poll(context).is_ready()
                || delay.as_mut().poll(context).is_ready()
                || wake.as_mut().poll(context).is_ready();
            if over { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}
