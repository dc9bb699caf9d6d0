//! Projections in the simulation. They run on the engine of es-projections.

use super::{
    Process, SimStore,
    read_models::SimReadDatabase,
    service::Service,
    world::{World, step_aside},
};
use crate::projection::failure;
use es_projections::{
    Dialect, Dispatch, HandlerError, Key, Measure, OnUnknownVersion, Portable, Projection,
    ProjectionError, Projections,
};
use es_runtime::{EventFilter, Position, ReadLimit, RecordedEvent};
use es_sqlite::{SqliteReadDatabase, SqliteTransaction};
use std::{
    borrow::Cow,
    future::{Future, poll_fn},
    panic::resume_unwind,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

/// A lease does not end by itself: the clock of the database is a real one.
const LEASE: Duration = Duration::from_secs(3_600);
/// How often an event is tried at most before it is parked. Few, so that events are parked.
const ATTEMPTS: u32 = 2;
/// So often is a parked event tried again when nothing else is left to do.
const RETRIES: u32 = 25;

impl Process {
    /// Runs a projection until all other tasks have ended and it has caught up. Needs the feature `sqlite` too.
    ///
    /// It runs on the engine of es-projections, in a SQLite database of this history that all processes share. A transaction
    /// fails or is rolled back after its handlers have run, the process dies before and after the commit, another process takes
    /// the projection over, handlers fail and panic, events are parked and retried, and the projection is rebuilt now and then.
    ///
    /// [`Sim::run`](super::Sim::run) then rebuilds it without failures, and panics unless every table has the same rows as
    /// before. [`Sim::select`](super::Sim::select) is for what must be true of the rows besides.
    ///
    /// ```
    /// use es_projections::{AnyTransaction, HandlerError, Project, Projection, values};
    /// use es_runtime::{Aggregate, AppendId, Envelope, Event, Events, Handle};
    /// use es_testkit::sim::histories;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Event, Serialize, Deserialize)]
    /// #[event("account.deposited")]
    /// struct Deposited { cents: i64 }
    ///
    /// #[derive(Clone)]
    /// struct Deposit(i64);
    ///
    /// #[derive(Aggregate, Clone, Default)]
    /// #[aggregate("account", id = String, error = std::convert::Infallible, events(ignore(Deposited)))]
    /// struct Account {}
    ///
    /// impl Handle<Deposit> for Account {
    ///     fn handle(&self, Deposit(cents): Deposit) -> Result<Events<Self>, std::convert::Infallible> {
    ///         Ok(Deposited { cents }.into())
    ///     }
    /// }
    ///
    /// #[derive(Projection)]
    /// #[projection("balances", events(Deposited))]
    /// #[projection(schema = "CREATE TABLE {balances} (id TEXT PRIMARY KEY, cents BIGINT NOT NULL)")]
    /// struct Balances;
    ///
    /// impl Project<Deposited> for Balances {
    ///     async fn project(
    ///         &self,
    ///         deposited: &Envelope<Deposited>,
    ///         tx: &mut AnyTransaction,
    ///     ) -> Result<(), HandlerError> {
    ///         let row = values![deposited.stream.id(), deposited.event.cents];
    ///         let sql = "INSERT INTO {balances} VALUES ($1, $2)
    ///                    ON CONFLICT (id) DO UPDATE SET cents = {balances}.cents + excluded.cents";
    ///         tx.run(sql, row).await?;
    ///         Ok(())
    ///     }
    /// }
    ///
    /// histories(0..20, |sim| {
    ///     sim.process(|process| {
    ///         let accounts = process.repository::<Account>();
    ///         process.spawn(async move {
    ///             for request in 0..5 {
    ///                 let id = AppendId::new(request.to_string()).unwrap();
    ///                 let _ = accounts.execute("ann", Deposit(1 << request)).append_id(id).await;
    ///             }
    ///         });
    ///     });
    ///     // Two processes that would like to run it.
    ///     for _ in 0..2 {
    ///         sim.process(|process| process.project(Balances));
    ///     }
    ///     sim.run();
    ///     let stored = sim.events().len();
    ///     let rows = sim.select("SELECT count(*), sum(cents) FROM balances", &[]);
    ///     assert_eq!(rows[0].get::<i64>(0).unwrap(), i64::from(stored > 0));
    ///     assert!(rows[0].get::<Option<i64>>(1).unwrap().unwrap_or(0) < 32);
    /// });
    /// ```
    pub fn project<P: Dispatch>(&self, projection: P) {
        self.project_in_sqlite(Portable(projection));
    }

    /// Runs a projection whose handlers are for SQLite alone, as [`project`](Process::project) does.
    pub fn project_in_sqlite<P: Dispatch<SqliteReadDatabase>>(&self, projection: P) {
        let (world, number) = (self.world(), self.number());
        let (mut random, noted) = (self.random(), Arc::clone(world));
        let page = ReadLimit::events(random.usize(1..6));
        let attempts = random.u32(1..=ATTEMPTS);
        let read = SimReadDatabase::new(world.clone(), number, P::NAME);
        let projections = Projections::new(self.store(), read)
            .attempts(attempts, Duration::ZERO, Duration::ZERO)
            .poll_every(Duration::ZERO)
            .lease(LEASE)
            .page(page)
            .meter(move |measure: &Measure<'_>| note(&noted, number, measure))
            .with(Troubled {
                projection,
                world: world.clone(),
                process: number,
            });
        world.read_models.keep(P::NAME, projections.clone());
        let run = Run {
            world: world.clone(),
            name: P::NAME,
            projections,
            random,
            seen: None,
            left: 0,
        };
        self.serve(|service| run.until_done(service));
    }
}

/// A worker of one projection.
struct Run {
    world: Arc<World>,
    name: &'static str,
    projections: Projections<SimStore, SimReadDatabase>,
    random: fastrand::Rng,
    /// Up to where the store was read.
    seen: Option<Position>,
    /// How often events were parked although nothing else was left to do.
    left: u32,
}

impl Run {
    async fn until_done(mut self, service: Service) {
        loop {
            let was_last = service.is_last();
            let done = if was_last {
                unless_it_waits(self.rest()).await
            } else {
                unless_it_waits(self.something()).await
            };
            match done {
                Some(Ok(true)) if was_last && service.may_end() => return,
                // A failure of the store or of the database, which passes.
                Some(Ok(_) | Err(ProjectionError::Storage { .. })) | None => {}
                Some(Err(error)) => panic!("projection `{}`: {error}", self.name),
            }
            step_aside().await;
        }
    }

    /// Does something of what a program or an operator does while there are new events.
    async fn something(&mut self) -> Result<bool, ProjectionError> {
        match self.random.u8(..32) {
            0 => self.projections.rebuild_now(self.name).await.map(drop)?,
            1 => self.retry().await.map(drop)?,
            2..8 => {
                let head = self.world.head();
                if self.seen != Some(head) {
                    self.projections.catch_up().await?;
                    self.seen = Some(head);
                }
            }
            // It is the turn of others.
            _ => {}
        }
        Ok(false)
    }

    /// Does all that is left. Says whether that was nothing.
    async fn rest(&mut self) -> Result<bool, ProjectionError> {
        self.projections.catch_up().await?;
        if let Some(failure) = self.retry().await? {
            self.left += 1;
            assert!(self.left < RETRIES, "{failure}");
            return Ok(false);
        }
        let status = self.projections.status().await?;
        if status.iter().any(|partition| !partition.live) {
            self.projections.rebuild_now(self.name).await?;
            return Ok(false);
        }
        let is_behind = |partition: &es_projections::Status| partition.position < partition.head;
        Ok(!status.is_empty() && !status.iter().any(is_behind))
    }

    /// Tries parked events again. The last failure of one that is parked still.
    async fn retry(&self) -> Result<Option<String>, ProjectionError> {
        let mut last = None;
        for parked in self.projections.parked(self.name).await? {
            let retried = self.projections.retry(self.name, &parked.key).await?;
            if let Some(failed) = retried.failed {
                last = Some(failure(self.name, &failed.event));
            }
        }
        Ok(last)
    }
}

/// Notes what becomes of a projection.
fn note(world: &World, process: usize, measure: &Measure<'_>) {
    let (partition, what) = match measure {
        Measure::Parked {
            partition, events, ..
        } => (partition, format!("{events} events: parked")),
        Measure::FenceLost { partition } => (partition, "its worker: taken over".to_owned()),
        Measure::WentLive { partition } if partition.build > 1 => {
            (partition, format!("build {}: rebuilt", partition.build))
        }
        _ => return,
    };
    let name = partition.name;
    world.note(format!("process {process}, projection `{name}`, {what}"));
}

/// A projection whose handlers fail as the seed says.
struct Troubled<P> {
    projection: P,
    world: Arc<World>,
    process: usize,
}

impl<P: Projection> Projection for Troubled<P> {
    const NAME: &'static str = P::NAME;
    const VERSION: u32 = P::VERSION;
    const ON_UNKNOWN_VERSION: OnUnknownVersion = P::ON_UNKNOWN_VERSION;
    const PARTITIONS: u32 = P::PARTITIONS;

    fn filter() -> EventFilter {
        P::filter()
    }

    fn key(event: &RecordedEvent) -> Key<'_> {
        P::key(event)
    }
}

impl<P: Dispatch<SqliteReadDatabase>> Dispatch<SimReadDatabase> for Troubled<P> {
    fn schema(dialect: Dialect) -> Cow<'static, str> {
        P::schema(dialect)
    }

    async fn dispatch(
        &self,
        event: &RecordedEvent,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        const KINDS: [&str; 3] = [
            "fails before its statements",
            "fails after its statements",
            "panics after its statements",
        ];
        let what = format!("`{}` in projection `{}`", event.name, P::NAME);
        let part = self.world.faults.handler;
        match self.world.trouble_of(part, (self.process, &what), &KINDS) {
            None => self.projection.dispatch(event, tx).await,
            Some(0) => Err(HandlerError::new(KINDS[0])),
            Some(kind) => {
                self.projection.dispatch(event, tx).await?;
                if kind == 1 {
                    return Err(HandlerError::new(KINDS[1]));
                }
                // Without the message of a panic, which would be one of many.
                resume_unwind(Box::new(KINDS[2]))
            }
        }
    }
}

/// Notes that a task was woken.
struct Noted {
    is_woken: AtomicBool,
    task: Waker,
}

impl Wake for Noted {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::SeqCst);
        self.task.wake_by_ref();
    }
}

/// Does the work, and drops it where it waits for real time, as a runner does while another one has the lease. What is
/// simulated wakes the task at once.
async fn unless_it_waits<F: Future>(work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    poll_fn(|context| {
        let noted = Arc::new(Noted {
            is_woken: AtomicBool::new(false),
            task: context.waker().clone(),
        });
        let waker = Waker::from(Arc::clone(&noted));
        match work.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if noted.is_woken.load(Ordering::SeqCst) => Poll::Pending,
            Poll::Pending => Poll::Ready(None),
        }
    })
    .await
}
