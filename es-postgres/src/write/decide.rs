//! Which appends of a group are accepted, at which versions and positions: by the rules of all stores,
//! on what the database says while the end of the feed is locked.

use super::tags::{Staged, TagRows};
use crate::{
    connection::Param,
    rows::{clamped, position},
};
use es_runtime::{
    Append, AppendError, AppendId, Appended, Commit, CommitError, Position, StreamId, Timestamp,
    store::author::{self, Accepted, Decision, Earlier, RuleState, StreamHead},
};
use std::{collections::HashMap, time::SystemTime};
use tokio_postgres::types::Type;
use uuid::Uuid;

/// What the database says of the streams and append ids of a group.
pub(super) struct Known {
    /// The newest position of the store.
    pub(super) head: u64,
    /// Where each stream that has events ends.
    pub(super) streams: HashMap<StreamId, StreamHead>,
    /// The appends whose ids were seen before.
    pub(super) appends: HashMap<(StreamId, AppendId), Earlier>,
    /// The server's clock.
    pub(super) now: Timestamp,
    /// What the group needs to know of unique values, and which rules and kinds of tags are on.
    pub(super) uniques: RuleState,
    /// What the guards of the group found, in their order.
    pub(super) guards: Vec<Option<Position>>,
}

/// Decides about the appends of one group, one after the other.
pub(super) struct Decider {
    known: Known,
    /// The events with tags that were accepted, where the group has guards.
    staged: Option<Vec<Staged>>,
}

/// The state of a decider before an append.
pub(super) struct Mark {
    head: u64,
    stream: Option<StreamHead>,
    uniques: usize,
    staged: usize,
}

/// The rows of the accepted appends, column by column, as one statement takes them.
#[derive(Default)]
pub(super) struct Rows<'a> {
    pub(super) positions: Vec<i64>,
    pub(super) versions: Vec<i64>,
    pub(super) event_ids: Vec<Uuid>,
    /// The time of all of them: one transaction writes them.
    pub(super) time: Option<SystemTime>,
    pub(super) schema_versions: Vec<i32>,
    pub(super) aggregates: Vec<&'a str>,
    pub(super) ids: Vec<&'a str>,
    pub(super) names: Vec<&'a str>,
    pub(super) content_types: Vec<&'a str>,
    pub(super) metadata: Vec<String>,
    pub(super) payloads: Vec<&'a [u8]>,
    pub(super) appends: AppendRows<'a>,
    pub(super) tags: TagRows<'a>,
}

/// The records of the accepted appends that have an id.
#[derive(Default)]
pub(super) struct AppendRows<'a> {
    pub(super) aggregates: Vec<&'a str>,
    pub(super) ids: Vec<&'a str>,
    pub(super) append_ids: Vec<&'a str>,
    pub(super) last_versions: Vec<i64>,
    pub(super) events: Vec<i64>,
    pub(super) positions: Vec<i64>,
    pub(super) times: Vec<SystemTime>,
    pub(super) requests: Vec<Option<&'a str>>,
}

impl Decider {
    pub(super) fn new(known: Known) -> Self {
        let staged = (!known.guards.is_empty()).then(Vec::new);
        Self { known, staged }
    }

    /// Checks the guards of a commit, before its appends. `first` of the group are those of other commits.
    pub(super) fn check_guards(&self, commit: &Commit, first: usize) -> Result<(), CommitError> {
        let found = self.known.guards.iter().skip(first);
        for ((index, guard), stored) in commit.guards.iter().enumerate().zip(found) {
            let mut staged = self.staged.iter().flatten();
            let by = stored.or_else(|| staged.find_map(|event| event.breaks(guard)));
            let (rules, head) = (&self.known.uniques, self.known.head);
            author::check_guard(commit, index, rules, position(head), by)?;
        }
        Ok(())
    }

    /// For a commit that a guard refuses: whether one of its appends was done before.
    pub(super) fn check_repeated(&mut self, commit: &Commit) -> Result<(), CommitError> {
        for append in &commit.appends {
            let key = append.append_id.clone();
            let key = key.map(|id| (append.stream.clone(), id));
            if let Some(earlier) = key.and_then(|key| self.known.appends.remove(&key)) {
                author::check_repeated(append, earlier)?;
            }
        }
        Ok(())
    }

    /// What the accepted appends changed of unique values, and the rules and kinds of tags that they turned on.
    pub(super) fn into_uniques(self) -> RuleState {
        self.known.uniques
    }

    /// The newest position after what was decided so far.
    pub(super) fn head(&self) -> u64 {
        self.known.head
    }

    /// The verdict on an append; its rows go to `rows`. Appends of one group do not share an append id.
    pub(super) fn one<'a>(
        &mut self,
        append: &'a Append,
        clock: Option<Timestamp>,
        rows: &mut Rows<'a>,
    ) -> Result<Appended, AppendError> {
        let stream = &append.stream;
        let earlier = append.append_id.as_ref().and_then(|id| {
            let key = (stream.clone(), id.clone());
            self.known.appends.remove(&key)
        });
        let known = self.known.streams.get(stream).copied();
        let known = known.unwrap_or(StreamHead::EMPTY);
        let time = clock.unwrap_or(self.known.now);
        let (uniques, end) = (&mut self.known.uniques, position(self.known.head));
        let accepted = match uniques.decide(append, earlier, known, end, time)? {
            Decision::Answer(first) => return Ok(first),
            Decision::Write(accepted) => accepted,
        };
        rows.push(append, accepted, self.known.head, time);
        let (rules, staged) = (&self.known.uniques, self.staged.as_mut());
        rows.tags
            .push(append, accepted, self.known.head, rules, staged);
        self.known.head = self.known.head.saturating_add(accepted.count());
        let last = position(self.known.head);
        let appended = accepted.appended(last, time);
        if let Some(id) = &append.append_id {
            rows.appends.push(append, id, &appended);
        }
        self.known
            .streams
            .insert(stream.clone(), accepted.after(last));
        Ok(appended)
    }

    /// Remembers its state, to go [`back`](Decider::back) to it.
    pub(super) fn mark(&self, append: &Append) -> Mark {
        Mark {
            head: self.known.head,
            stream: self.known.streams.get(&append.stream).copied(),
            uniques: self.known.uniques.mark(),
            staged: self.staged.as_ref().map_or(0, Vec::len),
        }
    }

    /// As if the append had not been accepted.
    pub(super) fn back(&mut self, append: &Append, mark: &Mark) {
        self.known.head = mark.head;
        self.known.uniques.back(mark.uniques);
        if let Some(staged) = &mut self.staged {
            staged.truncate(mark.staged);
        }
        match mark.stream {
            Some(at) => self.known.streams.insert(append.stream.clone(), at),
            None => self.known.streams.remove(&append.stream),
        };
    }
}

impl<'a> Rows<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.positions.is_empty() && self.appends.append_ids.is_empty()
    }

    /// The columns of the events, as the statements of a transaction take them.
    pub(super) fn params(&self) -> Vec<Param<'_>> {
        let placed: [Param<'_>; 2] = [
            (&self.positions, Type::INT8_ARRAY),
            (&self.time, Type::TIMESTAMPTZ),
        ];
        placed.into_iter().chain(self.columns()).collect()
    }

    /// The columns without those that follow from their place in the group and from its time.
    pub(super) fn columns(&self) -> [Param<'_>; 9] {
        [
            (&self.versions, Type::INT8_ARRAY),
            (&self.event_ids, Type::UUID_ARRAY),
            (&self.schema_versions, Type::INT4_ARRAY),
            (&self.aggregates, Type::TEXT_ARRAY),
            (&self.ids, Type::TEXT_ARRAY),
            (&self.names, Type::TEXT_ARRAY),
            (&self.content_types, Type::TEXT_ARRAY),
            (&self.metadata, Type::TEXT_ARRAY),
            (&self.payloads, Type::BYTEA_ARRAY),
        ]
    }

    /// Takes over the rows of another, after its own.
    pub(super) fn absorb(&mut self, other: Self) {
        self.positions.extend(other.positions);
        self.versions.extend(other.versions);
        self.event_ids.extend(other.event_ids);
        self.time = self.time.or(other.time);
        self.schema_versions.extend(other.schema_versions);
        self.aggregates.extend(other.aggregates);
        self.ids.extend(other.ids);
        self.names.extend(other.names);
        self.content_types.extend(other.content_types);
        self.metadata.extend(other.metadata);
        self.payloads.extend(other.payloads);
        self.tags.absorb(other.tags);
        let (appends, others) = (&mut self.appends, other.appends);
        appends.aggregates.extend(others.aggregates);
        appends.ids.extend(others.ids);
        appends.append_ids.extend(others.append_ids);
        appends.last_versions.extend(others.last_versions);
        appends.events.extend(others.events);
        appends.positions.extend(others.positions);
        appends.times.extend(others.times);
        appends.requests.extend(others.requests);
    }

    /// The rows of the events, whose positions follow the position `before`.
    fn push(&mut self, append: &'a Append, accepted: Accepted, before: u64, time: Timestamp) {
        let metadata = append.metadata.to_json();
        self.time = Some(time.into());
        let mut place = before;
        for (version, event) in accepted.versions().zip(&append.events) {
            place = place.saturating_add(1);
            self.positions.push(clamped(place));
            self.versions.push(clamped(version));
            self.event_ids.push(Uuid::from_bytes(*event.id.as_bytes()));
            self.schema_versions.push(event.schema_version.into());
            self.aggregates.push(append.stream.aggregate());
            self.ids.push(append.stream.id());
            self.names.push(&event.name);
            self.content_types.push(&event.content_type);
            self.metadata.push(metadata.clone());
            self.payloads.push(&event.payload);
        }
    }
}

impl<'a> AppendRows<'a> {
    /// The columns of the appends, as the statements of a transaction take them.
    pub(super) fn params(&self) -> Vec<Param<'_>> {
        let timed: [Param<'_>; 1] = [(&self.times, Type::TIMESTAMPTZ_ARRAY)];
        timed.into_iter().chain(self.columns()).collect()
    }

    /// The columns without the time, which is that of the group.
    pub(super) fn columns(&self) -> [Param<'_>; 7] {
        [
            (&self.aggregates, Type::TEXT_ARRAY),
            (&self.ids, Type::TEXT_ARRAY),
            (&self.append_ids, Type::TEXT_ARRAY),
            (&self.last_versions, Type::INT8_ARRAY),
            (&self.events, Type::INT8_ARRAY),
            (&self.positions, Type::INT8_ARRAY),
            (&self.requests, Type::TEXT_ARRAY),
        ]
    }

    fn push(&mut self, append: &'a Append, id: &'a AppendId, appended: &Appended) {
        let [_, _, place] = appended.position.to_parts();
        self.aggregates.push(append.stream.aggregate());
        self.ids.push(append.stream.id());
        self.append_ids.push(id.as_str());
        self.last_versions.push(clamped(appended.version));
        self.events.push(clamped(appended.events));
        self.positions.push(clamped(place));
        self.times.push(appended.recorded_at.into());
        self.requests.push(append.request.as_deref());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use es_runtime::{ExpectedVersion, NewEvent};

    fn known(streams: &[(&StreamId, u64)]) -> Known {
        let head = streams.iter().map(|(_, version)| version).sum();
        let streams = streams.iter().map(|(stream, version)| {
            let head = StreamHead {
                version: *version,
                position: position(*version),
            };
            ((*stream).clone(), head)
        });
        Known {
            head,
            streams: streams.collect(),
            appends: HashMap::new(),
            now: Timestamp::now(),
            uniques: RuleState::default(),
            guards: Vec::new(),
        }
    }

    fn append(stream: &StreamId, expected: ExpectedVersion, events: usize) -> Append {
        let events = (0..events).map(|_| NewEvent::json("counted", 1, "{}"));
        Append::new(stream.clone(), expected).with_events(events)
    }

    #[test]
    fn appends_of_one_group_see_each_other() {
        let order = StreamId::new("order", "1").expect("usable");
        let other = StreamId::new("order", "2").expect("usable");
        let group = [
            append(&order, ExpectedVersion::Exact(2), 2),
            append(&order, ExpectedVersion::Exact(2), 1),
            append(&other, ExpectedVersion::NoStream, 1),
            append(&order, ExpectedVersion::Exact(4), 1),
            append(&order, ExpectedVersion::Any, 0),
        ];
        let mut rules = Decider::new(known(&[(&order, 2)]));
        let mut rows = Rows::default();
        let versions: Vec<_> = group
            .iter()
            .map(|append| {
                let verdict = rules.one(append, None, &mut rows);
                verdict.map(|done| (done.version, done.position)).ok()
            })
            .collect();
        let at = |version, place| Some((version, position(place)));
        assert_eq!(
            versions,
            [at(4, 4), None, at(1, 5), at(5, 6), at(5, 6)],
            "the second is refused"
        );
        assert_eq!(rows.positions, [3, 4, 5, 6]);
        assert_eq!(rows.versions, [3, 4, 1, 5]);
        assert_eq!(rules.head(), 6);
    }

    #[test]
    fn an_append_can_be_taken_back() {
        let order = StreamId::new("order", "1").expect("usable");
        let mut rules = Decider::new(known(&[]));
        let first = append(&order, ExpectedVersion::NoStream, 2);
        let mark = rules.mark(&first);
        for _ in 0..2 {
            let mut rows = Rows::default();
            let done = rules.one(&first, None, &mut rows).expect("accepted");
            assert_eq!((done.version, rows.positions), (2, vec![1, 2]));
            rules.back(&first, &mark);
        }
        assert_eq!(rules.head(), 0);
    }
}
