//! Reading events by their tags: one page, in either direction.

use crate::{
    connection::{Param, Session},
    errors::{corrupt, read_error},
    feed::head_of,
    rows::{self, Recorded, clamped, position},
    settings::{Absent, Place},
    statements::{RULES, Statements},
    write,
};
use es_runtime::{
    Position, ReadError, ReadLimit, RecordedEvent, TagQuery, TaggedBackward, TaggedPage,
    store::author::{Page, RuleNeeds},
};
use futures_util::{TryStreamExt, future::join3};
use std::{ops::Bound, pin::pin};
use tokio_postgres::{
    Row, RowStream,
    types::{ToSql, Type},
};

/// A query, and where it is asked.
pub(crate) struct Asked<'a> {
    pub(crate) session: &'a Session,
    pub(crate) statements: &'a Statements,
    pub(crate) absent: &'a Absent,
    pub(crate) query: &'a TagQuery,
    pub(crate) limit: ReadLimit,
}

impl Asked<'_> {
    /// The events after a position, in order.
    pub(crate) async fn page(&self, after: Position) -> Result<TaggedPage, ReadError> {
        let pages = &self.statements.tagged;
        let (head, found) = self.first(pages.sql(self.limit), after, None).await?;
        let (page, is_newer) = self.take(found, head).await?;
        pages.learn(&page.events);
        let is_cut = !is_newer && (page.is_full() || page.is_cut());
        Ok(TaggedPage::new(
            page.events,
            after,
            (!is_cut).then_some(head),
        ))
    }

    /// The events of a range, newest first.
    pub(crate) async fn page_backward(
        &self,
        after: Position,
        until: Bound<Position>,
    ) -> Result<TaggedBackward, ReadError> {
        let pages = &self.statements.tagged_backward;
        let sql = pages.sql(self.limit);
        let before = match until {
            Bound::Included(last) => rows::start(last).saturating_add(1),
            Bound::Excluded(end) => rows::start(end),
            Bound::Unbounded => u64::MAX,
        };
        let (head, found) = self.first(sql, after, Some(clamped(before))).await?;
        let (mut page, is_newer) = self.take(found, head).await?;
        if is_newer {
            // What came after the end of the store was read has taken the place of others.
            let before = clamped(rows::start(head).saturating_add(1));
            let found = self.found(sql, after, Some(before)).await?;
            page = self.take(found, head).await?.0;
        }
        pages.learn(&page.events);
        let is_cut = page.is_full() || page.is_cut();
        Ok(TaggedBackward::new(page.events, head, !is_cut))
    }

    /// The events up to the end, and whether there is one that came after it.
    async fn take(&self, found: RowStream, head: Position) -> Result<(Page, bool), ReadError> {
        let mut found = pin!(found);
        let mut recorded = Recorded::default();
        let mut page = Page::new(self.limit);
        while let Some(row) = found.try_next().await.map_err(read_error)? {
            let event = event(&mut recorded, &row)?;
            if event.position > head {
                return Ok((page, true));
            }
            if !page.take(event) || page.is_full() {
                break;
            }
        }
        Ok((page, false))
    }

    /// The end of the store, and the rows of the first page, unless the query has no answer.
    async fn first(
        &self,
        sql: &str,
        after: Position,
        before: Option<i64>,
    ) -> Result<(Position, RowStream), ReadError> {
        let Self {
            session,
            statements,
            query,
            ..
        } = self;
        let types: Vec<Type> = types(before).collect();
        let ready = [
            (statements.newest.as_str(), &[][..]),
            (&statements.rules, RULES),
            (sql, &types),
        ];
        for (sql, types) in ready {
            session.prepare(sql, types).await.map_err(read_error)?;
        }
        let needs = RuleNeeds::default().with_kinds(query.pairs());
        let known = self.absent.of(&needs);
        // The end is read first: what the statements that follow see is complete up to it.
        let (newest, rules, found) = join3(
            session.rows(&statements.newest, &[]),
            write::rules(session, statements, &needs, &known),
            self.found(sql, after, before),
        )
        .await;
        let newest = newest.map_err(read_error)?;
        let head = position(head_of(&newest)?);
        let rules = rules?;
        if let Some((event, kind)) = rules.not_ready(query) {
            return Err(ReadError::TagsNotReady {
                reached: write::reached(session, statements, &event, &kind).await?,
                event,
                kind,
                head,
            });
        }
        if let Some(newest) = newest.first().and_then(Place::of) {
            self.absent.note(&rules, &needs, newest);
        }
        Ok((head, found?))
    }

    async fn found(
        &self,
        sql: &str,
        after: Position,
        before: Option<i64>,
    ) -> Result<RowStream, ReadError> {
        let most = i64::try_from(self.limit.events).unwrap_or(i64::MAX);
        let bytes = i64::try_from(self.limit.bytes).unwrap_or(i64::MAX);
        let start = clamped(rows::start(after));
        let events: Vec<&str> = self.query.events().collect();
        let tags: Vec<&str> = self.query.texts().collect();
        let values: [&(dyn ToSql + Sync); 6] = [&start, &events, &most, &bytes, &tags, &before];
        let params: Vec<Param<'_>> = values.into_iter().zip(types(before)).collect();
        let found = self.session.stream(sql, &params).await;
        found.map_err(read_error)
    }
}

/// Those of the parameters. Only a page backward has the last one, the position before which its events are.
fn types(before: Option<i64>) -> impl Iterator<Item = Type> {
    let types = [
        Type::INT8,
        Type::TEXT_ARRAY,
        Type::INT8,
        Type::INT8,
        Type::TEXT_ARRAY,
    ];
    types.into_iter().chain(before.map(|_| Type::INT8))
}

fn event(recorded: &mut Recorded, row: &Row) -> Result<RecordedEvent, ReadError> {
    if let (Ok(None), Some(at)) = (row.try_get::<_, Option<i64>>(0), rows::natural(row, 1)) {
        let what = format!("the event at position {at}, which has a tag, is missing");
        return Err(corrupt(what).into());
    }
    recorded.read(row)
}
