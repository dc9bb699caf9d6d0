//! Commits: several appends, changes of work items and a cursor move in one atomic batch.

use crate::{
    append::Write,
    errors::{self, not_committed},
    known::Head,
    message,
    publish::Placed,
    shared::Shared,
    tags::{Compared, compared_and_written},
    unique::Ruled,
    wire::{Attempts, Outgoing},
};
use es_runtime::{
    Append, Appended, Commit, CommitError, Committed, CursorMove, EventId, Position, StorageError,
    StorageErrorKind, Timestamp, WorkChange,
    store::author::{
        Accepted, Decision, check_cursor, check_event_ids, check_first_time, check_inputs,
    },
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

/// The most messages of a batch that the server takes.
pub(crate) const MOST: usize = 1_000;

/// The cursor of a consumer, as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Cursor {
    pub(crate) position: Position,
    pub(crate) inputs: Option<String>,
}

/// An append of a commit that was accepted, with the end of its stream.
struct Part<'a> {
    append: &'a Append,
    accepted: Accepted,
    head: Head,
}

impl Shared {
    pub(crate) async fn commit(self: &Arc<Self>, commit: Commit) -> Result<Committed, CommitError> {
        commit.check_appends(&self.limits)?;
        let _open = self.enter_to_write().await.map_err(not_committed)?;
        let mut attempts = self.wire.attempts();
        let streams = commit.appends.iter().map(|append| &append.stream);
        let streams = streams.chain(commit.work.iter().map(|change| &change.instance));
        let streams = streams.map(Self::lane);
        let tags = compared_and_written(&commit);
        let tags = tags.iter().map(Self::lane);
        let lanes = self.lanes(streams.chain(tags), &attempts).await;
        let _lanes = lanes.map_err(not_committed)?;
        let (appends, work) = (&commit.appends, &commit.work);
        let done = self
            .commit_appends(
                appends,
                work,
                commit.cursor.as_ref(),
                Some(&commit),
                &mut attempts,
            )
            .await;
        done.map(Committed::new)
    }

    /// Writes appends, changes of work items and a cursor move together, if the guards of a commit hold. Whoever calls it is in
    /// the lanes of the streams.
    pub(crate) async fn commit_appends(
        self: &Arc<Self>,
        appends: &[Append],
        work: &[WorkChange],
        cursor: Option<&CursorMove>,
        guarded: Option<&Commit>,
        attempts: &mut Attempts,
    ) -> Result<Vec<Appended>, CommitError> {
        let mut is_again = false;
        loop {
            let done = self.commit_once(appends, work, cursor, guarded, is_again, attempts);
            if let Some(appended) = done.await? {
                return Ok(appended);
            }
            is_again = true;
            for append in appends {
                self.known.set_head(&append.stream, None);
            }
            // Something moved between the reads and the write, or another write is in progress.
            if !attempts.again().await {
                return Err(not_committed(errors::always_late()));
            }
        }
    }

    /// Returns `None` where something has moved since it was read.
    async fn commit_once(
        self: &Arc<Self>,
        appends: &[Append],
        work: &[WorkChange],
        cursor: Option<&CursorMove>,
        guarded: Option<&Commit>,
        is_again: bool,
        attempts: &mut Attempts,
    ) -> Result<Option<Vec<Appended>>, CommitError> {
        let now = match work {
            [] => (self.clock)(),
            // The events of an instance have times of one clock, that of its work item.
            _ => self.now().await.map_err(not_committed)?,
        };
        let (parts, ruled, mut compared) = self.decided(appends, guarded, now).await?;
        let id = EventId::new();
        let worked = self.changed_work(work, now, is_again).await?;
        let (mut records, mut commits) = (Vec::new(), Vec::new());
        let mut guards = 0;
        for part in &parts {
            let write = Write::new(self, part.append, part.accepted, &part.head, now, id);
            let write = write.map_err(CommitError::Append)?;
            match write.guard {
                Some(guard) => {
                    guards += 1;
                    records.extend(write.message);
                    records.push(guard);
                }
                None => commits.extend(write.message),
            }
        }
        let with_events = parts.iter().filter(|part| part.accepted.count() > 0);
        let with_events = with_events.map(|part| part.append);
        let tags = self.tag_messages(with_events, &ruled.state, &mut compared, id);
        let tags = tags.map_err(not_committed)?;
        let comparisons = self.comparisons(&mut compared, &ruled, id);
        guards += comparisons.len();
        let moved = self.cursor_move(cursor, id).await?;
        let writes =
            moved.is_some() || !work.is_empty() || parts.iter().any(|part| part.accepted.writes());
        if writes || guards > 1 {
            for part in parts.iter().filter(|part| part.accepted.count() > 0) {
                let recorded = self.record_id(&part.append.stream, &part.head, attempts);
                recorded.await.map_err(CommitError::from)?;
            }
            let changes = self.changed_rules(&ruled, id).map_err(not_committed)?;
            let records = changes.into_iter().chain(records);
            let records = records.chain(comparisons);
            let items = worked
                .messages(self, id)
                .map_err(not_committed)?
                .into_iter();
            // The events come last, so that the end of the feed is the end of the stream, and directly before them their
            // tags: whoever sees an event can see its tags.
            let events = tags.into_iter().chain(commits);
            let before = items.chain(moved).chain(records);
            let mut messages: Vec<Outgoing> = before.chain(events).collect();
            let count = messages.len();
            if count > MOST {
                let what = format!(
                    "a commit is at most {MOST} messages, and this one has {count}: one for each append, and for each tag, \
                     unique value and stream that is only compared; write it in several parts"
                );
                let error = StorageError::new(StorageErrorKind::Unsupported, what);
                return Err(not_committed(error));
            }
            let last = loop {
                let placed = self.place(messages.clone(), id, attempts).await;
                if let Placed::At(last) = placed.map_err(CommitError::from)? {
                    break last;
                }
                // Where only tags have moved, by events that the guards do not exclude, all else is as it was.
                let newer = match guarded {
                    Some(commit) => self.look_again(commit, &mut compared).await,
                    None => Ok(BTreeMap::new()),
                };
                let newer = newer.map_err(not_committed)?;
                if newer.is_empty() || attempts.left().is_zero() {
                    return Ok(None);
                }
                message::expect_instead(&mut messages, &newer);
            };
            self.registered(&ruled);
            let others = u64::try_from(count).unwrap_or(u64::MAX).saturating_sub(1);
            worked.stored(self, last.saturating_sub(others));
            return Ok(Some(self.committed(parts, last, now)));
        }
        // One stream or guard was compared, when it was read.
        let appended = |part: &Part<'_>| part.accepted.appended(part.head.end.position, now);
        Ok(Some(parts.iter().map(appended).collect()))
    }

    /// Reads the end of each stream, and what their rules need, and decides on the appends in their order.
    async fn decided<'a>(
        &self,
        appends: &'a [Append],
        guarded: Option<&Commit>,
        now: Timestamp,
    ) -> Result<(Vec<Part<'a>>, Ruled, Compared), CommitError> {
        let mut looked = Vec::with_capacity(appends.len());
        for append in appends {
            looked.push(self.look(append, None).await.map_err(not_committed)?);
        }
        let compared = match guarded {
            Some(commit) => self.check_guards(commit, &mut looked).await?,
            None => Compared::default(),
        };
        let mut ruled = self.read_rules(appends).await.map_err(not_committed)?;
        let mut parts = Vec::with_capacity(appends.len());
        let mut ids = HashSet::new();
        for (append, (head, first)) in appends.iter().zip(looked) {
            let earlier = first.map(|first| first.compared(append));
            let end = Position::START;
            let decided = ruled.state.decide(append, earlier, head.end, end, now);
            match decided.map_err(CommitError::Append)? {
                Decision::Answer(first) => {
                    check_first_time(append, first)?;
                }
                Decision::Write(accepted) => {
                    let is_known = |id| ids.contains(&id);
                    check_event_ids(append, is_known).map_err(CommitError::Append)?;
                    ids.extend(append.events.iter().map(|event| event.id));
                    parts.push(Part {
                        append,
                        accepted,
                        head,
                    });
                }
            }
        }
        Ok((parts, ruled, compared))
    }

    /// The message that moves a cursor.
    async fn cursor_move(
        &self,
        moved: Option<&CursorMove>,
        id: EventId,
    ) -> Result<Option<Outgoing>, CommitError> {
        let Some(moved) = moved else { return Ok(None) };
        let read = self
            .cursor_of(&moved.consumer)
            .await
            .map_err(not_committed)?;
        let (sequence, known) =
            read.map_or((0, None), |(sequence, cursor)| (sequence, Some(cursor)));
        let actual = known.as_ref().map(|cursor| cursor.position);
        check_cursor(moved, actual)?;
        let inputs = known.and_then(|cursor| cursor.inputs);
        check_inputs(moved, actual, inputs.as_deref())?;
        let cursor = Cursor {
            position: moved.to,
            inputs: moved.inputs.as_ref().map(|(_, to)| to.clone()).or(inputs),
        };
        let subject = self.subjects.cursor(&moved.consumer);
        let message = message::of_record("the cursor", &cursor, subject, sequence, id);
        message.map(Some).map_err(not_committed)
    }

    /// The cursor of a consumer, and the sequence of its message.
    pub(crate) async fn cursor_of(
        &self,
        consumer: &str,
    ) -> Result<Option<(u64, Cursor)>, StorageError> {
        let Some(message) = self.wire.last(&self.subjects.cursor(consumer)).await? else {
            return Ok(None);
        };
        let cursor = message.json(&format!("the cursor of `{consumer}`"))?;
        Ok(Some((message.sequence, cursor)))
    }

    /// The results: the messages with events are the last ones, in the order of the appends.
    fn committed(
        self: &Arc<Self>,
        parts: Vec<Part<'_>>,
        last: u64,
        now: Timestamp,
    ) -> Vec<Appended> {
        let with_events = parts.iter().filter(|part| part.accepted.count() > 0);
        let with_events = u64::try_from(with_events.count()).unwrap_or(u64::MAX);
        let mut sequence = last.saturating_sub(with_events);
        let done = parts.into_iter().map(|part| {
            if part.accepted.count() > 0 {
                sequence = sequence.saturating_add(1);
            }
            self.done(part.append, part.accepted, &part.head, sequence, now)
        });
        done.collect()
    }
}
