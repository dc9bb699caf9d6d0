//! Time that passes only when a test says so.

use es_runtime::{MemoryStore, Timestamp};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

/// The clock of an in-memory store: timers and leases run out when it is moved, and never otherwise.
///
/// ```
/// use es_testkit::VirtualClock;
/// use std::time::Duration;
///
/// let (_store, clock) = VirtualClock::with_store();
/// let before = clock.now().unix_micros();
/// clock.pass(Duration::from_secs(60));
/// assert_eq!(clock.now().unix_micros() - before, 60_000_000);
/// ```
#[derive(Clone, Debug)]
pub struct VirtualClock {
    micros: Arc<AtomicI64>,
}

impl VirtualClock {
    /// An empty store that runs by a clock of its own.
    pub fn with_store() -> (MemoryStore, Self) {
        let clock = Self {
            micros: Arc::new(AtomicI64::new(1_000_000_000_000_000)),
        };
        let time = clock.clone();
        (MemoryStore::with_clock(move || time.now()), clock)
    }

    /// What it shows.
    pub fn now(&self) -> Timestamp {
        let now = Timestamp::from_unix_micros(self.micros.load(Ordering::SeqCst));
        // No time that a test reaches is beyond what a timestamp can be.
        now.unwrap_or_else(Timestamp::now)
    }

    /// Lets so much time pass.
    pub fn pass(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        self.micros.fetch_add(micros, Ordering::SeqCst);
    }

    /// Lets time pass until it is this late; nothing where it is later already.
    pub fn reach(&self, time: Timestamp) {
        self.micros.fetch_max(time.unix_micros(), Ordering::SeqCst);
    }
}
