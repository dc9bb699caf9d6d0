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
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    pub(crate) has_tables: bool,
    pub(crate) consumer: Consumer<Db>,
    schema: String,
    from_the_beginning: bool,
}

impl<Db: ReadDatabase> Registered<Db> {
    pub(crate) fn projection<P: Dispatch<Db>>(projection: P, dialect: Dialect) -> Self {
        let projection = AnyProjection::new(projection);
        let schema = projection.handlers.tables(dialect).into_owned();
        Self {
            name: P::NAME,
            version: P::VERSION,
            has_tables: true,
            consumer: Consumer::Projection {
                declared: declared(dialect, &schema),
                projection,
            },
            schema,
            from_the_beginning: true,
        }
    }

    pub(crate) fn subscription<D: Deliver>(subscription: D) -> Self {
        Self {
            name: D::NAME,
            version: D::VERSION,
            has_tables: false,
            consumer: Consumer::Subscription(AnySubscription::new(subscription)),
            schema: String::new(),
            from_the_beginning: D::FROM_THE_BEGINNING,
        }
    }

    /// Runs one partition.
    ///
    /// # Errors
    /// Why it cannot go on.
    pub(crate) async fn run<S: EventStore>(
        &self,
        core: Arc<Core<S, Db>>,
        task: Task,
    ) -> Result<End, ProjectionError> {
        let span = task.partition.clone();
        let worker = Worker::new(core, self.consumer.clone(), task);
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
        partitions(self.name, build).map(task).collect()
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
                partitions: self.consumer.definition().partitions,
                schema: self.schema.clone(),
                events: listed(&self.consumer.definition().filter),
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
