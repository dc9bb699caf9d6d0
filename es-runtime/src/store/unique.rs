//! The rules of unique values that every store keeps, and which rules and kinds of tags are on. They do no I/O, like
//! those in `rules.rs`.

use super::{
    Append, AppendError, NewEvent, StorageError, StorageErrorKind, kinds,
    rules::{self, Decision, Earlier, StreamHead},
};
use crate::{Position, StreamId, Timestamp, UniqueChange, UniqueValue};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    time::Duration,
};

/// Who has a unique value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UniqueRow {
    /// The stream that has it, or had it last.
    pub holder: StreamId,
    /// The position of the event that claimed it.
    pub position: Position,
    /// `None` while the stream has it. Otherwise it is reserved for the stream until then, that moment included.
    pub free_at: Option<Timestamp>,
}

impl UniqueRow {
    /// Whether no other stream may have the value at this moment.
    pub fn is_taken(&self, now: Timestamp) -> bool {
        self.free_at.is_none_or(|free_at| now <= free_at)
    }
}

/// The rules that are on, as the writer of a store knows them. So an append without rules asks the database
/// nothing. A kind of tags is the rule `tag:KIND`.
///
/// ```
/// use es_runtime::store::author::RulesOn;
/// use es_runtime::{Append, ExpectedVersion, NewEvent, StreamId};
///
/// let mut on = RulesOn::default();
/// on.insert("customer.email".into(), "customer.registered".into());
/// assert!(on.contains("customer.email", "customer.registered"));
///
/// let append = |event| {
///     let stream = StreamId::new("customer", "1")?;
///     let event = NewEvent::json(event, 1, "{}");
///     Ok::<_, es_runtime::InvalidStreamId>(Append::new(stream, ExpectedVersion::Any).with_event(event))
/// };
/// assert!(!on.are_its_kinds(&append("customer.registered")?));
/// assert!(on.are_its_kinds(&append("customer.greeted")?));
/// # Ok::<(), es_runtime::InvalidStreamId>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct RulesOn {
    /// For each name of events, its rules.
    of: HashMap<String, Vec<String>>,
}

impl RulesOn {
    /// Takes a rule that is on for the events of a name.
    pub fn insert(&mut self, rule: String, event: String) {
        self.of.entry(event).or_default().push(rule);
    }

    /// Whether a rule is on for the events of a name.
    pub fn contains(&self, rule: &str, event: &str) -> bool {
        self.of(event).any(|known| known == rule)
    }

    /// Whether what is on for the events of this append are the kinds of tags that they have, and nothing else. Then
    /// nothing is to be read for it, and all of its tags are to be recorded.
    pub fn are_its_kinds(&self, append: &Append) -> bool {
        append.events.iter().all(|event| {
            let on = self.of.get(&*event.name).map_or(&[][..], Vec::as_slice);
            let is_on = |kind: &str| on.iter().any(|on| kinds::is_rule_of(on, kind));
            let has = |on: &String| {
                event
                    .tags
                    .iter()
                    .any(|tag| kinds::is_rule_of(on, &tag.kind))
            };
            event.unique.is_empty()
                && event.tags.iter().all(|tag| is_on(&tag.kind))
                && on.iter().all(has)
        })
    }

    /// Decides on an append as [`RuleState::decide`] does, where [`are_its_kinds`](RulesOn::are_its_kinds).
    ///
    /// # Errors
    /// `earlier`, where the store must read something for the append. The inner errors are those of
    /// [`decide`](super::author::decide).
    pub fn decide(
        &self,
        append: &Append,
        earlier: Option<Earlier>,
        head: StreamHead,
    ) -> Result<Result<Decision, AppendError>, Option<Earlier>> {
        if !self.are_its_kinds(append) {
            return Err(earlier);
        }
        Ok(rules::decide_version(append, earlier, head))
    }

    fn of(&self, event: &str) -> impl Iterator<Item = &str> {
        let rules = self.of.get(event).into_iter().flatten();
        rules.map(String::as_str)
    }
}

fn not_read(append: &Append) -> AppendError {
    let what = "the store has not read whether a rule or a kind of tags is on";
    let error = StorageError::new(StorageErrorKind::Other, what);
    rules::not_applied(append, error)
}

/// Whether a rule is on for the events of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    On,
    /// It is not on, and no event of the name is stored: the first one turns it on.
    New,
    /// It is not on, and events of the name are stored: it is not enforced.
    Off,
}

/// What a store must read about unique values and tags before it [decides](RuleState::decide) on appends. Each list
/// is in order and has nothing twice.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleNeeds<'a> {
    /// Rules and the names of events: is the rule on, and is there an event of that name?
    pub rules: BTreeSet<(Cow<'a, str>, &'a str)>,
    /// Rules and values: who has it?
    pub values: BTreeSet<(&'a str, &'a str)>,
    /// Rules and streams: which value does it have?
    pub holders: BTreeSet<(&'a str, &'a StreamId)>,
}

impl<'a> RuleNeeds<'a> {
    /// What the events of these appends need.
    pub fn of(appends: impl IntoIterator<Item = &'a Append>) -> Self {
        let mut needs = Self::default();
        for append in appends {
            for event in &append.events {
                for tag in &event.tags {
                    let rule = kinds::rule_of(&tag.kind);
                    needs.rules.insert((rule.into(), &event.name));
                }
                for change in &event.unique {
                    let rule = &*change.rule;
                    needs.rules.insert((rule.into(), &event.name));
                    needs.holders.insert((rule, &append.stream));
                    if let UniqueValue::Claimed(value) = &change.value {
                        needs.values.insert((rule, value));
                    }
                }
            }
        }
        needs
    }

    /// And whether kinds of tags are on for events of some names: pairs of a name and a kind.
    #[must_use]
    pub fn with_kinds(mut self, kinds: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let kinds = kinds.into_iter();
        let rules = kinds.map(|(event, kind)| (kinds::rule_of(kind).into(), event));
        self.rules.extend(rules);
        self
    }

    /// Whether no event has a rule or a kind of tags: nothing is to be read, and nothing besides events is written.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}

impl fmt::Debug for RuleNeeds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleNeeds")
            .field("rules", &self.rules)
            .field("values", &self.values.len())
            .field("holders", &self.holders)
            .finish()
    }
}

/// The unique values and kinds of tags that some appends are about, and what the appends change.
///
/// A store reads what they [need](RuleNeeds), decides on them in their order, and then writes the
/// [changed rows](RuleState::changed_values), all in the transaction of the events.
///
/// ```
/// use es_runtime::store::author::{StreamHead, RuleNeeds, RuleState};
/// use es_runtime::{
///     Append, AppendError, ExpectedVersion, NewEvent, Position, StreamId, Timestamp, UniqueChange,
/// };
///
/// let register = |id: &str| -> Result<Append, Box<dyn std::error::Error>> {
///     let event = NewEvent::json("customer.registered", 1, "{}")
///         .with_unique(vec![UniqueChange::claim("customer.email", "alice@example.com")]);
///     Ok(Append::new(StreamId::new("customer", id)?, ExpectedVersion::NoStream).with_event(event))
/// };
/// let (first, second) = (register("1")?, register("2")?);
///
/// let mut uniques = RuleState::default();
/// for (rule, event) in RuleNeeds::of([&first, &second]).rules {
///     // The store has neither the rule nor an event of that name.
///     uniques.read_rule(&rule, event, false, false);
/// }
/// let (end, now) = (Position::START, Timestamp::now());
/// uniques.decide(&first, None, StreamHead::EMPTY, end, now)?;
/// let refused = uniques.decide(&second, None, StreamHead::EMPTY, end, now);
/// assert!(matches!(refused, Err(AppendError::Taken { holder, .. }) if holder == first.stream));
/// assert_eq!(uniques.changed_values().count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct RuleState {
    /// For each name of events, its rules in the order of their names. Few, and a list of its own compiles in a
    /// fraction of the time of a map.
    rules: HashMap<String, Vec<(String, State)>>,
    /// For each rule and value, who has it.
    rows: HashMap<(String, String), UniqueRow>,
    /// For each rule and stream, the value that it has.
    held: HashMap<(String, StreamId), String>,
    changes: Vec<Change>,
    /// Of the rule that is being turned on: the streams whose value another stream has.
    pub(super) waiting: BTreeMap<StreamId, (String, Position)>,
}

/// What something was before it was changed.
enum Change {
    Row((String, String), Option<UniqueRow>),
    /// The name of an event, a rule, and its state.
    Rule(String, String, State),
}

impl RuleState {
    /// Takes what the store has about a rule: whether it is on for the events of this name, and whether
    /// there is one.
    pub fn read_rule(&mut self, rule: &str, event: &str, is_on: bool, has_events: bool) {
        let state = match (is_on, has_events) {
            (true, _) => State::On,
            (false, false) => State::New,
            (false, true) => State::Off,
        };
        self.set_state(rule, event, state);
    }

    fn state(&self, rule: &str, event: &str) -> Option<State> {
        let mut rules = self.rules.get(event)?.iter();
        let found = rules.find(|(known, _)| known == rule);
        found.map(|(_, state)| *state)
    }

    /// Sets the state of a rule and returns the one before.
    fn set_state(&mut self, rule: &str, event: &str, state: State) -> Option<State> {
        let rules = self.rules.entry(event.to_owned()).or_default();
        let place = rules.partition_point(|(known, _)| known.as_str() < rule);
        if let Some((_, known)) = rules.get_mut(place).filter(|(known, _)| known == rule) {
            return Some(std::mem::replace(known, state));
        }
        rules.insert(place, (rule.to_owned(), state));
        None
    }

    /// Takes the rules that are on for the events of an append.
    pub fn read_rules_on(&mut self, on: &RulesOn, append: &Append) {
        for event in &append.events {
            for rule in on.of(&event.name) {
                self.read_rule(rule, &event.name, true, true);
            }
        }
    }

    /// Takes the row of a value.
    pub fn read_value(&mut self, rule: &str, value: &str, row: UniqueRow) {
        self.set((rule.to_owned(), value.to_owned()), Some(row));
    }

    /// Whether a rule is on for the events of this name.
    pub fn is_on(&self, rule: &str, event: &str) -> bool {
        self.state(rule, event) == Some(State::On)
    }

    /// Whether a rule is on for the events of this name, or there are none.
    pub(super) fn is_complete(&self, rule: &str, event: &str) -> bool {
        let state = self.state(rule, event);
        matches!(state, Some(State::On | State::New))
    }

    /// The row of a value, where it was read or written.
    pub fn value(&self, rule: &str, value: &str) -> Option<&UniqueRow> {
        self.rows.get(&(rule.to_owned(), value.to_owned()))
    }

    /// [`decide`](super::author::decide) for a store with unique values: its events claim and release them, one
    /// after the other. `end` is the position before its first event.
    ///
    /// # Errors
    /// Those of `decide`, [`AppendError::Taken`], [`AppendError::UniqueRuleUnknown`] and
    /// [`AppendError::TagKindUnknown`]. The append has changed nothing then.
    pub fn decide(
        &mut self,
        append: &Append,
        earlier: Option<Earlier>,
        head: StreamHead,
        end: Position,
        now: Timestamp,
    ) -> Result<Decision, AppendError> {
        let decision = rules::decide_version(append, earlier, head)?;
        if let Decision::Write(_) = decision {
            let before = self.mark();
            let done = self.apply(append, end, now);
            done.inspect_err(|_| self.back(before))?;
        }
        Ok(decision)
    }

    fn apply(&mut self, append: &Append, end: Position, now: Timestamp) -> Result<(), AppendError> {
        let [high, middle, mut place] = end.to_parts();
        for event in &append.events {
            place = place.saturating_add(1);
            self.check_rules(append, event)?;
            for UniqueChange {
                rule, value, keep, ..
            } in &event.unique
            {
                let stream = &append.stream;
                if !self.is_on(rule, &event.name) {
                    continue;
                }
                match value {
                    UniqueValue::Unchanged => {}
                    UniqueValue::Released => self.free(rule, stream, *keep, now),
                    UniqueValue::Claimed(value) => {
                        if self.held_by(rule, stream).as_ref() == Some(value) {
                            continue;
                        }
                        let row = self.value(rule, value);
                        let other = row.filter(|row| row.holder != *stream);
                        if let Some(taken) = other.filter(|row| row.is_taken(now)) {
                            return Err(AppendError::Taken {
                                stream: stream.clone(),
                                rule: rule.to_string(),
                                holder: taken.holder.clone(),
                            });
                        }
                        self.free(rule, stream, *keep, now);
                        let position = Position::from_parts([high, middle, place]);
                        self.hold(rule, value, stream.clone(), position);
                    }
                }
            }
        }
        Ok(())
    }

    /// An event has each rule and kind of tags that is on for its name. Where there is no event of the name yet, it
    /// turns them on. A rule that is off is not enforced.
    fn check_rules(&mut self, append: &Append, event: &NewEvent) -> Result<(), AppendError> {
        let mut none = Vec::new();
        let known = self.rules.get_mut(&*event.name).unwrap_or(&mut none);
        let kinds = event
            .tags
            .iter()
            .map(|tag| kinds::rule_of(&tag.kind).into());
        let own = event.unique.iter().map(|change| (*change.rule).into());
        let own: Vec<Cow<'_, str>> = own.chain(kinds).collect();
        let is_known = |rule: &Cow<'_, str>| known.iter().any(|(known, _)| known == rule);
        if !own.iter().all(is_known) {
            return Err(not_read(append));
        }
        for (rule, state) in known {
            let next = match (*state, own.iter().any(|own| own == rule)) {
                (State::On, true) | (State::Off, _) => continue,
                (State::New, true) => State::On,
                (State::New, false) => State::Off,
                (State::On, false) => {
                    let (stream, event) = (append.stream.clone(), event.name.to_string());
                    return Err(match rule.strip_prefix(kinds::RULE).map(str::to_owned) {
                        Some(kind) => AppendError::TagKindUnknown {
                            stream,
                            kind,
                            event,
                        },
                        None => AppendError::UniqueRuleUnknown {
                            stream,
                            rule: rule.clone(),
                            event,
                        },
                    });
                }
            };
            let before = std::mem::replace(state, next);
            let change = Change::Rule(event.name.to_string(), rule.clone(), before);
            self.changes.push(change);
        }
        Ok(())
    }

    /// Turns a rule on, which may be on already: the first event of a new name does that too.
    pub(super) fn turn_on(&mut self, rule: &str, event: &str) {
        if self.is_on(rule, event) {
            return;
        }
        let before = self.set_state(rule, event, State::On);
        let before = before.unwrap_or(State::Off);
        let change = Change::Rule(event.to_owned(), rule.to_owned(), before);
        self.changes.push(change);
    }

    /// The value that a stream has.
    pub(super) fn held_by(&self, rule: &str, stream: &StreamId) -> Option<String> {
        let held = (rule.to_owned(), stream.clone());
        self.held.get(&held).cloned()
    }

    /// Gives a stream this value.
    pub(super) fn hold(&mut self, rule: &str, value: &str, holder: StreamId, position: Position) {
        let row = UniqueRow {
            holder,
            position,
            free_at: None,
        };
        self.change((rule.to_owned(), value.to_owned()), Some(row));
    }

    /// Takes the value of a stream away, now or after this time.
    pub(super) fn free(&mut self, rule: &str, stream: &StreamId, keep: Duration, now: Timestamp) {
        let Some(value) = self.held_by(rule, stream) else {
            return;
        };
        let key = (rule.to_owned(), value);
        let row = self.rows.get(&key).filter(|_| !keep.is_zero()).cloned();
        let row = row.map(|row| UniqueRow {
            free_at: Some(now.after(keep)),
            ..row
        });
        self.change(key, row);
    }

    fn change(&mut self, key: (String, String), row: Option<UniqueRow>) {
        let before = self.set(key.clone(), row);
        self.changes.push(Change::Row(key, before));
    }

    /// Sets the row of a value and returns the one before.
    fn set(&mut self, key: (String, String), row: Option<UniqueRow>) -> Option<UniqueRow> {
        let holder = |row: &UniqueRow| (key.0.clone(), row.holder.clone());
        let before = self.rows.get(&key).cloned();
        if let Some(before) = before.as_ref().filter(|row| row.free_at.is_none()) {
            self.held.remove(&holder(before));
        }
        if let Some(row) = row.as_ref().filter(|row| row.free_at.is_none()) {
            self.held.insert(holder(row), key.1.clone());
        }
        match row {
            Some(row) => self.rows.insert(key, row),
            None => self.rows.remove(&key),
        };
        before
    }

    /// How much was changed so far, to go [`back`](RuleState::back) to it.
    pub fn mark(&self) -> usize {
        self.changes.len()
    }

    /// Takes back what was changed since a [`mark`](RuleState::mark).
    pub fn back(&mut self, mark: usize) {
        for change in self.changes.split_off(mark).into_iter().rev() {
            match change {
                Change::Row(key, before) => {
                    self.set(key, before);
                }
                Change::Rule(event, rule, before) => {
                    self.set_state(&rule, &event, before);
                }
            }
        }
    }

    /// For a store that keeps its tables in this: what was changed so far is not taken back any more.
    pub fn settle(&mut self) {
        self.changes.clear();
    }

    /// The rules and values whose rows changed, each with its row, or `None` where its row is to be deleted.
    pub fn changed_values(&self) -> impl Iterator<Item = (&str, &str, Option<&UniqueRow>)> {
        let keys = self.changes.iter().filter_map(|change| match change {
            Change::Row(key, _) => Some(key),
            Change::Rule(..) => None,
        });
        let mut keys: Vec<_> = keys.collect();
        keys.sort_unstable();
        keys.dedup();
        let keys = keys.into_iter();
        keys.map(|key| (key.0.as_str(), key.1.as_str(), self.rows.get(key)))
    }

    /// The rules that were turned on, each with the name of the events that it is on for.
    pub fn changed_rules(&self) -> impl Iterator<Item = (&str, &str)> {
        let changed = self.changes.iter().filter_map(|change| match change {
            Change::Rule(event, rule, _) if self.is_on(rule, event) => Some((&**rule, &**event)),
            Change::Row(..) | Change::Rule(..) => None,
        });
        // Not collected: that would compile a sort of its own.
        let mut rules = BTreeSet::new();
        rules.extend(changed);
        rules.into_iter()
    }
}

impl fmt::Debug for RuleState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleState")
            .field("rules", &self.rules)
            .field("values", &self.rows.len())
            .finish_non_exhaustive()
    }
}
