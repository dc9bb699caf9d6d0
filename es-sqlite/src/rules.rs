//! Which rules of unique values and which kinds of tags are on, for the events of which names.
//!
//! Each table is made by what first needs it, so a file without rules and tags has no page of them.

use es_runtime::store::author::{RuleNeeds, RuleState, RulesOn};
use rusqlite::{Connection, params};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

const TABLE: &str = "
    CREATE TABLE es_rules (
        rule           TEXT    NOT NULL,
        event          TEXT    NOT NULL,
        PRIMARY KEY (rule, event)
    ) STRICT, WITHOUT ROWID;
";

/// The rules that are on, as the writer knows them. It is the only one that uses this.
#[derive(Default)]
pub(crate) struct KnownRules(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// The number that SQLite changes when another connection has written.
    data_version: Option<i64>,
    /// `None` where they must be read again.
    on: Option<RulesOn>,
}

impl KnownRules {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Some of them may have been undone, or there are new ones.
    pub(crate) fn forget(&self) {
        *self.known() = Known::default();
    }

    /// Forgets them where another connection has written since, in a transaction that has just begun.
    pub(crate) fn forget_older(&self, connection: &Connection) -> rusqlite::Result<()> {
        let now = connection
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get(0))?;
        let mut known = self.known();
        if known.data_version != Some(now) {
            known.on = None;
            known.data_version = Some(now);
        }
        Ok(())
    }

    /// Calls `with` with the rules that are on.
    pub(crate) fn with<T>(
        &self,
        connection: &Connection,
        with: impl FnOnce(&RulesOn) -> T,
    ) -> rusqlite::Result<T> {
        let mut known = self.known();
        if let Some(on) = &known.on {
            return Ok(with(on));
        }
        let on = read_on(connection)?;
        Ok(with(known.on.insert(on)))
    }
}

fn read_on(connection: &Connection) -> rusqlite::Result<RulesOn> {
    let mut on = RulesOn::default();
    if has_table(connection, "es_rules")? {
        let mut select = connection.prepare_cached("SELECT rule, event FROM es_rules")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            on.insert(row.get(0)?, row.get(1)?);
        }
    }
    Ok(on)
}

/// Up to which position there is no event of a name, so that looking for one does not begin at the start each time.
/// Only what is committed counts, so readers note it.
#[derive(Default)]
pub(crate) struct Absent(Mutex<HashMap<String, i64>>);

impl Absent {
    fn known(&self) -> MutexGuard<'_, HashMap<String, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is no event of this name up to this position.
    fn note(&self, name: &str, position: i64) {
        let mut known = self.known();
        let at = known.entry(name.to_owned()).or_default();
        *at = position.max(*at);
    }

    fn has_events(&self, connection: &Connection, name: &str) -> rusqlite::Result<bool> {
        let after = self.known().get(name).copied().unwrap_or(0);
        has_later(connection, name, after)
    }
}

/// Whether there is an event of this name after a position.
pub(crate) fn has_later(connection: &Connection, name: &str, after: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM events WHERE position > ?1 AND event = ?2)")?
        .query_row(params![after, name], |row| row.get(0))
}

/// Which of these rules are on, in the writer's transaction.
pub(crate) fn read(
    connection: &Connection,
    needs: &RuleNeeds<'_>,
    known: &KnownRules,
    absent: &Absent,
) -> rusqlite::Result<RuleState> {
    known.with(connection, |on| {
        state(needs, on, |name| absent.has_events(connection, name))
    })?
}

/// Which of these rules are on, in a transaction that reads. `end` is the newest position.
pub(crate) fn read_committed(
    connection: &Connection,
    needs: &RuleNeeds<'_>,
    absent: &Absent,
    end: i64,
) -> rusqlite::Result<RuleState> {
    let on = read_on(connection)?;
    state(needs, &on, |name| {
        let found = absent.has_events(connection, name)?;
        if !found {
            absent.note(name, end);
        }
        Ok(found)
    })
}

fn state(
    needs: &RuleNeeds<'_>,
    on: &RulesOn,
    has_events: impl Fn(&str) -> rusqlite::Result<bool>,
) -> rusqlite::Result<RuleState> {
    let mut rules = RuleState::default();
    for (rule, event) in &needs.rules {
        let is_on = on.contains(rule, event);
        rules.read_rule(rule, event, is_on, is_on || has_events(event)?);
    }
    Ok(rules)
}

/// Writes which rules were turned on.
pub(crate) fn write(
    connection: &Connection,
    rules: &RuleState,
    known: &KnownRules,
) -> rusqlite::Result<()> {
    for (rule, event) in rules.changed_rules() {
        make_tables(connection)?;
        connection
            .prepare_cached("INSERT INTO es_rules (rule, event) VALUES (?1, ?2)")?
            .execute([rule, event])?;
        known.known().on = None;
    }
    Ok(())
}

/// Makes the table of rules where it is not there.
pub(crate) fn make_tables(connection: &Connection) -> rusqlite::Result<()> {
    make_table(connection, "es_rules", TABLE)
}

/// Makes tables, where this one of them is not there.
pub(crate) fn make_table(connection: &Connection, name: &str, sql: &str) -> rusqlite::Result<()> {
    if !has_table(connection, name)? {
        connection.execute_batch(sql)?;
    }
    Ok(())
}

pub(crate) fn has_table(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)")?
        .query_row([name], |row| row.get(0))
}
