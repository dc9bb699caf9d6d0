//! Reads the feed for process managers. Each event leads to one transaction: everything that follows from it,
//! and the move of the cursor. Independent events share a transaction.

use super::{
    kind::Manager,
    run::{Input, decide, store_unread},
};
use crate::{
    engine::{
        commit::{MAX_ATTEMPTS, contended, is_rejected_for_good, may_decide_again, pause_after},
        core::Core,
        cursor::{MAX_BATCH, Progress, ReadAhead, Taken, cursor_of, skip_to, was_taken_before},
        load::is_transient,
        unreadable::unreadable_row,
    },
    error::SagaError,
    names::category,
};
use es_runtime::{
    Append, Commit, CommitError, CursorMove, Position, RecordedEvent, StreamId, WorkChange,
    WorkQueue,
};
use std::collections::BTreeSet;

/// An event and the instances that it is for.
struct Routed<'e> {
    event: &'e RecordedEvent,
    instances: Vec<StreamId>,
}

/// Reads one page of the events of a process manager.
pub(crate) async fn read_on<S: WorkQueue>(
    core: &Core<S>,
    manager: &dyn Manager,
    ahead: &mut ReadAhead,
) -> Result<Progress, SagaError> {
    let category = category(manager.name());
    let mut at = cursor_of(core, &category).await?;
    let page = core
        .store
        .read_feed(ahead.read_from(at), &manager.filter(), core.settings.page)
        .await?;
    let mut inputs = Vec::new();
    let mut unreadable = None;
    for event in &page.events {
        match route(manager, &category, event) {
            // Events for no instance are passed with the page.
            Ok(routed) if routed.instances.is_empty() => {}
            Ok(routed) => inputs.push(routed),
            Err(error) => {
                unreadable = Some(error);
                break;
            }
        }
    }
    let mut rest = inputs.as_slice();
    let mut batch = MAX_BATCH;
    while !rest.is_empty() {
        let group = rest.get(..batch).unwrap_or(rest);
        match take(core, manager, &category, at, group).await? {
            TakenEvents::First(count) => {
                if let Some(last) = count.checked_sub(1).and_then(|last| rest.get(last)) {
                    at = last.event.position;
                }
                rest = rest.get(count..).unwrap_or_default();
                batch = batch.saturating_mul(2).min(MAX_BATCH);
            }
            // One of them prevents the commit. Find out which, one by one.
            TakenEvents::None => batch = 1,
            TakenEvents::CursorMoved => return Ok(Progress::More),
        }
    }
    if let Some(error) = unreadable {
        return Err(error);
    }
    ahead.advance(core, &category, at, page.next).await?;
    Ok(Progress::after(&page))
}

fn route<'e>(
    manager: &dyn Manager,
    category: &str,
    event: &'e RecordedEvent,
) -> Result<Routed<'e>, SagaError> {
    let failed = |reason| SagaError::Event {
        saga: manager.name().to_owned(),
        position: event.position,
        reason,
    };
    let ids = manager.route(event).map_err(failed)?;
    let instances = ids.iter().map(|id| {
        StreamId::new(category, id)
            .map_err(|error| failed(format!("`correlate` returned an invalid id: {error}")))
    });
    Ok(Routed {
        event,
        instances: instances.collect::<Result<_, _>>()?,
    })
}

/// How many events of a group were taken.
enum TakenEvents {
    /// This many from the start of the group.
    First(usize),
    /// None. A smaller group may succeed.
    None,
    /// Another process moved the cursor.
    CursorMoved,
}

/// Takes events of a group, as many as can share a transaction, together with the move of the cursor. A single
/// event is retried until it is taken.
async fn take<S: WorkQueue>(
    core: &Core<S>,
    manager: &dyn Manager,
    category: &str,
    from: Position,
    group: &[Routed<'_>],
) -> Result<TakenEvents, SagaError> {
    let mut attempt = 0;
    let mut rejected_for: Option<String> = None;
    loop {
        attempt += 1;
        let decided = decide_all(core, manager, group, rejected_for.as_deref()).await?;
        let Some(last) = decided.last else {
            return Ok(TakenEvents::First(group.len()));
        };
        let count = decided.count;
        // The store compares the cursor, because another process may have moved it.
        let mut commit = Commit::new().cursor(CursorMove::new(category, Some(from), last));
        commit.appends = decided.appends;
        commit.work = decided.rows;
        match core.store.commit(commit).await {
            Ok(_) => return Ok(TakenEvents::First(count)),
            Err(CommitError::CursorMoved { .. }) => return Ok(TakenEvents::CursorMoved),
            Err(_) if group.len() > 1 => return Ok(TakenEvents::None),
            Err(error) if was_taken_before(&error) => {
                return Ok(match skip_to(core, category, Some(from), last).await? {
                    Taken::All => TakenEvents::First(1),
                    Taken::Conflict | Taken::CursorMoved => TakenEvents::CursorMoved,
                });
            }
            Err(error) if is_rejected_for_good(&error) && rejected_for.is_none() => {
                rejected_for = Some(error.to_string());
            }
            Err(error) if may_decide_again(&error) && attempt < MAX_ATTEMPTS => {
                pause_after(&error, attempt).await;
            }
            Err(error) => {
                let first = group.first().and_then(|routed| routed.instances.first());
                return Err(match first {
                    Some(instance) => contended(instance, attempt, error),
                    None => error.into(),
                });
            }
        }
    }
}

/// What follows from the first events of a group.
#[derive(Default)]
struct DecidedAll {
    count: usize,
    last: Option<Position>,
    appends: Vec<Append>,
    rows: Vec<WorkChange>,
}

/// Decides on events of a group, up to the first one that depends on the result of an earlier one. Each is
/// decided on the stored state.
async fn decide_all<S: WorkQueue>(
    core: &Core<S>,
    manager: &dyn Manager,
    group: &[Routed<'_>],
    rejected_for: Option<&str>,
) -> Result<DecidedAll, SagaError> {
    let now = core.store.now().await?;
    let mut all = DecidedAll::default();
    let mut changed: BTreeSet<StreamId> = BTreeSet::new();
    for routed in group {
        if routed.instances.iter().any(|id| changed.contains(id)) {
            break;
        }
        let input = Input::New(routed.event);
        let (mut appends, mut rows, mut streams_read) = (Vec::new(), Vec::new(), Vec::new());
        for instance in &routed.instances {
            let siblings = appends.as_slice();
            let decided = decide(
                &core.store,
                manager,
                instance,
                &input,
                now,
                siblings,
                rejected_for,
            );
            match decided.await {
                Ok(Some(decided)) => {
                    appends.extend(decided.appends);
                    rows.push(decided.row);
                    streams_read.extend(decided.streams_read);
                }
                Ok(None) => {}
                Err(SagaError::Load(why)) if !is_transient(&why) => {
                    appends.push(store_unread(instance, routed.event)?);
                    rows.push(unreadable_row(core, instance, &why).await?);
                    streams_read.push(instance.clone());
                }
                Err(error) => return Err(error),
            }
        }
        if streams_read.iter().any(|stream| changed.contains(stream)) {
            break;
        }
        changed.extend(appends.iter().map(|append: &Append| append.stream.clone()));
        all.appends.append(&mut appends);
        all.rows.append(&mut rows);
        all.count += 1;
        all.last = Some(routed.event.position);
    }
    Ok(all)
}
