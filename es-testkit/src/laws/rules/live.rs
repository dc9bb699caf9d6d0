//! Replays, snapshots and a repository give the state that a command saw.

use super::{
    super::{
        history::{History, Step, Stored},
        model::{Answer, Live, answer, live, rejection, replay, same},
    },
    Compared, differ,
};
use es_runtime::{
    AnyStore, Append, EventStore, ExecuteError, ExpectedVersion, Loaded, MemoryStore, NoSnapshots,
    Position, Repository, Snapshot, SnapshotStore, SnapshotUse, StreamId,
};
/// Commands through a repository get the same answers, and a load gives the same state, with a cache and without.
pub(in super::super) async fn replay_equals_live<A: Compared>(
    history: &History<A>,
    id: &A::Id,
) -> Result<(), String> {
    let Ok(live) = live(history) else {
        return Ok(());
    };
    if let Ok(replayed) = replay::<A>(&live.stored) {
        if !same(&live.state, &replayed) {
            return Err(differ(
                "the replayed state is not the state after the last command",
                ("live", &live.state),
                ("replayed", &replayed),
            ));
        }
    }
    let repository = || Repository::<A>::new(AnyStore::new(MemoryStore::new()));
    through(history, &live, repository(), id).await?;
    through(history, &live, repository().cached(8), id)
        .await
        .map_err(|why| format!("with a cache of states: {why}"))
}

async fn through<A: Compared>(
    history: &History<A>,
    live: &Live<A>,
    repository: Repository<A>,
    id: &A::Id,
) -> Result<(), String> {
    let stream = StreamId::of::<A>(id).map_err(|error| error.to_string())?;
    for (number, (step, expected)) in (1_usize..).zip(history.0.iter().zip(&live.answers)) {
        let command = match step {
            Step::Command(_, command) => command,
            Step::Event(stored) => {
                append(repository.store(), &stream, stored).await?;
                continue;
            }
        };
        let found = match command.execute(&repository, id).await {
            Ok(executed) => Answer::Events(executed.events),
            Err(ExecuteError::Rejected(error)) => Answer::Rejected(rejection(&error)),
            Err(error) => return Err(format!("command {number}: {error}")),
        };
        if *expected != found {
            return Err(differ(
                &format!("command {number} has another answer in a repository"),
                ("live", expected),
                ("repository", &found),
            ));
        }
    }
    let loaded = repository.load(id).await;
    let loaded: Loaded<A> = loaded.map_err(|error| error.to_string())?;
    if loaded.version != u64::try_from(live.stored.len()).unwrap_or(u64::MAX) {
        let (found, expected) = (loaded.version, live.stored.len());
        return Err(format!(
            "the stream has {found} events, and {expected} were decided"
        ));
    }
    if !same(&live.state, &loaded.state) {
        return Err(differ(
            "the loaded state is not the state after the last command",
            ("live", &live.state),
            ("loaded", &loaded.state),
        ));
    }
    Ok(())
}

async fn append<S: EventStore>(
    store: &S,
    stream: &StreamId,
    stored: &Stored,
) -> Result<Position, String> {
    let append = Append::new(stream.clone(), ExpectedVersion::Any);
    let appended = store.append(append.with_events([stored.new_event()])).await;
    appended
        .map(|appended| appended.position)
        .map_err(|error| error.to_string())
}

/// For each version: the state is kept in a snapshot, and the snapshot and the events after it give the state of
/// the whole stream. The restored state answers as the other one does.
pub(in super::super) async fn snapshots_equal_replay<A: Compared>(
    history: &History<A>,
    id: &A::Id,
) -> Result<(), String> {
    let (Some(policy), Ok(live)) = (A::SNAPSHOTS, live(history)) else {
        return Ok(());
    };
    let stream = StreamId::of::<A>(id).map_err(|error| error.to_string())?;
    let store = AnyStore::new(MemoryStore::new());
    let mut positions = Vec::new();
    for stored in &live.stored {
        positions.push(append(&store, &stream, stored).await?);
    }
    let snapshots = Repository::<A>::new(store.clone());
    let whole = Repository::<A, AnyStore>::with_snapshots(store.clone(), NoSnapshots);
    let whole: Loaded<A> = whole.load(id).await.map_err(|error| error.to_string())?;
    for (version, position) in (1_usize..).zip(positions) {
        let Ok(state) = replay::<A>(live.stored.get(..version).unwrap_or_default()) else {
            return Ok(());
        };
        let number = u64::try_from(version).unwrap_or(u64::MAX);
        let bytes = policy.encode(&state, A::CODEC).map_err(|error| {
            format!("the state after {version} events cannot be kept in a snapshot: {error}")
        })?;
        let fingerprint = policy.fingerprint(A::CODEC);
        let codec = A::CODEC.content_type();
        let snapshot = Snapshot::new(stream.clone(), number, position, fingerprint, codec, bytes);
        let saved = store.save_snapshot(snapshot).await;
        saved.map_err(|error| error.to_string())?;
        let restored = snapshots
            .load(id)
            .await
            .map_err(|error| error.to_string())?;
        if restored.snapshot != (SnapshotUse::Used { version: number }) {
            let used = restored.snapshot;
            return Err(format!(
                "the snapshot after {version} events was not used: {used:?}"
            ));
        }
        let names = ("replayed", "from the snapshot");
        if !same(&whole.state, &restored.state) {
            return Err(differ(
                &format!(
                    "the snapshot after {version} events and the events after it give another state"
                ),
                (names.0, &whole.state),
                (names.1, &restored.state),
            ));
        }
        for (place, step) in (1_usize..).zip(&history.0) {
            let Step::Command(_, command) = step else {
                continue;
            };
            let pair = (
                answer(&**command, &whole.state),
                answer(&**command, &restored.state),
            );
            match pair {
                (Ok(one), Ok(two)) if one != two => {
                    return Err(differ(
                        &format!(
                            "a state from the snapshot after {version} events is equal to the replayed one, and yet it \
                             answers command {place} otherwise"
                        ),
                        (names.0, &one),
                        (names.1, &two),
                    ));
                }
                _ => {}
            }
        }
    }
    Ok(())
}
