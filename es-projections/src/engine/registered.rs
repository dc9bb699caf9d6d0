//! One projection or subscription of a runner, without its type: what to prepare and what to run.

use super::{
    builds::{Prepare, partitions},
    core::Core,
    retry::{RetryEnd, RetryOne},
    worker::{End, Until},
};
use crate::{
    api::{Partition, ProjectionError, ReadDatabase},
    state::builds::{Build, Plan},
};
use es_runtime::{EventStore, Position, StorageError, StorageErrorKind};
use std::{future::Future, pin::Pin, sync::Arc};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

pub(crate) type Run<S, Db> =
    dyn Fn(Arc<Core<S, Db>>, Task) -> BoxFuture<Result<End, ProjectionError>> + Send + Sync;
pub(crate) type Retry<S, Db> =
    dyn Fn(Arc<Core<S, Db>>, RetryOne) -> BoxFuture<RetryEnd> + Send + Sync;

/// One projection or subscription of a runner.
pub(crate) struct Registered<S, Db> {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    pub(crate) partitions: u32,
    pub(crate) schema: String,
    pub(crate) events: String,
    pub(crate) from_the_beginning: bool,
    pub(crate) has_tables: bool,
    pub(crate) run: Box<Run<S, Db>>,
    pub(crate) retry: Box<Retry<S, Db>>,
}

/// One partition to run.
#[derive(Clone)]
pub(crate) struct Task {
    pub(crate) partition: Partition,
    pub(crate) building: bool,
    pub(crate) until: Until,
    pub(crate) take_over: bool,
}

impl<S: EventStore, Db: ReadDatabase> Registered<S, Db> {
    /// The partitions to run. If the builds differ from `known`, the tables are prepared first.
    /// Otherwise nothing is written.
    #[cfg(feature = "runner")]
    pub(crate) async fn tasks(
        &self,
        core: &Core<S, Db>,
        known: &mut Vec<Build>,
    ) -> Result<Vec<Task>, ProjectionError> {
        let rows = core
            .db
            .query(crate::state::builds::BUILDS, &[self.name.into()])
            .await;
        let now: Vec<Build> = rows
            .unwrap_or_default()
            .into_iter()
            .filter_map(|row| crate::state::builds::build(self.name, row).ok())
            .collect();
        if now.is_empty() || now != *known {
            *known = self.prepare(core, false).await?;
        }
        let mine = known.iter().filter(|g| g.version == self.version);
        Ok(mine
            .flat_map(|build| self.tasks_of(core, build, Until::Shutdown))
            .collect())
    }

    pub(crate) fn tasks_of(&self, core: &Core<S, Db>, build: &Build, until: Until) -> Vec<Task> {
        let task = |partition| Task {
            partition,
            building: !build.live,
            until,
            take_over: core.settings.take_over,
        };
        partitions(self.name, build).map(task).collect()
    }

    pub(crate) async fn prepare(
        &self,
        core: &Core<S, Db>,
        rebuild: bool,
    ) -> Result<Vec<Build>, ProjectionError> {
        let from = if self.from_the_beginning {
            Position::START
        } else {
            let head = core.store.head().await;
            head.map_err(|error| ProjectionError::storage(self.name, error))?
        };
        let storage = |error| ProjectionError::storage(self.name, error);
        let store = match core.store.store_id().await.map_err(StorageError::from) {
            Ok(id) => Some(id),
            Err(error) if error.kind == StorageErrorKind::Unsupported => None,
            Err(error) => return Err(storage(error)),
        };
        let job = Prepare {
            plan: Plan {
                name: self.name,
                version: self.version,
                partitions: self.partitions,
                schema: self.schema.clone(),
                events: self.events.clone(),
                starts_live: !self.has_tables,
                from,
                store,
            },
            rebuild,
        };
        match core.db.transact(job).await {
            Ok(prepared) => prepared,
            Err(error) => Err(ProjectionError::storage(self.name, error)),
        }
    }
}
