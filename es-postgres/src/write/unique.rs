//! Unique values: what the rules of all stores need to know of them, and what a group changes.

use super::rules::{begin_walk, end_walk, is_true, rules, rules_on};
use crate::{
    connection::{Param, Session},
    errors::{corrupt, storage},
    rows::{self, clamped, position},
    settings::Absent,
    statements::Statements,
};
use es_runtime::{
    Position, StorageError, StreamId, UniqueValue, UniqueWalk, UniqueWalked,
    store::author::{RuleNeeds, RuleState, UniqueRow},
};
use futures_util::future::{join, join3};
use std::time::SystemTime;
use tokio_postgres::{Error, Row, types::Type};

/// A step of turning a rule on, in a transaction of its own.
pub(crate) async fn walk(
    session: &Session,
    statements: &Statements,
    begin: &str,
    walk: &UniqueWalk,
) -> Result<UniqueWalked, StorageError> {
    let head = begin_walk(session, statements, begin).await?;
    let (mut uniques, at) = read_walk(session, statements, walk).await?;
    let [_, _, to] = walk.to.to_parts();
    let to = clamped(to);
    let names: Vec<&str> = walk
        .events
        .iter()
        .chain(&walk.retired)
        .map(String::as_str)
        .collect();
    let later: [Param<'_>; 2] = [(&to, Type::INT8), (&names, Type::TEXT_ARRAY)];
    let has_later = is_true(session, &statements.has_later, &later).await?;
    let walked = uniques.walk(walk, position(at), has_later);
    write(session, statements, &uniques)
        .await
        .map_err(storage)?;
    write_walk(session, statements, walk, &uniques, walked.at).await?;
    end_walk(session, statements, head).await?;
    Ok(walked)
}

/// What a step needs to know, and where the walk is.
async fn read_walk(
    session: &Session,
    statements: &Statements,
    walk: &UniqueWalk,
) -> Result<(RuleState, u64), StorageError> {
    let rule: [Param<'_>; 1] = [(&walk.rule, Type::TEXT)];
    let mut uniques = RuleState::default();
    let on = rules_on(session, statements).await?;
    for event in &walk.events {
        let is_on = on.contains(&walk.rule, event);
        uniques.read_rule(&walk.rule, event, is_on, true);
    }
    let at = session.rows(&statements.unique_walk, &rule).await;
    let at = at.map_err(storage)?;
    let at = at
        .first()
        .and_then(|row| rows::natural(row, 0))
        .unwrap_or(0);
    let waiting = session.rows(&statements.unique_waiting, &rule).await;
    let waiting = waiting.map_err(storage)?;
    let mut values: Vec<&[u8]> = Vec::new();
    for row in &waiting {
        let value: &[u8] = row.try_get(2).map_err(storage)?;
        let read = || {
            let stream = StreamId::new(row.try_get(0).ok()?, row.try_get(1).ok()?).ok()?;
            Some((
                stream,
                std::str::from_utf8(value).ok()?,
                rows::natural(row, 3)?,
            ))
        };
        let Some((stream, text, place)) = read() else {
            return Err(corrupt("a row of unique_duplicates cannot be read"));
        };
        uniques.read_waiting(stream, text, position(place));
        values.push(value);
    }
    for walked in &walk.changes {
        if let UniqueValue::Claimed(value) = &walked.change.value {
            values.push(value.as_bytes());
        }
    }
    let rule = walk.rule.as_str();
    let values = values.into_iter().map(|value| (rule, value));
    let waiting: Vec<StreamId> = uniques
        .waiting()
        .map(|(stream, ..)| stream.clone())
        .collect();
    let walked = walk.changes.iter().map(|walked| &walked.stream);
    let holders = walked.chain(&waiting).map(|stream| (rule, stream));
    let found = rows_of(session, statements, values, holders).await;
    take_all(&mut uniques, &found.map_err(storage)?)?;
    Ok((uniques, at))
}

/// The rows of rules and values, and those of the values that streams have by rules.
async fn rows_of<'a>(
    session: &Session,
    statements: &Statements,
    values: impl Iterator<Item = (&'a str, &'a [u8])>,
    holders: impl Iterator<Item = (&'a str, &'a StreamId)>,
) -> Result<Vec<Row>, Error> {
    let (value_rules, values): (Vec<&str>, Vec<&[u8]>) = values.unzip();
    let (holder_rules, streams): (Vec<&str>, Vec<&StreamId>) = holders.unzip();
    let aggregates: Vec<&str> = streams.iter().map(|stream| stream.aggregate()).collect();
    let ids: Vec<&str> = streams.iter().map(|stream| stream.id()).collect();
    let params: [Param<'_>; 5] = [
        (&value_rules, Type::TEXT_ARRAY),
        (&values, Type::BYTEA_ARRAY),
        (&holder_rules, Type::TEXT_ARRAY),
        (&aggregates, Type::TEXT_ARRAY),
        (&ids, Type::TEXT_ARRAY),
    ];
    session.rows(&statements.unique_values, &params).await
}

/// Writes which streams wait for a value, and where the walk is now.
async fn write_walk(
    session: &Session,
    statements: &Statements,
    walk: &UniqueWalk,
    uniques: &RuleState,
    at: Position,
) -> Result<(), StorageError> {
    let rule: Param<'_> = (&walk.rule, Type::TEXT);
    let (mut streams, mut values, mut places) = ((Vec::new(), Vec::new()), Vec::new(), Vec::new());
    for (stream, value, since) in uniques.waiting() {
        let [_, _, place] = since.to_parts();
        streams.0.push(stream.aggregate());
        streams.1.push(stream.id());
        values.push(value.as_bytes());
        places.push(clamped(place));
    }
    let put: [Param<'_>; 5] = [
        rule.clone(),
        (&streams.0, Type::TEXT_ARRAY),
        (&streams.1, Type::TEXT_ARRAY),
        (&values, Type::BYTEA_ARRAY),
        (&places, Type::INT8_ARRAY),
    ];
    let [_, _, at] = at.to_parts();
    let at = clamped(at);
    let moved: [Param<'_>; 2] = [rule.clone(), (&at, Type::INT8)];
    for (sql, params) in [
        (&statements.unique_waiting_delete, &[rule.clone()][..]),
        (&statements.unique_waiting_put, &put[..]),
        (&statements.unique_walk_put, &moved[..]),
    ] {
        session.execute(sql, params).await.map_err(storage)?;
    }
    Ok(())
}

/// What the appends of a group need to know. The questions are sent at the first poll, so after the lock.
/// Boxed, because few appends have a rule.
pub(super) async fn needed(
    session: &Session,
    statements: &Statements,
    needs: &RuleNeeds<'_>,
    absent: &Absent,
) -> Result<RuleState, StorageError> {
    if needs.is_empty() {
        return Ok(RuleState::default());
    }
    Box::pin(read_needed(session, statements, needs, absent)).await
}

async fn read_needed(
    session: &Session,
    statements: &Statements,
    needs: &RuleNeeds<'_>,
    absent: &Absent,
) -> Result<RuleState, StorageError> {
    let values = needs.values.iter();
    let values = values.map(|(rule, value)| (*rule, value.as_bytes()));
    let holders = needs.holders.iter().copied();
    let absent = absent.of(needs);
    let (known, found) = join(
        rules(session, statements, needs, &absent),
        rows_of(session, statements, values, holders),
    )
    .await;
    let mut uniques = known?;
    take_all(&mut uniques, &found.map_err(storage)?)?;
    Ok(uniques)
}

fn take_all(uniques: &mut RuleState, rows: &[Row]) -> Result<(), StorageError> {
    let read = rows.iter().map(|row| take(uniques, row));
    let read: Option<()> = read.collect();
    read.ok_or_else(|| corrupt("a row of unique_values cannot be read"))
}

fn take(uniques: &mut RuleState, row: &Row) -> Option<()> {
    let value = String::from_utf8(row.try_get(1).ok()?).ok()?;
    let free_at: Option<SystemTime> = row.try_get(5).ok()?;
    let found = UniqueRow {
        holder: StreamId::new(row.try_get(2).ok()?, row.try_get(3).ok()?).ok()?,
        position: position(rows::natural(row, 4)?),
        free_at: free_at.map(Into::into),
    };
    uniques.read_value(row.try_get(0).ok()?, &value, found);
    Some(())
}

/// Writes what a group changed, in statements that are sent at the first poll and in this order.
pub(super) async fn write(
    session: &Session,
    statements: &Statements,
    uniques: &RuleState,
) -> Result<(), Error> {
    let (rules, events): (Vec<&str>, Vec<&str>) = uniques.changed_rules().unzip();
    let mut free: (Vec<&str>, Vec<&[u8]>) = Default::default();
    let mut put: (Vec<&str>, Vec<&[u8]>) = Default::default();
    let mut rows = Vec::new();
    for (rule, value, row) in uniques.changed_values() {
        let keys = if row.is_some() { &mut put } else { &mut free };
        keys.0.push(rule);
        keys.1.push(value.as_bytes());
        rows.extend(row);
    }
    let aggregates: Vec<&str> = rows.iter().map(|row| row.holder.aggregate()).collect();
    let ids: Vec<&str> = rows.iter().map(|row| row.holder.id()).collect();
    let positions = rows.iter().map(|row| row.position.to_parts());
    let positions: Vec<i64> = positions.map(|[_, _, place]| clamped(place)).collect();
    let free_at = rows.iter().map(|row| row.free_at.map(SystemTime::from));
    let free_at: Vec<Option<SystemTime>> = free_at.collect();
    let turn_on: [Param<'_>; 2] = [(&rules, Type::TEXT_ARRAY), (&events, Type::TEXT_ARRAY)];
    let free: [Param<'_>; 2] = [(&free.0, Type::TEXT_ARRAY), (&free.1, Type::BYTEA_ARRAY)];
    let put: [Param<'_>; 6] = [
        (&put.0, Type::TEXT_ARRAY),
        (&put.1, Type::BYTEA_ARRAY),
        (&aggregates, Type::TEXT_ARRAY),
        (&ids, Type::TEXT_ARRAY),
        (&positions, Type::INT8_ARRAY),
        (&free_at, Type::TIMESTAMPTZ_ARRAY),
    ];
    let (turned_on, freed, wrote) = join3(
        session.execute(&statements.turn_on, &turn_on),
        session.execute(&statements.unique_delete, &free),
        session.execute(&statements.unique_put, &put),
    )
    .await;
    turned_on.and(freed).and(wrote).map(|_| ())
}
