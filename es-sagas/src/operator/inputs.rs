//! Inputs that wait for an operator: parked ones, and the one that blocks the input of a saga.

use crate::{
    engine::{
        Sagas,
        commit::append_of,
        core::{BoxFuture, Core},
        cursor::{Taken, place_of},
        input,
        load::{decode, row_of},
        parked::{parked_stream, row_of_input},
    },
    error::SagaError,
    log::{EventSkipped, InputParked, InputRetried, SagaEvent},
    names::{category, inputs_of},
    process,
};
use es_runtime::{
    Commit, CommitError, CommitStore, EventId, EventStore, ExpectedVersion, Position, ReadLimit,
    RecordedEvent, StreamId, StreamRange, Timestamp, WorkFilter, WorkQueue, WorkStatus,
};

/// An event that could not be taken and waits for an operator: see [`Sagas::parked_inputs`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParkedInput {
    /// The position of the event.
    pub position: Position,
    /// Its stored name.
    pub name: String,
    /// Why it could not be taken.
    pub reason: String,
    /// When it was parked.
    pub since: Timestamp,
}

impl Sagas {
    /// The events that a saga or a process manager could not take, in order.
    ///
    /// An event is parked when the function that says which instance it is for panics, or returns an id or data
    /// that cannot be stored, and when the store rejects for good what follows from the event. The events after
    /// it are taken. [`retry_event`](Sagas::retry_event) takes it, [`skip_event`](Sagas::skip_event) skips it.
    ///
    /// # Errors
    /// [`SagaError::Read`] when the store cannot be read.
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn parked_inputs(&self, saga: &str) -> Result<Vec<ParkedInput>, SagaError> {
        let mut filter = WorkFilter::of(vec![inputs_of(&category(saga))]);
        filter.status = Some(WorkStatus::Parked);
        let mut parked = Vec::new();
        loop {
            let rows = self.core.store.work_items(&filter).await?;
            let Some(last) = rows.last() else { break };
            filter.after = Some(last.instance.clone());
            parked.extend(rows.into_iter().filter_map(|row| {
                Some(ParkedInput {
                    position: row.instance.id().parse().ok()?,
                    name: row.phase,
                    reason: row.reason.unwrap_or_default(),
                    since: row.updated_at,
                })
            }));
        }
        parked.sort_by_key(|input| input.position);
        Ok(parked)
    }

    /// Takes a parked event, with the functions of this program. The operator and the reason are stored.
    ///
    /// Events after it were taken before. An instance that they concern has them first.
    ///
    /// # Errors
    /// [`SagaError::NotNow`] when no event is parked at this position, or when it still cannot be taken. For
    /// other errors, [`outcome`](SagaError::outcome) says whether something was written.
    ///
    /// # Cancel safety
    /// The event is taken or still parked.
    pub async fn retry_event(
        &self,
        saga: &str,
        position: Position,
        by: &str,
        reason: &str,
    ) -> Result<(), SagaError> {
        self.check()?;
        retry(&self.core, saga, position, by, reason).await
    }

    /// Skips an event that is [parked](Sagas::parked_inputs), or that blocks the input of a saga or a process
    /// manager because it cannot be read (see [`SagaError::Event`] and [`stalled`](Sagas::stalled)).
    ///
    /// The event has no effect on any instance. The operator and the reason are stored: in the stream
    /// `saga-input:<saga>/<position>` of a parked event, in `saga-input/<saga>` otherwise.
    ///
    /// # Errors
    /// [`SagaError::NotNow`] when the event at this position is neither parked nor the next one. For other
    /// errors, [`outcome`](SagaError::outcome) says whether something was written.
    ///
    /// # Cancel safety
    /// The event is skipped or not.
    pub async fn skip_event(
        &self,
        saga: &str,
        position: Position,
        by: &str,
        reason: &str,
    ) -> Result<(), SagaError> {
        self.check()?;
        skip(&self.core, saga, position, by, reason).await
    }
}

/// Takes a parked event.
fn retry<'a>(
    core: &'a Core,
    saga: &'a str,
    position: Position,
    by: &'a str,
    reason: &'a str,
) -> BoxFuture<'a, Result<(), SagaError>> {
    Box::pin(async move {
        let category = category(saga);
        let Some(parked) = parked(core, &category, position).await? else {
            return Err(SagaError::NotNow {
                instance: parked_stream(&category, position)?,
                reason: "no event is parked at this position".to_owned(),
            });
        };
        let Some(event) = parked.event else {
            return Err(not_now(&parked.stream, "its event is not in the store"));
        };
        let record = SagaEvent::from(InputRetried {
            event: event.event_id,
            name: event.name.to_string(),
            by: by.to_owned(),
            reason: reason.to_owned(),
        });
        let base = ended(&parked.stream, parked.version, record, &event, by)?;
        let taken = match (core.manager(&category), core.newest(&category)) {
            (Some(manager), _) => process::take_parked(core, manager, &event, base).await?,
            (None, Some(saga)) => {
                input::take_parked(core, &category, &**saga, &event, base).await?
            }
            (None, None) => {
                let saga = saga.to_owned();
                return Err(SagaError::NotRegistered { saga });
            }
        };
        match taken {
            Taken::All => Ok(()),
            Taken::Rejected(why) => {
                let why = format!("it still cannot be taken: {why}");
                Err(not_now(&parked.stream, &why))
            }
            Taken::Conflict | Taken::CursorMoved => Err(not_now(
                &parked.stream,
                "another process changed it; try again",
            )),
        }
    })
}

/// Skips an event that is parked, or that is the next one.
fn skip<'a>(
    core: &'a Core,
    saga: &'a str,
    position: Position,
    by: &'a str,
    reason: &'a str,
) -> BoxFuture<'a, Result<(), SagaError>> {
    Box::pin(async move {
        let category = category(saga);
        let skipped = |event: EventId, name: &str| {
            SagaEvent::from(EventSkipped {
                event,
                name: name.to_owned(),
                by: by.to_owned(),
                reason: reason.to_owned(),
            })
        };
        if let Some(parked) = parked(core, &category, position).await? {
            let record = skipped(parked.record.event, &parked.record.name);
            let commit = ended(&parked.stream, parked.version, record, &parked.recorded, by)?;
            return match core.store.commit(commit).await {
                Ok(_) => Ok(()),
                Err(error) => Err(error.into()),
            };
        }
        let record = StreamId::new("saga-input", saga)?;
        let Some(filter) = core.filter(&category) else {
            return Err(SagaError::NotRegistered {
                saga: saga.to_owned(),
            });
        };
        let place = place_of(core, &category, filter.clone()).await?;
        let mut from = place.start();
        let event = loop {
            let page = core
                .store
                .read_feed(from, &filter, ReadLimit::default())
                .await?;
            let last = page.events.last().map(|event| event.position);
            let ahead = page.events.into_iter().find(|event| place.is_ahead(event));
            match (ahead, last) {
                (Some(event), _) if event.position == position => break event,
                (Some(other), _) => {
                    let why = format!("the next event is at position {}", other.position);
                    return Err(not_now(&record, &why));
                }
                (None, None) if page.at_end => {
                    return Err(not_now(&record, "there is no next event"));
                }
                (None, last) => from = last.unwrap_or(page.next),
            }
        };
        let metadata = event.following().with_user(by);
        let mut append = append_of(
            &record,
            0,
            &[skipped(event.event_id, &event.name)],
            metadata,
            None,
        )?;
        append.expected = ExpectedVersion::Any;
        let commit = Commit::new()
            .append(append)
            .cursor(place.moved(position)?.0);
        match core.store.commit(commit).await {
            Ok(_) => Ok(()),
            Err(CommitError::CursorMoved { .. }) => {
                Err(not_now(&record, "the input has moved on meanwhile"))
            }
            Err(error) => Err(error.into()),
        }
    })
}

/// The input that is parked at this position.
async fn parked(
    core: &Core,
    category: &str,
    position: Position,
) -> Result<Option<FoundInput>, SagaError> {
    let store = &core.store;
    let stream = parked_stream(category, position)?;
    let row = row_of(store, &stream).await?;
    if row.is_none_or(|row| row.status != WorkStatus::Parked) {
        return Ok(None);
    }
    let range = StreamRange::forward(0);
    let history = store
        .read_stream(&stream, range, ReadLimit::default())
        .await?;
    let mut found = None;
    for recorded in history {
        let version = recorded.version;
        if let SagaEvent::InputParked(record) = decode(&recorded)? {
            found = Some((record, recorded, version));
        } else if let Some((_, _, newest)) = &mut found {
            *newest = version;
        }
    }
    let Some((record, recorded, version)) = found else {
        return Ok(None);
    };
    let of = StreamId::new(&record.aggregate, &record.of)?;
    let range = StreamRange::forward(record.version.saturating_sub(1));
    let page = store.read_stream(&of, range, ReadLimit::events(1)).await?;
    let event = page
        .into_iter()
        .find(|event| event.event_id == record.event);
    Ok(Some(FoundInput {
        stream,
        version,
        record,
        recorded,
        event,
    }))
}

/// A parked input.
struct FoundInput {
    stream: StreamId,
    version: u64,
    record: InputParked,
    /// The same, as it is stored.
    recorded: RecordedEvent,
    /// The event, `None` when it is not in the store.
    event: Option<RecordedEvent>,
}

fn not_now(instance: &StreamId, reason: &str) -> SagaError {
    SagaError::NotNow {
        instance: instance.clone(),
        reason: reason.to_owned(),
    }
}

/// Records what became of a parked input, and ends its work item.
fn ended(
    stream: &StreamId,
    version: u64,
    record: SagaEvent,
    cause: &RecordedEvent,
    by: &str,
) -> Result<Commit, SagaError> {
    let metadata = cause.following().with_user(by);
    let row = row_of_input(stream, &record);
    let mut commit = Commit::new().append(append_of(stream, version, &[record], metadata, None)?);
    commit.work.extend(row);
    Ok(commit)
}
