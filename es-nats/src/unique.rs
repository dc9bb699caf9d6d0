//! Unique values, and which rules are on for the events of a name.
//!
//! A value is a subject of its own, which says what stream has it; so is what a stream has by a rule. They are messages
//! of the batch of the events, and each expects the message before it. A name of events is registered with its first event,
//! with the rules that it turns on, and that never changes: so a process asks once for each name.

use crate::{
    message, record,
    shared::Shared,
    wire::{Outgoing, StoredMessage},
};
use es_runtime::{
    Append, EventId, NewEvent, Position, ReadError, StorageError, StreamId, Timestamp,
    store::author::{RuleNeeds, RuleState, UniqueRow},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What the records of this module are called in an error.
const WHAT: &str = "a unique value";
/// What a message of its subjects is, for whoever reads that it is damaged.
pub(crate) const MESSAGE: &str = "about a unique value or a name";

/// What is registered with the first event of a name.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct NameRecord {
    pub(crate) rules: Vec<String>,
    /// Kinds of tags that were being turned on where it was copied from, and up to which position.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) walks: BTreeMap<String, Position>,
}

/// Who has a value.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ValueRecord {
    pub(crate) holder: Option<Holder>,
    /// In microseconds, where it is only reserved.
    pub(crate) free_at: Option<i64>,
    /// Of the event that claimed it, where that is not in the commit after this message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) position: Option<Position>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Holder {
    pub(crate) aggregate: String,
    pub(crate) id: String,
}

/// What a stream has by a rule.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HeldRecord {
    pub(crate) value: Option<String>,
}

/// The names that are registered, each with its rules.
#[derive(Debug, Default)]
pub(crate) struct Names {
    of: Mutex<HashMap<String, Arc<[String]>>>,
}

impl Names {
    fn known(&self) -> MutexGuard<'_, HashMap<String, Arc<[String]>>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was read about the rules and values of some appends, and what they change.
#[derive(Debug, Default)]
pub(crate) struct Ruled {
    pub(crate) state: RuleState,
    /// Names without events.
    new: BTreeSet<String>,
    /// The sequences of the messages of values.
    values: BTreeMap<(String, String), u64>,
    /// What streams have, with the sequences of those messages.
    held: BTreeMap<(String, StreamId), (u64, Option<String>)>,
}

impl Ruled {
    /// The rules that are on for the events of a new name from now on.
    fn turned_on(&self, name: &str) -> Vec<String> {
        let on = self.state.changed_rules();
        let on = on.filter(|(_, event)| *event == name);
        on.map(|(rule, _)| rule.to_owned()).collect()
    }
}

impl Shared {
    /// Whether only the events of an append are read and written: none of them has a rule or a tag, and all of their names
    /// are registered without rules.
    pub(crate) async fn has_no_rules(&self, append: &Append) -> Result<bool, StorageError> {
        let events = &append.events;
        let is_plain = |event: &NewEvent| event.unique.is_empty() && event.tags.is_empty();
        if !events.iter().all(is_plain) {
            return Ok(false);
        }
        for name in events
            .iter()
            .map(|event| &*event.name)
            .collect::<BTreeSet<_>>()
        {
            let rules = self.rules_of(name).await?;
            if rules.is_none_or(|rules| !rules.is_empty()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The rules that are on for the events of a name, `None` where there is no such event.
    pub(crate) async fn rules_of(&self, name: &str) -> Result<Option<Arc<[String]>>, StorageError> {
        if let Some(rules) = self.known_rules(name) {
            return Ok(Some(rules));
        }
        match self.wire.last(&self.subjects.name_of_events(name)).await? {
            Some(message) => self.take_rules(name, &message).map(Some),
            None => Ok(None),
        }
    }

    /// The same, where this process has asked before.
    pub(crate) fn known_rules(&self, name: &str) -> Option<Arc<[String]>> {
        self.names.known().get(name).cloned()
    }

    /// Takes the rules of a name from the message that registers it.
    pub(crate) fn take_rules(
        &self,
        name: &str,
        message: &StoredMessage,
    ) -> Result<Arc<[String]>, StorageError> {
        let record: NameRecord = message.json(MESSAGE)?;
        let rules: Arc<[String]> = record.rules.into();
        let mut names = self.names.known();
        names.insert(name.to_owned(), Arc::clone(&rules));
        Ok(rules)
    }

    /// Whether this is the subject of a name that these appends register.
    pub(crate) fn is_new_name(&self, ruled: &Ruled, subject: &str) -> bool {
        let mut new = ruled.new.iter();
        new.any(|name| self.subjects.name_of_events(name) == subject)
    }

    /// The newest record of a subject, with its sequence.
    async fn record<T: DeserializeOwned>(
        &self,
        subject: &str,
    ) -> Result<Option<(u64, T)>, StorageError> {
        let Some(message) = self.wire.last(subject).await? else {
            return Ok(None);
        };
        Ok(Some((message.sequence, message.json(MESSAGE)?)))
    }

    /// The row of a value, and the sequence of its message, 0 where there is none.
    async fn value(
        &self,
        rule: &str,
        value: &str,
    ) -> Result<(u64, Option<UniqueRow>), StorageError> {
        let read = self
            .record::<ValueRecord>(&self.subjects.value(rule, value))
            .await?;
        let Some((sequence, record)) = read else {
            return Ok((0, None));
        };
        let holder = record
            .holder
            .and_then(|holder| StreamId::new(&holder.aggregate, &holder.id).ok());
        let row = holder.map(|holder| UniqueRow {
            holder,
            position: record
                .position
                .unwrap_or_else(|| record::position(sequence, 0)),
            free_at: record.free_at.and_then(Timestamp::from_unix_micros),
        });
        Ok((sequence, row))
    }

    /// Reads what these appends need. The ends of their streams were read before: what a stream has changes only with its
    /// end.
    pub(crate) async fn read_rules(&self, appends: &[Append]) -> Result<Ruled, StorageError> {
        let mut read = Ruled::default();
        let needs = RuleNeeds::of(appends);
        let events = appends.iter().flat_map(|append| &append.events);
        for name in events.map(|event| &*event.name).collect::<BTreeSet<_>>() {
            let rules = self.rules_of(name).await?;
            if rules.is_none() {
                read.new.insert(name.to_owned());
            }
            for (rule, _) in needs.rules.iter().filter(|(_, event)| *event == name) {
                read_rule(&mut read.state, rule, name, rules.as_deref());
            }
            for rule in rules.iter().flat_map(|rules| rules.iter()) {
                read.state.read_rule(rule, name, true, true);
            }
        }
        for (rule, value) in &needs.values {
            self.read_value(&mut read, rule, value).await?;
        }
        for (rule, stream) in needs.holders {
            let held = self
                .record::<HeldRecord>(&self.subjects.held(rule, stream))
                .await?;
            let (sequence, value) =
                held.map_or((0, None), |(sequence, held)| (sequence, held.value));
            if let Some(value) = &value {
                self.read_value(&mut read, rule, value).await?;
            }
            read.held
                .insert((rule.to_owned(), stream.clone()), (sequence, value));
        }
        Ok(read)
    }

    async fn read_value(
        &self,
        ruled: &mut Ruled,
        rule: &str,
        value: &str,
    ) -> Result<(), StorageError> {
        let key = (rule.to_owned(), value.to_owned());
        if ruled.values.contains_key(&key) {
            return Ok(());
        }
        let (sequence, row) = self.value(rule, value).await?;
        if let Some(row) = row {
            ruled.state.read_value(rule, value, row);
        }
        ruled.values.insert(key, sequence);
        Ok(())
    }

    /// The messages of what changed.
    pub(crate) fn changed_rules(
        &self,
        ruled: &Ruled,
        id: EventId,
    ) -> Result<Vec<Outgoing>, StorageError> {
        let mut messages = Vec::new();
        for name in &ruled.new {
            let record = NameRecord {
                rules: ruled.turned_on(name),
                walks: BTreeMap::new(),
            };
            let subject = self.subjects.name_of_events(name);
            messages.push(message::of_record(WHAT, &record, subject, 0, id)?);
        }
        let mut now: BTreeMap<(&str, &StreamId), &str> = BTreeMap::new();
        for (rule, value, row) in ruled.state.changed_values() {
            let record = ValueRecord {
                holder: row.map(|row| Holder {
                    aggregate: row.holder.aggregate().to_owned(),
                    id: row.holder.id().to_owned(),
                }),
                free_at: row.and_then(|row| row.free_at).map(Timestamp::unix_micros),
                position: None,
            };
            if let Some(row) = row.filter(|row| row.free_at.is_none()) {
                now.insert((rule, &row.holder), value);
            }
            let key = (rule.to_owned(), value.to_owned());
            let before = ruled.values.get(&key).copied().unwrap_or_default();
            let subject = self.subjects.value(rule, value);
            messages.push(message::of_record(WHAT, &record, subject, before, id)?);
        }
        for ((rule, stream), (sequence, before)) in &ruled.held {
            let value = match now.get(&(rule.as_str(), stream)) {
                Some(value) => Some((*value).to_owned()),
                // It still has what it had, unless that has changed.
                None => before.clone().filter(|before| {
                    let row = ruled.state.value(rule, before);
                    row.is_some_and(|row| row.holder == *stream && row.free_at.is_none())
                }),
            };
            if value != *before {
                let record = HeldRecord { value };
                let subject = self.subjects.held(rule, stream);
                messages.push(message::of_record(WHAT, &record, subject, *sequence, id)?);
            }
        }
        Ok(messages)
    }

    /// The names of these appends are registered now.
    pub(crate) fn registered(&self, ruled: &Ruled) {
        for name in &ruled.new {
            let mut names = self.names.known();
            names.insert(name.clone(), ruled.turned_on(name).into());
        }
    }

    /// The stream that has a value.
    pub(crate) async fn unique_holder(
        &self,
        rule: &str,
        value: &str,
    ) -> Result<Option<StreamId>, ReadError> {
        let (_, row) = self.value(rule, value).await?;
        let now = (self.clock)();
        Ok(row.filter(|row| row.is_taken(now)).map(|row| row.holder))
    }
}

/// Takes whether a rule is on for a name of which these rules are registered, and says it. `None` is a name without events.
pub(crate) fn read_rule(
    state: &mut RuleState,
    rule: &str,
    name: &str,
    registered: Option<&[String]>,
) -> bool {
    let is_on = registered.is_some_and(|rules| rules.iter().any(|on| on == rule));
    state.read_rule(rule, name, is_on, registered.is_some());
    is_on
}
