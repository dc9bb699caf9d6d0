//! Which appends of a group are accepted, at which versions and positions: decided here, in one place,
//! from what the database says while the end of the feed is locked.

use crate::rows::{clamped, position};
use es_runtime::{
    Append, AppendError, AppendId, Appended, Outcome, Position, StorageError, StreamId, Timestamp,
};
use std::{collections::HashMap, time::SystemTime};
use uuid::Uuid;

/// What the database says of the streams and append ids of a group.
pub(crate) struct Known {
    /// The newest position of the store.
    pub(crate) head: u64,
    /// Version and position of the newest event of each stream that has one.
    pub(crate) streams: HashMap<StreamId, (u64, Position)>,
    /// The appends whose ids were seen before.
    pub(crate) appends: HashMap<(StreamId, AppendId), First>,
    /// The server's clock.
    pub(crate) now: Timestamp,
}

/// An earlier append under the same id.
pub(crate) enum First {
    /// It wrote the same events.
    Same(Appended),
    /// It wrote others, up to this version.
    Other(u64),
    /// Its record cannot be read.
    Damaged(StorageError),
}

/// What becomes of a group: one verdict for each append, and the rows to write.
pub(crate) struct Decided<'a> {
    pub(crate) verdicts: Vec<Result<Appended, AppendError>>,
    pub(crate) rows: Rows<'a>,
    /// The newest position afterwards.
    pub(crate) head: u64,
}

/// The rows of the accepted appends, column by column, as one statement takes them.
#[derive(Default)]
pub(crate) struct Rows<'a> {
    pub(crate) positions: Vec<i64>,
    pub(crate) versions: Vec<i64>,
    pub(crate) event_ids: Vec<Uuid>,
    pub(crate) times: Vec<SystemTime>,
    pub(crate) schema_versions: Vec<i32>,
    pub(crate) aggregates: Vec<&'a str>,
    pub(crate) ids: Vec<&'a str>,
    pub(crate) names: Vec<&'a str>,
    pub(crate) content_types: Vec<&'a str>,
    pub(crate) metadata: Vec<String>,
    pub(crate) payloads: Vec<&'a [u8]>,
    pub(crate) appends: AppendRows<'a>,
}

/// The records of the accepted appends that have an id.
#[derive(Default)]
pub(crate) struct AppendRows<'a> {
    pub(crate) aggregates: Vec<&'a str>,
    pub(crate) ids: Vec<&'a str>,
    pub(crate) append_ids: Vec<&'a str>,
    pub(crate) last_versions: Vec<i64>,
    pub(crate) events: Vec<i64>,
    pub(crate) positions: Vec<i64>,
    pub(crate) times: Vec<SystemTime>,
}

impl Rows<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.positions.is_empty() && self.appends.append_ids.is_empty()
    }
}

/// Decides about the appends in their order. Those of one group do not share an append id.
pub(crate) fn decide<'a>(
    appends: impl IntoIterator<Item = &'a Append>,
    known: Known,
    clock: impl Fn() -> Option<Timestamp>,
) -> Decided<'a> {
    let mut decided = Decided {
        verdicts: Vec::new(),
        rows: Rows::default(),
        head: known.head,
    };
    let mut known = known;
    for append in appends {
        let time = clock().unwrap_or(known.now);
        let verdict = decided.one(append, &mut known, time);
        decided.verdicts.push(verdict);
    }
    decided
}

impl<'a> Decided<'a> {
    fn one(
        &mut self,
        append: &'a Append,
        known: &mut Known,
        time: Timestamp,
    ) -> Result<Appended, AppendError> {
        let stream = &append.stream;
        if let Some(id) = &append.append_id {
            match known.appends.remove(&(stream.clone(), id.clone())) {
                Some(First::Same(first)) => return Ok(first),
                Some(First::Other(version)) => {
                    return Err(AppendError::IdReused {
                        stream: stream.clone(),
                        append_id: id.clone(),
                        version,
                    });
                }
                Some(First::Damaged(error)) => {
                    return Err(AppendError::Storage {
                        stream: stream.clone(),
                        outcome: Outcome::NotApplied,
                        error,
                    });
                }
                None => {}
            }
        }
        let (actual, newest) = known
            .streams
            .get(stream)
            .copied()
            .unwrap_or((0, Position::START));
        if !append.expected.accepts(actual) {
            return Err(AppendError::Conflict {
                stream: stream.clone(),
                expected: append.expected,
                actual,
            });
        }
        let (version, at) = self.write(append, actual, time);
        let at = at.unwrap_or(newest);
        let count = version.saturating_sub(actual);
        let appended = Appended::new(version, count, at, time);
        if let Some(id) = &append.append_id {
            self.rows.appends.push(append, id, &appended);
        }
        if count > 0 {
            known.streams.insert(stream.clone(), (version, at));
        }
        Ok(appended)
    }

    /// The rows of the events; version and position of the last one.
    fn write(
        &mut self,
        append: &'a Append,
        actual: u64,
        time: Timestamp,
    ) -> (u64, Option<Position>) {
        let mut version = actual;
        let rows = &mut self.rows;
        let metadata = append.metadata.to_json();
        for event in &append.events {
            version = version.saturating_add(1);
            self.head = self.head.saturating_add(1);
            rows.positions.push(clamped(self.head));
            rows.versions.push(clamped(version));
            rows.event_ids.push(Uuid::from_bytes(*event.id.as_bytes()));
            rows.times.push(time.into());
            rows.schema_versions.push(event.schema_version.into());
            rows.aggregates.push(append.stream.aggregate());
            rows.ids.push(append.stream.id());
            rows.names.push(&event.name);
            rows.content_types.push(&event.content_type);
            rows.metadata.push(metadata.clone());
            rows.payloads.push(&event.payload);
        }
        let last = (!append.events.is_empty()).then(|| position(self.head));
        (version, last)
    }
}

impl<'a> AppendRows<'a> {
    fn push(&mut self, append: &'a Append, id: &'a AppendId, appended: &Appended) {
        let [_, _, place] = appended.position.to_parts();
        self.aggregates.push(append.stream.aggregate());
        self.ids.push(append.stream.id());
        self.append_ids.push(id.as_str());
        self.last_versions.push(clamped(appended.version));
        self.events.push(clamped(appended.events));
        self.positions.push(clamped(place));
        self.times.push(appended.recorded_at.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use es_runtime::{ExpectedVersion, NewEvent};

    fn known(streams: &[(&StreamId, u64)]) -> Known {
        let head = streams.iter().map(|(_, version)| version).sum();
        let streams = streams
            .iter()
            .map(|(stream, version)| ((*stream).clone(), (*version, position(*version))));
        Known {
            head,
            streams: streams.collect(),
            appends: HashMap::new(),
            now: Timestamp::now(),
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
        let decided = decide(&group, known(&[(&order, 2)]), || None);
        let versions: Vec<_> = decided
            .verdicts
            .iter()
            .map(|verdict| {
                verdict
                    .as_ref()
                    .map(|done| (done.version, done.position))
                    .ok()
            })
            .collect();
        let at = |version, place| Some((version, position(place)));
        assert_eq!(
            versions,
            [at(4, 4), None, at(1, 5), at(5, 6), at(5, 6)],
            "the second is refused"
        );
        assert_eq!(decided.rows.positions, [3, 4, 5, 6]);
        assert_eq!(decided.rows.versions, [3, 4, 1, 5]);
        assert_eq!(decided.head, 6);
    }
}
