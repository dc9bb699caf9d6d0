//! The runner that applications create and configure.

use super::{Idle, Interceptor, core::Core, idle::run_until_idle};
use crate::{
    definition::{BoundSaga, ErasedSaga as _, Info, InvalidDefinition, Saga},
    error::SagaError,
    log::STEPPED,
    names::category,
    process::{ErasedProcess, ProcessManager},
};
use es_runtime::{AnyStore, EventSet, WorkFilter, WorkQueue, WorkStatus};
use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

/// Runs sagas and process managers on a store.
///
/// It reads the events that start and cancel sagas, calls steps and undos, fires timers, and enforces
/// deadlines. Any number of runners in any number of processes may run the same sagas. It also shows instances to
/// operators ([`list`](Sagas::list), [`show`](Sagas::show)) and repairs them ([`repair`](Sagas::repair)).
///
/// The [front page](crate) has a complete example. Call `start` in a server (feature `runner`), and
/// [`run_until_idle`](Sagas::run_until_idle) in tests and in commands that end.
///
/// # How it works
/// - Each event that starts or cancels a saga leads to one transaction: the saga's events, the record that the
///   event was taken, and the move of the cursor.
/// - A step is called outside of any transaction, after the call was recorded. Its outcome and the next call are
///   one transaction.
/// - One runner at a time works on an instance. It has a lease in the store. A runner whose lease expired can no
///   longer write.
/// - After a crash another runner continues. It repeats a call that may have been made, with the same key.
#[derive(Clone)]
pub struct Sagas {
    pub(crate) core: Arc<Core>,
}

impl fmt::Debug for Sagas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sagas = self.core.sagas.iter();
        let names: Vec<_> = sagas
            .map(|saga| format!("{} v{}", saga.info().name, saga.info().version))
            .collect();
        f.debug_tuple("Sagas").field(&names).finish()
    }
}

impl Sagas {
    /// A runner without sagas on any store with work items.
    pub fn new(store: impl WorkQueue) -> Self {
        Self {
            core: Arc::new(Core::new(AnyStore::without_snapshots(store))),
        }
    }

    /// Adds a saga with its dependencies. If the definition has a mistake, the first call that runs something
    /// returns it as an error.
    #[must_use]
    pub fn with<T: Saga>(self, deps: T::Deps) -> Self {
        self.change(|core| match BoundSaga::<T>::new(deps) {
            Ok(bound) => {
                let (name, version) = (T::NAME, T::VERSION);
                let live = !bound.info().frozen;
                let managed = core.managers.iter().any(|manager| manager.name() == name);
                let clash = managed
                    || core.sagas.iter().map(|saga| saga.info()).any(|other| {
                        other.name == name && (other.version == version || (live && !other.frozen))
                    });
                if clash {
                    core.wrong = Some(InvalidDefinition::RegisteredTwice { saga: name });
                }
                // The definition that starts sagas is the last one.
                if live {
                    core.sagas.push(Arc::new(bound));
                } else {
                    core.sagas.insert(0, Arc::new(bound));
                }
            }
            Err(wrong) => core.wrong = Some(wrong),
        })
    }

    /// Adds a process manager. Its name must be unique among sagas and process managers, and it must have no
    /// event named `process.stepped`. Otherwise the first call that runs something returns an error.
    #[must_use]
    pub fn with_process_manager<P: ProcessManager>(self) -> Self {
        self.change(|core| {
            let live = P::Event::TYPES.iter().map(|event| event.name);
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

    /// The duration of a lease, 30 seconds by default. After a crash, other runners wait this long before they
    /// continue an instance. On SQLite they do not wait for a process that died on the same machine (Linux).
    #[must_use]
    pub fn lease(self, lease: Duration) -> Self {
        self.change(|core| core.settings.lease = lease.max(Duration::from_millis(1)))
    }

    /// How often to look for due work and for events of other processes, every 100 ms by default.
    #[must_use]
    pub fn poll_every(self, poll: Duration) -> Self {
        self.change(|core| core.settings.poll = poll.max(Duration::from_millis(1)))
    }

    /// How many instances are worked on concurrently, 32 by default.
    ///
    /// All sagas and process managers of this runner share the limit, so calls that hang delay the others until
    /// they time out. Give a saga that calls a slow system its own runner.
    #[must_use]
    pub fn concurrency(self, sagas: usize) -> Self {
        self.change(|core| core.settings.concurrency = sagas.max(1))
    }

    /// Whether a saga that runs for the first time reads events that are already stored. By default it starts
    /// with new events, so that old orders are not charged again.
    ///
    /// A release may read events that no release before it read. They are then read from where the saga began.
    /// By default a release refuses to run ([`SagaError::NewInput`]) when such events are stored that the
    /// releases before it have passed.
    #[must_use]
    pub fn from_the_beginning(self, from_the_beginning: bool) -> Self {
        self.change(|core| core.settings.from_the_beginning = from_the_beginning)
    }

    /// Whether events that no release before this one read are left out when the other releases have passed
    /// them. By default such a release refuses to run, because old events would be lost in silence.
    #[must_use]
    pub fn new_inputs_from_now(self, from_now: bool) -> Self {
        self.change(|core| core.settings.new_inputs_from_now = from_now)
    }

    /// Derives idempotency keys from this text instead of the store's id, for example after a move to another
    /// store. Never use the same text for two stores that run sagas with the same ids.
    #[must_use]
    pub fn key_space(self, space: impl Into<String>) -> Self {
        self.change(|core| core.settings.key_space = Some(space.into()))
    }

    /// Wraps every call of a step or an undo, to measure it or, in tests, to inject faults.
    #[must_use]
    pub fn intercept(self, interceptor: impl Interceptor) -> Self {
        self.change(|core| core.settings.interceptor = Some(Arc::new(interceptor)))
    }

    /// Changes this runner. What was started or cloned before keeps its settings.
    fn change(mut self, change: impl FnOnce(&mut Core)) -> Self {
        if Arc::get_mut(&mut self.core).is_none() {
            self.core = Arc::new(self.core.copy());
        }
        if let Some(core) = Arc::get_mut(&mut self.core) {
            change(core);
        }
        self
    }

    /// The event store.
    pub fn store(&self) -> &AnyStore {
        &self.core.store
    }

    /// Does everything that can be done now: reads new events and calls due steps. Returns when it has found nothing
    /// more to do.
    ///
    /// It looks in rounds, and the last round did nothing. Each event that was stored when that round began, and that
    /// the sagas of this runner read, was taken or parked by then, by this runner or by another one, whatever releases
    /// run next to it. Each instance that was due was worked on, except those that another runner had leased.
    /// [`Idle`] says when there is more to do. What others store later is for the next call.
    ///
    /// Use it in tests, in programs without tokio, and in commands that end.
    ///
    /// # Errors
    /// [`SagaError`] for the first failure. What was done before remains done. Other instances that were claimed
    /// at the same time are still worked on.
    ///
    /// # Cancel safety
    /// A call of a step may be interrupted. It is made again after the lease has expired.
    pub async fn run_until_idle(&self) -> Result<Idle, SagaError> {
        self.check()?;
        run_until_idle(&self.core).await
    }

    pub(crate) fn check(&self) -> Result<(), SagaError> {
        match &self.core.wrong {
            Some(wrong) => Err(wrong.clone().into()),
            None => Ok(()),
        }
    }

    /// How many instances of one version of a saga have not ended. You can remove a frozen definition when
    /// there are none.
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

    /// What fails in this process at the moment, and why. The keys are `input saga:order`,
    /// `work on saga:order/4711`, `claims` or `resuming`. The runner retries all of them. An entry is gone as soon
    /// as it succeeds, as another runner continues the instance, or as the runner shuts down.
    pub fn stalled(&self) -> BTreeMap<String, String> {
        self.core.stalled()
    }
}
