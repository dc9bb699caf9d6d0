//! Projections as tasks of tokio: one keeper for each, which starts a worker for every partition that there
//! is, and again when builds come and go.

use super::{
    Partition, ProjectionError, Projections, ReadDatabase, Stalled, State,
    runner::{Core, Registered},
    worker::End,
};
use es_runtime::EventStore;
use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
    time::Duration,
};
use tokio::task::JoinSet;

/// Keeps the partitions of one projection running, whatever builds come and go.
pub(super) async fn keep<S: EventStore, Db: ReadDatabase>(
    core: Arc<Core<S, Db>>,
    registered: Arc<Registered<S, Db>>,
) {
    /// So often it looks for a rebuild that another process asked for.
    const LOOK_EVERY: Duration = Duration::from_millis(500);
    let mut workers = JoinSet::new();
    let mut running: HashMap<tokio::task::Id, Partition> = HashMap::new();
    let mut was_fenced: HashSet<Partition> = HashSet::new();
    let mut has_stopped: HashSet<Partition> = HashSet::new();
    let mut failures = 0;
    let mut known = Vec::new();
    while !core.is_shutdown() {
        match registered.tasks(&core, &mut known).await {
            Ok(tasks) => {
                failures = 0;
                core.stopped(registered.name, None);
                for mut task in tasks {
                    let runs = running
                        .values()
                        .any(|partition| *partition == task.partition);
                    if runs || has_stopped.contains(&task.partition) {
                        continue;
                    }
                    // Who was replaced stands by: taking over again would go on for ever.
                    task.take_over &= !was_fenced.contains(&task.partition);
                    let partition = task.partition.clone();
                    let worker = (registered.run)(Arc::clone(&core), task);
                    running.insert(workers.spawn(worker).id(), partition);
                }
            }
            Err(ProjectionError::Storage { source, .. }) => {
                failures += 1;
                let why = Stalled::Database(source.to_string());
                core.stopped(registered.name, Some(State::Stalled(why)));
                if core
                    .pause(core.settings.backoff(failures))
                    .await
                    .is_shutdown()
                {
                    break;
                }
                continue;
            }
            Err(error) => {
                core.stopped(registered.name, Some(State::Stopped(error.to_string())));
                break;
            }
        }
        let ended = if workers.is_empty() {
            core.pause(LOOK_EVERY).await;
            None
        } else {
            let mut ended = None;
            core.pause_or(LOOK_EVERY, async {
                ended = workers.join_next_with_id().await;
            })
            .await;
            ended
        };
        match ended {
            None => {}
            Some(Ok((id, Ok(end)))) => {
                if let (Some(partition), End::Fenced) = (running.remove(&id), end) {
                    was_fenced.insert(partition);
                }
            }
            // It stops alone; why stands in the projection state.
            Some(Ok((id, Err(_)))) => has_stopped.extend(running.remove(&id)),
            Some(Err(error)) => has_stopped.extend(running.remove(&error.id())),
        }
    }
    if core.is_shutdown() {
        // They end by themselves after the page that they are at.
        while workers.join_next().await.is_some() {}
    }
}

/// Loops that run. Dropping it without [`shutdown`](Running::shutdown) ends them where they are,
/// which loses nothing either.
#[must_use = "dropping it ends the loops"]
pub struct Running<S = es_runtime::AnyStore, Db = super::AnyReadDatabase> {
    pub(super) projections: Projections<S, Db>,
    pub(super) core: Arc<Core<S, Db>>,
    pub(super) keepers: JoinSet<()>,
}

impl<S: EventStore, Db: ReadDatabase> Running<S, Db> {
    /// Lets every loop finish its page, or the reaction that it is at, gives the leases back and waits
    /// until nothing runs. The same runner may be started again.
    ///
    /// A reaction that does not end gets as long as a lease lasts, 5 s by default; then it is dropped,
    /// and its event is delivered again by whoever runs the subscription next.
    ///
    /// # Cancel safety
    /// The loops end all the same, where they are.
    pub async fn shutdown(mut self) {
        self.core.shutdown.send_replace(true);
        while self.keepers.join_next().await.is_some() {}
    }

    /// The runner, for its status and the rest.
    pub fn projections(&self) -> &Projections<S, Db> {
        &self.projections
    }
}

impl<S, Db> fmt::Debug for Running<S, Db> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Running").field(&self.projections).finish()
    }
}
