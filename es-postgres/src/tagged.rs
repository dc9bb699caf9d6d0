//! Reading events by their tags: one page.

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
    Position, ReadError, ReadLimit, TagQuery, TaggedPage,
    store::author::{Page, RuleNeeds},
};
use futures_util::{TryStreamExt, future::join3};
use std::pin::pin;
use tokio_postgres::types::Type;

pub(crate) async fn tagged_page(
    session: &Session,
    statements: &Statements,
    query: &TagQuery,
    after: Position,
    limit: ReadLimit,
    absent: &Absent,
) -> Result<TaggedPage, ReadError> {
    let most = i64::try_from(limit.events).unwrap_or(i64::MAX);
    let bytes = i64::try_from(limit.bytes).unwrap_or(i64::MAX);
    let start = clamped(rows::start(after));
    let events: Vec<&str> = query.events().collect();
    let tags: Vec<&str> = query.texts().collect();
    let params: [Param<'_>; 5] = [
        (&start, Type::INT8),
        (&events, Type::TEXT_ARRAY),
        (&most, Type::INT8),
        (&bytes, Type::INT8),
        (&tags, Type::TEXT_ARRAY),
    ];
    let sql = statements.tagged.sql(limit);
    let types: Vec<Type> = params.iter().map(|(_, kind)| kind.clone()).collect();
    let ready = [
        (statements.newest.as_str(), &[][..]),
        (&statements.rules, RULES),
        (sql, &types),
    ];
    for (sql, types) in ready {
        session.prepare(sql, types).await.map_err(read_error)?;
    }
    let needs = RuleNeeds::default().with_kinds(query.pairs());
    let known = absent.of(&needs);
    // The end is read first: what the statements that follow see is complete up to it.
    let (newest, rules, found) = join3(
        session.rows(&statements.newest, &[]),
        write::rules(session, statements, &needs, &known),
        session.stream(sql, &params),
    )
    .await;
    let newest = newest.map_err(read_error)?;
    let head = head_of(&newest)?;
    let rules = rules?;
    if let Some((event, kind)) = rules.not_ready(query) {
        return Err(ReadError::TagsNotReady {
            reached: write::reached(session, statements, &event, &kind).await?,
            event,
            kind,
            head: position(head),
        });
    }
    if let Some(newest) = newest.first().and_then(Place::of) {
        absent.note(&rules, &needs, newest);
    }
    let head = position(head);
    let mut found = pin!(found.map_err(read_error)?);
    let mut recorded = Recorded::default();
    let mut page = Page::new(limit);
    while let Some(row) = found.try_next().await.map_err(read_error)? {
        if let (Ok(None), Some(at)) = (row.try_get::<_, Option<i64>>(0), rows::natural(&row, 1)) {
            let what = format!("the event at position {at}, which has a tag, is missing");
            return Err(corrupt(what).into());
        }
        let event = recorded.read(&row)?;
        if event.position > head {
            return Ok(TaggedPage::new(page.events, after, Some(head)));
        }
        if !page.take(event) || page.is_full() {
            break;
        }
    }
    statements.tagged.learn(&page.events);
    let is_cut = page.is_full() || page.is_cut();
    Ok(TaggedPage::new(
        page.events,
        after,
        (!is_cut).then_some(head),
    ))
}
