//! Read your own writes: waiting until a read model has an event.

use crate::{
    api::{Projection, ReadDatabase},
    state::{
        builds,
        checkpoints::{checkpoint, checkpoints_sql, now_ms},
        columns::Columns,
        schema,
    },
};
use es_runtime::{__private::sleep, Position, StorageError};
use std::{
    future::Future,
    time::{Duration, Instant},
};

/// Why a wait ended without the event in the read model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The time is over. The projection is late, or no runner runs it: one of another process that could not begin, for
    /// example because the schema changed without a new version, is not known here. The
    /// [`status`](crate::Projections::status) of that runner says why.
    #[error(
        "projection `{projection}` has not reached position {position} in time; {}",
        progress(*reached)
    )]
    TimedOut {
        /// The projection.
        projection: &'static str,
        /// What was waited for.
        position: Position,
        /// The checkpoint of its slowest partition, or the start if there is none.
        reached: Position,
    },
    /// The time is over, and this version has not gone live yet. An older version answers queries.
    #[error(
        "projection `{projection}` has not reached position {position} in time: version {live} is live, \
         and version {version} is still being built"
    )]
    NotLive {
        /// The projection.
        projection: &'static str,
        /// What was waited for.
        position: Position,
        /// The version of this program.
        version: u32,
        /// The version that is live.
        live: u32,
    },
    /// The event is parked. The read model will not have it until it is retried.
    #[error("the event at position {position} is parked in projection `{projection}`: {reason}")]
    Parked {
        /// The projection.
        projection: &'static str,
        /// The event's position.
        position: Position,
        /// Why it is parked.
        reason: String,
    },
    /// The projection stopped before it: at an event, which is in the read database for all to see, or when a runner of
    /// this process could not begin and no other program runs this version. The runner must have this read database or
    /// a clone of it.
    #[error("projection `{projection}` stopped before position {position}: {reason}")]
    Stopped {
        /// The projection.
        projection: &'static str,
        /// What was waited for.
        position: Position,
        /// Why it stopped.
        reason: String,
    },
    /// The position has another form than the checkpoint: it is from before the events moved to another kind of store, or of
    /// another store.
    #[error(
        "position {position} is none of the store that projection `{projection}` reads: its checkpoint is at {reached}"
    )]
    OtherStore {
        /// The projection.
        projection: &'static str,
        /// What was waited for.
        position: Position,
        /// The checkpoint of its slowest partition.
        reached: Position,
    },
    /// The read database failed until the end.
    #[error(transparent)]
    Storage(StorageError),
}

fn progress(reached: Position) -> String {
    if reached == Position::START {
        "it has no live tables yet; waiting does not build them, so check that a runner is running"
            .to_owned()
    } else {
        format!("its checkpoint is at {reached}")
    }
}

enum Reached {
    Yes,
    No(Position),
    /// An older version is live, this one.
    NotLive(u32),
}

/// Waiting until a read model has an event, so that a program reads its own writes. Implemented for
/// every [`ReadDatabase`].
pub trait WaitFor: ReadDatabase {
    /// Waits until the live tables have every event up to `position`, usually the
    /// [`position`](es_runtime::Executed::position) of an executed command. A runner must be
    /// running, in this process or another. This function only waits.
    ///
    /// If a newer version of the projection is live, which answers queries then, its tables count.
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] after `at_most`, or [`WaitError::NotLive`] if an older version is live
    /// then, [`WaitError::Parked`] if the event at this position
    /// is parked, [`WaitError::OtherStore`] at once if it is no position of this store, [`WaitError::Stopped`] at once if the projection is known to have stopped before it,
    /// [`WaitError::Storage`] if the database could not be read until the time was over.
    fn wait_for<P: Projection>(
        &self,
        position: Position,
        at_most: Duration,
    ) -> impl Future<Output = Result<(), WaitError>> + Send {
        wait_for::<P, Self>(self, position, at_most)
    }
}

impl<Db: ReadDatabase> WaitFor for Db {}

/// Polls often at first, then less often.
async fn wait_for<P: Projection, Db: ReadDatabase>(
    db: &Db,
    position: Position,
    at_most: Duration,
) -> Result<(), WaitError> {
    const LONGEST_PAUSE: Duration = Duration::from_millis(20);
    let began = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        let looked = look::<P, Db>(db, position).await;
        let left = at_most.saturating_sub(began.elapsed());
        let is_missing = matches!(
            looked,
            Ok(Reached::No(_) | Reached::NotLive(_)) | Err(WaitError::Storage(_))
        );
        if is_missing {
            if let Some(reason) = stopped_here::<P, Db>(db).await {
                return Err(WaitError::Stopped {
                    projection: P::NAME,
                    position,
                    reason,
                });
            }
        }
        match looked {
            Ok(Reached::Yes) => return Ok(()),
            Ok(Reached::No(reached)) if left.is_zero() => {
                return Err(WaitError::TimedOut {
                    projection: P::NAME,
                    position,
                    reached,
                });
            }
            Err(WaitError::Storage(error)) if left.is_zero() => {
                return Err(match schema::is_created(db).await {
                    Ok(false) => WaitError::TimedOut {
                        projection: P::NAME,
                        position,
                        reached: Position::START,
                    },
                    _ => WaitError::Storage(error),
                });
            }
            Ok(Reached::NotLive(live)) if left.is_zero() => {
                return Err(WaitError::NotLive {
                    projection: P::NAME,
                    position,
                    version: P::VERSION,
                    live,
                });
            }
            Ok(Reached::No(_) | Reached::NotLive(_)) | Err(WaitError::Storage(_)) => {}
            Err(final_error) => return Err(final_error),
        }
        sleep(pause.min(left)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Why the runner of this process stopped before it began, unless another program runs the projection.
async fn stopped_here<P: Projection, Db: ReadDatabase>(db: &Db) -> Option<String> {
    let reason = db.stops()?.get(P::NAME, P::VERSION)?;
    // If it cannot be read, that is asked again.
    let runs_elsewhere = runs_elsewhere::<P, Db>(db).await.unwrap_or(true);
    (!runs_elsewhere).then_some(reason)
}

/// Whether a program has a lease on this version of the projection, or has tables of a newer one.
async fn runs_elsewhere<P: Projection, Db: ReadDatabase>(db: &Db) -> Result<bool, StorageError> {
    if !schema::is_created(db).await? {
        return Ok(false);
    }
    let builds = db.query(builds::BUILDS, &[P::NAME.into()]).await?;
    for row in builds {
        let build = builds::build(P::NAME, row)?;
        if build.version > P::VERSION {
            return Ok(true);
        }
        if build.version < P::VERSION {
            continue;
        }
        let which = [P::NAME.into(), build.number.into()];
        for row in db.query(&checkpoints_sql(), &which).await? {
            let partition = checkpoint(P::NAME, row)?;
            if partition.has_owner(now_ms()) && !db.is_gone(&partition.owner) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

async fn look<P: Projection, Db: ReadDatabase>(
    db: &Db,
    position: Position,
) -> Result<Reached, WaitError> {
    let live = db
        .query(
            "SELECT build, version FROM es_builds WHERE name = $1 AND stage = 'live'",
            &[P::NAME.into()],
        )
        .await
        .map_err(WaitError::Storage)?;
    let Some(row) = live.into_iter().next() else {
        return Ok(Reached::No(Position::START));
    };
    let mut columns = Columns::new(P::NAME, row);
    let build = columns.integer().map_err(WaitError::Storage)?;
    let live: u32 = columns.number().map_err(WaitError::Storage)?;
    // A newer version answers the queries of an older program too.
    if live < P::VERSION {
        return Ok(Reached::NotLive(live));
    }
    let which = [P::NAME.into(), build.into()];
    let rows = db.query(&checkpoints_sql(), &which).await;
    let mut slowest = None;
    for row in rows.map_err(WaitError::Storage)? {
        let partition = checkpoint(P::NAME, row).map_err(WaitError::Storage)?;
        if let Some(reason) = partition.reason.filter(|_| partition.position < position) {
            return Err(WaitError::Stopped {
                projection: P::NAME,
                position,
                reason,
            });
        }
        let slower = slowest.is_none_or(|slowest| partition.position < slowest);
        slowest = if slower {
            Some(partition.position)
        } else {
            slowest
        };
    }
    let reached = slowest.unwrap_or(Position::START);
    if !reached.is_like(position) {
        return Err(WaitError::OtherStore {
            projection: P::NAME,
            position,
            reached,
        });
    }
    if reached < position {
        return Ok(Reached::No(reached));
    }
    let parked = db
        .query(
            "SELECT reason FROM es_parked WHERE name = $1 AND build = $2 AND position = $3 \
             AND discarded_at IS NULL",
            &[P::NAME.into(), build.into(), position.to_string().into()],
        )
        .await
        .map_err(WaitError::Storage)?;
    match parked.into_iter().next() {
        Some(row) => Err(WaitError::Parked {
            projection: P::NAME,
            position,
            reason: Columns::new(P::NAME, row)
                .text()
                .map_err(WaitError::Storage)?,
        }),
        None => Ok(Reached::Yes),
    }
}
