//! One projection inside appends: its tables, and its handler.

use crate::{
    api::{
        Dispatch, HandlerError, Names, Partition, ProjectionError, ReadDatabase, SqlTransaction,
    },
    engine::{
        batch::{catch_panics, is_skipped},
        builds::prepare,
    },
    state::{
        builds::{self, Build, Plan},
        checkpoints,
    },
};
use es_runtime::{EventFilter, Position, RecordedEvent, StorageError};
use std::marker::PhantomData;

/// One projection that runs inside appends.
pub(crate) struct Inline<P, Db> {
    projection: P,
    filter: EventFilter,
    database: PhantomData<fn(Db)>,
}

/// The tables of an inline projection.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    /// The position up to which they were built.
    pub(crate) position: Position,
    partition: Partition,
    names: Names,
}

/// An event that an inline projection could not handle.
#[derive(Debug, thiserror::Error)]
#[error("projection `{projection}` failed at event `{event}`: {error}")]
#[non_exhaustive]
pub struct InlineFailure {
    /// The projection.
    pub projection: &'static str,
    /// The event's stored name.
    pub event: String,
    /// The error of the handler.
    pub error: HandlerError,
}

impl<Db: ReadDatabase, P: Dispatch<Db>> Inline<P, Db> {
    pub(crate) fn new(projection: P) -> Self {
        Self {
            projection,
            filter: P::filter(),
            database: PhantomData,
        }
    }

    /// Creates the tables if they are missing or have another version, and makes them live. The
    /// caller brings them up to date in the same transaction.
    pub(crate) async fn open(&self, tx: &mut Db::Transaction) -> Result<Tables, ProjectionError> {
        let name = P::NAME;
        let storage = |error: StorageError| ProjectionError::storage(name, error);
        let plan = Plan {
            name,
            version: P::VERSION,
            partitions: 1,
            schema: P::schema(tx.dialect()).into_owned(),
            starts_live: false,
            from: Position::START,
        };
        let found = prepare::<Db>(tx, &plan, false).await?;
        let mine = |g: &&Build| g.version == P::VERSION;
        // An unfinished build of this version is as good as the live one once it is up to date.
        let live = found.iter().find(|g| g.live);
        let Some(new) = found.iter().filter(mine).max_by_key(|g| g.live) else {
            return Err(storage(StorageError::new(
                es_runtime::StorageErrorKind::Corrupt,
                "the projection state has no build of this version",
            )));
        };
        if !new.live {
            builds::make_live(tx, name, live, new)
                .await
                .map_err(storage)?;
        }
        let partition = Partition {
            name,
            build: new.number,
            partition: 0,
        };
        let at = checkpoints::lock_checkpoint::<Db>(tx, &partition)
            .await
            .map_err(storage)?;
        let Some(at) = at else {
            return Err(storage(StorageError::new(
                es_runtime::StorageErrorKind::Corrupt,
                "the projection state has no checkpoint of the live build",
            )));
        };
        let epoch = at.epoch.saturating_add(1);
        checkpoints::acquire::<Db>(tx, &partition, epoch, checkpoints::INLINE, 0)
            .await
            .map_err(storage)?;
        Ok(Tables {
            position: at.position,
            names: partition.names(),
            partition,
        })
    }

    /// Hands one event to its handler if the projection lists it. If the handler fails, the caller
    /// must undo what it wrote.
    pub(crate) async fn handle(
        &self,
        tx: &mut Db::Transaction,
        tables: &Tables,
        event: &RecordedEvent,
    ) -> Result<(), InlineFailure> {
        if !self.filter.accepts(&event.name) {
            return Ok(());
        }
        tx.set_names(tables.names.clone());
        match catch_panics(self.projection.dispatch(event, tx)).await {
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

impl Tables {
    /// Reads their checkpoint, which another process may have moved. `None` if another process
    /// replaced them.
    pub(crate) async fn position<Db: ReadDatabase>(
        &self,
        tx: &mut Db::Transaction,
    ) -> Result<Option<Position>, StorageError> {
        let found = checkpoints::lock_checkpoint::<Db>(tx, &self.partition).await?;
        Ok(found.map(|at| at.position))
    }

    /// Moves their checkpoint to this position, after these events were handled.
    pub(crate) async fn moved<Db: ReadDatabase>(
        &self,
        tx: &mut Db::Transaction,
        to: Position,
        events: &[RecordedEvent],
    ) -> Result<(), StorageError> {
        let handled = u64::try_from(events.len()).unwrap_or(u64::MAX);
        checkpoints::move_inline::<Db>(tx, &self.partition, to, handled, events.last()).await
    }
}
