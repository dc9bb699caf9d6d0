//! Sagas as tokio tasks: one that reads events for each saga, and one that dispatches due work.

use super::{
    Sagas,
    ahead::free_what_is_ahead,
    core::{BoxFuture, Core, Stop},
    cursor::{Progress, ReadAhead, place_of},
    input::read_on,
    resume::resume_known,
    work::{claim, work_on},
};
use crate::error::SagaError;
use es_runtime::{
    __private::{first_of, sleep},
    Claimed, EventStore, Position, WorkQueue,
};
use std::{
    fmt,
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
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
    /// Waits for the calls in progress, releases the leases, stores how far events were read, and ends the tasks.
    ///
    /// # Cancel safety
    /// The tasks end anyway. Their instances are free again when the leases have expired.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

#[cfg(feature = "metrics")]
impl RunningSagas {
    /// Sets the gauges from time to time, until the shutdown.
    fn observed(mut self, sagas: Sagas) -> Self {
        let stop = Stop::when(self.stop.subscribe());
        self.tasks.spawn(async move {
            while !stop.is_requested() {
                // The failure was counted.
                let _ = sagas.record_metrics().await;
                pause_or(&stop, crate::observe::EVERY, std::future::pending()).await;
            }
            crate::observe::forget(&sagas);
        });
        self
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

impl Sagas {
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
        let running = start(&self.core).await?;
        #[cfg(feature = "metrics")]
        let running = running.observed(self.clone());
        Ok(running)
    }
}

/// Sets the cursors and spawns the tasks.
fn start(core: &Arc<Core>) -> BoxFuture<'_, Result<RunningSagas, SagaError>> {
    Box::pin(async move {
        for category in core.categories() {
            if let Some(filter) = core.filter(&category) {
                place_of(core, &category, filter).await?;
            }
        }
        let stop = watch::Sender::new(false);
        let stop_request = || Stop::when(stop.subscribe());
        let mut tasks = JoinSet::new();
        for category in core.categories() {
            let (reader, what) = (Arc::clone(core), format!("input {category}"));
            let reading = move |stop| read(Arc::clone(&reader), category.clone(), stop);
            let core = Arc::clone(core);
            tasks.spawn(restart_after_panics(core, what, stop_request(), reading));
        }
        let (dispatcher, what) = (Arc::clone(core), "claims".to_owned());
        let dispatching = move |stop| dispatch(Arc::clone(&dispatcher), stop);
        let core = Arc::clone(core);
        tasks.spawn(restart_after_panics(
            core,
            what,
            stop_request(),
            dispatching,
        ));
        Ok(RunningSagas { tasks, stop })
    })
}

/// The longest time between two looks at what others left, however long a lease is.
const LOOK_ROUND: Duration = Duration::from_secs(30);

/// Runs a loop, and restarts it after a panic of the store or of user code.
async fn restart_after_panics<F: Future<Output = ()> + Send + 'static>(
    core: Arc<Core>,
    what: String,
    stop: Stop,
    run: impl Fn(Stop) -> F + Send,
) {
    while tokio::spawn(run(stop.clone())).await.is_err() && !stop.is_requested() {
        core.stall(&what, Some("it panicked".to_owned()));
        let pause = core.settings.lease.min(LOOK_ROUND);
        pause_or(&stop, pause, std::future::pending()).await;
    }
}

/// Reads the input events of one saga.
async fn read(core: Arc<Core>, category: String, stop: Stop) {
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
    // The shutdown does not wait for a store that fails: nothing is lost, and the next reader reads these events again.
    let _ = ahead.settle(&core).await;
    core.stall(&what, None);
}

/// Dispatches due work, up to the concurrency limit.
async fn dispatch(core: Arc<Core>, stop: Stop) {
    let mut at_work = JoinSet::new();
    // Those that wait after a failure do not count, or a few that fail each time would hold up all others.
    let resting = Arc::new(AtomicUsize::new(0));
    let mut failures = 0;
    let mut resumed: Option<Instant> = None;
    while !stop.is_requested() {
        // Repeated, because older programs that run at the same time park what only this one can run.
        if resumed.is_none_or(|last| last.elapsed() >= core.settings.lease.min(LOOK_ROUND)) {
            let done = match resume_known(&core).await {
                Ok(()) => free_what_is_ahead(&core).await,
                failed => failed,
            };
            // After a failure it is due again in the next round.
            resumed = done.is_ok().then(Instant::now);
            core.stall("resuming", done.err().map(|error| error.to_string()));
        }
        while at_work.try_join_next().is_some() {}
        let active = at_work.len().saturating_sub(resting.load(Ordering::SeqCst));
        let free = core.settings.concurrency.saturating_sub(active);
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
                    let resting = Arc::clone(&resting);
                    at_work.spawn(keep_at(core, claimed, since, stop, resting));
                }
                if none {
                    let busy = !at_work.is_empty() && free == 0;
                    pause_or(&stop, core.settings.poll, async {
                        if busy {
                            at_work.join_next().await;
                        } else {
                            core.store.changed(head).await;
                        }
                    })
                    .await;
                }
            }
            Err(error) => {
                failures += 1;
                core.stall("claims", Some(error.to_string()));
                pause_or(&stop, backoff(failures), std::future::pending()).await;
            }
        }
    }
    while at_work.join_next().await.is_some() {}
    core.stall("claims", None);
    core.stall("resuming", None);
}

/// Works on an instance, and again after a failure of the store while the lease is kept, so that the list of
/// what is stalled has it exactly as long as this process fails at it. Only the store can make a task panic.
async fn keep_at(
    core: Arc<Core>,
    claimed: Claimed,
    since: Instant,
    stop: Stop,
    resting: Arc<AtomicUsize>,
) {
    let what = format!("work on {}", claimed.instance);
    let (mut claimed, mut since) = (claimed, since);
    let mut failures = 0;
    loop {
        let work = {
            let (core, claimed, stop) = (Arc::clone(&core), claimed.clone(), stop.clone());
            async move { work_on(&core, claimed, since, &stop).await }
        };
        let why = match tokio::spawn(work).await {
            Ok(Ok(())) => break,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "a task panicked".to_owned(),
        };
        core.stall(&what, Some(why));
        failures += 1;
        // A call may have been made in the attempt that failed.
        claimed = claimed.after_expired_lease(true);
        resting.fetch_add(1, Ordering::SeqCst);
        let pause = backoff(failures).min(core.settings.lease / 3);
        pause_or(&stop, pause, std::future::pending()).await;
        resting.fetch_sub(1, Ordering::SeqCst);
        if stop.is_requested() {
            break;
        }
        let now = Instant::now();
        match core.store.renew(&claimed, core.settings.lease).await {
            Ok(true) => since = now,
            // Another worker continues it.
            Ok(false) => break,
            Err(_) => {}
        }
    }
    core.stall(&what, None);
}

fn backoff(failures: u32) -> Duration {
    Duration::from_millis(50) * 2_u32.saturating_pow(failures.min(6))
}

/// Waits until `wake`, the stop request or the end of this time.
async fn pause_or(stop: &Stop, time: Duration, wake: impl Future<Output = ()>) {
    let (requested, delay) = (pin!(stop.requested()), pin!(sleep(time)));
    let _ = first_of(requested, first_of(delay, wake)).await;
}
