//! Reading the feed: one page, from any session, inside a transaction or outside.

use crate::{
    connection::{Param, Session},
    errors::{corrupt, read_error},
    rows::{self, Recorded, clamped, position},
    statements::Statements,
};
use es_runtime::{
    EventFilter, FeedPage, Position, ReadError, ReadLimit, StorageError, store::author::Page,
};
use futures_util::{TryStreamExt, future::join};
use std::{pin::pin, sync::Arc};
use tokio_postgres::{Row, types::Type};

/// So many positions, for each event that is wanted, one statement looks through at most.
const WINDOW: u64 = 64;

pub(crate) async fn feed_page<'f>(
    session: &Session,
    statements: &Statements,
    after: Position,
    filter: &'f EventFilter,
    limit: ReadLimit,
) -> Result<FeedPage, ReadError> {
    let from = rows::start(after);
    let most = i64::try_from(limit.events).unwrap_or(i64::MAX);
    // Positions are dense, so this bounds what one statement looks at, whatever is wanted.
    let wanted = u64::try_from(limit.events).unwrap_or(u64::MAX);
    let window = from.saturating_add(wanted.max(1).saturating_mul(WINDOW));
    let bytes = i64::try_from(limit.bytes).unwrap_or(i64::MAX);
    let (start, end) = (clamped(from), clamped(window));
    let mut params: Vec<Param<'_>> = vec![
        (&start, Type::INT8),
        (&end, Type::INT8),
        (&most, Type::INT8),
        (&bytes, Type::INT8),
    ];
    let texts = |texts: &'f [Arc<str>]| texts.iter().map(|text| &**text).collect::<Vec<&'f str>>();
    let names = filter.as_names().map(texts);
    let aggregates = filter.as_aggregates().map(texts);
    let pages = match (&names, &aggregates) {
        (None, None) => &statements.feed,
        (Some(names), None) => {
            params.push((names, Type::TEXT_ARRAY));
            &statements.feed_of_names
        }
        (names, Some(aggregates)) => {
            params.push((names, Type::TEXT_ARRAY));
            params.push((aggregates, Type::TEXT_ARRAY));
            &statements.feed_of_aggregates
        }
    };
    let sql = pages.sql(limit);
    let types: Vec<Type> = params.iter().map(|(_, kind)| kind.clone()).collect();
    session
        .prepare(&statements.head, &[])
        .await
        .map_err(read_error)?;
    session.prepare(sql, &types).await.map_err(read_error)?;
    // The end is read first: everything up to it is seen by the statement that follows.
    let (head, found) = join(
        session.rows(&statements.head, &[]),
        session.stream(sql, &params),
    )
    .await;
    let head = head_of(&head.map_err(read_error)?)?;
    let mut found = pin!(found.map_err(read_error)?);
    let mut recorded = Recorded::default();
    let mut page = Page::new(limit);
    while let Some(row) = found.try_next().await.map_err(read_error)? {
        if !page.take(recorded.read(&row)?) || page.is_full() {
            break;
        }
    }
    pages.learn(&page.events);
    let last = page.events.last().map_or(after, |event| event.position);
    if page.is_full() || page.is_cut() {
        return Ok(FeedPage::new(page.events, last, false));
    }
    let looked_at = position(window.min(head)).max(last);
    Ok(FeedPage::new(page.events, looked_at, window >= head))
}

pub(crate) fn head_of(rows: &[Row]) -> Result<u64, StorageError> {
    rows.first()
        .and_then(|row| rows::natural(row, 0))
        .ok_or_else(|| corrupt("the table `head` does not have its one row"))
}
