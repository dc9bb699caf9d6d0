//! Projections that run inside the appends of the store whose file they are in.

use super::{Sqlite, SqliteTransaction};
use crate::{block_on::block_on, errors::storage, store::feed_rows};
use es_runtime::{
    Append, Appended, EventFilter, Position, ReadLimit, RecordedEvent, StorageError,
    projection::{
        Dispatch, ProjectionError,
        inline::{Inline, InlineFailure, InlineTables},
    },
};
use std::sync::Arc;

/// A projection inside appends, whatever its type is.
pub(crate) trait InlineProjection: Send + Sync {
    fn open(&self, tx: &mut SqliteTransaction) -> Result<InlineTables, ProjectionError>;
    fn position(
        &self,
        tx: &mut SqliteTransaction,
        tables: &InlineTables,
    ) -> Result<Option<Position>, StorageError>;
    fn handle(
        &self,
        tx: &mut SqliteTransaction,
        tables: &InlineTables,
        event: &RecordedEvent,
    ) -> Result<(), InlineFailure>;
    fn moved(
        &self,
        tx: &mut SqliteTransaction,
        tables: &InlineTables,
        to: Position,
        handled: u64,
        last: Option<&RecordedEvent>,
    ) -> Result<(), StorageError>;
}

impl<P: Dispatch<Sqlite>> InlineProjection for Inline<P, Sqlite> {
    fn open(&self, tx: &mut SqliteTransaction) -> Result<InlineTables, ProjectionError> {
        block_on(self.open(tx))
    }

    fn position(
        &self,
        tx: &mut SqliteTransaction,
        tables: &InlineTables,
    ) -> Result<Option<Position>, StorageError> {
        block_on(self.position(tx, tables))
    }

    fn handle(
        &self,
        tx: &mut SqliteTransaction,
        tables: &InlineTables,
        event: &RecordedEvent,
    ) -> Result<(), InlineFailure> {
        block_on(self.handle(tx, tables, event))
    }

    fn moved(
        &self,
        tx: &mut SqliteTransaction,
        tables: &InlineTables,
        to: Position,
        handled: u64,
        last: Option<&RecordedEvent>,
    ) -> Result<(), StorageError> {
        block_on(self.moved(tx, tables, to, handled, last))
    }
}

/// The inline projections of a store, in the order in which they were given.
pub(crate) type List = Arc<[Arc<dyn InlineProjection>]>;

/// What the writer knows of them.
pub(crate) struct Inlines {
    list: Vec<(Arc<dyn InlineProjection>, InlineTables)>,
}

/// Why an inline projection is not where it should be.
#[derive(Debug)]
pub(crate) enum Behind {
    Storage(StorageError),
    Failure(InlineFailure),
}

impl From<rusqlite::Error> for Behind {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(storage(error))
    }
}

impl From<StorageError> for Behind {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<Behind> for StorageError {
    fn from(behind: Behind) -> Self {
        match behind {
            Behind::Storage(error) => error,
            Behind::Failure(failure) => {
                Self::new(es_runtime::StorageErrorKind::Other, failure.to_string())
            }
        }
    }
}

impl Inlines {
    /// Makes the tables and brings them up to date, in one transaction for each: readers see none
    /// of them half built.
    pub(crate) fn open(list: &List, tx: &mut SqliteTransaction) -> Result<Self, StorageError> {
        let mut opened = Vec::new();
        for projection in list.iter() {
            tx.connection()
                .execute_batch("BEGIN IMMEDIATE")
                .map_err(storage)?;
            let done = projection
                .open(tx)
                .map_err(|error| {
                    StorageError::new(es_runtime::StorageErrorKind::Other, error.to_string())
                })
                .and_then(|tables| {
                    catch_up(&**projection, tx, &tables, tables.position)?;
                    tx.connection().execute_batch("COMMIT").map_err(storage)?;
                    Ok(tables)
                });
            match done {
                Ok(tables) => opened.push((Arc::clone(projection), tables)),
                Err(error) => {
                    let _ = tx.connection().execute_batch("ROLLBACK");
                    return Err(error);
                }
            }
        }
        Ok(Self { list: opened })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// At the begin of a transaction: handles what processes appended that do not have these
    /// projections.
    pub(crate) fn catch_up(&mut self, tx: &mut SqliteTransaction) -> Result<(), Behind> {
        for (projection, tables) in &mut self.list {
            let stands = if let Some(position) = projection.position(tx, tables)? {
                position
            } else {
                *tables = projection.open(tx).map_err(|error| {
                    StorageError::new(es_runtime::StorageErrorKind::Version, error.to_string())
                })?;
                tables.position
            };
            catch_up(&**projection, tx, tables, stands)?;
        }
        Ok(())
    }

    /// Hands the events of one append to the projections.
    pub(crate) fn handle(
        &self,
        tx: &mut SqliteTransaction,
        append: &Append,
        appended: &Appended,
    ) -> Result<(), Behind> {
        let events = append.recorded(appended);
        for (projection, tables) in &self.list {
            for event in &events {
                projection
                    .handle(tx, tables, event)
                    .map_err(Behind::Failure)?;
            }
            let count = u64::try_from(events.len()).unwrap_or(u64::MAX);
            projection.moved(tx, tables, appended.position, count, events.last())?;
        }
        Ok(())
    }
}

/// Handles the stored events after `from`, page by page.
fn catch_up(
    projection: &dyn InlineProjection,
    tx: &mut SqliteTransaction,
    tables: &InlineTables,
    from: Position,
) -> Result<(), Behind> {
    const PAGE: usize = 500;
    let mut from = from;
    loop {
        let all = EventFilter::all();
        let limit = ReadLimit::events(PAGE);
        let page = feed_rows(tx.connection(), &|| true, from, &all, limit)
            .map_err(StorageError::from)?
            .events;
        let Some(last) = page.last() else {
            return Ok(());
        };
        for event in &page {
            projection
                .handle(tx, tables, event)
                .map_err(Behind::Failure)?;
        }
        from = last.position;
        let count = u64::try_from(page.len()).unwrap_or(u64::MAX);
        projection.moved(tx, tables, from, count, Some(last))?;
    }
}
