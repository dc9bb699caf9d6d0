//! What all loops of one runner share: the store, the read database, the settings, the shutdown signal.

#[cfg(feature = "runner")]
use super::registered::Registered;
use super::{
    builds::{GoLive, WentLive},
    local::LocalState,
};
use crate::{
    api::{Measure, Meter, Partition, ReadDatabase, Stalled, TransactionError, trace},
    metrics::counted,
};
use es_runtime::{
    __private::{first_of, sleep},
    EventId, EventStore, Position, ReadLimit, RecordedEvent,
};
use std::{
    collections::HashMap,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// The settings of a runner.
#[derive(Clone)]
pub(crate) struct RunnerSettings {
    pub(crate) page: ReadLimit,
    pub(crate) poll: Duration,
    pub(crate) lease: Duration,
    pub(crate) attempts: u32,
    pub(crate) first_backoff: Duration,
    pub(crate) longest_backoff: Duration,
    pub(crate) take_over: bool,
    pub(crate) meter: Option<Arc<dyn Meter>>,
}

impl RunnerSettings {
    pub(crate) fn lease_ms(&self) -> i64 {
        i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX / 4)
    }

    pub(crate) fn stand_by(&self) -> Duration {
        // A lease without an end may be given back all the same.
        (self.lease / 4).clamp(Duration::from_millis(10), Duration::from_secs(5))
    }

    /// The pause doubles with each failure, up to a limit. Jitter keeps many loops from retrying at
    /// once.
    pub(crate) fn backoff(&self, failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1).min(16));
        let longest = self
            .first_backoff
            .saturating_mul(doubled)
            .min(self.longest_backoff);
        longest.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// What all loops of one runner share.
pub(crate) struct Core<S, Db> {
    pub(crate) store: S,
    pub(crate) db: Db,
    pub(crate) owner: String,
    pub(crate) settings: RunnerSettings,
    pub(crate) shutdown: watch::Sender<bool>,
    locals: Arc<Mutex<HashMap<Partition, LocalState>>>,
}

/// A page that was committed.
pub(crate) struct CommittedPage<'a> {
    pub(crate) events: &'a [RecordedEvent],
    pub(crate) parked: u64,
    pub(crate) keys: u64,
    pub(crate) began: Instant,
    pub(crate) from: Position,
    pub(crate) to: Position,
    /// The end of the store, where it is known.
    pub(crate) end: Option<Position>,
}

/// How a pause ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paused {
    Over,
    Woken,
    Shutdown,
}

impl Paused {
    pub(crate) fn is_shutdown(self) -> bool {
        self == Self::Shutdown
    }
}

impl Default for RunnerSettings {
    fn default() -> Self {
        Self {
            page: ReadLimit::default(),
            poll: Duration::from_millis(100),
            lease: Duration::from_secs(5),
            attempts: 5,
            first_backoff: Duration::from_millis(50),
            longest_backoff: Duration::from_secs(2),
            take_over: false,
            meter: None,
        }
    }
}

impl<S: EventStore, Db: ReadDatabase> Core<S, Db> {
    /// A core with the default settings and an owner name that no other runner has.
    pub(crate) fn new(store: S, db: Db) -> Self {
        let owner = db.owner(format!(
            "process {} ({})",
            std::process::id(),
            EventId::new()
        ));
        Self {
            store,
            db,
            owner,
            settings: RunnerSettings::default(),
            shutdown: watch::Sender::new(false),
            locals: Arc::default(),
        }
    }

    /// A copy with a shutdown flag of its own, so that shutting down one start does not affect the
    /// next. It shares what is known about the partitions.
    #[cfg(feature = "runner")]
    pub(crate) fn for_one_start(&self) -> Self {
        Self {
            locals: Arc::clone(&self.locals),
            ..self.with_own_state()
        }
    }

    /// A copy that shares nothing but the store, the database and the owner name.
    pub(crate) fn with_own_state(&self) -> Self {
        Self {
            store: self.store.clone(),
            db: self.db.clone(),
            owner: self.owner.clone(),
            settings: self.settings.clone(),
            shutdown: watch::Sender::new(false),
            locals: Arc::default(),
        }
    }

    pub(crate) fn is_shutdown(&self) -> bool {
        *self.shutdown.borrow()
    }

    pub(crate) async fn pause(&self, time: Duration) -> Paused {
        self.pause_or(time, std::future::pending()).await
    }

    /// Waits until `wake` completes, a shutdown is requested or the time is over.
    pub(crate) async fn pause_or(&self, time: Duration, wake: impl Future<Output = ()>) -> Paused {
        let shutdown = pin!(self.shutdown_requested());
        let delay = pin!(wait(time));
        let over = first_of(delay, wake);
        match first_of(shutdown, over).await {
            Ok(()) => Paused::Shutdown,
            Err(Ok(())) => Paused::Over,
            Err(Err(())) => Paused::Woken,
        }
    }

    /// Waits until a shutdown is requested.
    pub(crate) async fn shutdown_requested(&self) {
        let mut shutdown = self.shutdown.subscribe();
        // The sender is in `self`, so it cannot be gone.
        let _ = shutdown.wait_for(|shutdown| *shutdown).await;
    }

    /// Nothing that can panic runs under the lock.
    pub(crate) fn locals(&self) -> MutexGuard<'_, HashMap<Partition, LocalState>> {
        self.locals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn measure(&self, measure: &Measure<'_>) {
        if let Some(meter) = &self.settings.meter {
            // Foreign code: its panic must not end the worker. The panic hook has its text.
            let _ = catch_unwind(AssertUnwindSafe(|| meter.record(measure)));
        }
        trace(measure);
        counted(measure);
    }

    /// Records why a partition is stalled, or with `None` that it is not.
    pub(crate) fn stalled(&self, partition: &Partition, why: Option<Stalled>) {
        let mut locals = self.locals();
        let local = locals.entry(partition.clone()).or_default();
        if local.stalled == why {
            return;
        }
        local.stalled.clone_from(&why);
        drop(locals);
        if let Some(why) = why {
            self.measure(&Measure::Stalled {
                partition,
                why: &why,
            });
        }
    }

    pub(crate) fn committed(&self, partition: &Partition, done: &CommittedPage<'_>) {
        let CommittedPage { began, to, .. } = *done;
        let took = began.elapsed();
        self.locals()
            .entry(partition.clone())
            .or_default()
            .handled(began, done.from, to);
        let behind = done.events.last().map(|event| {
            let now = es_runtime::Timestamp::now().unix_micros();
            let age = now.saturating_sub(event.recorded_at.unix_micros());
            Duration::from_micros(u64::try_from(age).unwrap_or(0))
        });
        self.measure(&Measure::Batch {
            partition,
            events: done.events.len(),
            took,
            behind,
            events_behind: done.end.and_then(|end| to.until(end)),
            position: to,
        });
        if done.parked > 0 {
            self.measure(&Measure::Parked {
                partition,
                events: done.parked,
                keys: done.keys,
            });
        }
    }

    /// Makes a build live once all its partitions have reached `goal` and the live build's
    /// checkpoint. `hold` stops the live build for at most the length of a lease, so that the new
    /// one can catch up.
    pub(crate) async fn go_live(
        &self,
        partition: &Partition,
        goal: Position,
        hold: bool,
    ) -> Result<WentLive, TransactionError> {
        let job = GoLive {
            name: partition.name,
            build: partition.build,
            goal,
            hold_ms: hold.then(|| self.settings.lease_ms()),
        };
        let went_live = self.db.transact(job).await?;
        if went_live == WentLive::Yes {
            self.measure(&Measure::WentLive { partition });
        }
        Ok(went_live)
    }
}

/// Waits this long. No time needs no timer: other tasks have their turn.
async fn wait(time: Duration) {
    if !time.is_zero() {
        return sleep(time).await;
    }
    let mut has_waited = false;
    poll_fn(|context| {
        if std::mem::replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl<S: EventStore, Db: ReadDatabase> Core<S, Db> {
    /// Records why a whole projection does not run.
    #[cfg(feature = "runner")]
    pub(crate) fn state_of_whole(
        &self,
        registered: &Registered<Db>,
        state: Option<crate::api::WorkerState>,
    ) {
        let why = match &state {
            Some(crate::api::WorkerState::Stopped(why)) => Some(why.clone()),
            _ => None,
        };
        let partition = Partition::whole(registered.name());
        self.locals().entry(partition.clone()).or_default().state = state;
        if let Some(stops) = self.db.stops() {
            stops.set(registered.name(), registered.version(), why.clone());
        }
        if let Some(why) = why {
            self.stopped(&partition, &why);
        }
    }

    /// Tells that a partition does not go on.
    #[cfg(feature = "runner")]
    pub(crate) fn stopped(&self, partition: &Partition, why: &str) {
        self.measure(&Measure::Stopped { partition, why });
    }
}
