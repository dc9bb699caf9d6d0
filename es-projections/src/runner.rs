//! The runner of projections and subscriptions, as applications hold it.

use crate::{
    api::{
        AnyReadDatabase, Deliver, Dispatch, Meter, ProjectionError, ReadDatabase, Subscription,
        in_span,
    },
    engine::{
        consumer::{Consumer, Delivering, Projecting},
        core::{Core, RunnerSettings},
        registered::{Registered, Run},
        retry::{retry_delivery, retry_projection},
        worker::{End, Hint, Until, Worker},
    },
    state::builds::Build,
};
use es_runtime::{EventStore, ReadLimit};
use std::{fmt, sync::Arc, time::Duration};

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
pub struct Projections<S = es_runtime::AnyStore, Db = AnyReadDatabase> {
    pub(crate) core: Arc<Core<S, Db>>,
    pub(crate) registered: Vec<Arc<Registered<S, Db>>>,
    duplicate_name: Option<&'static str>,
}

impl<S: Clone, Db: Clone> Clone for Projections<S, Db> {
    fn clone(&self) -> Self {
        Self {
            core: Arc::clone(&self.core),
            registered: self.registered.clone(),
            duplicate_name: self.duplicate_name,
        }
    }
}

impl<S, Db> fmt::Debug for Projections<S, Db> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.registered.iter().map(|r| r.name).collect();
        f.debug_tuple("Projections").field(&names).finish()
    }
}

impl<S: EventStore, Db: ReadDatabase> Projections<S, Db> {
    /// A runner without projections yet, from this store into this read database.
    pub fn new(store: S, read: Db) -> Self {
        Self {
            core: Arc::new(Core::new(store, read)),
            registered: Vec::new(),
            duplicate_name: None,
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
            retry: Box::new(move |core, todo| {
                Box::pin(retry_projection(core, Arc::clone(&again), todo))
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
            retry: Box::new(move |core, todo| {
                Box::pin(retry_delivery(core, Arc::clone(&again), todo))
            }),
        })
    }

    fn register(mut self, registered: Registered<S, Db>) -> Self {
        if self.registered.iter().any(|r| r.name == registered.name) {
            self.duplicate_name = Some(registered.name);
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
        self.set(|settings| settings.page = ReadLimit { events, ..page })
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
    fn set(mut self, change: impl FnOnce(&mut RunnerSettings)) -> Self {
        if Arc::get_mut(&mut self.core).is_none() {
            self.core = Arc::new(self.core.with_own_state());
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

    pub(crate) fn find(&self, name: &str) -> Result<&Arc<Registered<S, Db>>, ProjectionError> {
        let found = self.registered.iter().find(|r| r.name == name);
        found.ok_or_else(|| ProjectionError::Unknown {
            projection: name.to_owned(),
        })
    }

    pub(crate) fn checked(&self) -> Result<(), ProjectionError> {
        match self.duplicate_name {
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
            failures_at_end: 0,
            live_was_ahead: 0,
            hint: Hint::default(),
        };
        let partition = worker.partition.clone();
        Box::pin(in_span(&partition, worker.run()))
    })
}
