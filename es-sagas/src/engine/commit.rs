//! Writes decisions: the saga's events and its work item, in one transaction.

use super::{
    core::Core,
    load::{LoadedSaga, load},
};
use crate::{
    decide::Draft,
    definition::Info,
    error::SagaError,
    log::{self, SagaEvent},
};
use es_runtime::{
    __private::sleep, Append, AppendError, AppendId, Commit, CommitError, CommitStore, EventSet,
    EventStore, ExpectedVersion, Metadata, Outcome, StreamId, WorkChange, WorkQueue,
};
use std::time::Duration;

/// How often a decision is repeated when other writers were first.
pub(crate) const MAX_ATTEMPTS: u32 = 8;

impl LoadedSaga {
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
            release: false,
        }
    }
}

/// An append of these events after that version.
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
        let stored = log::stored(event).map_err(|reason| SagaError::Unstorable {
            instance: instance.clone(),
            event: event.event_type().name,
            reason,
        })?;
        append = append.with_event(stored);
    }
    append.append_id = input;
    Ok(append)
}

/// Whether a failed commit may be decided again on the current state. After a failure of the store, the
/// current state shows whether the commit was written.
pub(crate) fn may_decide_again(error: &CommitError) -> bool {
    matches!(
        error,
        CommitError::Storage { .. }
            | CommitError::Append(AppendError::Conflict { .. } | AppendError::Storage { .. })
    )
}

/// Whether the same events would be rejected again: they exceed the store's limits, an inline projection
/// cannot handle them, or they claim what another stream has. Nothing was written.
pub(crate) const fn is_rejected_for_good(error: &CommitError) -> bool {
    matches!(
        error,
        CommitError::Append(
            AppendError::Projection { .. }
                | AppendError::Invalid { .. }
                | AppendError::Taken { .. }
                | AppendError::UniqueRuleUnknown { .. }
                | AppendError::TagKindUnknown { .. }
        ) | CommitError::SameStream { .. }
    )
}

/// Why this would fail in the same way each time, `None` when a later attempt may succeed. Nothing was written.
pub(crate) fn rejected_for_good(error: &SagaError) -> Option<String> {
    match error {
        SagaError::Commit(why) if is_rejected_for_good(why) => Some(why.to_string()),
        SagaError::Unstorable { .. } => Some(error.to_string()),
        _ => None,
    }
}

/// Waits before another attempt after a failure of the store; not after a lost race.
pub(crate) async fn pause_after(error: &CommitError, attempt: u32) {
    let storage = matches!(
        error,
        CommitError::Storage { .. } | CommitError::Append(AppendError::Storage { .. })
    );
    if storage && error.outcome() == Outcome::NotApplied {
        sleep(Duration::from_millis(10) * 2_u32.saturating_pow(attempt.min(6))).await;
    }
}

/// Decides on a saga without a lease, as inputs and operators do, and repeats it until the decision is stored.
/// When `decide` adds no event, nothing is stored.
pub(crate) async fn decide_without_lease(
    core: &Core,
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
                if attempt >= MAX_ATTEMPTS {
                    return Err(contended(instance, attempt, error));
                }
                pause_after(&error, attempt).await;
                // The commit may be stored. Then it must not be decided again on its own result.
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

/// The saga's metadata with the user of this input. For a new saga, the metadata of the input.
fn following(loaded: &LoadedSaga, metadata: &Metadata) -> Metadata {
    let mut whole = loaded.metadata.clone();
    if metadata.user.is_some() {
        whole.user.clone_from(&metadata.user);
    }
    if loaded.version == 0 {
        return metadata.clone();
    }
    whole
}

/// The definition for decisions on an instance.
///
/// It is the pinned definition. For an instance that has not started, it is the definition that starts sagas.
/// When the definition is unknown, it is a placeholder that decides only what needs no definition.
pub(crate) fn info_for(core: &Core, instance: &StreamId, loaded: &LoadedSaga) -> Option<Info> {
    let category = instance.aggregate();
    let Some(started) = &loaded.state.started else {
        return core.live(category).map(|saga| saga.info().clone());
    };
    match core.pinned(category, started.version, &started.hash) {
        Some(saga) => Some(saga.info().clone()),
        None => Some(Info::unknown(started.version, &started.hash)),
    }
}

/// Stores a work item that matches the stream at this version. Whoever changed the stream since then has
/// stored the work item too.
pub(crate) async fn put_row(
    core: &Core,
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

/// The same work item, released from its lease.
pub(crate) fn released(mut row: WorkChange) -> WorkChange {
    row.release = true;
    row
}
