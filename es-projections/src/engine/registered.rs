//! One projection or subscription of a runner: what to prepare and what to run.

use super::{
    builds::{Prepare, partitions},
    consumer::Consumer,
    core::Core,
    erased::{AnyProjection, AnySubscription},
    task::{End, Task, Until},
    worker::Worker,
};
use crate::{
    api::{Deliver, Dialect, Dispatch, ProjectionError, ReadDatabase, in_span, schema::declared},
    state::builds::{Build, Plan, listed},
};
use es_runtime::{EventStore, Position, StorageError, StorageErrorKind};
use std::sync::Arc;

/// One projection or subscription of a runner.
pub(crate) struct Registered<Db> {
    pub(crate) consumer: Arc<Consumer<Db>>,
    schema: String,
    from_the_beginning: bool,
}

impl<Db> Registered<Db> {
    pub(crate) fn name(&self) -> &'static str {
        self.consumer.definition().name
    }

    pub(crate) fn version(&self) -> u32 {
        self.consumer.definition().version
    }

    /// Whether it is a projection. A subscription has no tables.
    pub(crate) fn has_tables(&self) -> bool {
        matches!(*self.consumer, Consumer::Projection { .. })
    }
}

impl<Db: ReadDatabase> Registered<Db> {
    pub(crate) fn projection<P: Dispatch<Db>>(projection: P, dialect: Dialect) -> Self {
        let projection = AnyProjection::new(projection);
        let schema = projection.handlers.tables(dialect).into_owned();
        Self {
            consumer: Arc::new(Consumer::Projection {
                declared: declared(dialect, &schema),
                projection,
            }),
            schema,
            from_the_beginning: true,
        }
    }

    pub(crate) fn subscription<D: Deliver>(subscription: D) -> Self {
        Self {
            consumer: Arc::new(Consumer::Subscription(AnySubscription::new(subscription))),
            schema: String::new(),
            from_the_beginning: D::FROM_THE_BEGINNING,
        }
    }

    /// Runs one partition.
    pub(crate) async fn run<S: EventStore>(
        &self,
        core: Arc<Core<S, Db>>,
        task: Task,
    ) -> Result<End, ProjectionError> {
        let span = task.partition.clone();
        let worker = Worker::new(core, Arc::clone(&self.consumer), task);
        in_span(&span, worker.run()).await
    }

    /// The partitions to run. If the builds differ from `known`, the tables are prepared first.
    /// Otherwise nothing is written.
    #[cfg(feature = "runner")]
    pub(crate) async fn tasks<S: EventStore>(
        &self,
        core: &Core<S, Db>,
        known: &mut Vec<Build>,
    ) -> Result<Vec<Task>, ProjectionError> {
        let rows = core
            .db
            .query(crate::state::builds::BUILDS, &[self.name().into()])
            .await;
        let now: Vec<Build> = rows
            .unwrap_or_default()
            .into_iter()
            .filter_map(|row| crate::state::builds::build(self.name(), row).ok())
            .collect();
        if now.is_empty() || now != *known {
            *known = self.prepare(core, false).await?;
        }
        let mine = known.iter().filter(|g| g.version == self.version());
        Ok(mine
            .flat_map(|build| self.tasks_of(core, build, Until::Shutdown))
            .collect())
    }

    pub(crate) fn tasks_of<S: EventStore>(
        &self,
        core: &Core<S, Db>,
        build: &Build,
        until: Until,
    ) -> Vec<Task> {
        let task = |partition| Task {
            partition,
            building: !build.live,
            until,
            take_over: core.settings.take_over,
        };
        partitions(self.name(), build).map(task).collect()
    }

    pub(crate) async fn prepare<S: EventStore>(
        &self,
        core: &Core<S, Db>,
        rebuild: bool,
    ) -> Result<Vec<Build>, ProjectionError> {
        let from = if self.from_the_beginning {
            Position::START
        } else {
            let head = core.store.head().await;
            head.map_err(|error| ProjectionError::storage(self.name(), error))?
        };
        let storage = |error| ProjectionError::storage(self.name(), error);
        let store = match core.store.store_id().await.map_err(StorageError::from) {
            Ok(id) => Some(id),
            Err(error) if error.kind == StorageErrorKind::Unsupported => None,
            Err(error) => return Err(storage(error)),
        };
        let definition = self.consumer.definition();
        let job = Prepare {
            plan: Plan {
                name: definition.name,
                version: definition.version,
                partitions: definition.partitions,
                schema: self.schema.clone(),
                events: listed(&definition.filter),
                starts_live: !self.has_tables(),
                from,
                store,
            },
            rebuild,
        };
        match core.db.transact(job).await {
            Ok(prepared) => prepared,
            Err(error) => Err(ProjectionError::storage(self.name(), error)),
        }
    }
}
