//! What an acknowledged append survives.

use std::{fmt, time::Duration};

/// What an acknowledged append survives: [`NatsStore::durability`](crate::NatsStore::durability).
///
/// ```
/// use es_nats::{Durability, Syncs};
///
/// let durability = Durability::new(3, Syncs::Always);
/// assert_eq!(durability.to_string(), "3 replicas on disk, synced before each answer");
/// assert!(durability.is_full());
/// assert!(!Durability::new(1, Syncs::Always).is_full());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Durability {
    /// How many servers have a copy. A majority of them has it before an append is acknowledged.
    pub replicas: usize,
    /// When they sync it to disk.
    pub syncs: Syncs,
}

/// When servers sync what they have acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Syncs {
    /// Before they answer: `sync_interval: always`, on every server that was asked.
    Always,
    /// Before they answer, on a majority of the servers. The others were down when the store was opened, so nobody has asked
    /// them; the next program that opens the store does.
    AlwaysOnMajority,
    /// Every so often: a loss of power of a majority at once loses acknowledged events.
    Every(Duration),
    /// Nobody has asked. The default of the server is every two minutes.
    Unchecked,
}

impl Durability {
    /// With these parts, for tests.
    pub const fn new(replicas: usize, syncs: Syncs) -> Self {
        Self { replicas, syncs }
    }

    /// Whether nothing was weakened by an option: several replicas, and each of them syncs before it answers.
    pub const fn is_full(&self) -> bool {
        self.replicas >= 3 && matches!(self.syncs, Syncs::Always)
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.replicas {
            1 => write!(f, "one copy on disk, ")?,
            replicas => write!(f, "{replicas} replicas on disk, ")?,
        }
        match self.syncs {
            Syncs::Always => write!(f, "synced before each answer"),
            Syncs::AlwaysOnMajority => write!(
                f,
                "synced before each answer by a majority of the servers; the others were not there to be asked"
            ),
            Syncs::Every(time) => write!(f, "synced every {time:?}"),
            Syncs::Unchecked => write!(f, "synced nobody knows when"),
        }
    }
}
