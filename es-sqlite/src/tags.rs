//! Tags: the index of events by them, guards of commits, and recording them for older events.

use crate::{
    queries::{Waiting, newest},
    rows::{Recorded, event_columns, exact, place, read_error, start, unplaced},
    rules::{self, Absent, has_later, has_table, make_table},
    settings::StoreSettings,
};
use es_runtime::{
    Append, Commit, CommitError, EventTag, Position, ReadDirection, ReadError, ReadLimit,
    RecordedEvent, TagQuery, TagWalk, TagWalked,
    store::author::{self, Page, RuleNeeds, RuleState},
};
use rusqlite::{Connection, OptionalExtension, ToSql, params};
use std::{collections::BTreeMap, ops::Bound, sync::LazyLock};

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

/// Makes the tables of tags where they are not there.
pub(crate) fn make_tables(connection: &Connection) -> rusqlite::Result<()> {
    make_table(connection, "es_tags", TABLES)
}

/// Writes the tags of an append, whose last event has this position. Without `rules` all of its kinds are on.
pub(crate) fn write(
    connection: &Connection,
    append: &Append,
    rules: Option<&RuleState>,
    last: Position,
) -> rusqlite::Result<()> {
    let mut tagged = append.events.iter().filter(|event| !event.tags.is_empty());
    if tagged.next().is_none() {
        return Ok(());
    }
    if rules.is_some_and(|rules| rules.changed_rules().next().is_some()) {
        make_tables(connection)?;
    }
    let [_, _, last] = last.to_parts();
    let mut rows = Vec::new();
    for (event, back) in append.events.iter().rev().zip(0_u64..) {
        let tags = match rules {
            Some(rules) => rules.tags_of(event),
            None => EventTag::texts(&event.tags, |_| true),
        };
        let position = exact(last.saturating_sub(back))?;
        rows.extend(tags.into_iter().map(|tag| (tag, position, &*event.name)));
    }
    insert(connection, &rows)
}

/// So many rows one statement inserts at most.
const ROWS: usize = 16;

/// The statements for 1, 2, .. rows.
static INSERTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let insert = |rows| {
        let rows = vec!["(?, ?, ?)"; rows].join(", ");
        format!("INSERT OR IGNORE INTO es_tags (tag, position, event) VALUES {rows}")
    };
    (1..=ROWS).map(insert).collect()
});

/// Inserts rows of a tag, a position and the name of the event.
fn insert(connection: &Connection, rows: &[(String, i64, &str)]) -> rusqlite::Result<()> {
    for rows in rows.chunks(ROWS) {
        let sql = INSERTS.get(rows.len() - 1).map_or("", String::as_str);
        let mut insert = connection.prepare_cached(sql)?;
        let mut next = 0;
        let mut bind = |value: &dyn ToSql| {
            next += 1;
            insert.raw_bind_parameter(next, value)
        };
        for (tag, position, event) in rows {
            bind(tag)?;
            bind(position)?;
            bind(event)?;
        }
        insert.raw_execute()?;
    }
    Ok(())
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
            next(connection, &guard.query, Range::forward(guard.after))?.map(position)
        } else {
            None
        };
        if let Err(refused) = author::check_guard(commit, index, &rules, head, found) {
            return Ok(Err(refused));
        }
    }
    Ok(Ok(()))
}

/// Positions between two others, and where to begin.
#[derive(Clone, Copy)]
pub(crate) struct Range {
    after: i64,
    before: i64,
    direction: ReadDirection,
}

impl Range {
    pub(crate) fn forward(after: Position) -> Self {
        Self {
            after: start(after),
            before: i64::MAX,
            direction: ReadDirection::Forward,
        }
    }

    pub(crate) fn backward(after: Position, until: Bound<Position>) -> Self {
        let before = match until {
            Bound::Included(last) => start(last).saturating_add(1),
            Bound::Excluded(end) => start(end),
            Bound::Unbounded => i64::MAX,
        };
        Self {
            before,
            direction: ReadDirection::Backward,
            ..Self::forward(after)
        }
    }

    /// What is left of it from a position on.
    const fn from(self, at: i64) -> Self {
        match self.direction {
            ReadDirection::Forward => self.rest(at.saturating_sub(1)),
            ReadDirection::Backward => self.rest(at.saturating_add(1)),
        }
    }

    /// The same without that position.
    const fn rest(mut self, at: i64) -> Self {
        match self.direction {
            ReadDirection::Forward => self.after = at,
            ReadDirection::Backward => self.before = at,
        }
        self
    }
}

/// A page of the events that a query finds.
pub(crate) struct Found {
    pub(crate) events: Vec<RecordedEvent>,
    /// The newest position at that time.
    pub(crate) head: Position,
    /// Whether the range has no more of them.
    pub(crate) is_over: bool,
}

/// A page of the events of a range that a query finds, in a transaction of its own.
pub(crate) fn page(
    connection: &Connection,
    waiting: &Waiting<'_>,
    query: &TagQuery,
    range: Range,
    limit: ReadLimit,
    absent: &Absent,
) -> Result<Found, ReadError> {
    // Dropping it ends it.
    let _snapshot = connection.unchecked_transaction().map_err(read_error)?;
    let head = newest(connection).map_err(read_error)?;
    let needs = RuleNeeds::default().with_kinds(query.pairs());
    let rules = rules::read_committed(connection, &needs, absent, head).map_err(read_error)?;
    let head = position(head);
    if let Some((event, kind)) = rules.not_ready(query) {
        let at = reached(connection, &event, &kind).map_err(read_error)?;
        return Err(ReadError::TagsNotReady {
            event,
            kind,
            reached: at.unwrap_or(Position::START),
            head,
        });
    }
    let mut found = Found {
        events: Vec::new(),
        head,
        is_over: true,
    };
    if !has_table(connection, "es_tags").map_err(read_error)? {
        return Ok(found);
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
    let mut rest = range;
    found.is_over = loop {
        if page.is_full() || !waiting() {
            break false;
        }
        let Some(at) = next(connection, query, rest).map_err(read_error)? else {
            break true;
        };
        let mut rows = select.query([at]).map_err(read_error)?;
        let Some(row) = rows.next().map_err(read_error)? else {
            let what = format!("the event at position {at}, which has a tag, is missing");
            return Err(crate::errors::corrupt(what).into());
        };
        let place = place(row, 0, 1).map_err(|what| unplaced(row, what))?;
        if !page.take(recorded.read(row, place)?) {
            break false;
        }
        rest = rest.rest(at);
    };
    found.events = page.events;
    Ok(found)
}

/// The first event of a range that a query finds, in a file that has the table. It steps from tag to tag, so it takes about
/// as long as the rarest of them has events.
fn next(connection: &Connection, query: &TagQuery, range: Range) -> rusqlite::Result<Option<i64>> {
    let mut select = connection.prepare_cached(match range.direction {
        ReadDirection::Forward => {
            "SELECT position, event FROM es_tags WHERE tag = ?1 AND position > ?2 AND position < ?3 \
             ORDER BY position LIMIT 1"
        }
        ReadDirection::Backward => {
            "SELECT position, event FROM es_tags WHERE tag = ?1 AND position > ?2 AND position < ?3 \
             ORDER BY position DESC LIMIT 1"
        }
    })?;
    let mut step = |tag: &str, range: Range| {
        let params = params![tag, range.after, range.before];
        let found = select.query_row(params, |row| Ok((row.get(0)?, row.get(1)?)));
        found.optional()
    };
    let mut range = range;
    loop {
        let mut tags = query.texts();
        let mut at: Option<(i64, String)> = None;
        let all = loop {
            let Some(tag) = tags.next() else { break true };
            let rest = at
                .as_ref()
                .map_or(range, |(position, _)| range.from(*position));
            let Some(found) = step(tag, rest)? else {
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
        range = if all {
            range.rest(position)
        } else {
            range.from(position)
        };
    }
}

/// Does a step of recording tags for older events.
pub(crate) fn walk(
    connection: &Connection,
    walk: &TagWalk,
    settings: &StoreSettings,
) -> rusqlite::Result<TagWalked> {
    make_tables(connection)?;
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
    let rows: Vec<_> = rows
        .iter()
        .map(|(tag, at, event)| (tag.clone(), start(*at), event.as_str()))
        .collect();
    insert(connection, &rows)?;
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
