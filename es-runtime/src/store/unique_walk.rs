//! Turning a rule of unique values on for events that are stored already.

use super::unique::RuleState;
use crate::{Position, StreamId, Timestamp, UniqueChange, UniqueValue};

/// A step of turning a rule on: what the events of some positions do by it.
///
/// `turn_on` of `es-decisions` makes the steps.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UniqueWalk {
    /// The rule.
    pub rule: String,
    /// The names of the events that it is turned on for.
    pub events: Vec<String>,
    /// Names under which such events were stored before. They are read too.
    pub retired: Vec<String>,
    /// The position at which the step before ended.
    pub from: Position,
    /// The position at which this step ends. It considers all events in between.
    pub to: Position,
    /// What those events do by the rule, in order.
    pub changes: Vec<WalkedChange>,
    /// Turns the rule on after this step, unless there are later events. `None` for a step that only walks.
    pub finish: Option<OnDuplicates>,
}

impl UniqueWalk {
    /// A step without events, at the start. It asks where the walk is.
    pub fn new(rule: impl Into<String>, events: Vec<String>) -> Self {
        Self {
            rule: rule.into(),
            events,
            retired: Vec::new(),
            from: Position::START,
            to: Position::START,
            changes: Vec::new(),
            finish: None,
        }
    }

    /// For stores: whether it reads events of this name.
    pub fn reads(&self, name: &str) -> bool {
        let mut names = self.events.iter().chain(&self.retired);
        names.any(|known| known == name)
    }
}

/// What to do about streams that have one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDuplicates {
    /// The rule stays off until they have different values.
    StayOff,
    /// The stream whose event came first has the value, and the others have none.
    FirstWins,
}

/// What a stored event does by a rule.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WalkedChange {
    /// Its stream.
    pub stream: StreamId,
    /// Its position.
    pub position: Position,
    /// When it was recorded. The time for which a value is kept begins then.
    pub recorded_at: Timestamp,
    /// What it does.
    pub change: UniqueChange,
}

impl WalkedChange {
    /// What an event does.
    pub const fn new(
        stream: StreamId,
        position: Position,
        recorded_at: Timestamp,
        change: UniqueChange,
    ) -> Self {
        Self {
            stream,
            position,
            recorded_at,
            change,
        }
    }
}

/// Where turning a rule on has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "the rule is not on where two streams have one value: look at `is_on`"]
pub struct UniqueWalked {
    /// The position at which the next step starts, [`DONE`](UniqueWalked::DONE) once the rule was turned on.
    pub at: Position,
    /// Whether the rule is on.
    pub is_on: bool,
    /// The streams whose newest value another stream has.
    pub duplicates: Vec<UniqueDuplicate>,
}

impl UniqueWalked {
    /// Where a walk is that has turned its rule on.
    pub const DONE: Position = Position::from_parts([0, 0, i64::MAX.unsigned_abs()]);
}

/// Two streams with one value. The value itself is in the events.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UniqueDuplicate {
    /// The stream that has the value.
    pub holder: StreamId,
    /// The position of the event by which it has it.
    pub held_since: Position,
    /// The stream that has it too.
    pub stream: StreamId,
    /// The position of the event by which it has it.
    pub position: Position,
}

impl RuleState {
    /// For stores: does a step. `at` is where the walk of the rule is. `has_later` says whether an event that the
    /// step [reads](UniqueWalk::reads) comes after it. Where the walk is elsewhere, the step does nothing.
    pub fn walk(&mut self, walk: &UniqueWalk, at: Position, has_later: bool) -> UniqueWalked {
        let rule = &walk.rule;
        let is_on = walk.events.iter().all(|event| self.is_on(rule, event));
        if is_on || walk.from != at || at == UniqueWalked::DONE {
            let duplicates = self.duplicates(rule);
            return UniqueWalked {
                at,
                is_on,
                duplicates,
            };
        }
        self.promote(rule);
        for walked in &walk.changes {
            self.walk_one(rule, walked);
        }
        let duplicates = self.duplicates(rule);
        let is_on = match walk.finish {
            _ if has_later => false,
            None => false,
            Some(OnDuplicates::StayOff) => duplicates.is_empty(),
            Some(OnDuplicates::FirstWins) => true,
        };
        if is_on {
            for event in &walk.events {
                self.turn_on(rule, event);
            }
            self.waiting.clear();
        }
        UniqueWalked {
            at: if is_on { UniqueWalked::DONE } else { walk.to },
            is_on,
            duplicates,
        }
    }

    fn walk_one(&mut self, rule: &str, walked: &WalkedChange) {
        let stream = &walked.stream;
        let claimed = match &walked.change.value {
            UniqueValue::Unchanged => return,
            UniqueValue::Released => None,
            UniqueValue::Claimed(value) => Some(value),
        };
        self.waiting.remove(stream);
        // The rule may be on for some names already: a later event of the stream has said what it has.
        let held = self.held_by(rule, stream);
        let row = held.as_ref().and_then(|value| self.value(rule, value));
        if row.is_some_and(|row| row.position >= walked.position)
            || claimed.is_some() && held.as_ref() == claimed
        {
            return;
        }
        self.free(rule, stream, walked.change.keep, walked.recorded_at);
        self.promote(rule);
        let Some(value) = claimed else { return };
        if self.is_held(rule, value) {
            let waits = (value.clone(), walked.position);
            self.waiting.insert(stream.clone(), waits);
        } else {
            self.hold(rule, value, stream.clone(), walked.position);
        }
    }

    /// Streams that waited for a value which no other one has any more have it now, the earliest first.
    fn promote(&mut self, rule: &str) {
        let waiting = self.waiting.iter();
        let free = waiting.filter(|(_, (value, _))| !self.is_held(rule, value));
        let mut free: Vec<_> = free
            .map(|(stream, (value, position))| (*position, stream.clone(), value.clone()))
            .collect();
        free.sort_unstable();
        for (position, stream, value) in free {
            // One that has another value by a later event does not wait any more.
            if self.held_by(rule, &stream).is_some() {
                self.waiting.remove(&stream);
            } else if !self.is_held(rule, &value) {
                self.waiting.remove(&stream);
                self.hold(rule, &value, stream, position);
            }
        }
    }

    fn is_held(&self, rule: &str, value: &str) -> bool {
        let row = self.value(rule, value);
        row.is_some_and(|row| row.free_at.is_none())
    }

    /// For stores: a stream that waits for a value, as [`waiting`](RuleState::waiting) said after an earlier step.
    pub fn read_waiting(&mut self, stream: StreamId, value: &str, position: Position) {
        self.waiting.insert(stream, (value.to_owned(), position));
    }

    /// For stores: the streams whose newest value another stream has, each with the value and the position of its
    /// event. A store keeps them for the next step.
    pub fn waiting(&self) -> impl Iterator<Item = (&StreamId, &str, Position)> {
        let waiting = self.waiting.iter();
        waiting.map(|(stream, (value, position))| (stream, value.as_str(), *position))
    }

    pub(super) fn forget_waiting(&mut self) {
        self.waiting.clear();
    }

    fn duplicates(&self, rule: &str) -> Vec<UniqueDuplicate> {
        let waiting = self.waiting.iter();
        let found = waiting.filter_map(|(stream, (value, position))| {
            let row = self.value(rule, value)?;
            Some(UniqueDuplicate {
                holder: row.holder.clone(),
                held_since: row.position,
                stream: stream.clone(),
                position: *position,
            })
        });
        found.collect()
    }
}
