//! Projections that run inside the appends of the store whose database they are in.

use super::{Postgres, PostgresTransaction};
use crate::{connection::Session, errors::storage, feed::feed_page, statements::Statements};
use es_runtime::{
    Append, Appended, EventFilter, Position, ReadLimit, RecordedEvent, StorageError,
    StorageErrorKind,
    projection::{
        Dispatch, ProjectionError,
        inline::{Inline, InlineFailure, InlineTables},
    },
};
use futures_util::future::{BoxFuture, FutureExt};
use std::sync::Arc;

/// A projection inside appends, whatever its type is.
pub(crate) trait InlineProjection: Send + Sync {
    fn open<'a>(
        &'a self,
        tx: &'a mut PostgresTransaction,
    ) -> BoxFuture<'a, Result<InlineTables, ProjectionError>>;

    fn position<'a>(
        &'a self,
        tx: &'a mut PostgresTransaction,
        tables: &'a InlineTables,
    ) -> BoxFuture<'a, Result<Option<Position>, StorageError>>;

    fn handle<'a>(
        &'a self,
        tx: &'a mut PostgresTransaction,
        tables: &'a InlineTables,
        event: &'a RecordedEvent,
    ) -> BoxFuture<'a, Result<(), InlineFailure>>;

    fn moved<'a>(
        &'a self,
        tx: &'a mut PostgresTransaction,
        tables: &'a InlineTables,
        to: Position,
        events: &'a [RecordedEvent],
    ) -> BoxFuture<'a, Result<(), StorageError>>;
}

impl<P: Dispatch<Postgres>> InlineProjection for Inline<P, Postgres> {
    fn open<'a>(
        &'a self,
        tx: &'a mut PostgresTransaction,
    ) -> BoxFuture<'a, Result<InlineTables, ProjectionError>> {
        self.open(tx).boxed()
    }

    fn position<'a>(
        &'a self,
        tx: &'a mut PostgresTransaction,
        tables: &'a InlineTables,
    ) -> BoxFuture<'a, Result<Option<Position>, StorageError>> {
        self.position(tx, tables).boxed()
    }

    fn handle<'a>(
        &'a self,
        tx: &'a mut PostgresTransaction,
        tables: &'a InlineTables,
        event: &'a RecordedEvent,
    ) -> BoxFuture<'a, Result<(), InlineFailure>> {
        self.handle(tx, tables, event).boxed()
    }

    fn moved<'a>(
        &'a self,
        tx: &'a mut PostgresTransaction,
        tables: &'a InlineTables,
        to: Position,
        events: &'a [RecordedEvent],
    ) -> BoxFuture<'a, Result<(), StorageError>> {
        let handled = u64::try_from(events.len()).unwrap_or(u64::MAX);
        self.moved(tx, tables, to, handled, events.last()).boxed()
    }
}

/// The inline projections of a store, in the order in which they were given.
pub(crate) type List = Arc<[Arc<dyn InlineProjection>]>;

/// What the writer knows of them.
#[derive(Default)]
pub(crate) struct Inlines {
    list: Vec<(Arc<dyn InlineProjection>, InlineTables)>,
}

/// Why an inline projection is not where it should be.
#[derive(Debug)]
pub(crate) enum Behind {
    Storage(StorageError),
    Failure(InlineFailure),
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
            Behind::Failure(failure) => Self::new(StorageErrorKind::Other, failure.to_string()),
        }
    }
}

impl Inlines {
    /// Makes the tables and brings them up to date, in one transaction for each: readers see none
    /// of them half built.
    pub(crate) async fn open(
        list: &List,
        session: Session,
        begin: &str,
        statements: &Statements,
    ) -> Result<(Self, Session), StorageError> {
        let mut opened = Self::default();
        let mut session = session;
        for projection in list.iter() {
            session
                .client()
                .batch_execute(begin)
                .await
                .map_err(storage)?;
            let mut tx = PostgresTransaction::new(session);
            let tables = projection
                .open(&mut tx)
                .await
                .map_err(|error| StorageError::new(StorageErrorKind::Other, error.to_string()))?;
            let from = tables.position;
            catch_up(&**projection, &mut tx, &tables, from, statements).await?;
            // Where any of it failed, the session is dropped and the server rolls back.
            let (given_back, _) = tx.into_parts();
            session = given_back;
            let commit = session.client().batch_execute("COMMIT");
            commit.await.map_err(storage)?;
            opened.list.push((Arc::clone(projection), tables));
        }
        Ok((opened, session))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// At the begin of a transaction, under the lock on the end of the feed: handles what processes
    /// appended that do not have these projections.
    pub(crate) async fn catch_up(
        &mut self,
        tx: &mut PostgresTransaction,
        statements: &Statements,
    ) -> Result<(), Behind> {
        for (projection, tables) in &mut self.list {
            let stands = if let Some(position) = projection.position(tx, tables).await? {
                position
            } else {
                // Another process replaced them.
                *tables = projection.open(tx).await.map_err(|error| {
                    StorageError::new(StorageErrorKind::Version, error.to_string())
                })?;
                tables.position
            };
            catch_up(&**projection, tx, tables, stands, statements).await?;
        }
        Ok(())
    }

    /// Hands the events of one append to the projections.
    pub(crate) async fn handle(
        &self,
        tx: &mut PostgresTransaction,
        append: &Append,
        appended: &Appended,
    ) -> Result<(), Behind> {
        let events = append.recorded(appended);
        for (projection, tables) in &self.list {
            hand_over(&**projection, tx, tables, appended.position, &events).await?;
        }
        Ok(())
    }
}

async fn hand_over(
    projection: &dyn InlineProjection,
    tx: &mut PostgresTransaction,
    tables: &InlineTables,
    to: Position,
    events: &[RecordedEvent],
) -> Result<(), Behind> {
    for event in events {
        projection
            .handle(tx, tables, event)
            .await
            .map_err(Behind::Failure)?;
    }
    projection.moved(tx, tables, to, events).await?;
    Ok(())
}

/// Handles the stored events after `from`, page by page.
async fn catch_up(
    projection: &dyn InlineProjection,
    tx: &mut PostgresTransaction,
    tables: &InlineTables,
    from: Position,
    statements: &Statements,
) -> Result<(), Behind> {
    const PAGE: usize = 500;
    let all = EventFilter::all();
    let mut from = from;
    loop {
        let limit = ReadLimit::events(PAGE);
        let page = feed_page(tx.session(), statements, from, &all, limit).await;
        let page = page.map_err(StorageError::from)?;
        if !page.events.is_empty() {
            hand_over(projection, tx, tables, page.next, &page.events).await?;
        }
        from = page.next;
        if page.at_end {
            return Ok(());
        }
    }
}
