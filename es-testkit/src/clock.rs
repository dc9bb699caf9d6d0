//! A clock that a test moves.

use es_runtime::{MemoryStore, Timestamp};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

/// The clock of an in-memory store. Timers fire and leases expire only when the test moves it.
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
    /// An empty store with its own clock.
    pub fn with_store() -> (MemoryStore, Self) {
        let clock = Self {
            micros: Arc::new(AtomicI64::new(1_000_000_000_000_000)),
        };
        let time = clock.clone();
        (MemoryStore::with_clock(move || time.now()), clock)
    }

    /// The current time of the clock.
    pub fn now(&self) -> Timestamp {
        let now = Timestamp::from_unix_micros(self.micros.load(Ordering::SeqCst));
        // No time that a test reaches is beyond what a timestamp can be.
        now.unwrap_or_else(Timestamp::now)
    }

    /// Moves the clock forward by this time.
    pub fn pass(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        self.micros.fetch_add(micros, Ordering::SeqCst);
    }

    /// Moves the clock back by this time, as after a correction of the system's clock.
    pub fn turn_back(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        self.micros.fetch_sub(micros, Ordering::SeqCst);
    }

    /// Moves the clock forward to this time, unless it is already later.
    pub fn reach(&self, time: Timestamp) {
        self.micros.fetch_max(time.unix_micros(), Ordering::SeqCst);
    }
}
