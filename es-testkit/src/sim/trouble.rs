//! What goes wrong with a call of a store, by chance that the seed gives.

use super::world::{World, step_aside};
use std::{fmt, time::Duration};

/// What a call does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Write,
    Read,
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Unavailable,
    UnknownNotApplied,
    UnknownApplied,
    DiesBefore,
    DiesAfter,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "the store does not answer, and did nothing",
            Self::UnknownNotApplied => "unknown to the caller: it was not written",
            Self::UnknownApplied => "unknown to the caller: it was written",
            Self::DiesBefore => "the process dies before it is written",
            Self::DiesAfter => "the process dies after it was written",
        })
    }
}

impl World {
    /// Lets another task go on, perhaps, and says what goes wrong with this call.
    pub(super) async fn point(&self, process: usize, what: &str, kind: Kind) -> Option<Trouble> {
        self.call(process, what, kind).await;
        if self.chance(self.faults.switch) {
            step_aside().await;
        }
        if self.fault(self.faults.jump) {
            self.jump();
        }
        if self.fault(self.faults.delay) {
            self.delay(process, what).await;
        }
        let trouble = if kind == Kind::Write && self.fault(self.faults.crash) {
            Some(if self.chance(0.5) {
                Trouble::DiesBefore
            } else {
                Trouble::DiesAfter
            })
        } else if kind == Kind::Write && self.fault(self.faults.unknown) {
            Some(if self.chance(0.5) {
                Trouble::UnknownApplied
            } else {
                Trouble::UnknownNotApplied
            })
        } else if self.fault(self.faults.unavailable) {
            Some(Trouble::Unavailable)
        } else {
            None
        };
        if let Some(trouble) = trouble {
            self.note(format!("process {process}, {what}: {trouble}"));
        }
        trouble
    }

    /// What goes wrong with code of the application, as one of `kinds`. `part` of the calls go wrong.
    pub(super) fn trouble_of(
        &self,
        part: f64,
        (process, what): (usize, &str),
        kinds: &[&str],
    ) -> Option<usize> {
        self.bound(|bound| bound.call(process, what, Kind::Write));
        if !self.fault(part) {
            return None;
        }
        let kind = self.random_below(kinds.len());
        let happens = kinds.get(kind).copied().unwrap_or_default();
        self.note(format!("process {process}, {what}: {happens}"));
        Some(kind)
    }

    /// The process sleeps in its call while others go on. Its leases may end meanwhile.
    pub(super) async fn delay(&self, process: usize, what: &str) {
        let seconds = 1 + self.random_below(60);
        let turns = 5 + self.random_below(50);
        self.note(format!("process {process}, {what}: takes {seconds} s"));
        let seconds = u64::try_from(seconds).unwrap_or(60);
        self.clock.pass(Duration::from_secs(seconds));
        self.fall_asleep(process);
        for _ in 0..turns {
            step_aside().await;
        }
        self.wake_up(process);
    }

    fn jump(&self) {
        let back = self.random_below(4) == 0;
        let seconds = u64::try_from(1 + self.random_below(3_600)).unwrap_or(3_600);
        let direction = if back { "back" } else { "forward" };
        self.note(format!("the clock jumps {direction} by {seconds} s"));
        let time = Duration::from_secs(seconds);
        if back {
            self.clock.turn_back(time);
        } else {
            self.clock.pass(time);
        }
    }
}
