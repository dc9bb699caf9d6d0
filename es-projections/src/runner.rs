//! The runner of projections and subscriptions, which applications make and call.

use crate::{
    api::{AnyReadDatabase, Deliver, Dispatch, Meter, ProjectionError, ReadDatabase},
    engine::{
        core::{Core, RunnerSettings},
        registered::Registered,
        task::{End, Until},
    },
    state::builds::Build,
};
use es_runtime::{EventStore, ReadLimit};
use std::{fmt, sync::Arc, time::Duration};

/// A runner: it keeps the read models and subscriptions of one store up to date in one read database.
///
/// Without type parameters it works with [`AnyStore`](es_runtime::AnyStore) and [`AnyReadDatabase`].
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
/// Each partition of each projection has a loop. The loop reads a page of events, hands them to the
/// handlers, and commits the rows and the checkpoint in one transaction. It wakes at once for
/// appends through a handle of the same store, and looks for appends of other processes every 100
/// ms. The size of a page bounds its memory.
///
/// # Several runners
/// Any number of processes may run the same projections. Each partition has one owner, by a lease
/// in the read database (5 s). The others stand by. The lease only saves work: a checkpoint moves
/// only from the position and in the epoch that its owner knows, so an owner that was replaced
/// cannot write.
///
/// # Failures
/// The events before a failed one are committed. The failed event is tried 5 times, alone and with
/// growing pauses. Then it is parked, and so are all later events of its key, in order. Events of
/// other keys go on. See [`parked`](Projections::parked), [`retry`](Projections::retry) and
/// [`discard`](Projections::discard). A failure of a database is retried without a limit. A
/// projection that cannot go on stops without stopping the others, and
/// [`status`](Projections::status) shows why.
///
/// # Versions
/// A new version, or a call of [`rebuild`](Projections::rebuild), makes a new build: tables next to
/// the live ones. The build goes live once it has caught up with the live build and has no more
/// parked events. One transaction then replaces the views and drops the old tables. If the live
/// build stays ahead because events are appended all the time, its checkpoint is held for at most
/// the length of a lease. Until the first build goes live there are no views.
pub struct Projections<S = es_runtime::AnyStore, Db = AnyReadDatabase> {
    pub(crate) core: Arc<Core<S, Db>>,
    pub(crate) registered: Vec<Arc<Registered<Db>>>,
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
        let names: Vec<_> = self.registered.iter().map(|r| r.name()).collect();
        f.debug_tuple("Projections").field(&names).finish()
    }
}

impl<S: EventStore, Db: ReadDatabase> Projections<S, Db> {
    /// Makes a runner without projections. It reads events from `store` and writes to `read`.
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
        let dialect = self.core.db.dialect();
        self.register(Registered::projection(projection, dialect))
    }

    /// Adds a subscription.
    #[must_use]
    pub fn with_subscription<D: Deliver>(self, subscription: D) -> Self {
        self.register(Registered::subscription(subscription))
    }

    fn register(mut self, registered: Registered<Db>) -> Self {
        if self
            .registered
            .iter()
            .any(|r| r.name() == registered.name())
        {
            self.duplicate_name = Some(registered.name());
        }
        self.registered.push(Arc::new(registered));
        self
    }

    /// Takes partitions over once from owners whose leases have not expired. Use it if the owner is
    /// known to be dead or may be interrupted.
    #[must_use]
    pub fn take_over(self, take_over: bool) -> Self {
        self.set(|settings| settings.take_over = take_over)
    }

    /// Sets how long a lease lasts, 5 seconds by default. After that time another runner takes over
    /// a partition whose owner no longer responds. Whatever the clocks say, it takes over when the
    /// owner has not renewed the lease for twice that time. On SQLite it does not wait for a process
    /// that died on the same machine (Linux).
    #[must_use]
    pub fn lease(self, lease: Duration) -> Self {
        self.set(|settings| settings.lease = lease)
    }

    /// Sets how often to look for events of other processes, every 100 ms by default.
    #[must_use]
    pub fn poll_every(self, poll: Duration) -> Self {
        self.set(|settings| settings.poll = poll)
    }

    /// Sets how much of the feed is handled in one transaction, 1,000 events or 4 MiB by default.
    /// The minimum is one event.
    #[must_use]
    pub fn page(self, mut page: ReadLimit) -> Self {
        page.events = page.events.max(1);
        self.set(|settings| settings.page = page)
    }

    /// Sets how often an event is tried before it is parked, 5 times by default. The pause is
    /// `first` after the first failure and then doubles, up to `longest`.
    #[must_use]
    pub fn attempts(self, attempts: u32, first: Duration, longest: Duration) -> Self {
        self.set(|settings| {
            settings.attempts = attempts.max(1);
            settings.first_backoff = first;
            settings.longest_backoff = longest;
        })
    }

    /// Sets the receiver of measurements.
    #[must_use]
    pub fn meter(self, meter: impl Meter) -> Self {
        let meter: Arc<dyn Meter> = Arc::new(meter);
        self.set(|settings| settings.meter = Some(meter))
    }

    /// Runs and clones that were made before keep their settings.
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
        self.registered.iter().map(|registered| registered.name())
    }

    /// The store that the events come from.
    pub fn store(&self) -> &S {
        &self.core.store
    }

    /// The read database.
    pub fn read_database(&self) -> &Db {
        &self.core.db
    }

    pub(crate) fn find(&self, name: &str) -> Result<&Arc<Registered<Db>>, ProjectionError> {
        let found = self.registered.iter().find(|r| r.name() == name);
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

    /// Brings the live tables up to date with the events stored by now, and builds the tables if
    /// none are live yet. It runs in the calling task, one projection after the other. It does not
    /// work on an unfinished rebuild.
    ///
    /// # Errors
    /// The [`ProjectionError`] of the first projection that cannot go on. The projections before it
    /// have caught up.
    ///
    /// # Cancel safety
    /// Each page was handled or not. Leases that were taken last until they expire.
    pub async fn catch_up(&self) -> Result<(), ProjectionError> {
        self.checked()?;
        for registered in &self.registered {
            // The tables in the place of those that are gone need not have all these events.
            while self.catch_up_one(registered).await? == End::Gone {}
        }
        Ok(())
    }

    /// Runs the live build of this version, or the first one of it where none is live.
    async fn catch_up_one(&self, registered: &Registered<Db>) -> Result<End, ProjectionError> {
        let prepared = registered.prepare(&self.core, false).await?;
        let is_mine = |build: &&Build| build.version == registered.version();
        let mut mine = prepared.iter().filter(is_mine);
        let live = mine.clone().find(|build| build.live);
        match live.or_else(|| mine.next()) {
            Some(build) => self.run_to_the_end(registered, build).await,
            None => Ok(End::Reached),
        }
    }

    /// Runs all partitions of a build. If another build takes its place meanwhile, the result is [`End::Gone`].
    async fn run_to_the_end(
        &self,
        registered: &Registered<Db>,
        build: &Build,
    ) -> Result<End, ProjectionError> {
        let storage = |error| {
            ProjectionError::storage(registered.name(), es_runtime::StorageError::from(error))
        };
        let goal = self.core.store.head().await.map_err(storage)?;
        for task in registered.tasks_of(&self.core, build, Until::Reached(goal)) {
            let run = || registered.run(Arc::clone(&self.core), task.clone());
            let mut end = run().await?;
            while end == End::Fenced {
                end = run().await?;
            }
            if end == End::Gone {
                return Ok(end);
            }
        }
        Ok(End::Reached)
    }

    /// Requests a rebuild of a projection next to its live tables; see
    /// [`Projections`](Projections#versions). The running runners of the projection do the work. If
    /// a build is already unfinished, that one continues.
    ///
    /// # Errors
    /// [`ProjectionError::Unknown`] for a name that is not a projection of this runner,
    /// [`ProjectionError::Storage`] when the read database fails.
    ///
    /// # Cancel safety
    /// The rebuild was requested or not.
    pub async fn rebuild(&self, name: &str) -> Result<Build, ProjectionError> {
        let registered = self.find(name)?;
        if !registered.has_tables() {
            return Err(ProjectionError::Unknown {
                projection: name.to_owned(),
            });
        }
        let prepared = registered.prepare(&self.core, true).await?;
        let is_it = |build: &Build| !build.live && build.version == registered.version();
        let new = prepared.into_iter().find(is_it);
        new.ok_or_else(|| ProjectionError::Ended {
            projection: registered.name(),
            what: "the new build is not in the projection state".to_owned(),
        })
    }

    /// Requests a rebuild as [`rebuild`](Projections::rebuild) does, and builds in the calling task
    /// until the new tables are live or have every event stored by now. If another runner drops the unfinished tables or
    /// puts others in their place, it begins again.
    ///
    /// # Errors
    /// As [`rebuild`](Projections::rebuild), and any other [`ProjectionError`] that keeps it from
    /// going on.
    ///
    /// # Cancel safety
    /// Each page was handled or not; the next rebuild goes on from there.
    pub async fn rebuild_now(&self, name: &str) -> Result<Build, ProjectionError> {
        loop {
            let build = self.rebuild(name).await?;
            if self.run_to_the_end(self.find(name)?, &build).await? != End::Gone {
                return Ok(build);
            }
        }
    }
}
