//! Writers under load: rivals on a few aggregates, and for seats of courses, each of which repeats a commit under its id until it is
//! acknowledged.

use super::Failure;
use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{sync::watch, task::JoinHandle};

const GIVEN_UP_AFTER: Duration = Duration::from_secs(120);
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// A commit that was acknowledged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Acked {
    /// What the next commit of the writer expects: the end of its aggregate, or a course with free seats.
    pub(super) after: u64,
    pub(super) position: u64,
}

/// Why a commit was not acknowledged.
#[derive(Debug)]
pub(super) enum Failed {
    /// Another writer was first. The next attempt expects this.
    Stale(u64),
    /// It is not stored.
    NotWritten(String),
    /// Nobody knows.
    Unknown(String),
}

/// What is written to.
pub(super) trait Target: Clone + Send + Sync + 'static {
    fn name(&self) -> &'static str;

    /// What the writers of the group with this number share.
    fn group(&self, number: usize) -> String {
        format!("a{number}")
    }

    /// Commits once.
    fn write(
        &self,
        aggregate: &str,
        id: &str,
        expected: u64,
    ) -> impl Future<Output = Result<Acked, Failed>> + Send;
}

/// The answers that the writers got.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The positions of the commits.
    pub(super) acknowledged: HashMap<String, u64>,
    pub(super) conflicts: u64,
    pub(super) refusals: u64,
    pub(super) unknown: u64,
}

/// How many commits each writer has made, and how long it waited for them.
#[derive(Debug)]
pub(super) struct Pulse {
    counts: watch::Sender<Vec<u64>>,
    longest: Mutex<Duration>,
}

impl Pulse {
    fn of(writers: usize) -> Self {
        Self {
            counts: watch::Sender::new(vec![0; writers]),
            longest: Mutex::default(),
        }
    }

    fn longest(&self) -> MutexGuard<'_, Duration> {
        self.longest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn beat(&self, writer: usize, waited: Duration) {
        let mut longest = self.longest();
        *longest = waited.max(*longest);
        drop(longest);
        self.counts.send_modify(|counts| counts[writer] += 1);
    }

    /// From now on the longest wait is looked for.
    pub(super) fn listen(&self) {
        *self.longest() = Duration::ZERO;
    }

    /// The longest that a writer has waited for a commit.
    pub(super) fn longest_wait(&self) -> Duration {
        *self.longest()
    }

    /// Waits for so many more commits.
    pub(super) async fn wait_for(&self, more: u64) -> Result<(), Failure> {
        let wanted = self.counts.borrow().iter().sum::<u64>() + more;
        self.wait(|counts| counts.iter().sum::<u64>() >= wanted)
            .await
    }

    /// Waits for two more commits of each writer: one may have been on its way.
    pub(super) async fn wait_for_each(&self) -> Result<(), Failure> {
        let before = self.counts.borrow().clone();
        let has_two = |(now, before): (&u64, &u64)| *now >= before + 2;
        self.wait(|counts| counts.iter().zip(&before).all(has_two))
            .await
    }

    async fn wait(&self, is_enough: impl FnMut(&Vec<u64>) -> bool) -> Result<(), Failure> {
        let mut counts = self.counts.subscribe();
        match tokio::time::timeout(GIVEN_UP_AFTER, counts.wait_for(is_enough)).await {
            Ok(_) => Ok(()),
            Err(_) => Err("a writer was not answered any more for two minutes".into()),
        }
    }
}

/// Writers that run until they are [ended](Writers::end).
pub(super) struct Writers {
    pub(super) pulse: Arc<Pulse>,
    ledger: Arc<Mutex<Ledger>>,
    over: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Result<(), Failure>>>,
}

impl Writers {
    /// Two for each of so many groups, the two of one with different targets where there are several.
    pub(super) fn start<T: Target>(targets: &[T], groups: usize) -> Self {
        let pulse = Arc::new(Pulse::of(2 * groups));
        let ledger = Arc::<Mutex<Ledger>>::default();
        let over = Arc::<AtomicBool>::default();
        let task = |(number, target): (usize, &T)| {
            let writer = Writer {
                target: target.clone(),
                number,
                aggregate: target.group(number % groups),
                pulse: Arc::clone(&pulse),
                ledger: Arc::clone(&ledger),
                over: Arc::clone(&over),
            };
            tokio::spawn(writer.run())
        };
        let numbers = 0..2 * groups;
        let (once, again) = (targets.iter().cycle(), targets.iter().cycle().skip(1));
        let targets = once.take(groups).chain(again);
        let tasks = numbers.zip(targets).map(task).collect();
        Self {
            pulse,
            ledger,
            over,
            tasks,
        }
    }

    /// Lets them finish, and gives the answers that they got.
    pub(super) async fn end(self) -> Result<Ledger, Failure> {
        self.over.store(true, Ordering::SeqCst);
        for task in self.tasks {
            task.await??;
        }
        Ok(std::mem::take(&mut *ledger(&self.ledger)))
    }

    /// Ends them where they are, and gives the answers that they got.
    pub(super) async fn abort(self) -> Ledger {
        for task in self.tasks {
            task.abort();
            let _ = task.await;
        }
        std::mem::take(&mut *ledger(&self.ledger))
    }
}

fn ledger(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Writer<T> {
    target: T,
    number: usize,
    aggregate: String,
    pulse: Arc<Pulse>,
    ledger: Arc<Mutex<Ledger>>,
    over: Arc<AtomicBool>,
}

impl<T: Target> Writer<T> {
    async fn run(self) -> Result<(), Failure> {
        let mut expected = 0;
        for number in 0_u64.. {
            if self.over.load(Ordering::SeqCst) {
                break;
            }
            let id = format!("w{}-{number}", self.number);
            let begin = Instant::now();
            let acked = self.commit(&id, expected).await?;
            expected = acked.after;
            ledger(&self.ledger).acknowledged.insert(id, acked.position);
            self.pulse.beat(self.number, begin.elapsed());
        }
        Ok(())
    }

    /// Repeats it until it is acknowledged.
    async fn commit(&self, id: &str, mut expected: u64) -> Result<Acked, Failure> {
        let begin = Instant::now();
        loop {
            let error = match self.target.write(&self.aggregate, id, expected).await {
                Ok(acked) => return Ok(acked),
                Err(Failed::Stale(now)) => {
                    ledger(&self.ledger).conflicts += 1;
                    expected = now;
                    continue;
                }
                Err(Failed::NotWritten(error)) => {
                    ledger(&self.ledger).refusals += 1;
                    error
                }
                Err(Failed::Unknown(error)) => {
                    ledger(&self.ledger).unknown += 1;
                    error
                }
            };
            if begin.elapsed() > GIVEN_UP_AFTER {
                return Err(format!("{id} was given up: {error}").into());
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    }
}
