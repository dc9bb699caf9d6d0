//! Writing what was decided: the saga's events and its row, in one transaction.

use super::{
    SagaError, SagaEvent,
    decide::Draft,
    info::Info,
    load::{Loaded, load},
    runner::Core,
};
use es_runtime::{
    Append, AppendError, AppendId, Codec, CommitError, EventSet, ExpectedVersion, Metadata,
    NewEvent, Outcome, StreamId, WorkChange,
};
use es_runtime::{Commit, WorkQueue};
use futures_timer::Delay;
use std::time::Duration;

/// How often something is decided again when others were first.
pub(crate) const ATTEMPTS: u32 = 8;

impl Loaded {
    /// A draft on this state.
    pub(crate) fn draft<'a>(
        &self,
        instance: &'a StreamId,
        info: &'a Info,
        space: &'a str,
        now: es_runtime::Timestamp,
    ) -> Draft<'a> {
        Draft {
            state: self.state.clone(),
            events: Vec::new(),
            instance,
            info,
            space,
            now,
        }
    }
}

/// The append of these events behind that version.
pub(crate) fn append_of(
    instance: &StreamId,
    version: u64,
    events: &[SagaEvent],
    metadata: Metadata,
    input: Option<AppendId>,
) -> Result<Append, SagaError> {
    let expected = ExpectedVersion::at(version);
    let mut append = Append::new(instance.clone(), expected).with_metadata(metadata);
    for event in events {
        let kind = event.event_type();
        let payload = event.encode(Codec::Json).map_err(|e| SagaError::NotNow {
            instance: instance.clone(),
            reason: format!("event `{}` cannot be stored: {e}", kind.name),
        })?;
        append = append.with_event(NewEvent::json(kind.name, kind.version, payload));
    }
    append.append_id = input;
    Ok(append)
}

/// Whether a commit that failed may be decided again on what is stored now. After a failure of the
/// store, what was written, if it was, is seen there.
pub(crate) fn may_decide_again(error: &CommitError) -> bool {
    matches!(
        error,
        CommitError::Storage { .. }
            | CommitError::Append(AppendError::Conflict { .. } | AppendError::Storage { .. })
    )
}

/// Whether the events are such that the same ones would be rejected again: beyond the store's limits, or a
/// projection that runs inside of appends cannot handle them. Nothing was written.
pub(crate) const fn is_rejected_for_good(error: &CommitError) -> bool {
    matches!(
        error,
        CommitError::Append(AppendError::Projection { .. } | AppendError::Invalid { .. })
            | CommitError::SameStream { .. }
    )
}

/// Waits before another attempt after a failure of the store; not after a lost race.
pub(crate) async fn pause_after(error: &CommitError, attempt: u32) {
    let storage = matches!(
        error,
        CommitError::Storage { .. } | CommitError::Append(AppendError::Storage { .. })
    );
    if storage && error.outcome() == Outcome::NotApplied {
        Delay::new(Duration::from_millis(10) * 2_u32.saturating_pow(attempt.min(6))).await;
    }
}

/// Decides on one saga without holding it, as inputs from outside and operators do, until it is
/// stored. `decide` says whether there is anything to store.
pub(crate) async fn decide_unheld<S: WorkQueue>(
    core: &Core<S>,
    instance: &StreamId,
    input: Option<AppendId>,
    metadata: &Metadata,
    mut decide: impl FnMut(&mut Draft<'_>) -> Result<(), SagaError>,
) -> Result<(), SagaError> {
    let space = core.space().await?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let loaded = load(&core.store, instance).await?;
        let now = core.store.now().await?;
        let Some(info) = info_for(core, instance, &loaded) else {
            return Err(SagaError::NotRegistered {
                saga: instance.aggregate().to_owned(),
            });
        };
        let mut draft = loaded.draft(instance, &info, &space, now);
        decide(&mut draft)?;
        if draft.events.is_empty() {
            return Ok(());
        }
        let metadata = following(&loaded, metadata);
        let append = append_of(
            instance,
            loaded.version,
            &draft.events,
            metadata,
            input.clone(),
        )?;
        let commit = Commit::new().append(append).work(draft.row());
        match core.store.commit(commit).await {
            Ok(_)
            | Err(
                CommitError::Repeated { .. } | CommitError::Append(AppendError::IdReused { .. }),
            ) => return Ok(()),
            Err(error) if may_decide_again(&error) => {
                if attempt >= ATTEMPTS {
                    return Err(contended(instance, attempt, error));
                }
                pause_after(&error, attempt).await;
                // It may be stored: then it must not be decided on what it changed.
                if let Some(input) = input
                    .as_ref()
                    .filter(|_| error.outcome() == Outcome::Unknown)
                {
                    if core.store.find_append(instance, input).await?.is_some() {
                        return Ok(());
                    }
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

pub(crate) fn contended(instance: &StreamId, attempts: u32, error: CommitError) -> SagaError {
    match error {
        CommitError::Append(AppendError::Conflict { .. }) => SagaError::Contended {
            instance: instance.clone(),
            attempts,
        },
        other => other.into(),
    }
}

/// Metadata that says more than the saga's own, or that.
fn following(loaded: &Loaded, metadata: &Metadata) -> Metadata {
    let mut whole = loaded.metadata.clone();
    if metadata.user.is_some() {
        whole.user.clone_from(&metadata.user);
    }
    if loaded.version == 0 {
        return metadata.clone();
    }
    whole
}

/// By what an instance is decided: its pinned definition; for one that has not begun, the one that starts
/// sagas; for one whose definition is unknown, one that decides nothing but what needs none.
pub(crate) fn info_for<S: WorkQueue>(
    core: &Core<S>,
    instance: &StreamId,
    loaded: &Loaded,
) -> Option<Info> {
    let category = instance.aggregate();
    let Some(started) = &loaded.state.started else {
        return core.live(category).map(|kind| kind.info().clone());
    };
    match core.pinned(category, started.version, &started.hash) {
        Some(kind) => Some(kind.info().clone()),
        None => Some(Info::unknown(started.version, &started.hash)),
    }
}

/// Stores a row that says what the stream says at this version. Where others changed it since then, they
/// stored the row too.
pub(crate) async fn put_row<S: WorkQueue>(
    core: &Core<S>,
    instance: &StreamId,
    version: u64,
    row: WorkChange,
) -> Result<(), SagaError> {
    let unchanged = append_of(instance, version, &[], Metadata::new(), None)?;
    let commit = Commit::new().append(unchanged).work(row);
    match core.store.commit(commit).await {
        Ok(_)
        | Err(CommitError::Fenced { .. } | CommitError::Append(AppendError::Conflict { .. })) => {
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// A row for a state that a runner lets go of.
pub(crate) fn released(mut row: WorkChange) -> WorkChange {
    row.release = true;
    row
}
