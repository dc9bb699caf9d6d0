//! The status of a partition, as operators see it.

use super::error::Stalled;
use es_runtime::Position;
use std::time::Duration;

/// What a partition does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkerState {
    /// It has an owner whose lease has not expired.
    Running,
    /// It runs in this process, and waits.
    Stalled(Stalled),
    /// It stopped and does not go on by itself.
    Stopped(String),
    /// Nobody runs it.
    Idle,
}

impl std::fmt::Display for WorkerState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Running => f.write_str("running"),
            Self::Stalled(why) => why.fmt(f),
            Self::Stopped(why) => write!(f, "stopped: {why}"),
            Self::Idle => f.write_str("idle"),
        }
    }
}

/// One partition of one build of a projection, as the read database and this process know it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// The projection.
    pub projection: &'static str,
    /// The version of the projection that the build belongs to.
    pub version: u32,
    /// The build, 0 where none could be made.
    pub build: u32,
    /// Whether it is live, that is, answers queries. Otherwise it is being built.
    pub live: bool,
    /// The partition, from 0.
    pub partition: u32,
    /// How many partitions there are.
    pub partitions: u32,
    /// The checkpoint: events up to this position were handled.
    pub position: Position,
    /// The position of the last event of the store.
    pub head: Position,
    /// The number of events in the store after its checkpoint, including those that it does not
    /// list. `None` if positions cannot be counted.
    pub events_behind: Option<u64>,
    /// The age of the event that was handled last, zero at the end of the store. `None` before the
    /// first event.
    pub behind: Option<Duration>,
    /// How many events were handled.
    pub events: u64,
    /// How many events are parked.
    pub parked: u64,
    /// The number of their keys.
    pub parked_keys: u64,
    /// Who runs it, or ran it last.
    pub owner: String,
    /// What it does.
    pub state: WorkerState,
    /// Positions per second since this process began to run it.
    pub rate: Option<f64>,
}

impl Status {
    /// The share of the store that was handled, from 0.0 to 1.0. `None` if positions cannot be
    /// counted.
    #[allow(
        clippy::cast_precision_loss,
        reason = "a share for people, far from 2^53 events"
    )]
    pub fn share(&self) -> Option<f64> {
        let all = Position::START.until(self.head)?;
        let behind = self.events_behind?;
        Some(match all {
            0 => 1.0,
            all => 1.0 - (behind as f64 / all as f64).min(1.0),
        })
    }

    /// The time until the end of the store at the present rate. `None` if the rate is not known.
    #[allow(
        clippy::cast_precision_loss,
        reason = "an estimate for people, far from 2^53 events"
    )]
    pub fn time_left(&self) -> Option<Duration> {
        let (behind, rate) = (self.events_behind?, self.rate?);
        Duration::try_from_secs_f64(behind as f64 / rate).ok()
    }
}
