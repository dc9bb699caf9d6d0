//! What is true where the answer of a commit was lost, or where an event id is known already.

use super::{
    decide::Rows,
    writer::{Abandoned, Writer},
};
use crate::{
    connection::Param,
    errors::{Failed, corrupt, storage},
    rows,
};
use es_runtime::{Append, AppendError, EventId, Outcome, StorageError, Timestamp};
use futures_util::future::join5;
use std::{
    collections::HashSet,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};
use tokio_postgres::types::Type;
use uuid::Uuid;

impl Writer {
    /// Whether rows whose commit is in doubt are there. Takes the lock: the server gives it when the
    /// transaction that had it is at its end, whichever.
    pub(super) async fn find_out(
        &mut self,
        rows: &Rows<'_>,
        doubt: &StorageError,
    ) -> Result<Option<Found>, Abandoned> {
        let until = Instant::now() + self.settings.connector.patience;
        let mut pause = Duration::from_millis(10);
        loop {
            match self.was_committed(rows).await {
                Ok(found) => {
                    if found.is_some() {
                        self.told.counters.resolved.fetch_add(1, Ordering::Relaxed);
                    }
                    return Ok(found);
                }
                Err(_) if Instant::now() + pause < until => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_millis(500));
                }
                Err(_) => {
                    return Err(Abandoned::Failed(Failed {
                        outcome: Outcome::Unknown,
                        error: StorageError::new(doubt.kind, doubt.message.clone()),
                    }));
                }
            }
        }
    }

    async fn was_committed(&mut self, rows: &Rows<'_>) -> Result<Option<Found>, StorageError> {
        let session = self.session().await?;
        let events: Vec<Uuid> = rows.event_ids.first().copied().into_iter().collect();
        let row = &rows.appends;
        let aggregates: Vec<&str> = row.aggregates.iter().take(1).copied().collect();
        let ids: Vec<&str> = row.ids.iter().take(1).copied().collect();
        let append_ids: Vec<&str> = row.append_ids.iter().take(1).copied().collect();
        let by_event: [Param<'_>; 1] = [(&events, Type::UUID_ARRAY)];
        let by_id: [Param<'_>; 3] = [
            (&aggregates, Type::TEXT_ARRAY),
            (&ids, Type::TEXT_ARRAY),
            (&append_ids, Type::TEXT_ARRAY),
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
        let first = events
            .first()
            .and_then(|row| Some((rows::natural(row, 1)?, rows::time(row, 2).ok()?)));
        let is_there = !events.is_empty() || !appends.is_empty();
        Ok(is_there.then_some(Found { first }))
    }

    /// The event of an append whose id is stored already.
    pub(super) async fn which_is_known(&mut self, append: &Append) -> AppendError {
        let stream = append.stream.clone();
        let duplicate = |event_id| AppendError::DuplicateEventId {
            stream: stream.clone(),
            event_id,
        };
        let mut seen = HashSet::new();
        if let Some(twice) = append.events.iter().find(|event| !seen.insert(event.id)) {
            return duplicate(twice.id);
        }
        let ids: Vec<Uuid> = append
            .events
            .iter()
            .map(|event| Uuid::from_bytes(*event.id.as_bytes()))
            .collect();
        let look = async {
            let session = self.session().await?;
            let ids: [Param<'_>; 1] = [(&ids, Type::UUID_ARRAY)];
            let found = session.rows(&self.statements.known_events, &ids).await;
            let found = found.map_err(storage)?;
            self.session = Some(session);
            found
                .first()
                .and_then(|row| row.try_get::<_, Uuid>(0).ok())
                .ok_or_else(|| corrupt("an event id is known and is not found"))
        };
        match look.await {
            Ok(id) => duplicate(EventId::from_bytes(id.into_bytes())),
            Err(error) => AppendError::Storage {
                stream,
                outcome: Outcome::NotApplied,
                error,
            },
        }
    }
}

/// What was found of an append whose commit was in doubt.
pub(super) struct Found {
    /// Where its first event stands, and when it was recorded.
    pub(super) first: Option<(u64, Timestamp)>,
}
