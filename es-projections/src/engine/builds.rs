//! Builds of a read model: preparing one for this program, and putting it in the place of the live one.

use crate::{
    api::{
        Job, Names, Partition, ProjectionError, ReadDatabase, RolledBack, SqlTransaction,
        schema::definition,
    },
    state::{
        builds::{self, Build, Plan},
        checkpoints, schema,
    },
};
use es_runtime::Position;

/// Makes sure that there is a build of this program's version.
pub(crate) struct Prepare {
    pub(crate) plan: Plan,
    pub(crate) rebuild: bool,
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

/// Returns the builds of a projection, after making one for this program if it is missing.
pub(crate) async fn prepare<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    plan: &Plan,
    rebuild: bool,
) -> Result<Vec<Build>, ProjectionError> {
    let name = plan.name;
    let storage = |error| ProjectionError::storage(name, error);
    tx.set_names(Names::default());
    schema::create::<Db>(tx).await.map_err(storage)?;
    builds::lock_model::<Db>(tx, name).await.map_err(storage)?;
    let mut found = builds::builds(tx, name).await.map_err(storage)?;
    if let Some(mine) = &plan.store {
        let theirs = found.iter().filter_map(|build| build.store.as_ref());
        if let Some(other) = theirs.clone().find(|other| *other != mine) {
            return Err(ProjectionError::OtherStore {
                projection: name,
                stored: other.clone(),
                mine: mine.clone(),
            });
        }
    }
    let live = found.iter().find(|build| build.live);
    if let Some(live) = live.filter(|live| live.version > plan.version) {
        return Err(ProjectionError::OlderProgram {
            projection: name,
            live: live.version,
            mine: plan.version,
        });
    }
    let definition = definition(tx.dialect(), &plan.schema);
    let is_older = |build: &&mut Build| {
        plan.starts_live && build.version < plan.version && build.partitions == plan.partitions
    };
    if let Some(older) = found.iter_mut().find(is_older) {
        let renewed = builds::renew_subscription(tx, plan, older).await;
        renewed.map_err(storage)?;
    }
    let live = found.iter().find(|build| build.live);
    let up_to_date = live.is_some_and(|live| live.version == plan.version);
    // Nobody will finish an unfinished build of an older version.
    for old in found
        .iter()
        .filter(|build| !build.live && build.version < plan.version)
    {
        builds::drop_build(tx, name, old).await.map_err(storage)?;
    }
    found.retain(|build| build.live || build.version >= plan.version);
    for build in &found {
        let is_mine = build.version == plan.version;
        if (is_mine || plan.starts_live) && build.partitions != plan.partitions {
            let (stored, mine) = (build.partitions, plan.partitions);
            return Err(if plan.starts_live {
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
        if is_mine && build.definition != definition {
            return Err(ProjectionError::SchemaChanged {
                projection: name,
                version: plan.version,
            });
        }
        if is_mine && build.events != plan.events {
            return Err(ProjectionError::EventsChanged {
                projection: name,
                version: plan.version,
                stored: build.events.clone(),
                mine: plan.events.clone(),
            });
        }
    }
    let building = found
        .iter()
        .any(|build| !build.live && build.version == plan.version);
    if !building && (rebuild || !up_to_date) {
        found.push(builds::create_build::<Db>(tx, plan).await?);
    }
    Ok(found)
}

/// The owner of a live build while its checkpoint is held.
const HOLDER: &str = "a new build that is about to go live";

/// Makes a new build live if it has everything that the live one has.
pub(crate) struct GoLive {
    pub(crate) name: &'static str,
    pub(crate) build: u32,
    pub(crate) goal: Position,
    /// For how many milliseconds to hold the checkpoint of the live build if it is further. Without
    /// that, a faster live build would stay ahead for as long as events are appended.
    pub(crate) hold_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WentLive {
    Yes,
    /// The live build is further.
    LiveIsAhead,
    NotYet,
}

impl<Db: ReadDatabase> Job<Db> for GoLive {
    type Output = WentLive;

    async fn run(self, tx: &mut Db::Transaction) -> Result<WentLive, RolledBack<WentLive>> {
        let Self {
            name,
            build,
            goal,
            hold_ms,
        } = self;
        builds::lock_model::<Db>(tx, name).await?;
        let found = builds::builds(tx, name).await?;
        let Some(new) = found.iter().find(|g| g.number == build) else {
            return Err(RolledBack::With(WentLive::NotYet));
        };
        if new.live {
            return Err(RolledBack::With(WentLive::Yes));
        }
        let old = found.iter().find(|g| g.live);
        let mut furthest = goal;
        let mut parked = u64::MAX;
        let mut ahead = Vec::new();
        if let Some(old) = old {
            parked = 0;
            for partition in partitions(name, old) {
                if let Some(there) = checkpoints::lock_checkpoint::<Db>(tx, &partition).await? {
                    // The checkpoint of a stopped partition may belong to another store.
                    if there.reason.is_none() {
                        furthest = furthest.max(there.position);
                        ahead.push((partition, there.epoch, there.owner));
                    }
                    parked = parked.saturating_add(there.parked);
                }
            }
        }
        let mut new_parked = 0_u64;
        let mut slowest = furthest;
        for partition in partitions(name, new) {
            let Some(there) = checkpoints::lock_checkpoint::<Db>(tx, &partition).await? else {
                return Err(RolledBack::With(WentLive::NotYet));
            };
            slowest = slowest.min(there.position);
            new_parked = new_parked.saturating_add(there.parked);
        }
        if slowest < goal || new_parked > parked {
            return Err(RolledBack::With(WentLive::NotYet));
        }
        if slowest < furthest {
            for (partition, epoch, owner) in ahead {
                if checkpoints::is_inline(&owner) {
                    // Appends cannot be held up.
                    let hands_over = checkpoints::HANDS_OVER;
                    checkpoints::acquire::<Db>(tx, &partition, epoch, hands_over, 0).await?;
                } else if let Some(hold_ms) = hold_ms {
                    // Its owners are fenced and stand by, as they do when another runner takes over.
                    let epoch = epoch.saturating_add(1);
                    checkpoints::acquire::<Db>(tx, &partition, epoch, HOLDER, hold_ms).await?;
                }
            }
            return Ok(WentLive::LiveIsAhead);
        }
        builds::make_live(tx, name, old, new).await?;
        Ok(WentLive::Yes)
    }
}

pub(crate) fn partitions(name: &'static str, build: &Build) -> impl Iterator<Item = Partition> {
    let number = build.number;
    (0..build.partitions).map(move |partition| Partition {
        name,
        build: number,
        partition,
    })
}
