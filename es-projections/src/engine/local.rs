//! What this process knows about a partition that it runs, in addition to the read database.

use crate::api::{Stalled, WorkerState};
use es_runtime::Position;
use std::time::Instant;

/// What this process knows about a partition that it runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct LocalState {
    pub(crate) stalled: Option<Stalled>,
    pub(crate) state: Option<WorkerState>,
    began: Option<(Instant, Position)>,
    latest: Option<(Instant, Position)>,
}

impl LocalState {
    pub(crate) fn handled(&mut self, began: Instant, from: Position, to: Position) {
        self.began.get_or_insert((began, from));
        self.latest = Some((Instant::now(), to));
    }

    /// Positions per second since this process began to run the partition.
    #[allow(
        clippy::cast_precision_loss,
        reason = "a rate for people, far from 2^53 events"
    )]
    pub(crate) fn rate(&self) -> Option<f64> {
        let ((began, from), (latest, to)) = (self.began?, self.latest?);
        let seconds = latest.duration_since(began).as_secs_f64();
        let events = from.until(to)? as f64;
        (seconds > 0.0).then(|| events / seconds)
    }
}
