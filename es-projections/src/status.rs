//! Reading the status of every partition.

use crate::{
    api::{Partition, ProjectionError, ReadDatabase, Stalled, Status, WorkerState},
    runner::Projections,
    state::{
        builds::{self, BUILDS},
        checkpoints::{self, Checkpoint},
        columns::Columns,
        schema,
    },
};
use es_runtime::{EventStore, Position};
use std::time::Duration;

impl<S: EventStore, Db: ReadDatabase> Projections<S, Db> {
    /// Returns the status of every partition of every build of this runner's projections and
    /// subscriptions.
    ///
    /// # Errors
    /// [`ProjectionError::Storage`] when the store or the read database cannot be read.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn status(&self) -> Result<Vec<Status>, ProjectionError> {
        let mut all = Vec::new();
        let Some(first) = self.registered.first() else {
            return Ok(all);
        };
        // Asked before the rest: the tables may come between two questions.
        let is_created = schema::is_created(&self.core.db).await;
        let is_created =
            is_created.map_err(|error| ProjectionError::storage(first.name(), error))?;
        for registered in &self.registered {
            let name = registered.name();
            let storage =
                |error| ProjectionError::storage(name, es_runtime::StorageError::from(error));
            let head = self.core.store.head().await.map_err(storage)?;
            let whole = Partition::whole(name);
            let stopped = self.core.locals().get(&whole).and_then(|l| l.state.clone());
            let state = |error| ProjectionError::storage(name, error);
            let rows = if is_created {
                let rows = self.core.db.query(BUILDS, &[name.into()]).await;
                rows.map_err(state)?
            } else {
                Vec::new()
            };
            if let (true, Some(state)) = (rows.is_empty(), &stopped) {
                all.push(without_state(
                    name,
                    registered.version(),
                    head,
                    state.clone(),
                ));
            }
            for row in rows {
                let build = builds::build(name, row).map_err(state)?;
                let which = [name.into(), build.number.into()];
                let sql = checkpoints::checkpoints_sql();
                let rows = self.core.db.query(&sql, &which).await.map_err(state)?;
                for (number, row) in rows.into_iter().enumerate() {
                    let at = checkpoints::checkpoint(name, row).map_err(state)?;
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
                    let now = checkpoints::now_ms();
                    let known = stopped
                        .clone()
                        .or(local.stalled.clone().map(WorkerState::Stalled));
                    let state = known.unwrap_or_else(|| stored_state(&at, head, now));
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
                        events_behind: at.position.until(head),
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
        Columns::new(partition.name, row).number().map_err(state)
    }
}

/// The status of a projection that was started, and has stored nothing.
const fn without_state(
    projection: &'static str,
    version: u32,
    head: Position,
    state: WorkerState,
) -> Status {
    Status {
        projection,
        version,
        build: 0,
        live: false,
        partition: 0,
        partitions: 0,
        position: Position::START,
        head,
        events_behind: Position::START.until(head),
        behind: None,
        events: 0,
        parked: 0,
        parked_keys: 0,
        owner: String::new(),
        state,
        rate: None,
    }
}

/// What a partition does that this process knows nothing of.
fn stored_state(at: &Checkpoint, head: Position, now: i64) -> WorkerState {
    let is_inline = checkpoints::is_inline(&at.owner);
    match (&at.reason, &at.stall) {
        (Some(why), _) => WorkerState::Stopped(why.clone()),
        (None, Some(what)) if at.has_owner(now) => {
            WorkerState::Stalled(Stalled::Elsewhere(what.clone()))
        }
        // An inline projection has no lease. Without it, appends of other processes put it behind.
        (None, None) if is_inline && at.position >= head => WorkerState::Running,
        (None, None) if !is_inline && at.lease_until > now => WorkerState::Running,
        _ => WorkerState::Idle,
    }
}
