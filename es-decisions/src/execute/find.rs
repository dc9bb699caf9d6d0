//! Looks for what a commit wrote whose answer was lost.

use super::Execute;
use crate::Decide;
use es_runtime::{
    Append, AppendId, Appended, EventId, EventStore, ExpectedVersion, Position, ReadLimit,
    StreamId, StreamRange, Timestamp, command,
};

impl<D: Decide> Execute<'_, D> {
    /// Looks for what a commit with an unknown outcome wrote.
    pub(super) async fn find(&self, ids: &[EventIds], id: Option<&AppendId>) -> Found {
        let mut appended = Vec::with_capacity(ids.len());
        for of in ids {
            if of.events.is_empty() {
                // The commit is whole: where the events of the others are, this one held.
                let (after, now) = (of.after.unwrap_or_default(), Timestamp::now());
                appended.push(Appended::new(after, 0, Position::START, now));
                continue;
            }
            let found = match of.after {
                Some(after) => {
                    command::find_events(self.store(), &of.stream, after, &of.events).await
                }
                None => self.find_newest(of).await,
            };
            match found {
                Some(found) => appended.push(found),
                None => return self.recorded(ids, id).await,
            }
        }
        if ids.iter().all(|of| of.events.is_empty()) {
            return self.recorded(ids, id).await;
        }
        Found::Stored(appended)
    }

    /// What an append at any version wrote, among the newest events of its stream.
    async fn find_newest(&self, of: &EventIds) -> Option<Appended> {
        let limit = ReadLimit::events(of.events.len().saturating_add(NEWEST));
        let range = StreamRange::backward(u64::MAX);
        let read = self.store().read_stream(&of.stream, range, limit).await;
        let read = read.ok()?;
        let own = read
            .iter()
            .filter(|event| of.events.contains(&event.event_id));
        let own: Vec<_> = own.collect();
        let newest = own.first().filter(|_| own.len() == of.events.len())?;
        let events = u64::try_from(own.len()).ok()?;
        Some(Appended::new(
            newest.version,
            events,
            newest.position,
            newest.recorded_at,
        ))
    }

    async fn recorded(&self, ids: &[EventIds], id: Option<&AppendId>) -> Found {
        if let (Some(first), Some(id)) = (ids.first(), id) {
            if let Ok(Some(_)) = self.store().find_append(&first.stream, id).await {
                return Found::Recorded;
            }
        }
        Found::Nothing
    }
}

/// The other events of a stream among which those of an append with an unknown outcome are looked for.
const NEWEST: usize = 1000;

/// What is left of a commit with an unknown outcome.
pub(super) enum Found {
    Stored(Vec<Appended>),
    /// The append id is recorded.
    Recorded,
    Nothing,
}

/// The ids of the events of one append, to find them again.
pub(super) struct EventIds {
    pub(super) stream: StreamId,
    /// The version before them, where it is known.
    after: Option<u64>,
    events: Vec<EventId>,
}

impl EventIds {
    pub(super) fn of(append: &Append) -> Self {
        let after = match append.expected {
            ExpectedVersion::Exact(version) => Some(version),
            _ => None,
        };
        Self {
            stream: append.stream.clone(),
            after,
            events: append.events.iter().map(|event| event.id).collect(),
        }
    }
}
