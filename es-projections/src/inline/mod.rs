//! Inline projections, which run inside the appends of a store. The read model is in the store's
//! own database, its rows are committed with the append, and a handler that fails refuses the
//! append.
//!
//! This module is for authors of stores. Applications give a projection to the store when they open
//! it.

mod projection;

pub use projection::InlineFailure;

use crate::api::{Dispatch, ProjectionError, ReadDatabase};
use es_runtime::{
    Append, Appended, FeedPage, Position, ReadLimit, RecordedEvent, StorageError, StorageErrorKind,
};
use projection::{Inline, Tables};
use std::{fmt, future::Future, pin::Pin, sync::Arc};

/// How many events are read at a time to catch up.
const PAGE: usize = 500;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The feed of a store, read in the transaction in which its inline projections write. Implemented
/// by stores.
pub trait FeedInside<Tx: ?Sized>: Sync {
    /// Reads the events of all names after this position.
    fn page(
        &self,
        tx: &mut Tx,
        after: Position,
        limit: ReadLimit,
    ) -> impl Future<Output = Result<FeedPage, StorageError>> + Send;
}

/// A projection to run inside appends, without its type.
pub struct InlineProjection<Db>(Arc<dyn Erased<Db>>);

impl<Db: ReadDatabase> InlineProjection<Db> {
    /// For this projection.
    pub fn new<P: Dispatch<Db>>(projection: P) -> Self {
        Self(Arc::new(Inline::new(projection)))
    }
}

impl<Db> Clone for InlineProjection<Db> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<Db: ReadDatabase> fmt::Debug for InlineProjection<Db> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InlineProjection")
            .field(&self.0.name())
            .finish()
    }
}

trait Erased<Db: ReadDatabase>: Send + Sync {
    fn name(&self) -> &'static str;

    fn open<'a>(
        &'a self,
        tx: &'a mut Db::Transaction,
    ) -> BoxFuture<'a, Result<Tables, ProjectionError>>;

    fn position<'a>(
        &'a self,
        tx: &'a mut Db::Transaction,
        tables: &'a Tables,
    ) -> BoxFuture<'a, Result<Option<Position>, StorageError>>;

    fn handle<'a>(
        &'a self,
        tx: &'a mut Db::Transaction,
        tables: &'a Tables,
        to: Position,
        events: &'a [RecordedEvent],
    ) -> BoxFuture<'a, Result<(), InlineError>>;
}

impl<P: Dispatch<Db>, Db: ReadDatabase> Erased<Db> for Inline<P, Db> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn open<'a>(
        &'a self,
        tx: &'a mut Db::Transaction,
    ) -> BoxFuture<'a, Result<Tables, ProjectionError>> {
        Box::pin(self.open(tx))
    }

    fn position<'a>(
        &'a self,
        tx: &'a mut Db::Transaction,
        tables: &'a Tables,
    ) -> BoxFuture<'a, Result<Option<Position>, StorageError>> {
        Box::pin(tables.position::<Db>(tx))
    }

    fn handle<'a>(
        &'a self,
        tx: &'a mut Db::Transaction,
        tables: &'a Tables,
        to: Position,
        events: &'a [RecordedEvent],
    ) -> BoxFuture<'a, Result<(), InlineError>> {
        Box::pin(async move {
            for event in events {
                self.handle(tx, tables, event).await?;
            }
            tables.moved::<Db>(tx, to, events).await?;
            Ok(())
        })
    }
}

/// Why an inline projection did not handle an event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InlineError {
    /// The database failed. The transaction can no longer be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A handler failed. The store must undo what it wrote, and the append with it.
    #[error(transparent)]
    Failure(#[from] InlineFailure),
}

impl From<InlineError> for StorageError {
    fn from(error: InlineError) -> Self {
        match error {
            InlineError::Storage(error) => error,
            InlineError::Failure(failure) => {
                Self::new(StorageErrorKind::Other, failure.to_string())
            }
        }
    }
}

/// The inline projections of a store whose tables are ready, in the order in which they were given.
pub struct Inlines<Db> {
    list: Vec<(InlineProjection<Db>, Tables)>,
}

impl<Db> Default for Inlines<Db> {
    fn default() -> Self {
        Self { list: Vec::new() }
    }
}

impl<Db: ReadDatabase> fmt::Debug for Inlines<Db> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.list.iter().map(|(projection, _)| projection))
            .finish()
    }
}

impl<Db: ReadDatabase> Inlines<Db> {
    /// Creates the tables of a projection and brings them up to date. It does so in the transaction
    /// of the caller, so readers never see an unfinished build.
    ///
    /// # Errors
    /// [`StorageError`] of the database, also if a handler failed or a newer program made the
    /// tables. The caller rolls back.
    pub async fn open(
        &mut self,
        projection: &InlineProjection<Db>,
        tx: &mut Db::Transaction,
        feed: &impl FeedInside<Db::Transaction>,
    ) -> Result<(), StorageError> {
        let tables = projection
            .0
            .open(tx)
            .await
            .map_err(|error| StorageError::new(StorageErrorKind::Other, error.to_string()))?;
        catch_up(projection, tx, &tables, tables.position, feed).await?;
        self.list.push((projection.clone(), tables));
        Ok(())
    }

    /// Whether the store has no inline projections.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Handles events that were appended by processes without these projections. Stores call it at
    /// the beginning of a transaction, when nobody else can append.
    ///
    /// # Errors
    /// [`StorageError`] of the database, also if a handler failed. The caller rolls back.
    pub async fn catch_up(
        &mut self,
        tx: &mut Db::Transaction,
        feed: &impl FeedInside<Db::Transaction>,
    ) -> Result<(), StorageError> {
        for (projection, tables) in &mut self.list {
            let position = if let Some(position) = projection.0.position(tx, tables).await? {
                position
            } else {
                // Another process replaced them.
                *tables = projection.0.open(tx).await.map_err(|error| {
                    StorageError::new(StorageErrorKind::Version, error.to_string())
                })?;
                tables.position
            };
            catch_up(projection, tx, tables, position, feed).await?;
        }
        Ok(())
    }

    /// Hands the events of one append to the projections. An append without events changes nothing,
    /// since its position is that of an older event.
    ///
    /// # Errors
    /// [`InlineError`]. The caller undoes what was written for this append.
    pub async fn handle(
        &self,
        tx: &mut Db::Transaction,
        append: &Append,
        appended: &Appended,
    ) -> Result<(), InlineError> {
        if append.events.is_empty() {
            return Ok(());
        }
        let events = append.recorded(appended);
        for (projection, tables) in &self.list {
            let to = appended.position;
            projection.0.handle(tx, tables, to, &events).await?;
        }
        Ok(())
    }
}

/// Handles the stored events after `from`, page by page.
async fn catch_up<Db: ReadDatabase>(
    projection: &InlineProjection<Db>,
    tx: &mut Db::Transaction,
    tables: &Tables,
    from: Position,
    feed: &impl FeedInside<Db::Transaction>,
) -> Result<(), StorageError> {
    let mut from = from;
    loop {
        let page = feed.page(tx, from, ReadLimit::events(PAGE)).await?;
        if !page.events.is_empty() {
            projection
                .0
                .handle(tx, tables, page.next, &page.events)
                .await?;
        }
        from = page.next;
        if page.at_end {
            return Ok(());
        }
    }
}
