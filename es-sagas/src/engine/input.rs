//! Reads the feed. Each event that starts or cancels a saga leads to one transaction: the saga's events, the
//! event's id (so that it is taken once), and the move of the cursor.

use super::{
    commit::{
        MAX_ATTEMPTS, append_of, contended, info_for, is_rejected_for_good, may_decide_again,
        pause_after, rejected_for_good,
    },
    core::Core,
    cursor::{
        MAX_BATCH, Place, Progress, ReadAhead, Taken, commit_base, place_of, was_taken_before,
    },
    load::{is_transient, load},
    parked::{park_input, unreadable_event},
    unreadable::unreadable_row,
};
use crate::{
    decide::Draft,
    definition::{ErasedSaga, Routed, Unrouted},
    error::SagaError,
    log::{CancelRequested, InputIgnored, SagaEvent},
    metrics, process, trace,
};
use es_runtime::{
    Append, AppendId, Commit, CommitError, CommitStore, EventStore, ExpectedVersion, LoadError,
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
pub(crate) async fn read_on(
    core: &Core,
    category: &str,
    ahead: &mut ReadAhead,
) -> Result<Progress, SagaError> {
    if let Some(manager) = core.manager(category) {
        return process::read_on(core, manager, ahead).await;
    }
    let Some(definition) = core.newest(category) else {
        return Ok(Progress::CaughtUp(Position::START));
    };
    let mut place = place_of(core, category, definition.filter()).await?;
    let mut page = core
        .store
        .read_feed(
            ahead.read_from(&place),
            &definition.filter(),
            core.settings.page,
        )
        .await?;
    let progress = Progress::after(&page);
    page.events.retain(|event| place.is_ahead(event));
    let mut rest = page.events.as_slice();
    while let Some(first) = rest.first() {
        let group = match group(&**definition, category, rest) {
            Ok(group) => group,
            Err(Unrouted::Unreadable(reason)) => {
                return Err(unreadable_event(category, first, reason));
            }
            Err(Unrouted::Failed(reason)) => {
                let (moved, next) = place.moved(first.position)?;
                let base = Commit::new().cursor(moved);
                match park_input(core, category, base, first, &reason).await? {
                    Taken::All => {
                        metrics::took(category, 1);
                        place = next;
                    }
                    _ => return Ok(Progress::More),
                }
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
        };
        let (mut taken, mut next) = take_group(core, category, &place, &group).await?;
        let mut count = group.len();
        if count > 1 && matches!(taken, Taken::Conflict | Taken::Rejected(_)) {
            // One of them was taken before, or another writer was first: take them one by one.
            let first = Group::of(group.events.into_iter().take(1).collect());
            (taken, next) = take_group(core, category, &place, &first).await?;
            count = 1;
        }
        if let Taken::Rejected(reason) = &taken {
            let base = Commit::new().cursor(place.moved(first.position)?.0);
            taken = park_input(core, category, base, first, reason).await?;
        }
        match taken {
            Taken::All => {
                metrics::took(category, count);
                place = next;
            }
            _ => return Ok(Progress::More),
        }
        rest = rest.get(count..).unwrap_or_default();
    }
    ahead.advance(core, place, page.next).await?;
    Ok(progress)
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

/// The first events that can share a transaction, or why the first one cannot be taken.
fn group<'e>(
    definition: &dyn ErasedSaga,
    category: &str,
    events: &'e [RecordedEvent],
) -> Result<Group<'e>, Unrouted> {
    let mut seen: Vec<String> = Vec::new();
    let mut taken = Vec::new();
    for event in events.iter().take(MAX_BATCH) {
        let requests = match requests(definition, category, event) {
            Ok(requests) => requests,
            // The events before it are taken first.
            Err(_) if !taken.is_empty() => break,
            Err(error) => return Err(error),
        };
        if requests
            .iter()
            .any(|r| seen.iter().any(|id| id == r.routed.id()))
        {
            break;
        }
        seen.extend(
            requests
                .iter()
                .map(|request| request.routed.id().to_owned()),
        );
        taken.push((event, requests));
    }
    Ok(Group::of(taken))
}

/// What an event asks for.
fn requests<'e>(
    definition: &dyn ErasedSaga,
    category: &str,
    event: &'e RecordedEvent,
) -> Result<Vec<Request<'e>>, Unrouted> {
    let route = || catch_unwind(AssertUnwindSafe(|| definition.route(event)));
    let routed = trace::routing(category, event, route);
    let panicked = |_| Unrouted::Failed("the function that handles it panicked".to_owned());
    let routed = routed.map_err(panicked)??;
    for routed in &routed {
        StreamId::new(category, routed.id())
            .map_err(|e| Unrouted::Failed(format!("its function returned an invalid id: {e}")))?;
    }
    Ok(routed
        .into_iter()
        .map(|routed| Request { event, routed })
        .collect())
}

/// Takes the events of a group, in one transaction with the move of the cursor. Returns the place after it.
async fn take_group(
    core: &Core,
    category: &str,
    place: &Place,
    group: &Group<'_>,
) -> Result<(Taken, Place), SagaError> {
    let last = group
        .events
        .last()
        .map_or(Position::START, |(event, _)| event.position);
    let (moved, next) = place.moved(last)?;
    let base = Commit::new().cursor(moved);
    Ok((take(core, category, &base, group).await?, next))
}

/// Takes one event that was parked, in one transaction with `base`.
pub(crate) async fn take_parked(
    core: &Core,
    category: &str,
    definition: &dyn ErasedSaga,
    event: &RecordedEvent,
    base: Commit,
) -> Result<Taken, SagaError> {
    let requests = match requests(definition, category, event) {
        Ok(requests) => requests,
        Err(Unrouted::Unreadable(why) | Unrouted::Failed(why)) => return Ok(Taken::Rejected(why)),
    };
    take(core, category, &base, &Group::of(vec![(event, requests)])).await
}

/// Takes the events of a group, in one transaction with `base`.
async fn take(
    core: &Core,
    category: &str,
    base: &Commit,
    group: &Group<'_>,
) -> Result<Taken, SagaError> {
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
        let mut commit = base.clone();
        for (id, requests) in &requests {
            let Some(first) = requests.first() else {
                continue;
            };
            let instance = StreamId::new(category, id)?;
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
            let metadata = first.event.following();
            let append = append_of(&instance, loaded.version, &draft.events, metadata, input);
            let append = match append {
                Ok(append) => append,
                Err(error) => return rejected_for_good(&error).map(Taken::Rejected).ok_or(error),
            };
            commit = commit.append(append).work(draft.row());
        }
        match core.store.commit(commit).await {
            Ok(_) => return Ok(Taken::All),
            Err(CommitError::CursorMoved { .. }) => return Ok(Taken::CursorMoved),
            Err(error) if was_taken_before(&error) => {
                if group.len() > 1 {
                    return Ok(Taken::Conflict);
                }
                return commit_base(core, base.clone()).await;
            }
            Err(error) if is_rejected_for_good(&error) => {
                return Ok(Taken::Rejected(error.to_string()));
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
async fn store_unread(
    core: &Core,
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
    let metadata = first.map(RecordedEvent::following).unwrap_or_default();
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
