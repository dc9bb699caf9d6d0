//! For operators: seeing parked events, trying them again, discarding them with a reason.

use crate::{
    api::{ProjectionError, ReadDatabase},
    engine::retry::{RetryEnd, RetryOne, retry},
    runner::Projections,
    state::{
        builds::{self, BUILDS, Build},
        parked::{
            Discard, NoteFailure, PARKED, ParkedEvent, ParkedRow, first_of_key, parked, stored_key,
        },
    },
};
use es_runtime::{EventStore, Position, ReadLimit, RecordedEvent, StorageError, StreamRange};

/// The result of [`Projections::retry`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryOutcome {
    /// How many events were handled.
    pub handled: u64,
    /// The event that failed again; it and the later ones of its key are still parked. `None` if no
    /// event of the key is parked any more.
    pub failed: Option<ParkedEvent>,
}

impl<S: EventStore, Db: ReadDatabase> Projections<S, Db> {
    /// Returns the parked events of a projection, in the order in which they would be handled.
    ///
    /// # Errors
    /// [`ProjectionError::Unknown`] for a name that this runner does not have,
    /// [`ProjectionError::Storage`] when the read database cannot be read.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn parked(&self, name: &str) -> Result<Vec<ParkedEvent>, ProjectionError> {
        let name = self.find(name)?.name();
        let storage = |error| ProjectionError::storage(name, error);
        let mut all = Vec::new();
        for build in builds_of(&self.core.db, name).await? {
            let sql = format!("{PARKED} ORDER BY partition, number");
            let which = [name.into(), build.number.into()];
            let rows = self.core.db.query(&sql, &which).await.map_err(storage)?;
            for row in rows {
                all.push(parked(name, build.number, row).map_err(storage)?);
            }
        }
        Ok(all)
    }

    /// Retries the parked events of a key in order, each in a transaction of its own, until none is
    /// left or one fails. Once none is left, later events of the key are handled as usual.
    ///
    /// # Errors
    /// [`ProjectionError::Unknown`], and [`ProjectionError::Storage`] if a database fails. Events
    /// that were handled before stay handled.
    ///
    /// # Cancel safety
    /// Each event was handled or is still parked.
    pub async fn retry(&self, name: &str, key: &str) -> Result<RetryOutcome, ProjectionError> {
        let registered = self.find(name)?;
        let name = registered.name();
        let storage = |error| ProjectionError::storage(name, error);
        let mut retried = RetryOutcome {
            handled: 0,
            failed: None,
        };
        for build in builds_of(&self.core.db, name).await? {
            while let Some(first) = first_of(&self.core.db, name, build.number, key).await? {
                let event = self.stored(&first).await.map_err(storage)?;
                let which = ParkedRow::of(name, &first);
                let todo = RetryOne {
                    which: which.clone(),
                    event,
                };
                match retry(&self.core, &registered.consumer, todo).await {
                    RetryEnd::Handled => retried.handled += 1,
                    RetryEnd::Gone => {}
                    RetryEnd::Storage(error) => return Err(storage(error)),
                    RetryEnd::Failed(error) => {
                        let reason = error.message();
                        let note = NoteFailure {
                            which,
                            reason: reason.clone(),
                        };
                        let noted = self.core.db.transact(note).await;
                        noted.map_err(|error| storage(error.error))?;
                        let mut failed = first;
                        failed.event.attempts = failed.event.attempts.saturating_add(1);
                        failed.event.reason = reason;
                        retried.failed = Some(failed);
                        break;
                    }
                }
            }
        }
        Ok(retried)
    }

    /// Discards the first parked event of a key: this read model will not contain it. Its row stays
    /// in `es_parked`, with the reason. Later events of the key stay parked until
    /// [`retry`](Projections::retry) handles them.
    ///
    /// Returns the discarded event, or `None` if no event of this key is parked.
    ///
    /// # Errors
    /// [`ProjectionError::Unknown`], and [`ProjectionError::Storage`] when the database fails.
    ///
    /// # Cancel safety
    /// It was discarded or not.
    pub async fn discard(
        &self,
        name: &str,
        key: &str,
        why: &str,
    ) -> Result<Option<ParkedEvent>, ProjectionError> {
        discard_parked(&self.core.db, self.find(name)?.name(), key, None, why).await
    }

    /// Discards the parked event at this position, and no other. [`discard`](Projections::discard) takes the first one that
    /// is there when it comes, which is another one than the caller saw if somebody retried or discarded meanwhile.
    ///
    /// Returns `None`, and does nothing, where the event is not the first parked one of its key.
    ///
    /// # Errors
    /// Those of [`discard`](Projections::discard).
    ///
    /// # Cancel safety
    /// It was discarded or not.
    pub async fn discard_at(
        &self,
        name: &str,
        key: &str,
        position: Position,
        why: &str,
    ) -> Result<Option<ParkedEvent>, ProjectionError> {
        let name = self.find(name)?.name();
        discard_parked(&self.core.db, name, key, Some(position), why).await
    }

    /// Reads the event from the store.
    async fn stored(&self, parked: &ParkedEvent) -> Result<RecordedEvent, StorageError> {
        let range = StreamRange::forward(parked.event.version.saturating_sub(1));
        let stream = &parked.event.stream;
        let limit = ReadLimit::events(1);
        let found = self.core.store.read_stream(stream, range, limit).await?;
        found
            .into_iter()
            .find(|event| event.event_id == parked.event.event_id)
            .ok_or_else(|| {
                StorageError::new(
                    es_runtime::StorageErrorKind::Corrupt,
                    format!(
                        "the parked event {} is not in the store; check whether the store was restored \
                         from a copy",
                        parked.event.event_id
                    ),
                )
            })
    }
}

/// Discards the first parked event of a key, as [`Projections::discard`] does, or only the one at a position, as
/// [`Projections::discard_at`] does. It is for tools without the program whose projection or subscription it is: discarding
/// calls no handler.
///
/// Nobody checks that a reader of this name was ever registered: it returns `None` for one that has no event of this key
/// parked. The tables of the state must be there.
///
/// # Errors
/// [`ProjectionError::Storage`] when the database fails.
///
/// # Cancel safety
/// It was discarded or not.
pub async fn discard_parked<Db: ReadDatabase>(
    db: &Db,
    reader: &str,
    key: &str,
    position: Option<Position>,
    why: &str,
) -> Result<Option<ParkedEvent>, ProjectionError> {
    let mut discarded = None;
    for build in builds_of(db, reader).await? {
        let Some(first) = first_of(db, reader, build.number, key).await? else {
            continue;
        };
        if position.is_some_and(|position| position != first.event.position) {
            continue;
        }
        let job = Discard {
            which: ParkedRow::of(reader, &first),
            why: why.to_owned(),
        };
        let done = db.transact(job).await;
        if done.map_err(|error| ProjectionError::storage(reader, error))? {
            discarded = Some(first);
        }
    }
    Ok(discarded)
}

async fn builds_of<Db: ReadDatabase>(db: &Db, name: &str) -> Result<Vec<Build>, ProjectionError> {
    let storage = |error| ProjectionError::storage(name, error);
    let rows = db.query(BUILDS, &[name.into()]).await;
    let rows = rows.map_err(storage)?.into_iter();
    rows.map(|row| builds::build(name, row).map_err(storage))
        .collect()
}

/// The parked event of a key that is to be handled first.
async fn first_of<Db: ReadDatabase>(
    db: &Db,
    name: &str,
    build: u32,
    key: &str,
) -> Result<Option<ParkedEvent>, ProjectionError> {
    let storage = |error| ProjectionError::storage(name, error);
    let key = stored_key(key);
    let which = [name.into(), build.into(), key.as_ref().into()];
    let rows = db.query(&first_of_key(), &which).await.map_err(storage)?;
    let row = rows.into_iter().next();
    row.map(|row| parked(name, build, row).map_err(storage))
        .transpose()
}
