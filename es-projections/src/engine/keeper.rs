//! Keeps the partitions of one projection running: starts a worker for each, and again when builds change.

use super::{core::Core, registered::Registered, task::End};
use crate::api::{Partition, ProjectionError, ReadDatabase, Stalled, WorkerState};
use crate::boxed::boxed;
use es_runtime::EventStore;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::task::JoinSet;

/// Keeps a worker running for each partition of one projection, in every build of this version.
pub(crate) async fn keep<S: EventStore, Db: ReadDatabase>(
    core: Arc<Core<S, Db>>,
    registered: Arc<Registered<Db>>,
) {
    /// How often it looks for a rebuild that another process requested.
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
                core.state_of_whole(&registered, None);
                for mut task in tasks {
                    let runs = running
                        .values()
                        .any(|partition| *partition == task.partition);
                    if runs || has_stopped.contains(&task.partition) {
                        continue;
                    }
                    // A fenced worker stands by. If it took over again, two runners would replace
                    // each other forever.
                    task.take_over &= !was_fenced.contains(&task.partition);
                    let partition = task.partition.clone();
                    let (registered, core) = (Arc::clone(&registered), Arc::clone(&core));
                    let worker = boxed(async move { registered.run(core, task).await });
                    running.insert(workers.spawn(worker).id(), partition);
                }
            }
            Err(ProjectionError::Storage { source, .. }) => {
                failures += 1;
                let why = Stalled::Database(source.to_string());
                core.state_of_whole(&registered, Some(WorkerState::Stalled(why)));
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
                let why = WorkerState::Stopped(error.to_string());
                core.state_of_whole(&registered, Some(why));
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
            // Only this partition stops. The projection state has the reason.
            Some(Ok((id, Err(error)))) => {
                if let Some(partition) = running.remove(&id) {
                    core.stopped(&partition, &error.to_string());
                    has_stopped.insert(partition);
                }
            }
            Some(Err(error)) => {
                if let Some(partition) = running.remove(&error.id()) {
                    let why = "its worker panicked; it is started again".to_owned();
                    core.stalled(&partition, Some(Stalled::Database(why)));
                    core.pause(core.settings.backoff(u32::MAX)).await;
                }
            }
        }
    }
    if core.is_shutdown() {
        // Each worker ends after its current page.
        while workers.join_next().await.is_some() {}
    }
}
