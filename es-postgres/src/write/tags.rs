//! Tags: their rows, what guards of commits find, and recording them for older events.

use super::{
    rules::{begin_walk, end_walk, is_true, rules_on},
    unique,
};
use crate::{
    connection::{Param, Session},
    errors::{corrupt, storage},
    rows::{self, clamped, numbered, position},
    statements::Statements,
};
use es_runtime::{
    Append, Position, StorageError, TagGuard, TagWalk, TagWalked,
    store::author::{Accepted, RuleNeeds, RuleState},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tokio_postgres::{Error, Row, types::Type};

/// The rows of the tags of accepted appends.
#[derive(Default)]
pub(super) struct TagRows<'a> {
    tags: Vec<String>,
    positions: Vec<i64>,
    events: Vec<&'a str>,
}

impl<'a> TagRows<'a> {
    /// The tags of an append, whose events follow the position `before`.
    pub(super) fn push(
        &mut self,
        append: &'a Append,
        accepted: Accepted,
        before: u64,
        rules: &RuleState,
        staged: Option<&mut Vec<Staged>>,
    ) {
        let mut staged = staged;
        for (event, number) in append.events.iter().zip(1..=accepted.count()) {
            if event.tags.is_empty() {
                continue;
            }
            let (tags, place) = (rules.tags_of(event), before.saturating_add(number));
            for tag in &tags {
                self.tags.push(tag.clone());
                self.positions.push(clamped(place));
                self.events.push(&event.name);
            }
            if let Some(staged) = &mut staged {
                let (at, event) = (position(place), event.name.clone().into_owned());
                staged.push(Staged { at, event, tags });
            }
        }
    }

    pub(super) fn absorb(&mut self, other: Self) {
        self.tags.extend(other.tags);
        self.positions.extend(other.positions);
        self.events.extend(other.events);
    }

    /// The columns, as the statements take them. `None` without a row.
    pub(super) fn params(&self) -> Option<[Param<'_>; 3]> {
        let params: [Param<'_>; 3] = [
            (&self.tags, Type::TEXT_ARRAY),
            (&self.positions, Type::INT8_ARRAY),
            (&self.events, Type::TEXT_ARRAY),
        ];
        (!self.tags.is_empty()).then_some(params)
    }

    pub(super) async fn write(
        &self,
        session: &Session,
        statements: &Statements,
    ) -> Result<(), Error> {
        let Some(params) = self.params() else {
            return Ok(());
        };
        // Boxed, because few appends have a tag.
        let written = Box::pin(session.execute(&statements.tags_put, &params)).await;
        written.map(|_| ())
    }
}

/// An event that an earlier commit of the group writes.
pub(super) struct Staged {
    at: Position,
    event: String,
    tags: BTreeSet<String>,
}

impl Staged {
    /// Where it is, if it is what a guard excludes.
    pub(super) fn breaks(&self, guard: &TagGuard) -> Option<Position> {
        let is_later = self.at > guard.after;
        (is_later && guard.query.finds(&self.event, &self.tags)).then_some(self.at)
    }
}

/// For each guard, the first event after its position that its query finds. The question is sent at the first poll, so
/// after the lock.
pub(super) async fn found(
    session: &Session,
    statements: &Statements,
    guards: &[&TagGuard],
) -> Result<Vec<Option<Position>>, StorageError> {
    if guards.is_empty() {
        return Ok(Vec::new());
    }
    Box::pin(read_found(session, statements, guards)).await
}

async fn read_found(
    session: &Session,
    statements: &Statements,
    guards: &[&TagGuard],
) -> Result<Vec<Option<Position>>, StorageError> {
    let (mut firsts, mut places) = (Vec::new(), Vec::new());
    let (mut names, mut others) = (Parts::default(), Parts::default());
    for guard in guards {
        let mut tags = guard.query.texts();
        firsts.extend(tags.next());
        places.push(clamped(rows::start(guard.after)));
        names.push(guard.query.events().collect());
        others.push(tags.collect());
    }
    let params: [Param<'_>; 8] = [
        (&firsts, Type::TEXT_ARRAY),
        (&places, Type::INT8_ARRAY),
        (&names.first, Type::INT4_ARRAY),
        (&names.last, Type::INT4_ARRAY),
        (&others.first, Type::INT4_ARRAY),
        (&others.last, Type::INT4_ARRAY),
        (&names.all, Type::TEXT_ARRAY),
        (&others.all, Type::TEXT_ARRAY),
    ];
    let answers = session.rows(&statements.tags_guards, &params).await;
    let mut found = vec![None; guards.len()];
    let mut answered = 0;
    for row in answers.map_err(storage)? {
        let place: Option<i64> = row.try_get(1).map_err(storage)?;
        let place = place.map(|place| u64::try_from(place).map(position));
        let place = place.transpose().ok();
        let answer = numbered(&row, 0).and_then(|index| found.get_mut(index));
        let (Some(answer), Some(place)) = (answer, place) else {
            return Err(corrupt("what a guard found cannot be read"));
        };
        *answer = place;
        answered += 1;
    }
    if answered != guards.len() {
        return Err(corrupt("the server did not answer for each guard"));
    }
    Ok(found)
}

/// Lists one after the other, and where each begins and ends. Equal ones are there once: guards by the same fold have the
/// same names.
#[derive(Default)]
struct Parts<'a> {
    all: Vec<&'a str>,
    first: Vec<i32>,
    last: Vec<i32>,
    known: HashMap<Vec<&'a str>, (i32, i32)>,
}

impl<'a> Parts<'a> {
    fn push(&mut self, part: Vec<&'a str>) {
        let end = |all: &[&str]| i32::try_from(all.len()).unwrap_or(i32::MAX);
        let place = self.known.get(&part).copied().unwrap_or_else(|| {
            let first = end(&self.all).saturating_add(1);
            self.all.extend(&part);
            (first, end(&self.all))
        });
        self.first.push(place.0);
        self.last.push(place.1);
        self.known.insert(part, place);
    }
}

/// A step of recording tags for older events, in a transaction of its own.
pub(crate) async fn walk(
    session: &Session,
    statements: &Statements,
    begin: &str,
    walk: &TagWalk,
) -> Result<TagWalked, StorageError> {
    let head = begin_walk(session, statements, begin).await?;
    let on = rules_on(session, statements).await?;
    let mut state = RuleState::default();
    let pairs = walk.kinds.iter();
    let pairs = pairs.map(|(event, kind)| (event.as_str(), kind.as_str()));
    for (rule, event) in &RuleNeeds::default().with_kinds(pairs.clone()).rules {
        state.read_rule(rule, event, on.contains(rule, event), true);
    }
    let (events, kinds): (Vec<&str>, Vec<&str>) = pairs.unzip();
    let mut reached = read_reached(session, statements, &events, &kinds).await?;
    let names: Vec<&str> = walk.events().into_iter().collect();
    let to = clamped(rows::start(walk.to));
    let later: [Param<'_>; 2] = [(&to, Type::INT8), (&names, Type::TEXT_ARRAY)];
    let has_later = is_true(session, &statements.has_later, &later).await?;
    let (walked, rows) = state.walk_tags(walk, &mut reached, has_later);
    unique::write(session, statements, &state)
        .await
        .map_err(storage)?;
    let tags: Vec<String> = rows.iter().map(|(tag, _, _)| tag.clone()).collect();
    let of_tags: Vec<&str> = rows.iter().map(|(_, _, event)| event.as_str()).collect();
    let places = rows.iter().map(|(_, at, _)| clamped(rows::start(*at)));
    let places: Vec<i64> = places.collect();
    let written: [Param<'_>; 3] = [
        (&tags, Type::TEXT_ARRAY),
        (&places, Type::INT8_ARRAY),
        (&of_tags, Type::TEXT_ARRAY),
    ];
    let gone: [Param<'_>; 2] = [(&events, Type::TEXT_ARRAY), (&kinds, Type::TEXT_ARRAY)];
    let keys = reached.keys();
    let (left, of_left): (Vec<&str>, Vec<&str>) = keys
        .map(|(event, kind)| (event.as_str(), kind.as_str()))
        .unzip();
    let at = reached.values().map(|at| clamped(rows::start(*at)));
    let at: Vec<i64> = at.collect();
    let put: [Param<'_>; 3] = [
        (&left, Type::TEXT_ARRAY),
        (&of_left, Type::TEXT_ARRAY),
        (&at, Type::INT8_ARRAY),
    ];
    for (sql, params) in [
        (&statements.tags_walked, &written[..]),
        (&statements.tag_walks_delete, &gone[..]),
        (&statements.tag_walks_put, &put[..]),
    ] {
        session.execute(sql, params).await.map_err(storage)?;
    }
    if is_true(session, &statements.tags_missing, &written).await? {
        let what = "a tag of an older event is not there after it was written, as when a trigger keeps rows out of \
                    event_tags; this step wrote nothing";
        return Err(corrupt(what));
    }
    end_walk(session, statements, head).await?;
    Ok(walked)
}

/// How far recording kinds for the events of names has come.
async fn read_reached(
    session: &Session,
    statements: &Statements,
    events: &[&str],
    kinds: &[&str],
) -> Result<BTreeMap<(String, String), Position>, StorageError> {
    let params: [Param<'_>; 2] = [(&events, Type::TEXT_ARRAY), (&kinds, Type::TEXT_ARRAY)];
    let found = session.rows(&statements.tag_walks, &params).await;
    let found = found.map_err(storage)?;
    let read = |row: &Row| {
        let key = (row.try_get(0).ok()?, row.try_get(1).ok()?);
        Some((key, position(rows::natural(row, 2)?)))
    };
    let read: Option<_> = found.iter().map(read).collect();
    read.ok_or_else(|| corrupt("a row of tag_walks cannot be read"))
}

/// How far recording a kind for the events of a name has come.
pub(crate) async fn reached(
    session: &Session,
    statements: &Statements,
    event: &str,
    kind: &str,
) -> Result<Position, StorageError> {
    let reached = read_reached(session, statements, &[event], &[kind]).await?;
    Ok(reached.into_values().next().unwrap_or(Position::START))
}
