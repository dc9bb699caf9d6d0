//! What is true where the answer of a commit was lost, or where an event id is known already.

use super::{
    decide::Rows,
    writer::{Abandoned, Writer},
};
use crate::{
    connection::{Param, Tries},
    errors::{Failed, again, corrupt, storage},
    rows,
};
use es_runtime::{Append, AppendError, EventId, Outcome, StorageError, Timestamp, store::author};
use futures_util::future::join5;
use std::{
    collections::{HashMap, HashSet},
    sync::atomic::Ordering,
};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

impl Writer {
    /// Whether rows whose commit is in doubt are there. Takes the lock: the server gives it when the
    /// transaction that had it is at its end, whichever.
    pub(super) async fn find_out(
        &mut self,
        rows: &Rows<'_>,
        doubt: &StorageError,
    ) -> Result<Option<Found>, Abandoned> {
        let mut tries = Tries::within(self.settings.connector.patience);
        loop {
            match self.was_committed(rows).await {
                Ok(found) => {
                    if found.is_some() {
                        self.notifier
                            .counters
                            .resolved
                            .fetch_add(1, Ordering::Relaxed);
                    }
                    return Ok(found);
                }
                Err(_) if tries.another().await => {}
                Err(_) => {
                    return Err(Abandoned::Failed(Failed {
                        outcome: Outcome::Unknown,
                        error: again(doubt),
                    }));
                }
            }
        }
    }

    async fn was_committed(&mut self, rows: &Rows<'_>) -> Result<Option<Found>, StorageError> {
        let session = self.session().await?;
        let row = &rows.appends;
        let by_event: [Param<'_>; 1] = [(&rows.event_ids, Type::UUID_ARRAY)];
        let by_id: [Param<'_>; 3] = [
            (&row.aggregates, Type::TEXT_ARRAY),
            (&row.ids, Type::TEXT_ARRAY),
            (&row.append_ids, Type::TEXT_ARRAY),
        ];
        let (began, locked, events, appends, ended) = join5(
            session.client().batch_execute(&self.begin),
            session.rows(&self.statements.lock, &[]),
            session.rows(&self.statements.known_events, &by_event),
            session.rows(&self.statements.known_appends, &by_id),
            session.client().batch_execute("ROLLBACK"),
        )
        .await;
        began.map_err(storage)?;
        locked.map_err(storage)?;
        let (events, appends) = (events.map_err(storage)?, appends.map_err(storage)?);
        if ended.is_ok() {
            self.session = Some(session);
        }
        Ok(if rows.event_ids.is_empty() {
            records_found(rows, &appends)
        } else {
            events_found(rows, &events)
        })
    }

    /// The event of an append whose id is stored already, or is among those `before` it.
    pub(super) async fn which_is_known(
        &mut self,
        append: &Append,
        before: &HashSet<EventId>,
    ) -> AppendError {
        let ids = append.events.iter();
        let ids: Vec<Uuid> = ids
            .map(|event| Uuid::from_bytes(*event.id.as_bytes()))
            .collect();
        let look = async {
            let session = self.session().await?;
            let ids: [Param<'_>; 1] = [(&ids, Type::UUID_ARRAY)];
            let found = session.rows(&self.statements.known_events, &ids).await;
            let found = found.map_err(storage)?;
            self.session = Some(session);
            let known = found.iter().map(|row| row.try_get::<_, Uuid>(0));
            known
                .map(|id| id.map(|id| EventId::from_bytes(id.into_bytes())))
                .collect::<Result<HashSet<_>, _>>()
                .map_err(storage)
        };
        let known = match look.await {
            Ok(known) => known,
            Err(error) => return author::not_applied(append, error),
        };
        let is_known = |id| known.contains(&id) || before.contains(&id);
        if let Err(duplicate) = author::check_event_ids(append, is_known) {
            return duplicate;
        }
        author::not_applied(append, corrupt("an event id is known and is not found"))
    }
}

/// What was found of rows whose commit was in doubt: all of them, each where it was written.
pub(super) struct Found {
    /// What their positions count from.
    pub(super) before: u64,
    /// When the first was recorded.
    pub(super) now: Timestamp,
}

/// One event is no proof: its client may have had it written by another process meanwhile, or its id
/// may be an old one's. The transaction wrote all of them, one after the other.
fn events_found(rows: &Rows<'_>, stored: &[Row]) -> Option<Found> {
    let stored: HashMap<Uuid, (u64, Timestamp)> = stored
        .iter()
        .filter_map(|row| {
            let at = (rows::natural(row, 1)?, rows::time(row, 2).ok()?);
            Some((row.try_get(0).ok()?, at))
        })
        .collect();
    let mut found: Option<Found> = None;
    for (id, place) in rows.event_ids.iter().zip(&rows.positions) {
        let (position, now) = *stored.get(id)?;
        let before = position.checked_sub(u64::try_from(*place).ok()?)?;
        match &found {
            Some(found) if found.before != before => return None,
            Some(_) => {}
            None => found = Some(Found { before, now }),
        }
    }
    found
}

/// Without events there are only the records of the append ids; another process's of the same id has
/// another time.
fn records_found(rows: &Rows<'_>, stored: &[Row]) -> Option<Found> {
    let wanted = &rows.appends;
    let mut now = None;
    for row in stored {
        let index = rows::numbered(row, 4)?;
        let time = rows::time(row, 3).ok()?;
        let same = wanted.last_versions.get(index) == Some(&row.try_get(0).ok()?)
            && wanted.positions.get(index) == Some(&row.try_get(2).ok()?)
            && wanted.times.get(index).copied().map(Timestamp::from) == Some(time);
        if !same {
            return None;
        }
        now = now.or(Some(time));
    }
    let all = stored.len() == wanted.append_ids.len();
    now.filter(|_| all).map(|now| Found { before: 0, now })
}
