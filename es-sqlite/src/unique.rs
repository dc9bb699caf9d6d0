//! Unique values: what the rules of all stores need to know of them, and what appends change.

use crate::{
    errors::corrupt,
    rows::{exact, text},
    rules::{self, KnownRules, has_later, has_table, make_table},
    settings::StoreSettings,
};
use es_runtime::{
    Append, Position, StorageError, StreamId, Timestamp, UniqueValue, UniqueWalk, UniqueWalked,
    store::author::{RuleNeeds, RuleState, UniqueRow},
};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Times are microseconds since 1970, as in `es_work`.
const TABLES: &str = "
    CREATE TABLE es_unique_values (
        rule           TEXT    NOT NULL,
        value          TEXT    NOT NULL,
        aggregate      TEXT    NOT NULL,
        aggregate_id   TEXT    NOT NULL,
        position       INTEGER NOT NULL,
        free_at        INTEGER,
        PRIMARY KEY (rule, value)
    ) STRICT, WITHOUT ROWID;

    CREATE INDEX es_unique_values_holder ON es_unique_values (rule, aggregate, aggregate_id);

    CREATE TABLE es_unique_walks (
        rule           TEXT    PRIMARY KEY NOT NULL,
        position       INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE es_unique_duplicates (
        rule           TEXT    NOT NULL,
        aggregate      TEXT    NOT NULL,
        aggregate_id   TEXT    NOT NULL,
        value          TEXT    NOT NULL,
        position       INTEGER NOT NULL,
        PRIMARY KEY (rule, aggregate, aggregate_id)
    ) STRICT, WITHOUT ROWID;
";

/// Makes the tables of unique values where they are not there.
pub(crate) fn make_tables(connection: &Connection) -> rusqlite::Result<()> {
    make_table(connection, "es_unique_values", TABLES)
}

/// What this append needs to know, in the transaction in which it will be written.
pub(crate) fn read(
    connection: &Connection,
    append: &Append,
    settings: &StoreSettings,
) -> rusqlite::Result<Result<RuleState, StorageError>> {
    let known = &settings.rules;
    let needs = RuleNeeds::of([append]);
    let mut uniques = rules::read(connection, &needs, known, &settings.absent)?;
    known.with(connection, |on| uniques.read_rules_on(on, append))?;
    if !needs.holders.is_empty() {
        make_tables(connection)?;
    }
    for (rule, value) in needs.values {
        if let Err(damaged) = read_value(connection, &mut uniques, rule, value)? {
            return Ok(Err(damaged));
        }
    }
    for (rule, stream) in needs.holders {
        if let Err(damaged) = read_held(connection, &mut uniques, rule, stream)? {
            return Ok(Err(damaged));
        }
    }
    Ok(Ok(uniques))
}

/// Reads who has a value.
fn read_value(
    connection: &Connection,
    uniques: &mut RuleState,
    rule: &str,
    value: &str,
) -> rusqlite::Result<Result<(), StorageError>> {
    let found = connection
        .prepare_cached(
            "SELECT value, aggregate, aggregate_id, position, free_at FROM es_unique_values
             WHERE rule = ?1 AND value = ?2",
        )?
        .query_row([rule, value], |row| Ok(take(uniques, rule, row)));
    Ok(found.optional()?.unwrap_or(Ok(())))
}

/// Reads which value a stream has.
fn read_held(
    connection: &Connection,
    uniques: &mut RuleState,
    rule: &str,
    stream: &StreamId,
) -> rusqlite::Result<Result<(), StorageError>> {
    let of_stream = [rule, stream.aggregate(), stream.id()];
    let found = connection
        .prepare_cached(
            "SELECT value, aggregate, aggregate_id, position, free_at FROM es_unique_values
             WHERE rule = ?1 AND aggregate = ?2 AND aggregate_id = ?3 AND free_at IS NULL",
        )?
        .query_row(of_stream, |row| Ok(take(uniques, rule, row)));
    Ok(found.optional()?.unwrap_or(Ok(())))
}

/// Does a step of turning a rule on.
pub(crate) fn walk(
    connection: &Connection,
    walk: &UniqueWalk,
    known: &KnownRules,
) -> rusqlite::Result<Result<UniqueWalked, StorageError>> {
    let rule = walk.rule.as_str();
    make_tables(connection)?;
    let mut uniques = RuleState::default();
    known.with(connection, |on| {
        for event in &walk.events {
            uniques.read_rule(rule, event, on.contains(rule, event), true);
        }
    })?;
    let at: Option<i64> = connection
        .prepare_cached("SELECT position FROM es_unique_walks WHERE rule = ?1")?
        .query_row([rule], |row| row.get(0))
        .optional()?;
    let at = u64::try_from(at.unwrap_or(0)).unwrap_or(0);
    let mut values: Vec<String> = Vec::new();
    {
        let mut select = connection.prepare_cached(
            "SELECT aggregate, aggregate_id, value, position FROM es_unique_duplicates WHERE rule = ?1",
        )?;
        let mut rows = select.query([rule])?;
        while let Some(row) = rows.next()? {
            let (aggregate, id): (String, String) = (row.get(0)?, row.get(1)?);
            let (value, position): (String, i64) = (row.get(2)?, row.get(3)?);
            let (Ok(stream), Ok(position)) =
                (StreamId::new(&aggregate, &id), u64::try_from(position))
            else {
                let what = format!("a row of es_unique_duplicates by rule `{rule}`");
                return Ok(Err(corrupt(what)));
            };
            if let Err(damaged) = read_held(connection, &mut uniques, rule, &stream)? {
                return Ok(Err(damaged));
            }
            uniques.read_waiting(stream, &value, Position::from_parts([0, 0, position]));
            values.push(value);
        }
    }
    for walked in &walk.changes {
        if let UniqueValue::Claimed(value) = &walked.change.value {
            values.push(value.clone());
        }
        if let Err(damaged) = read_held(connection, &mut uniques, rule, &walked.stream)? {
            return Ok(Err(damaged));
        }
    }
    for value in &values {
        if let Err(damaged) = read_value(connection, &mut uniques, rule, value)? {
            return Ok(Err(damaged));
        }
    }
    let [_, _, to] = walk.to.to_parts();
    let mut is_later = false;
    for name in walk.events.iter().chain(&walk.retired) {
        is_later = is_later || has_later(connection, name, exact(to)?)?;
    }
    let walked = uniques.walk(walk, Position::from_parts([0, 0, at]), is_later);
    write(connection, &uniques, known)?;
    connection
        .prepare_cached("DELETE FROM es_unique_duplicates WHERE rule = ?1")?
        .execute([rule])?;
    for (stream, value, position) in uniques.waiting() {
        let [_, _, position] = position.to_parts();
        connection
            .prepare_cached("INSERT INTO es_unique_duplicates VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![
                rule,
                stream.aggregate(),
                stream.id(),
                value,
                exact(position)?
            ])?;
    }
    let [_, _, at] = walked.at.to_parts();
    connection
        .prepare_cached("INSERT OR REPLACE INTO es_unique_walks VALUES (?1, ?2)")?
        .execute(params![rule, exact(at)?])?;
    Ok(Ok(walked))
}

fn take(uniques: &mut RuleState, rule: &str, row: &Row<'_>) -> Result<(), StorageError> {
    let (value, row) = value_and_row(row).map_err(|what| {
        corrupt(format!(
            "a row of es_unique_values by rule `{rule}`: {what}"
        ))
    })?;
    uniques.read_value(rule, value, row);
    Ok(())
}

fn value_and_row<'r>(row: &'r Row<'_>) -> Result<(&'r str, UniqueRow), &'static str> {
    let value = text(row, 0, "the value is not text")?;
    let aggregate = text(row, 1, "the aggregate is not text")?;
    let id = text(row, 2, "the id is not text")?;
    let holder = StreamId::new(aggregate, id).map_err(|_| "its stream cannot be one")?;
    let position: i64 = row.get(3).map_err(|_| "the position is not a number")?;
    let position = u64::try_from(position).map_err(|_| "the position is negative")?;
    let free_at: Option<i64> = row.get(4).map_err(|_| "the time is not a number")?;
    let free_at = free_at.map(|time| Timestamp::from_unix_micros(time).ok_or("no time"));
    let row = UniqueRow {
        holder,
        position: Position::from_parts([0, 0, position]),
        free_at: free_at.transpose()?,
    };
    Ok((value, row))
}

/// Writes what an append changed.
pub(crate) fn write(
    connection: &Connection,
    uniques: &RuleState,
    known: &KnownRules,
) -> rusqlite::Result<()> {
    rules::write(connection, uniques, known)?;
    for (rule, value, row) in uniques.changed_values() {
        let Some(row) = row else {
            connection
                .prepare_cached("DELETE FROM es_unique_values WHERE rule = ?1 AND value = ?2")?
                .execute([rule, value])?;
            continue;
        };
        let [_, _, position] = row.position.to_parts();
        connection
            .prepare_cached(
                "INSERT INTO es_unique_values (rule, value, aggregate, aggregate_id, position, free_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (rule, value) DO UPDATE SET
                     aggregate = excluded.aggregate, aggregate_id = excluded.aggregate_id,
                     position = excluded.position, free_at = excluded.free_at",
            )?
            .execute(params![
                rule,
                value,
                row.holder.aggregate(),
                row.holder.id(),
                exact(position)?,
                row.free_at.map(Timestamp::unix_micros),
            ])?;
    }
    Ok(())
}

/// The position that the newest event has, or had: the next one has the one after it.
pub(crate) fn end(connection: &Connection) -> rusqlite::Result<Position> {
    let newest: Option<i64> = connection
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'events'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let newest = u64::try_from(newest.unwrap_or(0)).unwrap_or(0);
    Ok(Position::from_parts([0, 0, newest]))
}

/// Who has a value, or for whom it is reserved at this moment.
pub(crate) fn holder(
    connection: &Connection,
    rule: &str,
    value: &str,
    now: Timestamp,
) -> rusqlite::Result<Result<Option<StreamId>, StorageError>> {
    if !has_table(connection, "es_unique_values")? {
        return Ok(Ok(None));
    }
    let mut uniques = RuleState::default();
    if let Err(damaged) = read_value(connection, &mut uniques, rule, value)? {
        return Ok(Err(damaged));
    }
    let row = uniques.value(rule, value).filter(|row| row.is_taken(now));
    Ok(Ok(row.map(|row| row.holder.clone())))
}
