//! The same writers on a store: one append is one commit, under its id. Some of them take seats of courses instead.

use super::{
    Failure, runs,
    seats::{self, Rule, SEATS},
    writers::{Acked, Failed, Target},
};
use es_runtime::{
    Append, AppendError, AppendId, CommitStore, EventStore, ExpectedVersion, NewEvent, Outcome,
    Position, StreamId,
};
use std::collections::{BTreeMap, HashMap};

const PARTS: usize = 2;

/// A store, and where in its positions the sequence of the message is.
#[derive(Clone)]
pub(super) struct StoreLog<S> {
    pub(super) store: S,
    pub(super) sequence: fn(Position) -> u64,
    /// So many groups of writers have an aggregate each. The others share the courses.
    pub(super) aggregates: usize,
    pub(super) rule: Rule,
}

/// The group of those who take seats.
const SCHOOL: &str = "school";

fn append(aggregate: &str, id: &str, expected: u64) -> Result<Append, Failure> {
    let stream = StreamId::new("chaos", aggregate)?;
    let parts = (0..PARTS).map(|part| NewEvent::json("test.part", 1, format!("\"{id}/{part}\"")));
    Ok(Append::new(stream, ExpectedVersion::at(expected))
        .with_events(parts)
        .with_append_id(AppendId::new(id)?))
}

impl<S: EventStore + CommitStore> Target for StoreLog<S> {
    fn name(&self) -> &'static str {
        "es-nats"
    }

    fn group(&self, number: usize) -> String {
        if number < self.aggregates {
            format!("a{number}")
        } else {
            SCHOOL.to_owned()
        }
    }

    async fn write(&self, aggregate: &str, id: &str, expected: u64) -> Result<Acked, Failed> {
        if aggregate == SCHOOL {
            return seats::take(&self.store, self.rule, id, expected, self.sequence).await;
        }
        let append = append(aggregate, id, expected);
        let append = append.map_err(|error| Failed::NotWritten(error.to_string()))?;
        match self.store.append(append).await {
            Ok(appended) => Ok(Acked {
                after: appended.version,
                position: (self.sequence)(appended.position),
            }),
            Err(AppendError::Conflict { actual, .. }) => Err(Failed::Stale(actual)),
            Err(error) if error.outcome() == Outcome::NotApplied => {
                Err(Failed::NotWritten(error.to_string()))
            }
            Err(error) => Err(Failed::Unknown(error.to_string())),
        }
    }
}

/// What a store reads of all that was written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ReadBack {
    pub(super) events: usize,
    pub(super) seats: usize,
    /// Those that are not what they have to be.
    pub(super) misread: usize,
}

/// Reads the feed: each event is the next version of its stream, and the other part of its commit comes next to it. Then
/// reads the seats of each course by its tag: they are those of the feed. All courses but the last one are full, since nobody goes
/// on before that.
pub(super) async fn read_back<S: EventStore>(store: &S) -> Result<ReadBack, Failure> {
    let mut versions: HashMap<StreamId, u64> = HashMap::new();
    let mut courses: BTreeMap<u64, usize> = BTreeMap::new();
    let mut read = ReadBack::default();
    let mut begun: Option<String> = None;
    runs::each_event(store, |event| {
        read.events += 1;
        let version = versions.entry(event.stream.clone()).or_default();
        *version += 1;
        let text: String = serde_json::from_slice(&event.payload)?;
        let (id, part) = text.split_once('/').ok_or("an event of somebody else")?;
        let course = seats::course_in(&event.payload);
        let is_next = match begun.take() {
            None => part == "0" || course.is_some(),
            Some(begun) => begun == id && part == "1",
        };
        if part == "0" {
            begun = Some(id.to_owned());
        }
        if let Some(course) = course {
            read.seats += 1;
            *courses.entry(course).or_default() += 1;
        }
        read.misread += usize::from(event.version != *version || !is_next);
        Ok(())
    })
    .await?;
    read.misread += usize::from(begun.is_some());
    let last = courses.last_key_value().map(|(course, _)| *course);
    for (course, in_feed) in courses {
        let (_, by_tag, _) = seats::taken(store, course).await?;
        let is_full = Some(course) == last || in_feed >= SEATS;
        read.misread += usize::from(by_tag != in_feed || !is_full);
    }
    Ok(read)
}
