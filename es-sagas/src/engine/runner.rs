//! The runner: what applications hold, its settings, and what its loops share.

use super::{
    Interceptor,
    core::{Core, Stop},
    cursor::{Progress, ReadAhead},
    input::read_on,
    resume::resume_known,
    work::{claim, work_on},
};
use crate::{
    definition::{BoundSaga, ErasedSaga as _, Info, InvalidDefinition, Saga},
    error::SagaError,
    log::STEPPED,
    names::category,
    process::{ErasedProcess, ProcessManager},
};
use es_runtime::{EventSet, Timestamp, WorkFilter, WorkItem, WorkQueue, WorkStatus};
use std::{
    collections::BTreeMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

/// Runs sagas on a store: reads the events that start and cancel them, does their steps and undos,
/// keeps their times.
///
/// Any number of runners, in any number of processes, may run the same sagas.
///
/// [`Saga`] has a whole example.
///
/// # What it does
/// - Each event that starts or cancels a saga is one transaction: the saga's own events, the record
///   that the event was taken, and the place in the feed.
/// - A step is called outside of any transaction, after it was stored that it will be. Its outcome and
///   what comes next are one transaction.
/// - A saga is worked on by one runner at a time, by a lease in the store; one whose lease ran out
///   cannot write any more.
/// - Whatever crashes: the next runner goes on, calls what may have been called once more with the
///   same key, and undoes what may have happened.
pub struct Sagas<S = es_runtime::AnyStore> {
    pub(crate) core: Arc<Core<S>>,
}

impl<S> Clone for Sagas<S> {
    fn clone(&self) -> Self {
        Self {
            core: Arc::clone(&self.core),
        }
    }
}

impl<S> fmt::Debug for Sagas<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sagas = self.core.sagas.iter();
        let names: Vec<_> = sagas
            .map(|kind| format!("{} v{}", kind.info().name, kind.info().version))
            .collect();
        f.debug_tuple("Sagas").field(&names).finish()
    }
}

impl<S: WorkQueue> Sagas<S> {
    /// A runner without sagas yet.
    pub fn new(store: S) -> Self {
        Self {
            core: Arc::new(Core::new(store)),
        }
    }

    /// Adds a saga with what its steps need. A definition that is wrong is reported by whatever runs
    /// first.
    #[must_use]
    pub fn with<T: Saga>(self, deps: T::Deps) -> Self {
        self.change(|core| match BoundSaga::<T>::new(deps) {
            Ok(bound) => {
                let (name, version) = (T::NAME, T::VERSION);
                let live = !bound.info().frozen;
                let managed = core.managers.iter().any(|manager| manager.name() == name);
                let clash = managed
                    || core.sagas.iter().map(|kind| kind.info()).any(|other| {
                        other.name == name && (other.version == version || (live && !other.frozen))
                    });
                if clash {
                    core.wrong = Some(InvalidDefinition::RegisteredTwice { saga: name });
                }
                // The one that starts stands last.
                if live {
                    core.sagas.push(Arc::new(bound));
                } else {
                    core.sagas.insert(0, Arc::new(bound));
                }
            }
            Err(wrong) => core.wrong = Some(wrong),
        })
    }

    /// Adds a process manager. One whose name another one or a saga has, or that has an event named
    /// `process.stepped`, is reported by whatever runs first.
    #[must_use]
    pub fn with_process_manager<P: ProcessManager>(self) -> Self {
        self.change(|core| {
            let live = P::Event::TYPES.iter().map(|kind| kind.name);
            let mut names = live.chain(P::Event::RETIRED_NAMES.iter().copied());
            if names.any(|name| name == STEPPED) {
                core.wrong = Some(InvalidDefinition::ReservedEvent {
                    process: P::NAME,
                    event: STEPPED,
                });
            } else if core.categories().contains(&category(P::NAME)) {
                core.wrong = Some(InvalidDefinition::RegisteredTwice { saga: P::NAME });
            } else {
                core.managers.push(Arc::new(ErasedProcess::<P>::new()));
            }
        })
    }

    /// How long a runner that gives no sign of life keeps a saga, 30 seconds by default.
    #[must_use]
    pub fn lease(self, lease: Duration) -> Self {
        self.change(|core| core.settings.lease = lease.max(Duration::from_millis(1)))
    }

    /// How often to look for what is due and for events of other processes, every 100 ms by default.
    #[must_use]
    pub fn poll_every(self, poll: Duration) -> Self {
        self.change(|core| core.settings.poll = poll.max(Duration::from_millis(1)))
    }

    /// How many sagas are worked on at once, 32 by default: all sagas and process managers of this runner
    /// share them, so calls that hang hold the others up until their timeouts. A saga that calls somebody
    /// slow gets a runner of its own.
    #[must_use]
    pub fn concurrency(self, sagas: usize) -> Self {
        self.change(|core| core.settings.concurrency = sagas.max(1))
    }

    /// Whether a saga that runs for the first time reads events that were stored before. By default it
    /// begins with those that come: an old order should not be charged again.
    #[must_use]
    pub fn from_the_beginning(self, from_the_beginning: bool) -> Self {
        self.change(|core| core.settings.from_the_beginning = from_the_beginning)
    }

    /// Derives the keys of effects from this text instead of the store's own, such as after a move to
    /// another store. Never give two stores that run the same ids one text.
    #[must_use]
    pub fn key_space(self, space: impl Into<String>) -> Self {
        self.change(|core| core.settings.key_space = Some(space.into()))
    }

    /// Something that stands around every call of a step or an undo, such as a measurement or, in
    /// tests, a fault.
    #[must_use]
    pub fn intercept(self, interceptor: impl Interceptor) -> Self {
        self.change(|core| core.settings.interceptor = Some(Arc::new(interceptor)))
    }

    /// What was started or cloned before keeps its settings.
    fn change(mut self, change: impl FnOnce(&mut Core<S>)) -> Self {
        if Arc::get_mut(&mut self.core).is_none() {
            self.core = Arc::new(self.core.copy());
        }
        if let Some(core) = Arc::get_mut(&mut self.core) {
            change(core);
        }
        self
    }

    /// The store.
    pub fn store(&self) -> &S {
        &self.core.store
    }

    /// Does everything that can be done now: events that came, steps that are due. Says when there is
    /// something to do again.
    ///
    /// For tests, for programs without a runtime, and for commands that end. What another runner
    /// works on is left to it.
    ///
    /// # Errors
    /// [`SagaError`] for the first thing that goes wrong. What was done before stays done, and what was
    /// claimed with it is worked on.
    ///
    /// # Cancel safety
    /// A step may be cut off in the middle of its call; it is called again when its lease has run out.
    pub async fn run_until_idle(&self) -> Result<Idle, SagaError> {
        let core = &self.core;
        self.check()?;
        resume_known(core).await?;
        loop {
            let mut did = false;
            for category in core.categories() {
                let mut ahead = ReadAhead::default();
                let read = read_on(core, &category, &mut ahead).await?;
                did |= matches!(read, Progress::Made);
            }
            let since = Instant::now();
            let mut failed = Ok(());
            for claimed in claim(core, core.settings.concurrency).await? {
                did = true;
                let done = work_on(core, claimed, since, &Stop::never()).await;
                failed = failed.and(done);
            }
            failed?;
            if !did {
                break;
            }
        }
        let mut idle = Idle {
            running: 0,
            parked: 0,
            next_due: None,
        };
        for status in [WorkStatus::Running, WorkStatus::Parked] {
            let mut filter = WorkFilter::of(core.categories());
            filter.status = Some(status);
            loop {
                let rows = core.store.work_items(&filter).await?;
                let Some(last) = rows.last() else { break };
                filter.after = Some(last.instance.clone());
                for row in rows {
                    idle.count(&row);
                }
            }
        }
        Ok(idle)
    }

    pub(crate) fn check(&self) -> Result<(), SagaError> {
        match &self.core.wrong {
            Some(wrong) => Err(wrong.clone().into()),
            None => Ok(()),
        }
    }

    /// How many instances of one version of a saga have not ended: a definition that is `frozen` can go
    /// when there are none.
    ///
    /// # Errors
    /// [`SagaError::Read`] when the store cannot be read.
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn running(&self, saga: &str, version: u32) -> Result<u64, SagaError> {
        let mut filter = WorkFilter::of(vec![category(saga)]);
        let start = Info::definition_of(version, "");
        let mut count = 0_u64;
        loop {
            let rows = self.core.store.work_items(&filter).await?;
            let Some(last) = rows.last() else {
                return Ok(count);
            };
            filter.after = Some(last.instance.clone());
            let rows = rows.iter().filter(|row| row.status != WorkStatus::Done);
            let of_version = rows.filter(|row| row.definition.starts_with(&start));
            count += of_version.count() as u64;
        }
    }

    /// What does not go on in this process at the moment, and why: `input saga:order`, `work on
    /// saga:order/4711`, `claims`, or `resuming`. It is tried again by itself.
    pub fn stalled(&self) -> BTreeMap<String, String> {
        self.core.stalled()
    }
}

/// What is left when everything that could be done is done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Idle {
    /// Sagas that go on later, or that another runner works on.
    pub running: u64,
    /// Sagas that wait for an operator.
    pub parked: u64,
    /// When the first of them is due.
    pub next_due: Option<Timestamp>,
}

impl Idle {
    fn count(&mut self, row: &WorkItem) {
        match row.status {
            WorkStatus::Running => {
                self.running += 1;
                // A saga that somebody works on is due for others when that one's lease runs out.
                let due = row
                    .due_at
                    .map(|due| row.lease_until.map_or(due, |l| l.max(due)));
                self.next_due = match (self.next_due, due) {
                    (Some(known), Some(due)) => Some(known.min(due)),
                    (known, due) => known.or(due),
                };
            }
            WorkStatus::Parked => self.parked += 1,
            _ => {}
        }
    }
}
