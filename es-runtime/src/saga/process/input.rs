//! Reading the feed for process managers: each event is one transaction of all that follows from it
//! and the place in the feed.

use super::{
    kind::Manager,
    run::{Input, decide},
};
use crate::{
    Position, RecordedEvent, StreamId,
    saga::{
        Commit, CommitError, CursorMove, SagaError, SagaStore,
        commit::{ATTEMPTS, contended, may_decide_again, pause_after},
        input::{Taken, begin, is_taken, skip},
        names::category,
        runner::Core,
    },
};

/// Reads one page of the events of a process manager. `None` when there was nothing to read;
/// otherwise where it stands now.
pub(crate) async fn read_on<S: SagaStore>(
    core: &Core<S>,
    manager: &dyn Manager,
) -> Result<Option<Position>, SagaError> {
    let category = category(manager.name());
    let Some(mut at) = begin(core, &category).await? else {
        return Ok(None);
    };
    let page = core
        .store
        .read_feed(at, &manager.filter(), core.settings.page)
        .await?;
    for event in &page.events {
        let ids = manager.route(event).map_err(|reason| SagaError::Event {
            saga: manager.name().to_owned(),
            position: event.position,
            reason,
        })?;
        // Events for nobody are passed with the page.
        if ids.is_empty() {
            continue;
        }
        match take(core, manager, &category, at, event, &ids).await? {
            Taken::All => at = event.position,
            Taken::Not | Taken::Moved => return Ok(Some(at)),
        }
    }
    if page.next > at {
        skip(core, &category, Some(at), page.next).await?;
    }
    let stood_still = page.events.is_empty() && page.at_end;
    Ok((!stood_still).then_some(page.next))
}

/// Takes one event, in one transaction with the move of the cursor behind it.
async fn take<S: SagaStore>(
    core: &Core<S>,
    manager: &dyn Manager,
    category: &str,
    from: Position,
    event: &RecordedEvent,
    ids: &[String],
) -> Result<Taken, SagaError> {
    let broken = core.settings.broken;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let now = core.store.saga_time().await?;
        let expected = if broken.cursor {
            core.store.saga_cursor(category).await?
        } else {
            Some(from)
        };
        let mut commit = Commit::new().cursor(CursorMove::new(category, expected, event.position));
        for id in ids {
            let instance = StreamId::new(category, id).map_err(|e| SagaError::Event {
                saga: manager.name().to_owned(),
                position: event.position,
                reason: format!("the id that `correlate` gave: {e}"),
            })?;
            let input = Input::New(event);
            let row = decide(&core.store, manager, &instance, &input, now, &mut commit).await?;
            commit.rows.extend(row);
        }
        if broken.inbox {
            for append in &mut commit.appends {
                append.append_id = None;
            }
        }
        match core.store.commit(commit).await {
            Ok(_) => return Ok(Taken::All),
            Err(CommitError::CursorMoved { .. }) => return Ok(Taken::Moved),
            Err(error) if is_taken(&error) => {
                return skip(core, category, expected, event.position).await;
            }
            Err(error) if may_decide_again(&error) && attempt < ATTEMPTS => {
                pause_after(&error, attempt).await;
            }
            Err(error) => {
                let first = ids.first().map_or("?", String::as_str);
                let instance = StreamId::new(category, first)?;
                return Err(contended(&instance, attempt, error));
            }
        }
    }
}
