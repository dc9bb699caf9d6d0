//! Reads the feed. Each event that starts or cancels a saga leads to one transaction: the saga's events, the
//! event's id (so that it is taken once), and the move of the cursor.

use super::{
    commit::{MAX_ATTEMPTS, append_of, contended, info_for, may_decide_again, pause_after},
    core::Core,
    cursor::{MAX_BATCH, Progress, ReadAhead, Taken, cursor_of, skip_to, was_taken_before},
    load::{is_transient, load},
    unreadable::unreadable_row,
};
use crate::{
    decide::Draft,
    definition::{ErasedSaga, Routed},
    error::SagaError,
    log::{CancelRequested, InputIgnored, SagaEvent},
    process,
};
use es_runtime::{
    Append, AppendId, Commit, CommitError, CursorMove, ExpectedVersion, LoadError, Metadata,
    Position, RecordedEvent, StreamId, WorkChange, WorkQueue,
};
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// A start or a cancellation of one instance, with the event that asked for it.
struct Request<'e> {
    event: &'e RecordedEvent,
    routed: Routed,
}

/// Reads one page of events for a saga or a process manager.
pub(crate) async fn read_on<S: WorkQueue>(
    core: &Core<S>,
    category: &str,
    ahead: &mut ReadAhead,
) -> Result<Progress, SagaError> {
    if let Some(manager) = core.manager(category) {
        return process::read_on(core, manager, ahead).await;
    }
    let Some(definition) = core.newest(category) else {
        return Ok(Progress::CaughtUp(Position::START));
    };
    let mut at = cursor_of(core, category).await?;
    let page = core
        .store
        .read_feed(
            ahead.read_from(at),
            &definition.filter(),
            core.settings.page,
        )
        .await?;
    let mut rest = page.events.as_slice();
    while !rest.is_empty() {
        let group = group(&**definition, category, rest)?;
        let taken = match take(core, category, at, &group).await? {
            Taken::All => group.len(),
            // One of them was taken before, or another writer was first: take them one by one.
            Taken::Conflict if group.len() > 1 => {
                let first = group.events.into_iter().take(1).collect();
                let first = Group::of(first);
                match take(core, category, at, &first).await? {
                    Taken::All => 1,
                    Taken::Conflict | Taken::CursorMoved => return Ok(Progress::More),
                }
            }
            Taken::Conflict | Taken::CursorMoved => return Ok(Progress::More),
        };
        if let Some(last) = rest.get(taken - 1) {
            at = last.position;
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    ahead.advance(core, category, at, page.next).await?;
    Ok(Progress::after(&page))
}

/// Events that can share a transaction, because no two of them are for the same saga.
struct Group<'e> {
    events: Vec<(&'e RecordedEvent, Vec<Request<'e>>)>,
}

impl<'e> Group<'e> {
    fn of(events: Vec<(&'e RecordedEvent, Vec<Request<'e>>)>) -> Self {
        Self { events }
    }

    fn len(&self) -> usize {
        self.events.len()
    }
}

fn group<'e>(
    definition: &dyn ErasedSaga,
    category: &str,
    events: &'e [RecordedEvent],
) -> Result<Group<'e>, SagaError> {
    let mut seen: Vec<String> = Vec::new();
    let mut taken = Vec::new();
    for event in events.iter().take(MAX_BATCH) {
        let failed = |reason: String| SagaError::Event {
            saga: category.to_owned(),
            position: event.position,
            reason,
        };
        let routed = catch_unwind(AssertUnwindSafe(|| definition.route(event)));
        let routed = routed
            .map_err(|_| "the function that handles it panicked".to_owned())
            .and_then(|routed| routed);
        let routed = match routed {
            Ok(routed) => routed,
            // The events before it are taken first.
            Err(_) if !taken.is_empty() => break,
            Err(reason) => return Err(failed(reason)),
        };
        if routed.iter().any(|r| seen.iter().any(|id| id == r.id())) {
            break;
        }
        seen.extend(routed.iter().map(|routed| routed.id().to_owned()));
        let requests = routed.into_iter().map(|routed| Request { event, routed });
        taken.push((event, requests.collect()));
    }
    Ok(Group::of(taken))
}

/// Takes the events of a group, in one transaction with the move of the cursor.
async fn take<S: WorkQueue>(
    core: &Core<S>,
    category: &str,
    from: Position,
    group: &Group<'_>,
) -> Result<Taken, SagaError> {
    let Some((last, _)) = group.events.last() else {
        return Ok(Taken::All);
    };
    // Two requests for the same saga come from one event: a start, then a cancellation.
    let mut requests: BTreeMap<&str, Vec<&Request<'_>>> = BTreeMap::new();
    for one in group.events.iter().flat_map(|(_, requests)| requests) {
        requests.entry(one.routed.id()).or_default().push(one);
    }
    let space = core.space().await?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let now = core.store.now().await?;
        // The store compares the cursor, because another process may have moved it.
        let moved = CursorMove::new(category, Some(from), last.position);
        let mut commit = Commit::new().cursor(moved);
        for (id, requests) in &requests {
            let Some(first) = requests.first() else {
                continue;
            };
            let instance = StreamId::new(category, id).map_err(|e| SagaError::Event {
                saga: category.to_owned(),
                position: first.event.position,
                reason: format!("its function returned an invalid id: {e}"),
            })?;
            let loaded = match load(&core.store, &instance).await {
                Ok(loaded) => loaded,
                Err(error) if is_transient(&error) => return Err(error.into()),
                Err(unreadable) => {
                    let (append, row) =
                        store_unread(core, &instance, requests, &unreadable).await?;
                    commit = commit.append(append).work(row);
                    continue;
                }
            };
            // When all definitions are frozen, nothing starts.
            let Some(info) = info_for(core, &instance, &loaded) else {
                continue;
            };
            let mut draft = loaded.draft(&instance, &info, &space, now);
            for request in requests {
                apply_request(&mut draft, request);
            }
            if draft.events.is_empty() {
                continue;
            }
            let input = Some(AppendId::from(first.event.event_id));
            let metadata = Metadata::following(first.event);
            let append = append_of(&instance, loaded.version, &draft.events, metadata, input)?;
            commit = commit.append(append).work(draft.row());
        }
        match core.store.commit(commit).await {
            Ok(_) => return Ok(Taken::All),
            Err(CommitError::CursorMoved { .. }) => return Ok(Taken::CursorMoved),
            Err(error) if was_taken_before(&error) => {
                if group.len() > 1 {
                    return Ok(Taken::Conflict);
                }
                return skip_to(core, category, Some(from), last.position).await;
            }
            // A conflict on one of them must not block the others.
            Err(_) if group.len() > 1 && attempt > 1 => return Ok(Taken::Conflict),
            Err(error) if may_decide_again(&error) && attempt < MAX_ATTEMPTS => {
                pause_after(&error, attempt).await;
            }
            Err(error) => {
                let instance = StreamId::new(category, requests.keys().next().unwrap_or(&"?"))?;
                return Err(contended(&instance, attempt, error));
            }
        }
    }
}

/// Stores an input of a saga whose stream this program cannot read, for a program that can.
async fn store_unread<S: WorkQueue>(
    core: &Core<S>,
    instance: &StreamId,
    requests: &[&Request<'_>],
    why: &LoadError,
) -> Result<(Append, WorkChange), SagaError> {
    let events = requests.iter().map(|request| {
        let (event, name) = (request.event.event_id, request.event.name.to_string());
        match request.routed {
            Routed::Start { .. } => SagaEvent::from(InputIgnored {
                event,
                name,
                why: "the saga has started before".to_owned(),
            }),
            Routed::Cancel { .. } => SagaEvent::from(CancelRequested { event, name }),
        }
    });
    let events: Vec<_> = events.collect();
    let first = requests.first().map(|request| request.event);
    let metadata = first.map(Metadata::following).unwrap_or_default();
    let input = first.map(|event| AppendId::from(event.event_id));
    let mut append = append_of(instance, 0, &events, metadata, input)?;
    append.expected = ExpectedVersion::Any;
    Ok((append, unreadable_row(core, instance, why).await?))
}

fn apply_request(draft: &mut Draft<'_>, request: &Request<'_>) {
    let event = (request.event.event_id, &*request.event.name);
    match &request.routed {
        Routed::Start { input, .. } => draft.start(input.clone(), Some(event)),
        // The saga has not started, so there is nothing to undo. A later start is not affected.
        Routed::Cancel { .. } if draft.state.started.is_none() => {}
        Routed::Cancel { .. } => draft.cancel(event.0, event.1),
    }
}
