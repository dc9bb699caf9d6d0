//! Rivals for the seats of courses, on a store: a rule over the events of many streams, which only a guard keeps. Each seat is an
//! event of a stream of its own with the tag of its course. Who finds a course full goes on to the next one.

use super::writers::{Acked, Failed};
use es_runtime::{
    Append, AppendId, Commit, CommitError, CommitStore, EventStore, EventTag, ExpectedVersion,
    NewEvent, Outcome, Position, ReadLimit, StreamId, Tag, TagQuery,
};
use std::borrow::Cow;

/// So many a course has.
pub(super) const SEATS: usize = 5;
const EVENT: &str = "seat.taken";

struct Course(u64);

impl Tag for Course {
    const KIND: &'static str = "course";

    fn value(&self) -> Cow<'_, str> {
        self.0.to_string().into()
    }
}

/// What decides about a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// No seat of the course was taken since its seats were counted.
    Guarded,
    /// The count alone, as it was.
    Unguarded,
}

/// The course in a payload `"w3-17/0@12"`.
pub(super) fn course_in(payload: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(payload);
    let (_, after) = text.split_once("/0@")?;
    after
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// How many seats are taken, and up to where the store was read for that.
pub(super) async fn taken<S: EventStore>(
    store: &S,
    course: u64,
) -> Result<(TagQuery, usize, Position), String> {
    let query = TagQuery::of(&Course(course), [EVENT]).map_err(|error| error.to_string())?;
    let (mut count, mut from) = (0, Position::START);
    loop {
        let page = store.read_tagged(&query, from, ReadLimit::default()).await;
        let page = page.map_err(|error| error.to_string())?;
        count += page.events.len();
        from = page.next;
        if page.at_end {
            return Ok((query, count, from));
        }
    }
}

fn commit(id: &str, course: u64) -> Result<Commit, Box<dyn std::error::Error>> {
    let event = NewEvent::json(EVENT, 1, format!("\"{id}/0@{course}\""))
        .with_tags(vec![EventTag::of(&Course(course))]);
    let append = Append::new(StreamId::new("seat", id)?, ExpectedVersion::NoStream)
        .with_event(event)
        .with_append_id(AppendId::new(id)?);
    Ok(Commit::new().append(append))
}

/// Takes a seat of the course, if it has one. `sequence` says where in a position the sequence of its message is.
pub(super) async fn take<S: EventStore + CommitStore>(
    store: &S,
    rule: Rule,
    id: &str,
    course: u64,
    sequence: fn(Position) -> u64,
) -> Result<Acked, Failed> {
    let (query, taken, seen) = taken(store, course).await.map_err(Failed::NotWritten)?;
    if taken >= SEATS {
        return Err(Failed::Stale(course + 1));
    }
    let commit = commit(id, course).map_err(|error| Failed::NotWritten(error.to_string()))?;
    let commit = match rule {
        Rule::Guarded => commit.guard(query, seen),
        Rule::Unguarded => commit,
    };
    let taken = match store.commit(commit).await {
        Ok(done) => done.appended.first().map(|seat| seat.position),
        Err(CommitError::Repeated { first, .. }) => Some(first.position),
        Err(CommitError::Guarded { .. }) => return Err(Failed::Stale(course)),
        Err(error) if error.outcome() == Outcome::NotApplied => {
            return Err(Failed::NotWritten(error.to_string()));
        }
        Err(error) => return Err(Failed::Unknown(error.to_string())),
    };
    let position = taken.ok_or_else(|| Failed::Unknown("a commit without a result".to_owned()))?;
    Ok(Acked {
        after: course,
        position: sequence(position),
    })
}
