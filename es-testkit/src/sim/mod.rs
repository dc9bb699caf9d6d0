//! Simulation: many histories of your application, each with other interleavings and other failures, and the same
//! history again for the same seed.
//!
//! ```
//! use es_runtime::{Aggregate, AppendId, Apply, Event, Events, Handle};
//! use es_testkit::sim::histories;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Event, Serialize, Deserialize)]
//! #[event("account.withdrawn")]
//! struct Withdrawn { cents: i64 }
//!
//! #[derive(Clone)]
//! struct Withdraw(i64);
//!
//! #[derive(Debug, thiserror::Error)]
//! #[error("not enough money")]
//! struct NotEnough;
//!
//! #[derive(Aggregate, Clone)]
//! #[aggregate("account", id = String, error = NotEnough, events(Withdrawn))]
//! struct Account { cents: i64 }
//!
//! impl Default for Account {
//!     fn default() -> Self {
//!         Self { cents: 100 }
//!     }
//! }
//!
//! impl Apply<Withdrawn> for Account {
//!     fn apply(&mut self, withdrawn: &Withdrawn) { self.cents -= withdrawn.cents; }
//! }
//!
//! impl Handle<Withdraw> for Account {
//!     fn handle(&self, Withdraw(cents): Withdraw) -> Result<Events<Self>, NotEnough> {
//!         if self.cents < cents {
//!             return Err(NotEnough);
//!         }
//!         Ok(Withdrawn { cents }.into())
//!     }
//! }
//!
//! histories(0..200, |sim| {
//!     // Two processes. One that dies starts again.
//!     for number in 0..2 {
//!         sim.process(move |process| {
//!             let accounts = process.repository::<Account>();
//!             let mut random = process.random();
//!             process.spawn(async move {
//!                 for request in 0..5 {
//!                     let id = AppendId::new(format!("{number}-{request}")).unwrap();
//!                     let _ = accounts.execute("ann", Withdraw(random.i64(1..40))).append_id(id).await;
//!                 }
//!             });
//!         });
//!     }
//!     sim.run();
//!     // What is stored, whatever went wrong.
//!     let ann = sim.load::<Account>("ann");
//!     assert!(ann.state.cents >= 0, "{} cents", ann.state.cents);
//!     assert!(ann.version <= 10, "{} withdrawals", ann.version);
//! });
//! ```
//!
//! # What is simulated
//! Time is a [`VirtualClock`], and one thread polls the tasks of all processes, in an order that the seed gives. Each
//! call of a store is a point at which
//!
//! - another task goes on instead, so that two commands meet and conflict;
//! - the store does not answer, before or after it wrote, and the caller does not know which;
//! - the call takes long, and a lease of the process ends;
//! - the process dies, before or after the write; it starts again with the same function;
//! - the clock jumps, also backwards.
//!
//! A step of a saga ([`Process::sagas`]) is one more: it fails, panics, is done late, or is done and its answer lost. A subscription
//! ([`Process::subscribe`]) gets events again after a crash. A projection (`Process::project`, with the feature `sqlite`) has
//! its transactions rolled back after its handlers have run. [`Faults`] says how often.
//!
//! # What is not
//! A store that loses what it has confirmed, two machines with clocks of their own, and a commit of several streams that
//! says that it was not applied: its outcome is unknown instead. What waits for real time, such
//! as a timer of tokio, makes a history slow, and its order may differ from run to run. A projection is simulated in SQLite, and
//! not inside the appends of a store.

#![allow(clippy::panic, reason = "an assertion of a test panics")]

mod bound;
mod faults;
mod process;
#[cfg(feature = "sqlite")]
mod projections;
#[cfg(feature = "sqlite")]
mod read_models;
mod run;
mod service;
mod store;
mod task;
mod trouble;
mod world;

pub use faults::Faults;
pub use process::Process;
pub use store::{SimStore, Simulated};

use crate::{VirtualClock, feed, ready::ready};
use es_runtime::{Aggregate, AsId, Loaded, MemoryStore, Position, RecordedEvent, Repository};
use std::{
    collections::BTreeMap,
    fmt,
    num::NonZero,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};
use world::World;

/// Tells one history for each seed, on all cores. A seed always gives the same one.
///
/// # Panics
/// As the story does, after the seed and what went wrong in that history were printed. Of several seeds that fail at the
/// same time it is the first.
pub fn histories(seeds: Range<u64>, story: impl Fn(&Sim) + Sync) {
    let next = AtomicU64::new(seeds.start);
    let failed = Mutex::new(BTreeMap::new());
    let tell = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let run = || history(seed, Faults::default(), &story);
            if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
                next.store(seeds.end, Ordering::Relaxed);
                let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.insert(seed, panic);
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(tell);
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, panic)) = failed.into_iter().next() {
        resume_unwind(panic);
    }
}

/// So many lines of the log of a history that failed are shown at its beginning and at its end.
const SHOWN: usize = 100;

/// Tells the history of one seed with faults of yours.
///
/// # Panics
/// As the story does, after the seed and what went wrong in that history were printed.
pub fn history(seed: u64, faults: Faults, story: impl Fn(&Sim)) {
    let sim = Sim::new(seed, faults);
    let ended = catch_unwind(AssertUnwindSafe(|| story(&sim)));
    // Also what a story that panicked left.
    sim.world.end();
    if let Err(panic) = ended {
        eprintln!("The history of seed {seed} failed. What went wrong in it:");
        let log = sim.log();
        let left_out = log.len().saturating_sub(2 * SHOWN);
        for (number, line) in log.iter().enumerate() {
            if left_out > 0 && number == SHOWN {
                eprintln!("  .. {left_out} more");
            }
            if !(SHOWN..SHOWN + left_out).contains(&number) {
                eprintln!("  {line}");
            }
        }
        resume_unwind(panic);
    }
}

/// One history: a store, a clock, and the processes that use them.
#[derive(Clone)]
pub struct Sim {
    world: Arc<World>,
}

impl Sim {
    /// The history of this seed.
    pub fn new(seed: u64, faults: Faults) -> Self {
        // The pauses of the library are random, too.
        fastrand::seed(seed);
        Self {
            world: Arc::new(World::new(seed, faults)),
        }
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.world.seed
    }

    /// Numbers of its own, which the seed gives.
    pub fn random(&self) -> fastrand::Rng {
        self.world.random()
    }

    /// The clock of the store.
    pub fn clock(&self) -> &VirtualClock {
        &self.world.clock
    }

    /// The store without faults, to look at what is stored.
    pub fn store(&self) -> MemoryStore {
        self.world.store.clone()
    }

    /// All events that are stored, in order.
    ///
    /// # Panics
    /// When they cannot be read.
    #[track_caller]
    pub fn events(&self) -> Vec<RecordedEvent> {
        ready(feed::all(&self.world.store, Position::START))
    }

    /// Loads an aggregate without faults.
    ///
    /// # Panics
    /// When its events cannot be read.
    #[track_caller]
    pub fn load<A: Aggregate>(&self, id: impl AsId<A::Id>) -> Loaded<A> {
        let repository = Repository::<A, _>::new(self.store());
        match ready(repository.load(id)) {
            Ok(loaded) => loaded,
            Err(error) => panic!("{error}"),
        }
    }

    /// Starts a process. `start` makes its tasks, now and after each time that it dies.
    pub fn process(&self, start: impl FnMut(&Process) + Send + 'static) {
        self.world.start(Box::new(start));
    }

    /// Gives each [`run`](Sim::run) at most so many steps; 50,000 by default. A step is a turn of a task, a call of a store, or a
    /// call of a step of a saga or of a handler.
    ///
    /// A history that takes more is given up: something of the application goes on for ever, such as two process managers
    /// that react to each other. A long story may need more.
    ///
    /// ```should_panic
    /// use es_runtime::EventStore;
    /// use es_testkit::sim::{Faults, history};
    ///
    /// history(7, Faults::none(), |sim| {
    ///     sim.process(|process| {
    ///         let store = process.store();
    ///         process.spawn(async move { while store.head().await.is_ok() {} });
    ///     });
    ///     sim.at_most(1_000);
    ///     // the history of seed 7 does not come to an end: ..
    ///     sim.run();
    /// });
    /// ```
    pub fn at_most(&self, steps: u64) {
        self.world.bound(|bound| bound.set(steps));
    }

    /// Runs all processes until their tasks have ended, and then rebuilds the projections that ran.
    ///
    /// # Panics
    /// As a task does. When the tasks wait for each other, or take more steps than [`at_most`](Sim::at_most) says; then it names
    /// the seed and what they did in the end. When a projection has other rows after a rebuild.
    pub fn run(&self) {
        self.world.set_calm(false);
        run::all(&self.world);
        #[cfg(feature = "sqlite")]
        self.world.check_read_models();
        self.world.set_calm(false);
    }

    /// What went wrong so far, in order.
    pub fn log(&self) -> Vec<String> {
        self.world.log()
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim")
            .field("seed", &self.seed())
            .finish_non_exhaustive()
    }
}
