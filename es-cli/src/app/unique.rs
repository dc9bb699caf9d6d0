//! Compares the unique values that the events of a stream have with those that the store has.

use super::types::{ReadAs, Streams};
use crate::{
    error::Error,
    events::StoredEvent,
    store::{self, Query, Row, Store},
    verb::report::Report,
};
use es_runtime::{
    Position, StreamId, Timestamp, UniqueWalk, WalkedChange, store::author::RuleState,
};
use std::collections::{BTreeMap, BTreeSet};

/// The rules, and the kinds of tags, that are on: by the names of their events.
pub(super) struct On(BTreeMap<String, BTreeSet<String>>);

impl On {
    pub(super) fn read(store: &mut Store<'_>) -> Result<Self, Error> {
        let mut on = BTreeMap::<String, BTreeSet<String>>::new();
        if store.has_unique_values || store.has_tags {
            // There are few.
            let query = Query::new("SELECT r.rule, r.event FROM {rules} r");
            for row in store.page(&query, usize::MAX)?.rows {
                let rules = on.entry(row.text(1)?.to_owned()).or_default();
                rules.insert(row.text(0)?.to_owned());
            }
        }
        Ok(Self(on))
    }

    pub(super) fn has(&self, rule: &str, event: &str) -> bool {
        self.0.get(event).is_some_and(|rules| rules.contains(rule))
    }

    /// Of an aggregate, the rules that are on for all of its events that are stored. A rule that is being turned on
    /// says nothing yet.
    pub(super) fn complete(
        &self,
        types: &dyn Streams,
        store: &mut Store<'_>,
    ) -> Result<BTreeSet<&'static str>, Error> {
        let mut complete = BTreeSet::new();
        let mut partly = BTreeSet::new();
        for (event, rules) in types.unique_rules() {
            for rule in *rules {
                if self.has(rule, event) {
                    complete.insert(*rule);
                } else {
                    let query = Query::new("SELECT 1 FROM {events} e WHERE e.event = $1 LIMIT 1");
                    if store.first(&query.with(*event))?.is_some() {
                        partly.insert(*rule);
                    }
                }
            }
        }
        Ok(complete.difference(&partly).copied().collect())
    }
}

/// What the events of a stream do to unique values.
#[derive(Default)]
pub(super) struct Changes(BTreeMap<&'static str, Vec<WalkedChange>>);

impl Changes {
    pub(super) fn take(
        &mut self,
        stream: &StreamId,
        event: &StoredEvent,
        read: Vec<ReadAs>,
        rules: &BTreeSet<&'static str>,
    ) {
        let at = Position::from_parts([0, 0, u64::try_from(event.position).unwrap_or(0)]);
        let recorded_at: Timestamp = event
            .recorded_at
            .parse()
            .unwrap_or_else(|_| Timestamp::now());
        for change in read.into_iter().flat_map(|read| read.unique) {
            if let Some(rule) = rules.get(&*change.rule) {
                let walked = WalkedChange::new(stream.clone(), at, recorded_at, change);
                self.0.entry(rule).or_default().push(walked);
            }
        }
    }

    /// Compares the values of the stream with those that the store has.
    pub(super) fn check(
        self,
        stream: &StreamId,
        version: i64,
        rules: &BTreeSet<&'static str>,
        store: &mut Store<'_>,
        report: &mut Report<'_>,
    ) -> Result<(), Error> {
        let mut changes = self.0;
        for rule in rules {
            let wanted = held(rule, changes.remove(rule).unwrap_or_default());
            let query = Query::new(
                "SELECT u.value FROM {unique_values} u WHERE u.rule = $1 AND u.aggregate = $2 AND u.aggregate_id = $3 \
                 AND u.free_at IS NULL",
            );
            let query = query.with(*rule).with(stream.aggregate()).with(stream.id());
            let rows = store.page(&query, 3)?.rows;
            let has: Result<Vec<&[u8]>, store::Error> =
                rows.iter().map(|row| row.bytes(0)).collect();
            let has = has?;
            let problem = match (&wanted, has.as_slice()) {
                (None, []) => continue,
                (Some((value, _)), [one]) if value.as_bytes() == *one => continue,
                (_, [_, ..]) => {
                    "the store has a value for it that its events do not give it".to_owned()
                }
                (Some((value, since)), []) => match holder(store, rule, value)? {
                    Some(row) if row.integer(2)? < *since => continue,
                    Some(row) => format!(
                        "the event at position {since} gives it a value, and {}/{} has it",
                        row.text(0)?,
                        row.text(1)?
                    ),
                    None => format!(
                        "the event at position {since} gives it a value, and the store has none"
                    ),
                },
            };
            // Its events may have changed since they were read.
            if !has_moved(store, stream, version)? {
                report.problem(&format!("rule {rule} of {stream}"), &problem)?;
            }
        }
        Ok(())
    }
}

/// The value that a stream has after its changes by a rule, and the position of the event that gave it. The rule is the
/// library's own, for events that were stored before it was turned on.
fn held(rule: &str, changes: Vec<WalkedChange>) -> Option<(String, i64)> {
    let mut walk = UniqueWalk::new(rule, vec![rule.to_owned()]);
    walk.changes = changes;
    let mut state = RuleState::default();
    let _ = state.walk(&walk, Position::START, true);
    let mut held = state.changed_values().filter_map(|(_, value, row)| {
        let row = row.filter(|row| row.free_at.is_none())?;
        let [_, _, position] = row.position.to_parts();
        Some((value.to_owned(), i64::try_from(position).ok()?))
    });
    held.next()
}

/// Which stream has a value, and since which position.
fn holder(store: &mut Store<'_>, rule: &str, value: &str) -> Result<Option<Row>, Error> {
    let mut query = Query::new(
        "SELECT u.aggregate, u.aggregate_id, u.position FROM {unique_values} u WHERE u.rule = $1 AND u.value = $2",
    )
    .with(rule);
    query.params.push(store.unique_value(value));
    Ok(store.first(&query)?)
}

/// Whether a stream has a later event than this one.
fn has_moved(store: &mut Store<'_>, stream: &StreamId, version: i64) -> Result<bool, Error> {
    let query = Query::new(
        "SELECT 1 FROM {events} e WHERE e.aggregate = $1 AND e.aggregate_id = $2 AND e.version > $3 LIMIT 1",
    );
    let query = query.with(stream.aggregate()).with(stream.id());
    Ok(store.first(&query.with(version))?.is_some())
}
