//! Tags: the index of events by them, guards of commits, and recording them for older events.

use crate::{
    queries::{Waiting, newest},
    rows::{Recorded, event_columns, exact, place, read_error, start, unplaced},
    rules::{self, Absent, has_later, has_table, make_table},
    settings::StoreSettings,
};
use es_runtime::{
    Append, Commit, CommitError, Position, ReadError, ReadLimit, TagQuery, TagWalk, TagWalked,
    TaggedPage,
    store::author::{self, Page, RuleNeeds, RuleState},
};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;

/// They are made when a kind of tags is first turned on.
const TABLES: &str = "
    CREATE TABLE es_tags (
        tag            TEXT    NOT NULL,
        position       INTEGER NOT NULL,
        event          TEXT    NOT NULL,
        PRIMARY KEY (tag, position)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE es_tag_walks (
        event          TEXT    NOT NULL,
        kind           TEXT    NOT NULL,
        position       INTEGER NOT NULL,
        PRIMARY KEY (event, kind)
    ) STRICT, WITHOUT ROWID;
";

/// Writes the tags of an append, whose last event has this position.
pub(crate) fn write(
    connection: &Connection,
    append: &Append,
    rules: &RuleState,
    last: Position,
) -> rusqlite::Result<()> {
    let mut tagged = append.events.iter().filter(|event| !event.tags.is_empty());
    if tagged.next().is_none() {
        return Ok(());
    }
    if rules.changed_rules().next().is_some() {
        make_table(connection, "es_tags", TABLES)?;
    }
    let [_, _, last] = last.to_parts();
    for (event, back) in append.events.iter().rev().zip(0_u64..) {
        for tag in rules.tags_of(event) {
            insert(
                connection,
                &tag,
                exact(last.saturating_sub(back))?,
                &event.name,
            )?;
        }
    }
    Ok(())
}

fn insert(connection: &Connection, tag: &str, at: i64, event: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO es_tags (tag, position, event) VALUES (?1, ?2, ?3)")?
        .execute(params![tag, at, event])
        .map(|_| ())
}

/// Checks the guards of a commit in the writer's transaction, so they see the commits before it.
pub(crate) fn check_guards(
    connection: &Connection,
    commit: &Commit,
    settings: &StoreSettings,
) -> rusqlite::Result<Result<(), CommitError>> {
    let needs =
        RuleNeeds::default().with_kinds(commit.guards.iter().flat_map(|guard| guard.query.pairs()));
    let rules = rules::read(connection, &needs, &settings.rules, &settings.absent)?;
    let head = position(newest(connection)?);
    let is_made = has_table(connection, "es_tags")?;
    for (index, guard) in commit.guards.iter().enumerate() {
        let found = if is_made {
            next(connection, &guard.query, start(guard.after))?.map(position)
        } else {
            None
        };
        if let Err(refused) = author::check_guard(commit, index, &rules, head, found) {
            return Ok(Err(refused));
        }
    }
    Ok(Ok(()))
}

/// A page of the events that a query finds, in a transaction of its own.
pub(crate) fn page(
    connection: &Connection,
    waiting: &Waiting<'_>,
    query: &TagQuery,
    after: Position,
    limit: ReadLimit,
    absent: &Absent,
) -> Result<TaggedPage, ReadError> {
    // Dropping it ends it.
    let _snapshot = connection.unchecked_transaction().map_err(read_error)?;
    let head = newest(connection).map_err(read_error)?;
    let needs = RuleNeeds::default().with_kinds(query.pairs());
    let rules = rules::read_committed(connection, &needs, absent, head).map_err(read_error)?;
    if let Some((event, kind)) = rules.not_ready(query) {
        let at = reached(connection, &event, &kind).map_err(read_error)?;
        return Err(ReadError::TagsNotReady {
            event,
            kind,
            reached: at.unwrap_or(Position::START),
            head: position(head),
        });
    }
    if !has_table(connection, "es_tags").map_err(read_error)? {
        return Ok(TaggedPage::new(Vec::new(), after, Some(position(head))));
    }
    let mut select = connection
        .prepare_cached(concat!(
            "SELECT ",
            event_columns!(),
            " FROM events WHERE position = ?1"
        ))
        .map_err(read_error)?;
    let mut recorded = Recorded::default();
    let mut page = Page::new(limit);
    let mut at = start(after);
    while !page.is_full() && waiting() {
        let Some(found) = next(connection, query, at).map_err(read_error)? else {
            return Ok(TaggedPage::new(page.events, after, Some(position(head))));
        };
        let mut rows = select.query([found]).map_err(read_error)?;
        let Some(row) = rows.next().map_err(read_error)? else {
            let what = format!("the event at position {found}, which has a tag, is missing");
            return Err(crate::errors::corrupt(what).into());
        };
        let place = place(row, 0, 1).map_err(|what| unplaced(row, what))?;
        if !page.take(recorded.read(row, place)?) {
            break;
        }
        at = found;
    }
    Ok(TaggedPage::new(page.events, after, None))
}

/// The first event after a position that a query finds, in a file that has the table. It steps from tag to tag, so it takes about as long as the
/// rarest of them has events.
fn next(connection: &Connection, query: &TagQuery, after: i64) -> rusqlite::Result<Option<i64>> {
    let mut select = connection.prepare_cached(
        "SELECT position, event FROM es_tags WHERE tag = ?1 AND position > ?2 ORDER BY position LIMIT 1",
    )?;
    let mut step = |tag: &str, after: i64| {
        let found = select.query_row(params![tag, after], |row| Ok((row.get(0)?, row.get(1)?)));
        found.optional()
    };
    let mut after = after;
    loop {
        let mut tags = query.texts();
        let mut at: Option<(i64, String)> = None;
        let all = loop {
            let Some(tag) = tags.next() else { break true };
            let from = at.as_ref().map_or(after, |(position, _)| position - 1);
            let Some(found) = step(tag, from)? else {
                return Ok(None);
            };
            let is_same = at.as_ref().is_none_or(|at| at.0 == found.0);
            at = Some(found);
            if !is_same {
                break false;
            }
        };
        let Some((position, event)) = at else {
            return Ok(None);
        };
        if all && query.events().any(|name| name == event) {
            return Ok(Some(position));
        }
        after = if all { position } else { position - 1 };
    }
}

/// Does a step of recording tags for older events.
pub(crate) fn walk(
    connection: &Connection,
    walk: &TagWalk,
    settings: &StoreSettings,
) -> rusqlite::Result<TagWalked> {
    make_table(connection, "es_tags", TABLES)?;
    let mut rules = RuleState::default();
    let mut at = BTreeMap::new();
    let kinds = walk.kinds.iter().map(|(event, kind)| (&**event, &**kind));
    let needs = RuleNeeds::default().with_kinds(kinds);
    settings.rules.with(connection, |on| {
        for (rule, event) in &needs.rules {
            rules.read_rule(rule, event, on.contains(rule, event), true);
        }
    })?;
    for (event, kind) in &walk.kinds {
        let reached = reached(connection, event, kind)?;
        at.extend(reached.map(|at| ((event.clone(), kind.clone()), at)));
    }
    let mut is_later = false;
    for name in walk.events() {
        is_later = is_later || has_later(connection, name, start(walk.to))?;
    }
    let (walked, rows) = rules.walk_tags(walk, &mut at, is_later);
    rules::write(connection, &rules, &settings.rules)?;
    for (tag, at, event) in rows {
        insert(connection, &tag, start(at), &event)?;
    }
    for key in &walk.kinds {
        let (event, kind) = key;
        let Some(at) = at.get(key) else {
            connection
                .prepare_cached("DELETE FROM es_tag_walks WHERE event = ?1 AND kind = ?2")?
                .execute([event, kind])?;
            continue;
        };
        connection
            .prepare_cached("INSERT OR REPLACE INTO es_tag_walks VALUES (?1, ?2, ?3)")?
            .execute(params![event, kind, start(*at)])?;
    }
    Ok(walked)
}

/// How far recording a kind for the events of a name has come.
fn reached(connection: &Connection, event: &str, kind: &str) -> rusqlite::Result<Option<Position>> {
    if !has_table(connection, "es_tag_walks")? {
        return Ok(None);
    }
    connection
        .prepare_cached("SELECT position FROM es_tag_walks WHERE event = ?1 AND kind = ?2")?
        .query_row([event, kind], |row| row.get(0).map(position))
        .optional()
}

fn position(number: i64) -> Position {
    Position::from_parts([0, 0, u64::try_from(number).unwrap_or(0)])
}
