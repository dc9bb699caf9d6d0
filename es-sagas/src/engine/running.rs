//! Sagas as tokio tasks: one that reads events for each saga, and one that dispatches due work.

use super::{
    Sagas,
    core::{Core, Stop, WORK_ON},
    cursor::{Progress, ReadAhead, cursor_of},
    input::read_on,
    resume::resume_known,
    work::{claim, work_on},
};
use crate::error::SagaError;
use es_runtime::{__private::first_of, Position, StreamId, WorkQueue};
use futures_timer::Delay;
use std::{
    fmt,
    future::Future,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::watch, task::JoinSet};

/// Sagas that run as tokio tasks. If you drop it, they continue until the process ends.
#[must_use = "keep it to shut the sagas down"]
pub struct RunningSagas {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl RunningSagas {
    /// Waits for the calls in progress, releases the leases, and ends the tasks.
    ///
    /// # Cancel safety
    /// The tasks end anyway. Their instances are free again when the leases have expired.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
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
        // A JoinSet would abort its tasks during a call.
        self.tasks.detach_all();
    }
}

impl<S: WorkQueue> Sagas<S> {
    /// Runs the sagas as tokio tasks until [`shutdown`](RunningSagas::shutdown). Call it within a tokio runtime.
    /// All events that are appended after it returns are read.
    ///
    /// # Errors
    /// [`SagaError::Definition`] when a definition has a mistake, or the error of the store when the cursors
    /// cannot be read. Then nothing runs. Later failures are retried and shown by [`stalled`](Sagas::stalled).
    ///
    /// # Cancel safety
    /// Nothing runs. The cursors may be set.
    pub async fn start(&self) -> Result<RunningSagas, SagaError> {
        self.check()?;
        for category in self.core.categories() {
            cursor_of(&self.core, &category).await?;
        }
        let stop = watch::Sender::new(false);
        let stop_request = || Stop::when(stop.subscribe());
        let mut tasks = JoinSet::new();
        for category in self.core.categories() {
            let (core, what) = (Arc::clone(&self.core), format!("input {category}"));
            let reading = move |stop| read(Arc::clone(&core), category.clone(), stop);
            let core = Arc::clone(&self.core);
            tasks.spawn(restart_after_panics(core, what, stop_request(), reading));
        }
        let core = Arc::clone(&self.core);
        let dispatching = move |stop| dispatch(Arc::clone(&core), stop);
        let (core, what) = (Arc::clone(&self.core), "claims".to_owned());
        tasks.spawn(restart_after_panics(
            core,
            what,
            stop_request(),
            dispatching,
        ));
        Ok(RunningSagas { tasks, stop })
    }
}

/// Runs a loop, and restarts it after a panic of the store or of user code.
async fn restart_after_panics<S: WorkQueue, F: Future<Output = ()> + Send + 'static>(
    core: Arc<Core<S>>,
    what: String,
    stop: Stop,
    run: impl Fn(Stop) -> F + Send,
) {
    while tokio::spawn(run(stop.clone())).await.is_err() && !stop.is_requested() {
        core.stall(&what, Some("it panicked".to_owned()));
        pause_or(&stop, core.settings.lease, std::future::pending()).await;
    }
}

/// Reads the input events of one saga.
async fn read<S: WorkQueue>(core: Arc<Core<S>>, category: String, stop: Stop) {
    let what = format!("input {category}");
    let mut ahead = ReadAhead::lazy();
    let mut failures = 0;
    while !stop.is_requested() {
        let done = read_on(&core, &category, &mut ahead).await;
        if done.is_ok() {
            failures = 0;
            core.stall(&what, None);
        }
        match done {
            Ok(Progress::More) => {}
            Ok(Progress::CaughtUp(looked)) => {
                pause_or(&stop, core.settings.poll, core.store.changed(looked)).await;
            }
            Err(error) => {
                failures += 1;
                core.stall(&what, Some(error.to_string()));
                pause_or(&stop, backoff(failures), std::future::pending()).await;
            }
        }
    }
}

/// Dispatches due work, up to the concurrency limit.
async fn dispatch<S: WorkQueue>(core: Arc<Core<S>>, stop: Stop) {
    let mut at_work = JoinSet::new();
    let mut failures = 0;
    let mut resumed: Option<Instant> = None;
    while !stop.is_requested() {
        // Repeated, because older programs that run at the same time park what only this one can run.
        if resumed.is_none_or(|last| last.elapsed() >= core.settings.lease) {
            resumed = Some(Instant::now());
            let done = resume_known(&core).await;
            core.stall("resuming", done.err().map(|error| error.to_string()));
        }
        while let Some(done) = at_work.try_join_next() {
            record_result(&core, done.ok());
        }
        let free = core.settings.concurrency.saturating_sub(at_work.len());
        let head = core.store.head().await.unwrap_or(Position::START);
        let since = Instant::now();
        let claimed = if free == 0 {
            Ok(Vec::new())
        } else {
            claim(&core, free).await
        };
        match claimed {
            Ok(claimed) => {
                failures = 0;
                core.stall("claims", None);
                let none = claimed.is_empty();
                for claimed in claimed {
                    let (core, stop) = (Arc::clone(&core), stop.clone());
                    at_work.spawn(async move {
                        let instance = claimed.instance.clone();
                        let work = async move { work_on(&core, claimed, since, &stop).await };
                        (instance, tokio::spawn(work).await.ok())
                    });
                }
                if none {
                    let mut ended = None;
                    let busy = !at_work.is_empty() && free == 0;
                    pause_or(&stop, core.settings.poll, async {
                        if busy {
                            ended = at_work.join_next().await;
                        } else {
                            core.store.changed(head).await;
                        }
                    })
                    .await;
                    if let Some(done) = ended {
                        record_result(&core, done.ok());
                    }
                }
            }
            Err(error) => {
                failures += 1;
                core.stall("claims", Some(error.to_string()));
                pause_or(&stop, backoff(failures), std::future::pending()).await;
            }
        }
    }
    while let Some(done) = at_work.join_next().await {
        record_result(&core, done.ok());
    }
}

/// Records a failure until work on the instance succeeds. Only the store can make a task panic. The instance is
/// due again when its lease has expired.
fn record_result<S: WorkQueue>(
    core: &Core<S>,
    done: Option<(StreamId, Option<Result<(), SagaError>>)>,
) {
    let Some((instance, done)) = done else { return };
    let why = match done {
        Some(Ok(())) => None,
        Some(Err(error)) => Some(error.to_string()),
        None => Some("a task panicked".to_owned()),
    };
    core.stall(&format!("{WORK_ON}{instance}"), why);
}

fn backoff(failures: u32) -> Duration {
    Duration::from_millis(50) * 2_u32.saturating_pow(failures.min(6))
}

/// Waits until `wake`, the stop request or the end of this time.
async fn pause_or(stop: &Stop, time: Duration, wake: impl Future<Output = ()>) {
    let (requested, delay) = (pin!(stop.requested()), pin!(Delay::new(time)));
    let _ = first_of(requested, first_of(delay, wake)).await;
}
