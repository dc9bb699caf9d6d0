//! One partition to run: how long, and how it ended.

use crate::api::Partition;
use es_runtime::Position;

/// One partition to run.
#[derive(Clone)]
pub(crate) struct Task {
    pub(crate) partition: Partition,
    pub(crate) building: bool,
    pub(crate) until: Until,
    pub(crate) take_over: bool,
}

/// How long to run a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    Shutdown,
    /// Every event up to this position was handled.
    Reached(Position),
}

impl Until {
    pub(crate) fn is_reached_at(self, position: Position) -> bool {
        matches!(self, Self::Reached(goal) if position >= goal)
    }
}

/// Why a loop ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Shutdown,
    Reached,
    /// Another owner took the partition.
    Fenced,
    /// The build was replaced.
    Gone,
}
