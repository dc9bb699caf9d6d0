//! Inputs that cannot be taken: the function that says which instance an event is for failed, or the store
//! rejects what follows from it. Each one is parked alone, with a work item of its own, so that it holds up no
//! other input.

use super::{
    commit::{append_of, is_rejected_for_good},
    core::Core,
    cursor::{Taken, commit_base, was_taken_before},
};
use crate::{
    error::SagaError,
    log::{InputParked, SagaEvent, cut},
    metrics,
    names::{inputs_of, name_of},
};
use es_runtime::{
    AppendId, Commit, CommitError, CommitStore, ExpectedVersion, InvalidStreamId, Position,
    RecordedEvent, StreamId, WorkChange, WorkStatus,
};

/// The stream of a parked input.
pub(crate) fn parked_stream(
    category: &str,
    position: Position,
) -> Result<StreamId, InvalidStreamId> {
    StreamId::new(&inputs_of(category), &position.to_string())
}

/// The work item of an input after this record in its stream, `None` for a record that says nothing of it.
pub(crate) fn row_of_input(stream: &StreamId, record: &SagaEvent) -> Option<WorkChange> {
    let mut row = WorkChange::new(stream.clone(), "");
    (row.status, row.phase) = match record {
        SagaEvent::InputParked(parked) => {
            row.reason = Some(parked.reason.clone());
            (WorkStatus::Parked, parked.name.clone())
        }
        SagaEvent::EventSkipped(_) => (WorkStatus::Done, "skipped".to_owned()),
        SagaEvent::InputRetried(_) => (WorkStatus::Done, "taken".to_owned()),
        _ => return None,
    };
    Some(row)
}

/// An event that blocks the input.
pub(crate) fn unreadable_event(category: &str, event: &RecordedEvent, reason: String) -> SagaError {
    SagaError::Event {
        saga: name_of(category).to_owned(),
        position: event.position,
        reason,
    }
}

/// Parks an event in the transaction that passes it.
pub(crate) async fn park_input(
    core: &Core,
    category: &str,
    base: Commit,
    event: &RecordedEvent,
    reason: &str,
) -> Result<Taken, SagaError> {
    let stream = parked_stream(category, event.position)?;
    let reason = cut(reason.to_owned());
    let record = SagaEvent::from(InputParked {
        event: event.event_id,
        name: event.name.to_string(),
        aggregate: event.stream.aggregate().to_owned(),
        of: event.stream.id().to_owned(),
        version: event.version,
        reason: reason.clone(),
    });
    let once = Some(AppendId::from(event.event_id));
    let mut append = append_of(
        &stream,
        0,
        std::slice::from_ref(&record),
        event.following(),
        once,
    )?;
    append.expected = ExpectedVersion::Any;
    let mut parked = base.clone().append(append);
    parked.work.extend(row_of_input(&stream, &record));
    match core.store.commit(parked).await {
        Ok(_) => {
            metrics::parked(category);
            Ok(Taken::All)
        }
        Err(CommitError::CursorMoved { .. }) => Ok(Taken::CursorMoved),
        Err(error) if was_taken_before(&error) => commit_base(core, base).await,
        // Not even that can be stored, so the input stops here.
        Err(error) if is_rejected_for_good(&error) => {
            let reason = format!("{reason}; it cannot be parked: {error}");
            Err(unreadable_event(category, event, reason))
        }
        Err(error) => Err(error.into()),
    }
}
