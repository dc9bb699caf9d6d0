//! Inline projections, which run inside the appends of a store. The read model is in the store's
//! own database, its rows are committed with the append, and a handler that fails refuses the
//! append.
//!
//! This module is for authors of stores. Applications give a projection to the store when they open
//! it.

mod projection;

pub use projection::InlineFailure;

use crate::{
    api::{Dispatch, ProjectionError, ReadDatabase},
    engine::erased::AnyProjection,
};
use es_runtime::{Append, Appended, FeedPage, Position, ReadLimit, StorageError, StorageErrorKind};
use projection::{Inline, Tables};
use std::{fmt, future::Future, sync::Arc};

/// How many events are read at a time to catch up.
const PAGE: usize = 500;

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

    /// The id of the store, as [`EventStore::store_id`](es_runtime::EventStore::store_id).
    fn store_id(&self, tx: &mut Tx) -> impl Future<Output = Result<String, StorageError>> + Send;
}

/// A projection to run inside appends, without its type.
pub struct InlineProjection<Db>(Arc<Inline<Db>>);

impl<Db: ReadDatabase> InlineProjection<Db> {
    /// For this projection.
    pub fn new<P: Dispatch<Db>>(projection: P) -> Self {
        Self(Arc::new(Inline::new(AnyProjection::new(projection))))
    }

    /// How many stored events it had whose handlers ended the transaction, as SQLite allows. If there
    /// are more after a failure, the store begins the transaction again: these events are parked then.
    pub fn ended_transactions(&self) -> usize {
        self.0.ended().len()
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

/// An inline projection with its tables.
struct Opened<Db> {
    projection: InlineProjection<Db>,
    tables: Tables,
    /// Whether it has every event before those of this transaction. Otherwise the next one is left to
    /// a newer program, and so are those of this transaction.
    is_current: bool,
}

/// The inline projections of a store whose tables are ready, in the order in which they were given.
pub struct Inlines<Db> {
    list: Vec<Opened<Db>>,
}

impl<Db> Default for Inlines<Db> {
    fn default() -> Self {
        Self { list: Vec::new() }
    }
}

impl<Db: ReadDatabase> fmt::Debug for Inlines<Db> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.list.iter().map(|opened| &opened.projection))
            .finish()
    }
}

impl<Db: ReadDatabase> Inlines<Db> {
    /// Creates the tables of a projection and brings them up to date. It does so in the transaction
    /// of the caller, so readers never see an unfinished build. Stored events that the projection
    /// cannot handle are parked.
    ///
    /// # Errors
    /// [`StorageError`] of the database, also if a newer program made the tables, or if they belong to
    /// another store. The caller rolls back.
    pub async fn open(
        &mut self,
        projection: &InlineProjection<Db>,
        tx: &mut Db::Transaction,
        feed: &impl FeedInside<Db::Transaction>,
    ) -> Result<(), StorageError> {
        let store = feed.store_id(tx).await?;
        let tables = projection
            .0
            .open(tx, Some(store), false)
            .await
            .map_err(|error| StorageError::new(StorageErrorKind::Other, error.to_string()))?;
        let mut opened = Opened {
            projection: projection.clone(),
            tables,
            is_current: false,
        };
        let from = opened.tables.position;
        opened.catch_up(tx, from, feed).await?;
        self.list.push(opened);
        Ok(())
    }

    /// [`InlineProjection::ended_transactions`] of all of them.
    pub fn ended_transactions(&self) -> usize {
        let each = self.list.iter().map(|opened| &opened.projection);
        each.map(InlineProjection::ended_transactions).sum()
    }

    /// Whether the store has no inline projections.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Handles events that were appended by processes without these projections. Stores call it at
    /// the beginning of a transaction, when nobody else can append. An event that a projection cannot
    /// handle is parked.
    ///
    /// A projection of which a newer version is live is left out from now on: this process is one
    /// without it.
    ///
    /// # Errors
    /// [`StorageError`] of the database. The caller rolls back.
    pub async fn catch_up(
        &mut self,
        tx: &mut Db::Transaction,
        feed: &impl FeedInside<Db::Transaction>,
    ) -> Result<(), StorageError> {
        let mut at = 0;
        while let Some(opened) = self.list.get_mut(at) {
            if opened.begin(tx, feed).await? {
                at += 1;
            } else {
                self.list.remove(at);
            }
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
        for opened in self.list.iter().filter(|opened| opened.is_current) {
            let (projection, tables) = (&opened.projection.0, &opened.tables);
            for event in &events {
                projection.handle(tx, tables, event).await?;
            }
            let to = appended.position;
            tables.moved::<Db>(tx, to, &events, 0).await?;
        }
        Ok(())
    }
}

impl<Db: ReadDatabase> Opened<Db> {
    /// Catches up at the beginning of a transaction. `false` if a newer version is live.
    async fn begin(
        &mut self,
        tx: &mut Db::Transaction,
        feed: &impl FeedInside<Db::Transaction>,
    ) -> Result<bool, StorageError> {
        let projection = &self.projection.0;
        let stored = self.tables.position::<Db>(tx).await?;
        let from = if let Some(position) = stored.filter(|_| !self.tables.hand_over) {
            position
        } else {
            // Another process replaced them, or a rebuild is to take their place.
            let store = feed.store_id(tx).await?;
            match projection.open(tx, Some(store), stored.is_some()).await {
                Ok(tables) => self.tables = tables,
                Err(ProjectionError::OlderProgram { .. }) => return Ok(false),
                Err(error) => {
                    let what = error.to_string();
                    return Err(StorageError::new(StorageErrorKind::Version, what));
                }
            }
            self.tables.position
        };
        self.catch_up(tx, from, feed).await?;
        Ok(true)
    }

    /// Handles the stored events after `from`, page by page.
    async fn catch_up(
        &mut self,
        tx: &mut Db::Transaction,
        from: Position,
        feed: &impl FeedInside<Db::Transaction>,
    ) -> Result<(), StorageError> {
        let mut from = from;
        loop {
            let page = feed.page(tx, from, ReadLimit::events(PAGE)).await?;
            if !page.events.is_empty() {
                let (projection, tables) = (&self.projection.0, &mut self.tables);
                self.is_current = projection
                    .take_stored(tx, tables, page.next, &page.events)
                    .await?;
                if !self.is_current {
                    return Ok(());
                }
            }
            from = page.next;
            if page.at_end {
                self.is_current = true;
                return Ok(());
            }
        }
    }
}
