//! One append to one stream.

use crate::{
    errors::{self, Unwritten},
    ids::First,
    known::Head,
    message,
    publish::Placed,
    record,
    shared::Shared,
    wire::{Attempts, EXPECTED_OF, Outgoing},
};
use bytes::Bytes;
use es_runtime::{
    Append, AppendError, Appended, CommitError, EventId, ExpectedVersion, InvalidAppend,
    StorageError, StorageErrorKind, StreamId, Timestamp,
    store::author::{Accepted, Decision, check_bounds, check_event_ids, decide, not_applied},
};
use futures_util::future::join;
use std::sync::Arc;

impl Shared {
    pub(crate) async fn append(self: &Arc<Self>, append: Append) -> Result<Appended, AppendError> {
        check_bounds(&append, &self.limits)?;
        let open = self.enter_to_write().await;
        let _open = open.map_err(|error| not_applied(&append, error))?;
        let mut attempts = self.wire.attempts();
        let lane = Self::lane(&append.stream);
        let lanes = self.lanes([lane], &attempts).await;
        let _lanes = lanes.map_err(|error| not_applied(&append, error))?;
        let plain = self.has_no_rules(&append).await;
        if !plain.map_err(|error| not_applied(&append, error))? {
            return self.append_with_rules(append, &mut attempts).await;
        }
        // What is remembered of the stream saves a read. Where it is wrong the append is not stored.
        let mut head = self.known.head(&append.stream);
        if head.is_none()
            && matches!(
                append.expected,
                ExpectedVersion::NoStream | ExpectedVersion::Exact(0)
            )
        {
            head = Some(Head::NONE);
        }
        loop {
            if let Some(appended) = self.append_once(&append, head, &mut attempts).await? {
                return Ok(appended);
            }
            // Another writer was first.
            head = None;
            self.known.set_head(&append.stream, None);
            if attempts.left().is_zero() {
                return Err(not_applied(&append, errors::always_late()));
            }
        }
    }

    /// An append whose events have rules or tags, or are the first of their names: it is a batch.
    async fn append_with_rules(
        self: &Arc<Self>,
        append: Append,
        attempts: &mut Attempts,
    ) -> Result<Appended, AppendError> {
        let done = self
            .commit_appends(std::slice::from_ref(&append), &[], None, None, attempts)
            .await;
        let unwritten = match done.map(|mut appended| appended.pop()) {
            Ok(Some(appended)) => return Ok(appended),
            Err(CommitError::Repeated { first, .. }) => return Ok(first),
            Err(CommitError::Append(error)) => return Err(error),
            Err(CommitError::Storage { outcome, error }) => Unwritten { outcome, error },
            Ok(None) => StorageError::new(StorageErrorKind::Other, "it has no result").into(),
            Err(other) => StorageError::new(StorageErrorKind::Other, other.to_string()).into(),
        };
        Err(unwritten.of(&append))
    }

    /// Decides on the last commit of the stream, which is `head` or read now. Returns `None` where it is another one.
    async fn append_once(
        self: &Arc<Self>,
        append: &Append,
        head: Option<Head>,
        attempts: &mut Attempts,
    ) -> Result<Option<Appended>, AppendError> {
        let stream = &append.stream;
        let refused = |error| not_applied(append, error);
        // A remembered end proves nothing where the append is not stored.
        let usable = head
            .filter(|head| append.expected.accepts(head.end.version) && !append.events.is_empty());
        let is_new = usable.is_none();
        // The record of the last commit's id is due anyway, so both are asked at once.
        let looked = self.look(append, usable.clone());
        let (looked, recorded) = match &usable {
            Some(head) => join(looked, self.record_id(stream, head, attempts)).await,
            None => (looked.await, Ok(())),
        };
        let (head, first) = looked.map_err(refused)?;
        recorded.map_err(|unwritten| unwritten.of(append))?;
        let earlier = first.map(|first| first.compared(append));
        if !is_new && earlier.is_some() {
            // An answer by an id is right whatever the end of the stream is.
            if let Decision::Answer(first) = decide(append, earlier, head.end)? {
                return Ok(Some(first));
            }
            return Ok(None);
        }
        let accepted = match decide(append, earlier, head.end)? {
            Decision::Answer(first) => return Ok(Some(first)),
            Decision::Write(accepted) => accepted,
        };
        check_event_ids(append, |_| false)?;
        let now = (self.clock)();
        if !accepted.writes() {
            return Ok(Some(accepted.appended(head.end.position, now)));
        }
        let write = Write::new(self, append, accepted, &head, now, EventId::new())?;
        if is_new {
            let recorded = self.record_id(stream, &head, attempts).await;
            recorded.map_err(|unwritten| unwritten.of(append))?;
        }
        let id = write.commit;
        let placed = self.place(write.alone(), id, attempts).await;
        match placed.map_err(|unwritten| unwritten.of(append))? {
            Placed::At(sequence) => Ok(Some(self.done(append, accepted, &head, sequence, now))),
            Placed::Moved => Ok(None),
        }
    }

    /// The end of the stream, and the earlier append with the id of this one.
    pub(crate) async fn look(
        &self,
        append: &Append,
        head: Option<Head>,
    ) -> Result<(Head, Option<First>), StorageError> {
        let stream = &append.stream;
        let last = match head {
            Some(head) => {
                let Some(id) = &append.append_id else {
                    return Ok((head, None));
                };
                if head.append_id.as_ref() != Some(id) {
                    let first = self.recorded(stream, id).await?;
                    return Ok((head, first));
                }
                self.last_commit(stream).await?
            }
            None => self.last_commit(stream).await?,
        };
        let head = Head::of(last.as_ref());
        let Some(id) = &append.append_id else {
            return Ok((head, None));
        };
        let first = match last {
            Some(last) if last.append_id.as_ref() == Some(id) => Some(First::of(last)),
            _ => self.recorded(stream, id).await?,
        };
        Ok((head, first))
    }

    /// The result of an append whose message has this sequence.
    pub(crate) fn done(
        self: &Arc<Self>,
        append: &Append,
        accepted: Accepted,
        head: &Head,
        sequence: u64,
        now: Timestamp,
    ) -> Appended {
        let last = record::position(sequence, accepted.count());
        let appended = accepted.appended(last, now);
        if accepted.count() > 0 {
            let head = Head {
                sequence,
                end: accepted.after(last),
                append_id: append.append_id.clone(),
            };
            self.known.set_head(&append.stream, Some(head));
            self.wrote(appended.position);
        } else {
            self.known.set_head(&append.stream, Some(head.clone()));
        }
        appended
    }
}

/// The messages of an append that was accepted.
pub(crate) struct Write {
    commit: EventId,
    /// The message with the events, or the record of the append id. `None` where the stream is only compared.
    pub(crate) message: Option<Outgoing>,
    /// The message that compares the end of the stream, where the first one does not.
    pub(crate) guard: Option<Outgoing>,
}

impl Write {
    /// # Errors
    /// The message is larger than the server accepts.
    pub(crate) fn new(
        shared: &Shared,
        append: &Append,
        accepted: Accepted,
        head: &Head,
        now: Timestamp,
        commit: EventId,
    ) -> Result<Self, AppendError> {
        let refused = |error| not_applied(append, error);
        let stream = &append.stream;
        if accepted.count() > 0 {
            let message = Outgoing {
                subject: shared.subjects.commits(stream),
                headers: record::headers(append, &accepted, head.sequence, commit, now),
                body: record::body(append).map_err(refused)?,
            };
            let limit = shared.wire.largest_body();
            let bytes = message.body.len();
            if bytes > limit {
                let reason = InvalidAppend::TooLarge { bytes, limit };
                return Err(AppendError::Invalid {
                    stream: stream.clone(),
                    reason,
                });
            }
            return Ok(Self {
                commit,
                message: Some(message),
                guard: None,
            });
        }
        let message = shared.record_of_nothing(append, head.end, now, commit);
        Ok(Self {
            commit,
            message: message.map_err(refused)?,
            guard: Some(guard(shared, stream, head, commit)),
        })
    }

    /// The messages of an append that is written alone.
    fn alone(self) -> Vec<Outgoing> {
        let has_events = self.guard.is_none();
        let message = self.message.map(|mut message| {
            if has_events {
                record::recognised(&mut message.headers, self.commit);
            }
            message
        });
        message.into_iter().chain(self.guard).collect()
    }
}

/// A message that is stored only while the last commit of a stream is this one.
fn guard(shared: &Shared, stream: &StreamId, head: &Head, commit: EventId) -> Outgoing {
    comparing(
        shared,
        shared.subjects.commits(stream),
        head.sequence,
        commit,
    )
}

/// A message that is stored only while the last message of a subject has this sequence, 0 where there is none.
pub(crate) fn comparing(
    shared: &Shared,
    subject: String,
    sequence: u64,
    commit: EventId,
) -> Outgoing {
    let mut headers = message::expecting(sequence, commit);
    headers.insert(EXPECTED_OF, subject);
    Outgoing {
        subject: shared.subjects.guard(),
        headers,
        body: Bytes::new(),
    }
}
