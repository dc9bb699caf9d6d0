//! Projections that run inside the appends of the store whose file they are in.

use super::{SqliteReadDatabase, SqliteTransaction};
use crate::{block_on::block_on, errors::storage, queries::feed_rows};
use es_projections::backend::{FeedInside, InlineProjection, Inlines};
use es_runtime::{EventFilter, FeedPage, Position, ReadLimit, StorageError};

/// The feed, read on the connection of the writer.
pub(crate) struct Feed;

impl FeedInside<SqliteTransaction> for Feed {
    async fn page(
        &self,
        tx: &mut SqliteTransaction,
        after: Position,
        limit: ReadLimit,
    ) -> Result<FeedPage, StorageError> {
        let all = EventFilter::all();
        let page = feed_rows(tx.connection(), &|| true, after, &all, limit);
        page.map_err(StorageError::from)
    }
}

/// Makes the tables and brings them up to date, in one transaction for each.
pub(crate) fn open(
    list: &[InlineProjection<SqliteReadDatabase>],
    tx: &mut SqliteTransaction,
) -> Result<Inlines<SqliteReadDatabase>, StorageError> {
    let mut opened = Inlines::default();
    let run = |tx: &SqliteTransaction, sql| tx.connection().execute_batch(sql).map_err(storage);
    for projection in list {
        run(tx, "BEGIN IMMEDIATE")?;
        let done = block_on(opened.open(projection, tx, &Feed)).and_then(|()| run(tx, "COMMIT"));
        if let Err(error) = done {
            let _ = run(tx, "ROLLBACK");
            return Err(error);
        }
    }
    Ok(opened)
}
