//! Reads the feed for process managers. Each event leads to one transaction: everything that follows from it,
//! and the move of the cursor. Independent events share a transaction.

use super::{
    kind::Manager,
    run::{Input, RejectedCommit, decide, store_unread},
};
use crate::{
    definition::Unrouted,
    engine::{
        commit::{MAX_ATTEMPTS, contended, is_rejected_for_good, may_decide_again, pause_after},
        core::Core,
        cursor::{MAX_BATCH, Progress, ReadAhead, Taken, commit_base, place_of, was_taken_before},
        load::is_transient,
        parked::{park_input, unreadable_event},
        unreadable::unreadable_row,
    },
    error::SagaError,
    metrics,
    names::category,
    trace,
};
use es_runtime::{
    Append, Commit, CommitError, CommitStore, EventStore, Position, RecordedEvent, StreamId,
    WorkChange, WorkQueue,
};
use std::collections::BTreeSet;

/// An event and the instances that it is for, or why they are not known.
struct Routed<'e> {
    event: &'e RecordedEvent,
    instances: Result<Vec<StreamId>, String>,
}

/// Reads one page of the events of a process manager.
pub(crate) async fn read_on(
    core: &Core,
    manager: &dyn Manager,
    ahead: &mut ReadAhead,
) -> Result<Progress, SagaError> {
    let category = category(manager.name());
    let mut place = place_of(core, &category, manager.filter()).await?;
    let mut page = core
        .store
        .read_feed(
            ahead.read_from(&place),
            &manager.filter(),
            core.settings.page,
        )
        .await?;
    let progress = Progress::after(&page);
    page.events.retain(|event| place.is_ahead(event));
    let mut inputs = Vec::new();
    let mut blocked = None;
    let mut passed = place.start();
    for event in &page.events {
        match route(manager, &category, event) {
            // Events for no instance are passed with the page.
            Ok(routed) if routed.is_empty() => {}
            Ok(instances) => inputs.push(Routed {
                event,
                instances: Ok(instances),
            }),
            Err(Unrouted::Failed(why)) => inputs.push(Routed {
                event,
                instances: Err(why),
            }),
            Err(Unrouted::Unreadable(why)) => {
                blocked = Some(unreadable_event(&category, event, why));
                break;
            }
        }
        passed = event.position;
    }
    let mut rest = inputs.as_slice();
    let mut batch = MAX_BATCH;
    while let Some(first) = rest.first() {
        if let Err(reason) = &first.instances {
            let (moved, next) = place.moved(first.event.position)?;
            let base = Commit::new().cursor(moved);
            match park_input(core, &category, base, first.event, reason).await? {
                Taken::All => {
                    metrics::took(&category, 1);
                    place = next;
                }
                _ => return Ok(Progress::More),
            }
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
        let good = rest
            .iter()
            .take(batch)
            .take_while(|routed| routed.instances.is_ok());
        let group = rest.get(..good.count()).unwrap_or(rest);
        let base = |to| Ok(Commit::new().cursor(place.moved(to)?.0));
        let (mut taken, mut count) = take(core, manager, &base, group).await?;
        if let Taken::Rejected(reason) = &taken {
            let base = base(first.event.position)?;
            taken = park_input(core, &category, base, first.event, reason).await?;
            count = 1;
        }
        match taken {
            Taken::All => {
                metrics::took(&category, count);
                if let Some(last) = count.checked_sub(1).and_then(|last| rest.get(last)) {
                    place = place.moved(last.event.position)?.1;
                }
                rest = rest.get(count..).unwrap_or_default();
                batch = batch.saturating_mul(2).min(MAX_BATCH);
            }
            // One of them prevents the commit. Find out which, one by one.
            Taken::Conflict if batch > 1 => batch = 1,
            _ => return Ok(Progress::More),
        }
    }
    if let Some(error) = blocked {
        // So that the event that blocks is the next one, which an operator can skip.
        ReadAhead::default().advance(core, place, passed).await?;
        return Err(error);
    }
    ahead.advance(core, place, page.next).await?;
    Ok(progress)
}

/// The instances that an event is for.
fn route(
    manager: &dyn Manager,
    category: &str,
    event: &RecordedEvent,
) -> Result<Vec<StreamId>, Unrouted> {
    let ids = manager.route(event)?;
    let instances = ids.iter().map(|id| {
        StreamId::new(category, id).map_err(|error| {
            Unrouted::Failed(format!("`correlate` returned an invalid id: {error}"))
        })
    });
    instances.collect()
}

/// Takes one event that was parked, in one transaction with `base`.
pub(crate) async fn take_parked(
    core: &Core,
    manager: &dyn Manager,
    event: &RecordedEvent,
    base: Commit,
) -> Result<Taken, SagaError> {
    let instances = match route(manager, &category(manager.name()), event) {
        Ok(instances) => Ok(instances),
        Err(Unrouted::Unreadable(why) | Unrouted::Failed(why)) => return Ok(Taken::Rejected(why)),
    };
    let group = [Routed { event, instances }];
    let (taken, _) = take(core, manager, &|_| Ok(base.clone()), &group).await?;
    Ok(taken)
}

/// Takes events of a group, as many as can share a transaction, together with what `base` gives for the last of
/// them. A single event is retried until it is taken. Returns how many were taken.
async fn take(
    core: &Core,
    manager: &dyn Manager,
    base: &(impl Fn(Position) -> Result<Commit, SagaError> + Sync),
    group: &[Routed<'_>],
) -> Result<(Taken, usize), SagaError> {
    let mut attempt = 0;
    let mut rejected_commit: Option<RejectedCommit> = None;
    loop {
        attempt += 1;
        let decided = decide_all(core, manager, group, rejected_commit.as_ref()).await?;
        let Some(last) = decided.last else {
            return Ok((Taken::All, group.len()));
        };
        let count = decided.count;
        let base = base(last)?;
        let mut commit = base.clone();
        commit.appends.extend(decided.appends);
        commit.work.extend(decided.rows);
        match core.store.commit(commit).await {
            Ok(_) => return Ok((Taken::All, count)),
            Err(CommitError::CursorMoved { .. }) => return Ok((Taken::CursorMoved, 0)),
            Err(_) if group.len() > 1 => return Ok((Taken::Conflict, 0)),
            Err(error) if was_taken_before(&error) => {
                return Ok((commit_base(core, base).await?, 1));
            }
            Err(error) if is_rejected_for_good(&error) => {
                match RejectedCommit::after(&error, rejected_commit.as_ref()) {
                    None => return Ok((Taken::Rejected(error.to_string()), 0)),
                    again => rejected_commit = again,
                }
            }
            Err(error) if may_decide_again(&error) && attempt < MAX_ATTEMPTS => {
                pause_after(&error, attempt).await;
            }
            Err(error) => {
                let instances = group
                    .first()
                    .and_then(|routed| routed.instances.as_ref().ok());
                return Err(match instances.and_then(|instances| instances.first()) {
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
async fn decide_all(
    core: &Core,
    manager: &dyn Manager,
    group: &[Routed<'_>],
    rejected_commit: Option<&RejectedCommit>,
) -> Result<DecidedAll, SagaError> {
    let now = core.store.now().await?;
    let mut all = DecidedAll::default();
    let mut changed: BTreeSet<StreamId> = BTreeSet::new();
    for routed in group {
        let instances = routed.instances.as_deref().unwrap_or_default();
        if instances.iter().any(|id| changed.contains(id)) {
            break;
        }
        let input = Input::New(routed.event);
        let (mut appends, mut rows, mut streams_read) = (Vec::new(), Vec::new(), Vec::new());
        for instance in instances {
            let siblings = appends.as_slice();
            let decided = decide(
                &core.store,
                manager,
                instance,
                &input,
                now,
                siblings,
                rejected_commit,
            );
            match trace::handling(instance.aggregate(), routed.event, decided).await {
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
