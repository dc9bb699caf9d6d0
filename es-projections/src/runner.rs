//! Keeps the loops of all partitions of all projections running, and says what they do.

use super::{
    Build, Deliver, Dispatch, Measure, Meter, Partition, ProjectionError, ReadDatabase, Stalled,
    Subscription, TransactionError,
    builds::{Prepare, Swap, Swapped, partitions},
    status::{Local, between},
    tables::Plan,
    worker::{Consumer, Delivering, End, Hint, Projecting, Until, Worker},
};
use es_runtime::{__private::first_of, EventId, EventStore, Position, ReadLimit, RecordedEvent};
use futures_timer::Delay;
use std::{
    collections::HashMap,
    fmt,
    future::Future,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::watch;

pub(super) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// How the loops behave.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) page: ReadLimit,
    pub(super) poll: Duration,
    pub(super) lease: Duration,
    pub(super) attempts: u32,
    pub(super) first_backoff: Duration,
    pub(super) longest_backoff: Duration,
    pub(super) take_over: bool,
    pub(super) meter: Option<Arc<dyn Meter>>,
}

impl Settings {
    pub(super) fn lease_ms(&self) -> i64 {
        i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX / 4)
    }

    pub(super) fn stand_by(&self) -> Duration {
        (self.lease / 4).max(Duration::from_millis(10))
    }

    /// Doubles with each failure up to a bound, with jitter so that many do not come at once.
    pub(super) fn backoff(&self, failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1).min(16));
        let longest = self
            .first_backoff
            .saturating_mul(doubled)
            .min(self.longest_backoff);
        longest.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// What all loops of one runner share.
pub(super) struct Core<S, Db> {
    pub(super) store: S,
    pub(super) db: Db,
    pub(super) owner: String,
    pub(super) settings: Settings,
    pub(super) shutdown: watch::Sender<bool>,
    locals: Arc<Mutex<HashMap<Partition, Local>>>,
}

/// A page that was committed.
pub(super) struct Done<'a> {
    pub(super) events: &'a [RecordedEvent],
    pub(super) parked: u64,
    pub(super) keys: u64,
    pub(super) began: Instant,
    pub(super) from: Position,
    pub(super) to: Position,
    /// The end of the store, where it is known.
    pub(super) end: Option<Position>,
}

/// How a pause ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Paused {
    Over,
    Woken,
    Shutdown,
}

impl Paused {
    pub(super) fn is_shutdown(self) -> bool {
        self == Self::Shutdown
    }
}

impl<S: EventStore, Db: ReadDatabase> Core<S, Db> {
    /// The same with a flag of its own: ending one start leaves the next one alone.
    #[cfg(feature = "runner")]
    fn for_one_start(&self) -> Self {
        Self {
            store: self.store.clone(),
            db: self.db.clone(),
            owner: self.owner.clone(),
            settings: self.settings.clone(),
            shutdown: watch::Sender::new(false),
            locals: Arc::clone(&self.locals),
        }
    }

    pub(super) fn is_shutdown(&self) -> bool {
        *self.shutdown.borrow()
    }

    pub(super) async fn pause(&self, time: Duration) -> Paused {
        self.pause_or(time, std::future::pending()).await
    }

    /// Waits, at most so long, until `wake` or a shutdown.
    pub(super) async fn pause_or(&self, time: Duration, wake: impl Future<Output = ()>) -> Paused {
        let told = pin!(self.told_to_end());
        let delay = pin!(Delay::new(time));
        let over = first_of(delay, wake);
        match first_of(told, over).await {
            Ok(()) => Paused::Shutdown,
            Err(Ok(())) => Paused::Over,
            Err(Err(())) => Paused::Woken,
        }
    }

    /// Waits until a shutdown is asked for.
    pub(super) async fn told_to_end(&self) {
        let mut shutdown = self.shutdown.subscribe();
        // The sender is in `self`, so it cannot be gone.
        let _ = shutdown.wait_for(|shutdown| *shutdown).await;
    }

    /// Nothing that can panic runs under the lock.
    pub(super) fn locals(&self) -> MutexGuard<'_, HashMap<Partition, Local>> {
        self.locals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn measure(&self, measure: &Measure<'_>) {
        if let Some(meter) = &self.settings.meter {
            meter.record(measure);
        }
        super::status::trace(measure);
    }

    /// Notes why a partition does not go on, or that it does.
    pub(super) fn stalled(&self, partition: &Partition, why: Option<Stalled>) {
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

    pub(super) fn committed(&self, partition: &Partition, done: &Done<'_>) {
        let Done { began, to, .. } = *done;
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
            events_behind: done.end.and_then(|end| between(to, end)),
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

    /// Lets a build answer the queries whose partitions all have what is up to `goal`, and what the one
    /// has that answers now. `hold` keeps that one where it stands, as long as a lease lasts.
    pub(super) async fn swap(
        &self,
        partition: &Partition,
        goal: Position,
        hold: bool,
    ) -> Result<Swapped, TransactionError> {
        let job = Swap {
            name: partition.name,
            build: partition.build,
            goal,
            hold_ms: hold.then(|| self.settings.lease_ms()),
        };
        let swapped = self.db.transact(job).await?;
        if swapped == Swapped::Yes {
            self.measure(&Measure::Swapped { partition });
        }
        Ok(swapped)
    }
}

/// Read models and subscriptions of one store in one read database.
///
/// ```
/// use es_runtime::EventStore;
/// use es_projections::{Projections, ReadDatabase, Dispatch};
///
/// // `store` and `read` are those of a crate such as es-sqlite, which has whole examples.
/// async fn report<S: EventStore, Db: ReadDatabase>(
///     store: S,
///     read: Db,
///     orders: impl Dispatch<Db>,
///     sales: impl Dispatch<Db>,
/// ) -> Result<(), Box<dyn std::error::Error>> {
///     let projections = Projections::new(store, read).with(orders).with(sales);
///     let running = projections.start()?;
///     // .. the program serves its users
///     for partition in projections.status().await? {
///         println!("{} at {}: {}", partition.projection, partition.position, partition.state);
///     }
///     running.shutdown().await;
///     Ok(())
/// }
/// ```
///
/// # What it does
/// Each projection has a loop of its own, or one for each of its partitions: it reads a page of
/// events, hands them to the handlers, and commits rows and checkpoint in one transaction. It wakes
/// at once for appends through a handle of the same store, and looks every 100 ms for those of
/// other processes. Memory is bounded by the size of a page.
///
/// # Several runners
/// Any number of processes may run the same projections. One has each partition, by a lease in the read
/// database (5 s); the others stand by. The lease only saves work: a checkpoint moves only from
/// where its owner left it and only in its owner's epoch, so one that was replaced, or slept,
/// cannot write.
///
/// # Failures
/// An event that fails is tried 5 times with growing pauses, alone; what stands before it is
/// committed. Then it is parked, and with it all later events of its key, in order, while others go
/// on: see [`parked`](Projections::parked), [`retry`](Projections::retry) and
/// [`discard`](Projections::discard). A database that fails is tried for ever. A projection that
/// cannot go on stops alone and says why in [`status`](Projections::status).
///
/// # Versions
/// A projection with a new version, or one for which [`rebuild`](Projections::rebuild) was called,
/// is built in tables of its own beside the ones that answer queries. When it has caught up with them,
/// and has no more parked events than those, one transaction puts its views in their place and drops them.
/// Where they are always further, because they are faster and others append all the time, they are held
/// for a moment, at most as long as a lease lasts.
/// Until the first build has caught up there are no views.
pub struct Projections<S = es_runtime::AnyStore, Db = super::AnyReadDatabase> {
    pub(super) core: Arc<Core<S, Db>>,
    pub(super) registered: Vec<Arc<Registered<S, Db>>>,
    twice: Option<&'static str>,
}

impl<S: Clone, Db: Clone> Clone for Projections<S, Db> {
    fn clone(&self) -> Self {
        Self {
            core: Arc::clone(&self.core),
            registered: self.registered.clone(),
            twice: self.twice,
        }
    }
}

impl<S, Db> fmt::Debug for Projections<S, Db> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.registered.iter().map(|r| r.name).collect();
        f.debug_tuple("Projections").field(&names).finish()
    }
}

type Run<S, Db> =
    dyn Fn(Arc<Core<S, Db>>, Task) -> Boxed<Result<End, ProjectionError>> + Send + Sync;
type Again<S, Db> =
    dyn Fn(Arc<Core<S, Db>>, super::parked::Again) -> Boxed<super::parked::AgainEnd> + Send + Sync;

/// One projection or subscription of a runner.
pub(super) struct Registered<S, Db> {
    pub(super) name: &'static str,
    pub(super) version: u32,
    partitions: u32,
    schema: String,
    from_the_beginning: bool,
    has_tables: bool,
    pub(super) run: Box<Run<S, Db>>,
    pub(super) again: Box<Again<S, Db>>,
}

/// One partition to run.
#[derive(Clone)]
pub(super) struct Task {
    pub(super) partition: Partition,
    building: bool,
    until: Until,
    pub(super) take_over: bool,
}

impl<S: EventStore, Db: ReadDatabase> Projections<S, Db> {
    /// A runner without projections yet, from this store into this read database.
    pub fn new(store: S, read: Db) -> Self {
        let owner = format!("process {} ({})", std::process::id(), EventId::new());
        Self {
            core: Arc::new(Core {
                store,
                db: read,
                owner,
                settings: Settings {
                    page: ReadLimit::default(),
                    poll: Duration::from_millis(100),
                    lease: Duration::from_secs(5),
                    attempts: 5,
                    first_backoff: Duration::from_millis(50),
                    longest_backoff: Duration::from_secs(2),
                    take_over: false,
                    meter: None,
                },
                shutdown: watch::Sender::new(false),
                locals: Arc::default(),
            }),
            registered: Vec::new(),
            twice: None,
        }
    }

    /// Adds a projection.
    #[must_use]
    pub fn with<P: Dispatch<Db>>(self, projection: P) -> Self {
        let schema = P::schema(self.core.db.dialect()).into_owned();
        let projection = Arc::new(projection);
        let again = Arc::clone(&projection);
        self.register(Registered {
            name: P::NAME,
            version: P::VERSION,
            partitions: P::PARTITIONS.max(1),
            schema,
            from_the_beginning: true,
            has_tables: true,
            run: run(Projecting(projection)),
            again: Box::new(move |core, todo| {
                Box::pin(super::parked::project_again(core, Arc::clone(&again), todo))
            }),
        })
    }

    /// Adds a subscription.
    #[must_use]
    pub fn with_subscription<D: Deliver>(self, subscription: D) -> Self {
        let subscription = Arc::new(subscription);
        let again = Arc::clone(&subscription);
        self.register(Registered {
            name: <D as Subscription>::NAME,
            version: 1,
            partitions: D::PARTITIONS.max(1),
            schema: String::new(),
            from_the_beginning: D::FROM_THE_BEGINNING,
            has_tables: false,
            run: run(Delivering(subscription)),
            again: Box::new(move |core, todo| {
                Box::pin(super::parked::deliver_again(core, Arc::clone(&again), todo))
            }),
        })
    }

    fn register(mut self, registered: Registered<S, Db>) -> Self {
        if self.registered.iter().any(|r| r.name == registered.name) {
            self.twice = Some(registered.name);
        }
        self.registered.push(Arc::new(registered));
        self
    }

    /// Takes partitions over from living owners, once, instead of waiting for their leases to end. For
    /// programs that know that the owner is dead or may be interrupted.
    #[must_use]
    pub fn take_over(self, take_over: bool) -> Self {
        self.set(|settings| settings.take_over = take_over)
    }

    /// How long an owner that gives no sign of life keeps a partition, 5 seconds by default.
    #[must_use]
    pub fn lease(self, lease: Duration) -> Self {
        self.set(|settings| settings.lease = lease)
    }

    /// How often to look for events that other processes appended, every 100 ms by default.
    #[must_use]
    pub fn poll_every(self, poll: Duration) -> Self {
        self.set(|settings| settings.poll = poll)
    }

    /// How much of the feed is handled in one transaction: 1,000 events or 4 MiB by default. At least
    /// one event.
    #[must_use]
    pub fn page(self, page: ReadLimit) -> Self {
        let events = page.events.max(1);
        self.set(|settings| settings.page = ReadLimit::events(events).with_bytes(page.bytes))
    }

    /// How often an event is tried before it is parked, 5 times by default, and how long the pauses
    /// are: `first` after the first failure, then doubled up to `longest`.
    #[must_use]
    pub fn attempts(self, attempts: u32, first: Duration, longest: Duration) -> Self {
        self.set(|settings| {
            settings.attempts = attempts.max(1);
            settings.first_backoff = first;
            settings.longest_backoff = longest;
        })
    }

    /// Told of everything that is worth counting.
    #[must_use]
    pub fn meter(self, meter: impl Meter) -> Self {
        let meter: Arc<dyn Meter> = Arc::new(meter);
        self.set(|settings| settings.meter = Some(meter))
    }

    /// What was started or cloned before keeps its settings.
    fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        if Arc::get_mut(&mut self.core).is_none() {
            self.core = Arc::new(Core {
                store: self.core.store.clone(),
                db: self.core.db.clone(),
                owner: self.core.owner.clone(),
                settings: self.core.settings.clone(),
                shutdown: watch::Sender::new(false),
                locals: Arc::default(),
            });
        }
        if let Some(core) = Arc::get_mut(&mut self.core) {
            change(&mut core.settings);
        }
        self
    }

    /// The names of its projections and subscriptions, in the order in which they were added.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<'_, S, Db> {
        self.registered.iter().map(|registered| registered.name)
    }

    /// The store that the events come from.
    pub fn store(&self) -> &S {
        &self.core.store
    }

    /// The read database.
    pub fn read_database(&self) -> &Db {
        &self.core.db
    }

    pub(super) fn find(&self, name: &str) -> Result<&Arc<Registered<S, Db>>, ProjectionError> {
        let found = self.registered.iter().find(|r| r.name == name);
        found.ok_or_else(|| ProjectionError::Unknown {
            projection: name.to_owned(),
        })
    }

    fn checked(&self) -> Result<(), ProjectionError> {
        match self.twice {
            Some(projection) => Err(ProjectionError::NamedTwice { projection }),
            None => Ok(()),
        }
    }

    /// Handles every event that is stored by now in the tables that answer queries; where none do
    /// yet, builds them. Runs in the calling task, one projection after the other. A rebuild that is
    /// under way is left to those who run it.
    ///
    /// # Errors
    /// The [`ProjectionError`] of the first projection that cannot go on. Those before it have
    /// caught up.
    ///
    /// # Cancel safety
    /// Each page was handled or not. Leases of partitions that were just run last until they end.
    pub async fn catch_up(&self) -> Result<(), ProjectionError> {
        self.checked()?;
        for registered in &self.registered {
            let prepared = registered.prepare(&self.core, false).await?;
            let answers = |g: &&Build| g.live && g.version == registered.version;
            let of_mine = |g: &&Build| g.version == registered.version;
            let mut found = prepared.iter();
            if let Some(build) = found.find(answers).or(prepared.iter().find(of_mine)) {
                self.run_to_the_end(registered, build).await?;
            }
        }
        Ok(())
    }

    async fn run_to_the_end(
        &self,
        registered: &Registered<S, Db>,
        build: &Build,
    ) -> Result<(), ProjectionError> {
        let storage = |error| {
            ProjectionError::storage(registered.name, es_runtime::StorageError::from(error))
        };
        let goal = self.core.store.head().await.map_err(storage)?;
        for task in registered.tasks_of(&self.core, build, Until::Reached(goal)) {
            let run = || (registered.run)(Arc::clone(&self.core), task.clone());
            while run().await? == End::Fenced {}
        }
        Ok(())
    }

    /// Asks for a projection to be built anew beside the tables that answer queries; see
    /// [`Projections`](Projections#versions). The runners that have the projection do it. Where a
    /// build is under way, that one goes on.
    ///
    /// # Errors
    /// [`ProjectionError::Unknown`] for a name that is not a projection of this runner,
    /// [`ProjectionError::Storage`] when the read database fails.
    ///
    /// # Cancel safety
    /// It was asked for or not.
    pub async fn rebuild(&self, name: &str) -> Result<Build, ProjectionError> {
        let registered = self.find(name)?;
        if !registered.has_tables {
            return Err(ProjectionError::Unknown {
                projection: name.to_owned(),
            });
        }
        let prepared = registered.prepare(&self.core, true).await?;
        let is_it = |build: &Build| !build.live && build.version == registered.version;
        let new = prepared.into_iter().find(is_it);
        new.ok_or_else(|| ProjectionError::Ended {
            projection: registered.name,
            what: "the new build is not in the projection state".to_owned(),
        })
    }

    /// As [`rebuild`](Projections::rebuild), and builds in the calling task until the new tables
    /// answer queries, or until they have every event that is stored by now.
    ///
    /// # Errors
    /// As [`rebuild`](Projections::rebuild), and any other [`ProjectionError`] that keeps it from
    /// going on.
    ///
    /// # Cancel safety
    /// Each page was handled or not; the next rebuild goes on from there.
    pub async fn rebuild_now(&self, name: &str) -> Result<Build, ProjectionError> {
        let build = self.rebuild(name).await?;
        self.run_to_the_end(self.find(name)?, &build).await?;
        Ok(build)
    }

    /// Starts the loops as tasks of the current tokio runtime.
    ///
    /// A projection that cannot go on stops alone; [`status`](Projections::status) says why.
    ///
    /// # Errors
    /// [`ProjectionError::NamedTwice`]. Nothing runs then.
    ///
    /// # Panics
    /// Outside of a tokio runtime, as `tokio::spawn` does.
    #[cfg(feature = "runner")]
    pub fn start(&self) -> Result<super::Running<S, Db>, ProjectionError> {
        self.checked()?;
        let core = Arc::new(self.core.for_one_start());
        let mut keepers = tokio::task::JoinSet::new();
        for registered in &self.registered {
            keepers.spawn(super::running::keep(
                Arc::clone(&core),
                Arc::clone(registered),
            ));
        }
        Ok(super::Running {
            projections: self.clone(),
            core,
            keepers,
        })
    }
}

fn run<S: EventStore, Db: ReadDatabase, C: Consumer<Db>>(consumer: C) -> Box<Run<S, Db>> {
    let consumer = Arc::new(consumer);
    Box::new(move |core, task| {
        let worker = Worker {
            core,
            consumer: Arc::clone(&consumer),
            partition: task.partition,
            building: task.building,
            until: task.until,
            take_over: task.take_over,
            goal: None,
            refused: 0,
            behind: 0,
            hint: Hint::default(),
        };
        let partition = worker.partition.clone();
        Box::pin(super::status::in_span(&partition, worker.run()))
    })
}

impl<S: EventStore, Db: ReadDatabase> Registered<S, Db> {
    /// The partitions that there are to run. Where the builds are not those that are `known`, the
    /// tables are made ready first; otherwise nothing is written.
    #[cfg(feature = "runner")]
    pub(super) async fn tasks(
        &self,
        core: &Core<S, Db>,
        known: &mut Vec<Build>,
    ) -> Result<Vec<Task>, ProjectionError> {
        let rows = core
            .db
            .query(super::tables::BUILDS, &[self.name.into()])
            .await;
        let now: Vec<Build> = rows
            .unwrap_or_default()
            .into_iter()
            .filter_map(|row| super::tables::build(self.name, row).ok())
            .collect();
        if now.is_empty() || now != *known {
            *known = self.prepare(core, false).await?;
        }
        let mine = known.iter().filter(|g| g.version == self.version);
        Ok(mine
            .flat_map(|build| self.tasks_of(core, build, Until::Shutdown))
            .collect())
    }

    fn tasks_of(&self, core: &Core<S, Db>, build: &Build, until: Until) -> Vec<Task> {
        let task = |partition| Task {
            partition,
            building: !build.live,
            until,
            take_over: core.settings.take_over,
        };
        partitions(self.name, build).map(task).collect()
    }

    async fn prepare(
        &self,
        core: &Core<S, Db>,
        rebuild: bool,
    ) -> Result<Vec<Build>, ProjectionError> {
        let from = if self.from_the_beginning {
            Position::START
        } else {
            let head = core.store.head().await;
            head.map_err(|error| ProjectionError::storage(self.name, error))?
        };
        let job = Prepare {
            plan: Plan {
                name: self.name,
                version: self.version,
                partitions: self.partitions,
                schema: self.schema.clone(),
                at_once: !self.has_tables,
                from,
            },
            rebuild,
        };
        match core.db.transact(job).await {
            Ok(prepared) => prepared,
            Err(error) => Err(ProjectionError::storage(self.name, error)),
        }
    }
}

impl<S: EventStore, Db: ReadDatabase> Core<S, Db> {
    /// Notes why a whole projection does not run.
    #[cfg(feature = "runner")]
    pub(super) fn stopped(&self, name: &'static str, state: Option<super::State>) {
        let partition = Partition {
            name,
            build: 0,
            partition: 0,
        };
        self.locals().entry(partition).or_default().state = state;
    }
}
