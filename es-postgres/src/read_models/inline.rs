//! Projections that run inside the appends of the store whose database they are in.

use super::{PostgresReadDatabase, PostgresTransaction};
use crate::{connection::Session, errors::storage, feed::feed_page, statements::Statements};
use es_projections::backend::{FeedInside, InlineProjection, Inlines};
use es_runtime::{EventFilter, FeedPage, Position, ReadLimit, StorageError};

/// The feed, read on the session of the writer.
pub(crate) struct Feed<'a>(pub(crate) &'a Statements);

impl FeedInside<PostgresTransaction> for Feed<'_> {
    async fn page(
        &self,
        tx: &mut PostgresTransaction,
        after: Position,
        limit: ReadLimit,
    ) -> Result<FeedPage, StorageError> {
        let all = EventFilter::all();
        let page = feed_page(tx.session(), self.0, after, &all, limit).await;
        page.map_err(StorageError::from)
    }
}

/// Makes the tables and brings them up to date, in one transaction for each. Where any of it fails, the
/// session is dropped and the server rolls back.
pub(crate) async fn open(
    list: &[InlineProjection<PostgresReadDatabase>],
    session: Session,
    begin: &str,
    statements: &Statements,
) -> Result<(Inlines<PostgresReadDatabase>, Session), StorageError> {
    let mut opened = Inlines::default();
    let mut session = session;
    for projection in list {
        let run = |sql| session.client().batch_execute(sql);
        run(begin).await.map_err(storage)?;
        let mut tx = PostgresTransaction::new(session);
        opened.open(projection, &mut tx, &Feed(statements)).await?;
        session = tx.into_parts().0;
        let commit = session.client().batch_execute("COMMIT");
        commit.await.map_err(storage)?;
    }
    Ok((opened, session))
}
