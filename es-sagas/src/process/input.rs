//! Reading the feed for process managers: events become transactions of all that follows from them and
//! the place in the feed. Those that have nothing to do with each other share one.

use super::{
    kind::Manager,
    run::{Input, decide, keep},
};
use crate::{
    engine::{
        commit::{MAX_ATTEMPTS, contended, is_rejected_for_good, may_decide_again, pause_after},
        core::Core,
        cursor::{MAX_BATCH, Progress, ReadAhead, Taken, begin, is_taken, skip},
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
    let mut at = begin(core, &category).await?;
    let page = core
        .store
        .read_feed(ahead.from(at), &manager.filter(), core.settings.page)
        .await?;
    let mut inputs = Vec::new();
    let mut unreadable = None;
    for event in &page.events {
        match route(manager, &category, event) {
            // Events for nobody are passed with the page.
            Ok(routed) if routed.instances.is_empty() => {}
            Ok(routed) => inputs.push(routed),
            Err(error) => {
                unreadable = Some(error);
                break;
            }
        }
    }
    let mut rest = inputs.as_slice();
    let mut at_most = MAX_BATCH;
    while !rest.is_empty() {
        let group = rest.get(..at_most).unwrap_or(rest);
        match take(core, manager, &category, at, group).await? {
            TakenEvents::First(count) => {
                if let Some(last) = count.checked_sub(1).and_then(|last| rest.get(last)) {
                    at = last.event.position;
                }
                rest = rest.get(count..).unwrap_or_default();
                at_most = at_most.saturating_mul(2).min(MAX_BATCH);
            }
            // One of them stands against all; where it is found out one by one.
            TakenEvents::None => at_most = 1,
            TakenEvents::Moved => return Ok(Progress::Made),
        }
    }
    if let Some(error) = unreadable {
        return Err(error);
    }
    ahead.pass(core, &category, at, page.next).await?;
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
            .map_err(|error| failed(format!("the id that `correlate` gave: {error}")))
    });
    Ok(Routed {
        event,
        instances: instances.collect::<Result<_, _>>()?,
    })
}

/// How many of a group were taken.
enum TakenEvents {
    /// So many from its start.
    First(usize),
    /// None, and fewer at once may be.
    None,
    /// Another process moved the cursor.
    Moved,
}

/// Takes events of a group, as many as can share a transaction, with the move of the cursor behind
/// them. A single one is tried until it is taken.
async fn take<S: WorkQueue>(
    core: &Core<S>,
    manager: &dyn Manager,
    category: &str,
    from: Position,
    group: &[Routed<'_>],
) -> Result<TakenEvents, SagaError> {
    let mut attempt = 0;
    let mut cannot: Option<String> = None;
    loop {
        attempt += 1;
        let decided = decide_all(core, manager, group, cannot.as_deref()).await?;
        let Some(last) = decided.last else {
            return Ok(TakenEvents::First(group.len()));
        };
        let count = decided.count;
        // Compared with where the page was read from: another process may have moved it since.
        let mut commit = Commit::new().cursor(CursorMove::new(category, Some(from), last));
        commit.appends = decided.appends;
        commit.work = decided.rows;
        match core.store.commit(commit).await {
            Ok(_) => return Ok(TakenEvents::First(count)),
            Err(CommitError::CursorMoved { .. }) => return Ok(TakenEvents::Moved),
            Err(_) if group.len() > 1 => return Ok(TakenEvents::None),
            Err(error) if is_taken(&error) => {
                return Ok(match skip(core, category, Some(from), last).await? {
                    Taken::All => TakenEvents::First(1),
                    Taken::Not | Taken::Moved => TakenEvents::Moved,
                });
            }
            Err(error) if is_rejected_for_good(&error) && cannot.is_none() => {
                cannot = Some(error.to_string());
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

/// Decides on events of a group up to the first one that depends on what an earlier one changes: each is
/// decided on what is stored.
async fn decide_all<S: WorkQueue>(
    core: &Core<S>,
    manager: &dyn Manager,
    group: &[Routed<'_>],
    cannot: Option<&str>,
) -> Result<DecidedAll, SagaError> {
    let now = core.store.now().await?;
    let mut all = DecidedAll::default();
    let mut changed: BTreeSet<StreamId> = BTreeSet::new();
    for routed in group {
        if routed.instances.iter().any(|id| changed.contains(id)) {
            break;
        }
        let input = Input::New(routed.event);
        let (mut appends, mut rows, mut looked_at) = (Vec::new(), Vec::new(), Vec::new());
        for instance in &routed.instances {
            let siblings = appends.as_slice();
            let decided = decide(
                &core.store,
                manager,
                instance,
                &input,
                now,
                siblings,
                cannot,
            );
            match decided.await {
                Ok(Some(decided)) => {
                    appends.extend(decided.appends);
                    rows.push(decided.row);
                    looked_at.extend(decided.looked_at);
                }
                Ok(None) => {}
                Err(SagaError::Load(why)) if !is_transient(&why) => {
                    appends.push(keep(instance, routed.event)?);
                    rows.push(unreadable_row(core, instance, &why).await?);
                    looked_at.push(instance.clone());
                }
                Err(error) => return Err(error),
            }
        }
        if looked_at.iter().any(|stream| changed.contains(stream)) {
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
