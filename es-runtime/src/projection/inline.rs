//! Projections inside the appends of a store whose database also holds the read model: the rows are
//! there as soon as the append is, and an append whose projection fails is refused.
//!
//! This is for stores. Applications give a projection to the store when they open it.

use super::{
    Dispatch, Generation, HandlerError, Names, ProjectionError, ReadDatabase, Slot, SqlTransaction,
    batch::{guarded, is_skipped},
    generations::prepare,
    tables::{self, Plan},
};
use crate::{EventFilter, Position, RecordedEvent, StorageError};
use std::{future::Future, marker::PhantomData};

/// One projection that runs inside appends.
pub struct Inline<P, Db> {
    projection: P,
    filter: EventFilter,
    database: PhantomData<fn(Db)>,
}

/// What an inline projection has in the database.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InlineTables {
    /// Up to where it was built.
    pub position: Position,
    slot: Slot,
    names: Names,
}

/// An event that an inline projection could not handle.
#[derive(Debug, thiserror::Error)]
#[error("projection `{projection}` failed at event `{event}`: {error}")]
pub struct InlineFailure {
    /// The projection.
    pub projection: &'static str,
    /// The event's stored name.
    pub event: String,
    /// What the handler said.
    pub error: HandlerError,
}

impl<Db: ReadDatabase, P: Dispatch<Db>> Inline<P, Db> {
    /// For this projection.
    pub fn new(projection: P) -> Self {
        Self {
            projection,
            filter: P::filter(),
            database: PhantomData,
        }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        P::NAME
    }

    /// Makes the tables where they are missing or of another version, and lets them answer queries.
    /// The caller brings them up to date in the same transaction.
    ///
    /// # Errors
    /// [`ProjectionError`] when the tables cannot be made, or when a newer program made them.
    pub async fn open(&self, tx: &mut Db::Transaction) -> Result<InlineTables, ProjectionError> {
        let name = P::NAME;
        let storage = |error: StorageError| ProjectionError::storage(name, error);
        let plan = Plan {
            name,
            version: P::VERSION,
            partitions: 1,
            schema: P::schema().into_owned(),
            at_once: false,
            from: Position::START,
        };
        let found = prepare::<Db>(tx, &plan, false).await?;
        let mine = |g: &&Generation| g.version == P::VERSION;
        // One that was being built beside is as good as the live one, once it is up to date.
        let live = found.iter().find(|g| g.live);
        let Some(new) = found.iter().filter(mine).max_by_key(|g| g.live) else {
            return Err(storage(StorageError::new(
                crate::StorageErrorKind::Corrupt,
                "the books have no generation of this version",
            )));
        };
        if !new.live {
            tables::swap(tx, name, live, new).await.map_err(storage)?;
        }
        let slot = Slot {
            name,
            generation: new.number,
            slot: 0,
        };
        let at = tables::lock_checkpoint::<Db>(tx, &slot)
            .await
            .map_err(storage)?;
        let Some(at) = at else {
            return Err(storage(StorageError::new(
                crate::StorageErrorKind::Corrupt,
                "the books have no checkpoint of the live generation",
            )));
        };
        let epoch = at.epoch.saturating_add(1);
        tables::acquire::<Db>(tx, &slot, epoch, tables::INLINE, 0)
            .await
            .map_err(storage)?;
        Ok(InlineTables {
            position: at.position,
            names: slot.names(),
            slot,
        })
    }

    /// Where the tables stand now; another process may have moved them. `None` when another process
    /// replaced them.
    ///
    /// # Errors
    /// [`StorageError`] of the database.
    pub async fn position(
        &self,
        tx: &mut Db::Transaction,
        tables: &InlineTables,
    ) -> Result<Option<Position>, StorageError> {
        let found = tables::lock_checkpoint::<Db>(tx, &tables.slot).await?;
        Ok(found.map(|at| at.position))
    }

    /// Hands one event to its handler, if the projection lists it.
    ///
    /// # Errors
    /// [`InlineFailure`] of the handler. What it wrote must be undone by the caller.
    pub fn handle<'a>(
        &'a self,
        tx: &'a mut Db::Transaction,
        tables: &InlineTables,
        event: &'a RecordedEvent,
    ) -> impl Future<Output = Result<(), InlineFailure>> + Send + 'a {
        let wanted = self.filter.accepts(&event.name);
        if wanted {
            tx.set_names(tables.names.clone());
        }
        async move {
            if !wanted {
                return Ok(());
            }
            match guarded(self.projection.dispatch(event, tx)).await {
                Ok(()) => Ok(()),
                Err(error) if is_skipped::<P>(&error) => Ok(()),
                Err(error) => Err(InlineFailure {
                    projection: P::NAME,
                    event: event.name.to_string(),
                    error,
                }),
            }
        }
    }

    /// Notes that everything up to this event is in the tables.
    ///
    /// # Errors
    /// [`StorageError`] of the database.
    pub async fn moved(
        &self,
        tx: &mut Db::Transaction,
        tables: &InlineTables,
        to: Position,
        handled: u64,
        last: Option<&RecordedEvent>,
    ) -> Result<(), StorageError> {
        tables::note::<Db>(tx, &tables.slot, to, handled, last).await
    }
}
