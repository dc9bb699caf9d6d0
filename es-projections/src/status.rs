//! What can be seen: the status of each partition, measurements, traces.

use super::{
    Partition, Poison, ProjectionError, Projections, ReadDatabase, Stalled,
    tables::{self, BUILDS},
};
use es_runtime::{EventStore, Position, Timestamp};
use std::{
    future::Future,
    time::{Duration, Instant},
};

/// What this process knows about a partition that it runs.
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

    /// Positions a second since this process runs the partition.
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

/// What a partition does.
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

/// One partition of one build of a projection, as the read database and this process know it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// The projection.
    pub projection: &'static str,
    /// The version that the build was built by.
    pub version: u32,
    /// The build, 0 where none could be made.
    pub build: u32,
    /// Whether it answers queries; otherwise it is being built.
    pub live: bool,
    /// The partition, from 0.
    pub partition: u32,
    /// How many partitions there are.
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
    /// Every partition of every build of the projections of this runner.
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
            let whole = Partition {
                name,
                build: 0,
                partition: 0,
            };
            let stopped = self.core.locals().get(&whole).and_then(|l| l.state.clone());
            // Before the first start there are no state.
            let rows = self.core.db.query(BUILDS, &[name.into()]).await;
            let rows = rows.unwrap_or_default();
            if let (true, Some(state)) = (rows.is_empty(), &stopped) {
                all.push(Status {
                    projection: name,
                    version: registered.version,
                    build: 0,
                    live: false,
                    partition: 0,
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
            let state = |error| ProjectionError::storage(name, error);
            for row in rows {
                let build = tables::build(name, row).map_err(state)?;
                let which = [name.into(), build.number.into()];
                let sql = tables::checkpoints_sql();
                let rows = self.core.db.query(&sql, &which).await.map_err(state)?;
                for (number, row) in rows.into_iter().enumerate() {
                    let at = tables::checkpoint(name, row).map_err(state)?;
                    let partition = Partition {
                        name,
                        build: build.number,
                        partition: u32::try_from(number).unwrap_or(u32::MAX),
                    };
                    let parked_keys = match at.parked {
                        0 => 0,
                        _ => self.parked_keys(&partition).await?,
                    };
                    let local = self
                        .core
                        .locals()
                        .get(&partition)
                        .cloned()
                        .unwrap_or_default();
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
                        version: build.version,
                        build: build.number,
                        live: build.live,
                        partition: partition.partition,
                        partitions: build.partitions,
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

    async fn parked_keys(&self, partition: &Partition) -> Result<u64, ProjectionError> {
        let state = |error| ProjectionError::storage(partition.name, error);
        let count = "SELECT count(DISTINCT key) FROM es_parked WHERE name = $1 AND build = $2 \
                     AND partition = $3 AND discarded_at IS NULL";
        let which = [
            partition.name.into(),
            partition.build.into(),
            partition.partition.into(),
        ];
        let rows = self.core.db.query(count, &which).await.map_err(state)?;
        let row = rows.into_iter().next().unwrap_or_default();
        tables::Columns::new(partition.name, row)
            .number()
            .map_err(state)
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
        partition: &'a Partition,
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
        partition: &'a Partition,
        /// Which, and why.
        poison: &'a Poison,
    },
    /// Events were parked.
    Parked {
        /// Whose.
        partition: &'a Partition,
        /// How many.
        events: u64,
        /// How many keys they are of.
        keys: u64,
    },
    /// Another owner took the partition.
    FenceLost {
        /// Which.
        partition: &'a Partition,
    },
    /// It waits.
    Stalled {
        /// Which.
        partition: &'a Partition,
        /// Why.
        why: &'a Stalled,
    },
    /// A new build answers queries from now on.
    Swapped {
        /// Which.
        partition: &'a Partition,
    },
}

#[cfg(feature = "tracing")]
pub(super) fn trace(measure: &Measure<'_>) {
    match measure {
        Measure::Batch {
            partition,
            events,
            took,
            behind,
            events_behind,
            position,
        } => tracing::debug!(
            projection = partition.name,
            build = partition.build,
            partition = partition.partition,
            events,
            events_behind,
            behind_ms = behind.map(|behind| u64::try_from(behind.as_millis()).unwrap_or(u64::MAX)),
            took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            %position,
            "page committed"
        ),
        Measure::Retry { partition, poison } => tracing::warn!(
            projection = partition.name,
            position = %poison.position,
            stream = %poison.stream,
            attempts = poison.attempts,
            reason = poison.reason,
            "event failed and is tried again"
        ),
        Measure::Parked {
            partition,
            events,
            keys,
        } => tracing::error!(
            projection = partition.name,
            build = partition.build,
            events,
            keys,
            "events parked"
        ),
        Measure::FenceLost { partition } => tracing::warn!(
            projection = partition.name,
            build = partition.build,
            partition = partition.partition,
            "taken over by another runner"
        ),
        Measure::Stalled { partition, why } => tracing::warn!(
            projection = partition.name,
            build = partition.build,
            partition = partition.partition,
            %why,
            "waits"
        ),
        Measure::Swapped { partition } => tracing::info!(
            projection = partition.name,
            build = partition.build,
            "a new build answers queries"
        ),
    }
}

#[cfg(not(feature = "tracing"))]
pub(super) fn trace(_: &Measure<'_>) {}

/// A span over everything that a worker does.
#[cfg(feature = "tracing")]
pub(super) fn in_span<F: Future>(
    partition: &Partition,
    work: F,
) -> impl Future<Output = F::Output> + use<F> {
    use tracing::Instrument;
    work.instrument(tracing::info_span!(
        "projection",
        name = partition.name,
        build = partition.build,
        partition = partition.partition
    ))
}

#[cfg(not(feature = "tracing"))]
pub(super) fn in_span<F: Future>(_: &Partition, work: F) -> F {
    work
}
