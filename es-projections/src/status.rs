//! What can be seen: the status of each slot, measurements, traces.

use super::{
    Poison, ProjectionError, Projections, ReadDatabase, Slot, Stalled,
    tables::{self, GENERATIONS},
};
use es_runtime::{EventStore, Position, Timestamp};
use std::{
    future::Future,
    time::{Duration, Instant},
};

/// What this process knows about a slot that it runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Local {
    pub(super) stalled: Option<Stalled>,
    pub(super) state: Option<State>,
    began: Option<(Instant, Position)>,
    latest: Option<(Instant, Position)>,
}

impl Local {
    pub(super) fn handled(&mut self, began: Instant, from: Position, to: Position) {
        self.began.get_or_insert((began, from));
        self.latest = Some((Instant::now(), to));
    }

    /// Positions a second since this process runs the slot.
    #[allow(
        clippy::cast_precision_loss,
        reason = "a rate for people, far from 2^53 events"
    )]
    fn rate(&self) -> Option<f64> {
        let ((began, from), (latest, to)) = (self.began?, self.latest?);
        let seconds = latest.duration_since(began).as_secs_f64();
        let events = between(from, to)? as f64;
        (seconds > 0.0).then(|| events / seconds)
    }
}

/// How many positions lie between two, where they can be counted.
pub(super) fn between(from: Position, to: Position) -> Option<u64> {
    match (from.to_parts(), to.to_parts()) {
        ([a, b, from], [c, d, to]) if (a, b) == (c, d) || from == 0 => {
            Some(to.saturating_sub(from))
        }
        _ => None,
    }
}

/// What a slot does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// It has an owner whose lease lasts.
    Running,
    /// It runs here, and waits.
    Stalled(Stalled),
    /// It stopped and will not go on by itself.
    Stopped(String),
    /// Nobody runs it.
    Idle,
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Running => f.write_str("running"),
            Self::Stalled(why) => why.fmt(f),
            Self::Stopped(why) => write!(f, "stopped: {why}"),
            Self::Idle => f.write_str("idle"),
        }
    }
}

/// One slot of one generation of a projection, as the read database and this process know it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// The projection.
    pub projection: &'static str,
    /// The version that the generation was built by.
    pub version: u32,
    /// The generation, 0 where none could be made.
    pub generation: u32,
    /// Whether it answers queries; otherwise it is being built.
    pub live: bool,
    /// The slot, from 0.
    pub slot: u32,
    /// How many slots there are.
    pub partitions: u32,
    /// Up to where events were handled.
    pub position: Position,
    /// The end of the store.
    pub head: Position,
    /// How many events it is behind; those that it does not list count too. `None` where positions
    /// cannot be counted.
    pub events_behind: Option<u64>,
    /// The age of the event that was handled last, zero at the end of the store. `None` before the
    /// first event.
    pub behind: Option<Duration>,
    /// How many events were handled.
    pub events: u64,
    /// How many events are parked.
    pub parked: u64,
    /// How many keys they are of.
    pub parked_keys: u64,
    /// Who runs it, or ran it last.
    pub owner: String,
    /// What it does.
    pub state: State,
    /// How many positions a second it passed since this process runs it.
    pub rate: Option<f64>,
}

impl Status {
    /// How much of the store was handled, from 0.0 to 1.0, where positions can be counted.
    #[allow(
        clippy::cast_precision_loss,
        reason = "a share for people, far from 2^53 events"
    )]
    pub fn share(&self) -> Option<f64> {
        let all = between(Position::START, self.head)?;
        let behind = self.events_behind?;
        Some(match all {
            0 => 1.0,
            all => 1.0 - (behind as f64 / all as f64).min(1.0),
        })
    }

    /// How long it will take to the end at the present rate.
    #[allow(
        clippy::cast_precision_loss,
        reason = "an estimate for people, far from 2^53 events"
    )]
    pub fn time_left(&self) -> Option<Duration> {
        let (behind, rate) = (self.events_behind?, self.rate?);
        Duration::try_from_secs_f64(behind as f64 / rate).ok()
    }
}

impl<S: EventStore, Db: ReadDatabase> Projections<S, Db> {
    /// Every slot of every generation of the projections of this runner.
    ///
    /// # Errors
    /// [`ProjectionError::Storage`] when the store or the read database cannot be read.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn status(&self) -> Result<Vec<Status>, ProjectionError> {
        let mut all = Vec::new();
        for registered in &self.registered {
            let name = registered.name;
            let storage =
                |error| ProjectionError::storage(name, es_runtime::StorageError::from(error));
            let head = self.core.store.head().await.map_err(storage)?;
            let whole = Slot {
                name,
                generation: 0,
                slot: 0,
            };
            let stopped = self.core.locals().get(&whole).and_then(|l| l.state.clone());
            // Before the first start there are no books.
            let rows = self.core.db.query(GENERATIONS, &[name.into()]).await;
            let rows = rows.unwrap_or_default();
            if let (true, Some(state)) = (rows.is_empty(), &stopped) {
                all.push(Status {
                    projection: name,
                    version: registered.version,
                    generation: 0,
                    live: false,
                    slot: 0,
                    partitions: 0,
                    position: Position::START,
                    head,
                    events_behind: between(Position::START, head),
                    behind: None,
                    events: 0,
                    parked: 0,
                    parked_keys: 0,
                    owner: String::new(),
                    state: state.clone(),
                    rate: None,
                });
            }
            let books = |error| ProjectionError::storage(name, error);
            for row in rows {
                let generation = tables::generation(name, row).map_err(books)?;
                let which = [name.into(), generation.number.into()];
                let sql = tables::checkpoints_sql();
                let rows = self.core.db.query(&sql, &which).await.map_err(books)?;
                for (number, row) in rows.into_iter().enumerate() {
                    let at = tables::checkpoint(name, row).map_err(books)?;
                    let slot = Slot {
                        name,
                        generation: generation.number,
                        slot: u32::try_from(number).unwrap_or(u32::MAX),
                    };
                    let parked_keys = match at.parked {
                        0 => 0,
                        _ => self.parked_keys(&slot).await?,
                    };
                    let local = self.core.locals().get(&slot).cloned().unwrap_or_default();
                    let now = Timestamp::now().unix_micros() / 1000;
                    let state = match (&stopped, local.stalled.clone(), &at.reason) {
                        (Some(stopped), ..) => stopped.clone(),
                        (None, Some(why), _) => State::Stalled(why),
                        (None, None, Some(why)) => State::Stopped(why.clone()),
                        (None, None, None) if at.lease_until > now => match at.stall {
                            Some(what) => State::Stalled(Stalled::Elsewhere(what)),
                            None => State::Running,
                        },
                        (None, None, None) => State::Idle,
                    };
                    let behind = if at.position >= head {
                        Some(Duration::ZERO)
                    } else {
                        at.last_recorded.map(|then| {
                            Duration::from_millis(u64::try_from(now - then).unwrap_or(0))
                        })
                    };
                    all.push(Status {
                        projection: name,
                        version: generation.version,
                        generation: generation.number,
                        live: generation.live,
                        slot: slot.slot,
                        partitions: generation.partitions,
                        position: at.position,
                        head,
                        events_behind: between(at.position, head),
                        behind,
                        events: at.events,
                        parked: at.parked,
                        parked_keys,
                        owner: at.owner,
                        state,
                        rate: local.rate(),
                    });
                }
            }
        }
        Ok(all)
    }

    async fn parked_keys(&self, slot: &Slot) -> Result<u64, ProjectionError> {
        let books = |error| ProjectionError::storage(slot.name, error);
        let count = "SELECT count(DISTINCT key) FROM es_parked WHERE name = $1 AND generation = $2 \
                     AND slot = $3 AND discarded_at IS NULL";
        let which = [slot.name.into(), slot.generation.into(), slot.slot.into()];
        let rows = self.core.db.query(count, &which).await.map_err(books)?;
        let row = rows.into_iter().next().unwrap_or_default();
        tables::Columns::new(slot.name, row).number().map_err(books)
    }
}

/// Receives measurements, to count or to show them. It is called from the loops and should return
/// at once.
pub trait Meter: Send + Sync + 'static {
    /// Something happened.
    fn record(&self, measure: &Measure<'_>);
}

impl<F: Fn(&Measure<'_>) + Send + Sync + 'static> Meter for F {
    fn record(&self, measure: &Measure<'_>) {
        self(measure);
    }
}

/// Something worth counting.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Measure<'a> {
    /// A page was committed.
    Batch {
        /// Whose.
        slot: &'a Slot,
        /// How many events were handled or parked.
        events: usize,
        /// From before the first handler until after the commit.
        took: Duration,
        /// How old the newest of them was at the commit: how far the read model is behind. `None`
        /// without an event.
        behind: Option<Duration>,
        /// How many events of the store are behind its position; those that it does not list count
        /// too. `None` where positions cannot be counted or the store could not be asked.
        events_behind: Option<u64>,
        /// Where the checkpoint stands now.
        position: Position,
    },
    /// An event failed and will be tried again.
    Retry {
        /// Whose.
        slot: &'a Slot,
        /// Which, and why.
        poison: &'a Poison,
    },
    /// Events were parked.
    Parked {
        /// Whose.
        slot: &'a Slot,
        /// How many.
        events: u64,
        /// How many keys they are of.
        keys: u64,
    },
    /// Another owner took the slot.
    FenceLost {
        /// Which.
        slot: &'a Slot,
    },
    /// It waits.
    Stalled {
        /// Which.
        slot: &'a Slot,
        /// Why.
        why: &'a Stalled,
    },
    /// A new generation answers queries from now on.
    Swapped {
        /// Which.
        slot: &'a Slot,
    },
}

#[cfg(feature = "tracing")]
pub(super) fn trace(measure: &Measure<'_>) {
    match measure {
        Measure::Batch {
            slot,
            events,
            took,
            behind,
            events_behind,
            position,
        } => tracing::debug!(
            projection = slot.name,
            generation = slot.generation,
            slot = slot.slot,
            events,
            events_behind,
            behind_ms = behind.map(|behind| u64::try_from(behind.as_millis()).unwrap_or(u64::MAX)),
            took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            %position,
            "page committed"
        ),
        Measure::Retry { slot, poison } => tracing::warn!(
            projection = slot.name,
            position = %poison.position,
            stream = %poison.stream,
            attempts = poison.attempts,
            reason = poison.reason,
            "event failed and is tried again"
        ),
        Measure::Parked { slot, events, keys } => tracing::error!(
            projection = slot.name,
            generation = slot.generation,
            events,
            keys,
            "events parked"
        ),
        Measure::FenceLost { slot } => tracing::warn!(
            projection = slot.name,
            generation = slot.generation,
            slot = slot.slot,
            "taken over by another runner"
        ),
        Measure::Stalled { slot, why } => tracing::warn!(
            projection = slot.name,
            generation = slot.generation,
            slot = slot.slot,
            %why,
            "waits"
        ),
        Measure::Swapped { slot } => tracing::info!(
            projection = slot.name,
            generation = slot.generation,
            "a new generation answers queries"
        ),
    }
}

#[cfg(not(feature = "tracing"))]
pub(super) fn trace(_: &Measure<'_>) {}

/// A span over everything that a worker does.
#[cfg(feature = "tracing")]
pub(super) fn in_span<F: Future>(slot: &Slot, work: F) -> impl Future<Output = F::Output> + use<F> {
    use tracing::Instrument;
    work.instrument(tracing::info_span!(
        "projection",
        name = slot.name,
        generation = slot.generation,
        slot = slot.slot
    ))
}

#[cfg(not(feature = "tracing"))]
pub(super) fn in_span<F: Future>(_: &Slot, work: F) -> F {
    work
}
