//! The builds of a read model: making one for this program, and letting it take the place of
//! the one that answers queries.

use super::{
    Build, Job, Names, Partition, ProjectionError, ReadDatabase, RolledBack, SqlTransaction,
    tables::{self, Plan},
};
use es_runtime::Position;

/// Makes sure that there is a build of this program's version.
pub(super) struct Prepare {
    pub(super) plan: Plan,
    pub(super) rebuild: bool,
}

impl<Db: ReadDatabase> Job<Db> for Prepare {
    type Output = Result<Vec<Build>, ProjectionError>;

    async fn run(self, tx: &mut Db::Transaction) -> Result<Self::Output, RolledBack<Self::Output>> {
        match prepare::<Db>(tx, &self.plan, self.rebuild).await {
            Ok(builds) => Ok(Ok(builds)),
            Err(error) => Err(RolledBack::With(Err(error))),
        }
    }
}

/// The builds of a projection after there is one for this program.
pub(crate) async fn prepare<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    plan: &Plan,
    rebuild: bool,
) -> Result<Vec<Build>, ProjectionError> {
    let name = plan.name;
    let storage = |error| ProjectionError::storage(name, error);
    tx.set_names(Names::plain());
    tables::create::<Db>(tx).await.map_err(storage)?;
    tables::lock_model::<Db>(tx, name).await.map_err(storage)?;
    let mut found = tables::builds(tx, name).await.map_err(storage)?;
    let live = found.iter().find(|build| build.live);
    if let Some(live) = live.filter(|live| live.version > plan.version) {
        return Err(ProjectionError::OlderProgram {
            projection: name,
            live: live.version,
            mine: plan.version,
        });
    }
    let up_to_date = live.is_some_and(|live| live.version == plan.version);
    // A build of a version that this program leaves behind will never be finished.
    for old in found
        .iter()
        .filter(|build| !build.live && build.version < plan.version)
    {
        tables::drop_generation(tx, name, old)
            .await
            .map_err(storage)?;
    }
    found.retain(|build| build.live || build.version >= plan.version);
    for build in &found {
        if build.version == plan.version && build.partitions != plan.partitions {
            let (stored, mine) = (build.partitions, plan.partitions);
            return Err(if plan.at_once {
                ProjectionError::SubscriptionPartitions {
                    subscription: name,
                    stored,
                    mine,
                }
            } else {
                ProjectionError::PartitionsChanged {
                    projection: name,
                    version: plan.version,
                    stored,
                    mine,
                }
            });
        }
        if build.version == plan.version && build.definition != plan.definition() {
            return Err(ProjectionError::SchemaChanged {
                projection: name,
                version: plan.version,
            });
        }
    }
    let building = found
        .iter()
        .any(|build| !build.live && build.version == plan.version);
    if !building && (rebuild || !up_to_date) {
        found.push(tables::create_generation::<Db>(tx, plan).await?);
    }
    Ok(found)
}

/// The owner of a live build that is held.
const HOLDER: &str = "the build that takes its place";

/// Puts a new build in the place of the live one.
pub(super) struct Swap {
    pub(super) name: &'static str,
    pub(super) build: u32,
    pub(super) goal: Position,
    /// For how many milliseconds the live one is held where it stands, if it is further. One that is
    /// faster would otherwise be further for ever while others append.
    pub(super) hold_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Swapped {
    Yes,
    /// The live one is further.
    Behind,
    NotYet,
}

impl<Db: ReadDatabase> Job<Db> for Swap {
    type Output = Swapped;

    async fn run(self, tx: &mut Db::Transaction) -> Result<Swapped, RolledBack<Swapped>> {
        let Self {
            name,
            build,
            goal,
            hold_ms,
        } = self;
        tables::lock_model::<Db>(tx, name).await?;
        let found = tables::builds(tx, name).await?;
        let Some(new) = found.iter().find(|g| g.number == build) else {
            return Err(RolledBack::With(Swapped::NotYet));
        };
        if new.live {
            return Err(RolledBack::With(Swapped::Yes));
        }
        let old = found.iter().find(|g| g.live);
        let mut furthest = goal;
        let mut parked = u64::MAX;
        let mut ahead = Vec::new();
        if let Some(old) = old {
            parked = 0;
            for partition in partitions(name, old) {
                if let Some(there) = tables::lock_checkpoint::<Db>(tx, &partition).await? {
                    // One that stopped may stand where this store never was.
                    if there.reason.is_none() {
                        furthest = furthest.max(there.position);
                        ahead.push((partition, there.epoch, there.owner));
                    }
                    parked = parked.saturating_add(there.parked);
                }
            }
        }
        let mut worse = 0_u64;
        let mut slowest = furthest;
        for partition in partitions(name, new) {
            let Some(there) = tables::lock_checkpoint::<Db>(tx, &partition).await? else {
                return Err(RolledBack::With(Swapped::NotYet));
            };
            slowest = slowest.min(there.position);
            worse = worse.saturating_add(there.parked);
        }
        if slowest < goal || worse > parked {
            return Err(RolledBack::With(Swapped::NotYet));
        }
        if slowest < furthest {
            let Some(hold_ms) = hold_ms else {
                return Err(RolledBack::With(Swapped::Behind));
            };
            // Its owners are fenced and stand by, as if another runner had it.
            for (partition, epoch, owner) in ahead {
                if owner != tables::INLINE {
                    let epoch = epoch.saturating_add(1);
                    tables::acquire::<Db>(tx, &partition, epoch, HOLDER, hold_ms).await?;
                }
            }
            return Ok(Swapped::Behind);
        }
        tables::swap(tx, name, old, new).await?;
        Ok(Swapped::Yes)
    }
}

pub(super) fn partitions(name: &'static str, build: &Build) -> impl Iterator<Item = Partition> {
    let number = build.number;
    (0..build.partitions).map(move |partition| Partition {
        name,
        build: number,
        partition,
    })
}
