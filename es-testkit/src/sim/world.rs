//! What all processes of a history share: the store, the clock, chance, and the tasks.

use super::{Faults, Process, bound::Bound, service::Service, task::Task, trouble::Kind};
use crate::{VirtualClock, ready::ready};
use es_runtime::{EventStore, MemoryStore, Position};
use std::{
    collections::{BTreeMap, BTreeSet},
    future::{Future, pending, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
};

/// Makes the tasks of a process.
pub(super) type Start = Box<dyn FnMut(&Process) + Send>;

pub(super) struct World {
    pub(super) seed: u64,
    pub(super) store: MemoryStore,
    pub(super) clock: VirtualClock,
    pub(super) faults: Faults,
    #[cfg(feature = "sqlite")]
    pub(super) read_models: super::read_models::ReadModels,
    inner: Mutex<Inner>,
    /// How to start each process again.
    pub(super) starts: Mutex<Vec<Option<Start>>>,
}

#[derive(Default)]
struct Inner {
    random: fastrand::Rng,
    log: Vec<String>,
    faults: usize,
    bound: Bound,
    /// Nothing goes wrong any more.
    is_calm: bool,
    tasks: Vec<Task>,
    services: u64,
    /// Up to where the store was when a service had nothing left to do.
    settled: BTreeMap<u64, Position>,
    died: Vec<usize>,
    /// How often each process has died.
    deaths: BTreeMap<usize, u64>,
    asleep: Vec<usize>,
    /// Up to where each subscription has got.
    checkpoints: BTreeMap<&'static str, Position>,
    delivered: BTreeSet<(&'static str, Position)>,
}

impl World {
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        let (store, clock) = VirtualClock::with_store();
        Self {
            seed,
            store,
            clock,
            faults,
            #[cfg(feature = "sqlite")]
            read_models: super::read_models::ReadModels::default(),
            inner: Mutex::new(Inner {
                random: fastrand::Rng::with_seed(seed),
                ..Inner::default()
            }),
            starts: Mutex::new(Vec::new()),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn random(&self) -> fastrand::Rng {
        self.inner().random.fork()
    }

    pub(super) fn random_below(&self, end: usize) -> usize {
        self.inner().random.usize(..end)
    }

    pub(super) fn chance(&self, part: f64) -> bool {
        let mut inner = self.inner();
        part > 0.0 && !inner.is_calm && inner.random.f64() < part
    }

    /// A chance that counts as a fault.
    pub(super) fn fault(&self, part: f64) -> bool {
        let is = self.inner().faults < self.faults.most && self.chance(part);
        if is {
            self.inner().faults += 1;
        }
        is
    }

    /// Whether nothing goes wrong from now on.
    pub(super) fn set_calm(&self, is_calm: bool) {
        self.inner().is_calm = is_calm;
    }

    /// A call is made, which is a step of the history. Where none is left it never returns, and the runner says why.
    pub(super) async fn call(&self, process: usize, what: &str, kind: Kind) {
        let is_last = {
            let bound = &mut self.inner().bound;
            bound.call(process, what, kind);
            bound.is_reached()
        };
        if is_last {
            pending::<()>().await;
        }
    }

    pub(super) fn bound<T>(&self, ask: impl FnOnce(&mut Bound) -> T) -> T {
        ask(&mut self.inner().bound)
    }

    /// The processes that have tasks, each with how many of them.
    pub(super) fn at_work(&self) -> String {
        let mut tasks: BTreeMap<usize, usize> = BTreeMap::new();
        for task in &self.inner().tasks {
            *tasks.entry(task.process).or_default() += 1;
        }
        let tasks = tasks.iter();
        let tasks: Vec<_> = tasks
            .map(|(process, count)| format!("{count} of process {process}"))
            .collect();
        tasks.join(", ")
    }

    pub(super) fn log(&self) -> Vec<String> {
        self.inner().log.clone()
    }

    pub(super) fn note(&self, line: String) {
        self.inner().log.push(line);
    }

    /// The position of the last event that is stored.
    pub(super) fn head(&self) -> Position {
        ready(self.store.head()).unwrap_or(Position::START)
    }

    pub(super) fn start(self: &Arc<Self>, mut start: Start) {
        let number = {
            let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
            starts.push(None);
            starts.len() - 1
        };
        start(&Process::new(self.clone(), number));
        self.keep(number, start);
    }

    /// Keeps how to start a process.
    fn keep(&self, number: usize, start: Start) {
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = starts.get_mut(number) {
            *place = Some(start);
        }
    }

    /// Ends the tasks of the processes that have died, and starts these again.
    pub(super) fn bury(self: &Arc<Self>) {
        loop {
            let Some(number) = self.inner().died.pop() else {
                return;
            };
            let dead: Vec<Task> = {
                let mut inner = self.inner();
                *inner.deaths.entry(number).or_default() += 1;
                inner.asleep.retain(|asleep| *asleep != number);
                let tasks = std::mem::take(&mut inner.tasks);
                let (dead, alive) = tasks.into_iter().partition(|task| task.process == number);
                inner.tasks = alive;
                dead
            };
            // Outside of the lock: what a task drops may want to note something.
            drop(dead);
            self.note(format!("process {number} starts again"));
            let start = {
                let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
                starts.get_mut(number).and_then(Option::take)
            };
            if let Some(mut start) = start {
                start(&Process::new(self.clone(), number));
                self.keep(number, start);
            }
        }
    }

    /// Ends everything, so that what it uses is given back.
    pub(super) fn end(&self) {
        let tasks = std::mem::take(&mut self.inner().tasks);
        drop(tasks);
        let starts =
            std::mem::take(&mut *self.starts.lock().unwrap_or_else(PoisonError::into_inner));
        drop(starts);
        #[cfg(feature = "sqlite")]
        self.read_models.forget();
    }

    pub(super) fn spawn(
        &self,
        process: usize,
        service: Option<u64>,
        future: Pin<Box<dyn Future<Output = ()> + Send>>,
    ) {
        self.inner().tasks.push(Task::new(process, service, future));
    }

    pub(super) fn new_service(self: &Arc<Self>) -> Service {
        let mut inner = self.inner();
        inner.services += 1;
        Service::new(self.clone(), inner.services)
    }

    /// Takes a task that can go on, by chance, out of the list.
    pub(super) fn next(&self) -> Next {
        let mut inner = self.inner();
        let inner = &mut *inner;
        if inner.tasks.is_empty() {
            return Next::None;
        }
        let able: Vec<usize> = (0..inner.tasks.len())
            .filter(|index| inner.tasks.get(*index).is_some_and(Task::is_able))
            .collect();
        match inner.random.choice(able) {
            Some(index) => Next::Task(inner.tasks.swap_remove(index)),
            None => Next::Wait,
        }
    }

    /// Whether a task can go on that was woken from outside.
    pub(super) fn look_outside(&self) -> bool {
        let inner = self.inner();
        // Each of them, so not `any`.
        let woken = inner.tasks.iter().filter(|task| task.look_outside());
        woken.count() > 0
    }

    pub(super) fn give_back(&self, task: Task) {
        let mut inner = self.inner();
        if !inner.died.contains(&task.process) {
            inner.tasks.push(task);
        }
    }

    /// Whether only services are left, which end when everything else has.
    pub(super) fn only_services(&self) -> bool {
        self.inner().tasks.iter().all(|task| task.service.is_some())
    }

    /// A service, which is running, has nothing left to do. Whether that is so of all of them, and nothing was stored
    /// since. Then nothing goes wrong any more, so that none of them begins again.
    pub(super) fn settle(&self, service: u64) -> bool {
        let head = self.head();
        let mut inner = self.inner();
        inner.settled.insert(service, head);
        let is_settled = |task: &Task| {
            let service = task.service.as_ref();
            service.and_then(|service| inner.settled.get(service)) == Some(&head)
        };
        let all = inner.is_calm || inner.tasks.iter().all(is_settled);
        inner.is_calm = all;
        all
    }

    pub(super) fn checkpoint(&self, of: &'static str) -> Position {
        let inner = self.inner();
        let known = inner.checkpoints.get(of).copied();
        known.unwrap_or(Position::START)
    }

    pub(super) fn move_checkpoint(&self, of: &'static str, to: Position) {
        self.inner().checkpoints.insert(of, to);
    }

    /// Whether a subscription has got this event before.
    pub(super) fn was_delivered(&self, to: &'static str, event: Position) -> bool {
        !self.inner().delivered.insert((to, event))
    }

    /// The calling process dies. The call never returns.
    pub(super) async fn die(&self, process: usize) -> std::convert::Infallible {
        self.inner().died.push(process);
        pending().await
    }

    /// How often a process has died.
    #[cfg(feature = "sqlite")]
    pub(super) fn deaths(&self, process: usize) -> u64 {
        self.inner().deaths.get(&process).copied().unwrap_or(0)
    }

    pub(super) fn fall_asleep(&self, process: usize) {
        self.inner().asleep.push(process);
    }

    pub(super) fn wake_up(&self, process: usize) {
        let asleep = &mut self.inner().asleep;
        if let Some(index) = asleep.iter().position(|other| *other == process) {
            asleep.swap_remove(index);
        }
    }

    /// Whether the leases have ended of a process that had died so often when it took them: the clock of the read models is a
    /// real one.
    #[cfg(feature = "sqlite")]
    pub(super) fn has_lost_leases(&self, process: usize, deaths: u64) -> bool {
        const PART: f64 = 0.2;
        let is_clear = {
            let inner = self.inner();
            let has_died = inner.deaths.get(&process).is_some_and(|now| *now > deaths);
            has_died || inner.asleep.contains(&process) || inner.is_calm
        };
        is_clear || self.chance(PART)
    }
}

/// What the runner does next.
pub(super) enum Next {
    Task(Task),
    /// All tasks wait for something else than the simulation.
    Wait,
    None,
}

/// Lets the runner choose again.
pub(super) async fn step_aside() {
    let mut again = true;
    poll_fn(|context| {
        if std::mem::take(&mut again) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}
