//! The generations of a read model: making one for this program, and letting it take the place of
//! the one that answers queries.

use super::{
    Generation, Job, Names, ProjectionError, ReadDatabase, RolledBack, Slot, SqlTransaction,
    tables::{self, Plan},
};
use es_runtime::Position;

/// Makes sure that there is a generation of this program's version.
pub(super) struct Prepare {
    pub(super) plan: Plan,
    pub(super) rebuild: bool,
}

impl<Db: ReadDatabase> Job<Db> for Prepare {
    type Output = Result<Vec<Generation>, ProjectionError>;

    async fn run(self, tx: &mut Db::Transaction) -> Result<Self::Output, RolledBack<Self::Output>> {
        match prepare::<Db>(tx, &self.plan, self.rebuild).await {
            Ok(generations) => Ok(Ok(generations)),
            Err(error) => Err(RolledBack::With(Err(error))),
        }
    }
}

/// The generations of a projection after there is one for this program.
pub(crate) async fn prepare<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    plan: &Plan,
    rebuild: bool,
) -> Result<Vec<Generation>, ProjectionError> {
    let name = plan.name;
    let storage = |error| ProjectionError::storage(name, error);
    tx.set_names(Names::plain());
    tables::create::<Db>(tx).await.map_err(storage)?;
    tables::lock_model::<Db>(tx, name).await.map_err(storage)?;
    let mut found = tables::generations(tx, name).await.map_err(storage)?;
    let live = found.iter().find(|generation| generation.live);
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
        .filter(|generation| !generation.live && generation.version < plan.version)
    {
        tables::drop_generation(tx, name, old)
            .await
            .map_err(storage)?;
    }
    found.retain(|generation| generation.live || generation.version >= plan.version);
    for generation in &found {
        if generation.version == plan.version && generation.partitions != plan.partitions {
            let (stored, mine) = (generation.partitions, plan.partitions);
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
        if generation.version == plan.version && generation.definition != plan.definition() {
            return Err(ProjectionError::SchemaChanged {
                projection: name,
                version: plan.version,
            });
        }
    }
    let building = found
        .iter()
        .any(|generation| !generation.live && generation.version == plan.version);
    if !building && (rebuild || !up_to_date) {
        found.push(tables::create_generation::<Db>(tx, plan).await?);
    }
    Ok(found)
}

/// The owner of a live generation that is held.
const HOLDER: &str = "the build that takes its place";

/// Puts a new generation in the place of the live one.
pub(super) struct Swap {
    pub(super) name: &'static str,
    pub(super) generation: u32,
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
            generation,
            goal,
            hold_ms,
        } = self;
        tables::lock_model::<Db>(tx, name).await?;
        let found = tables::generations(tx, name).await?;
        let Some(new) = found.iter().find(|g| g.number == generation) else {
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
            for slot in slots(name, old) {
                if let Some(there) = tables::lock_checkpoint::<Db>(tx, &slot).await? {
                    // One that stopped may stand where this store never was.
                    if there.reason.is_none() {
                        furthest = furthest.max(there.position);
                        ahead.push((slot, there.epoch, there.owner));
                    }
                    parked = parked.saturating_add(there.parked);
                }
            }
        }
        let mut worse = 0_u64;
        let mut slowest = furthest;
        for slot in slots(name, new) {
            let Some(there) = tables::lock_checkpoint::<Db>(tx, &slot).await? else {
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
            for (slot, epoch, owner) in ahead {
                if owner != tables::INLINE {
                    let epoch = epoch.saturating_add(1);
                    tables::acquire::<Db>(tx, &slot, epoch, HOLDER, hold_ms).await?;
                }
            }
            return Ok(Swapped::Behind);
        }
        tables::swap(tx, name, old, new).await?;
        Ok(Swapped::Yes)
    }
}

pub(super) fn slots(name: &'static str, generation: &Generation) -> impl Iterator<Item = Slot> {
    let number = generation.number;
    (0..generation.partitions).map(move |slot| Slot {
        name,
        generation: number,
        slot,
    })
}
