//! Writing what was read elsewhere: many messages in one batch, each of which expects the last one of its subject.

use super::{CommitRecord, Record, Transfer, ValueHolder};
use crate::{
    ids::IdRecord,
    known::Head,
    message,
    publish::Placed,
    record::{self, position},
    shared::Shared,
    tags,
    unique::{HeldRecord, Holder, NameRecord, ValueRecord},
    wire::Outgoing,
    work,
};
use bytes::Bytes;
use es_runtime::{
    EventId, Outcome, Snapshot, StorageError, StorageErrorKind, StreamId, Timestamp,
    store::author::StreamHead,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use std::{collections::HashSet, sync::Arc};

/// Messages of one batch, of the 1,000 that the server takes.
const MESSAGES: usize = 250;
/// Bytes of one batch. A single message may be larger.
const BYTES: usize = 1024 * 1024;
/// Questions to the server at one time.
const QUESTIONS: usize = 32;

/// What the last message of the subject has to be.
enum Before {
    /// There is none.
    None,
    /// Any: it is asked for.
    Any,
    /// The commit before the first version of a stream.
    Version(StreamId, u64),
}

/// A message that waits for its batch.
struct Draft {
    subject: String,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
    before: Before,
    /// How many events it has.
    events: u64,
}

impl Transfer {
    /// Stores records, in order. All of them are there when this returns.
    ///
    /// Nobody else may write to the store meanwhile: see [`mark`](Transfer::mark).
    ///
    /// # Errors
    /// - [`StorageErrorKind::Busy`] when somebody else has written to the store.
    /// - [`StorageErrorKind::Unsupported`] for what the server cannot hold: a commit that is larger than its `max_payload`, an
    ///   id or value that is too long to be a subject.
    /// - [`StorageErrorKind::Other`] for a commit that does not continue its stream.
    /// - Others when the server does not answer in time.
    ///
    /// Records before the refused one may be stored.
    ///
    /// # Cancel safety
    /// Some of the records may be stored. [`read`](Transfer::read) shows which.
    pub async fn write(&self, records: &[Record]) -> Result<(), StorageError> {
        let shared = &self.shared;
        let _open = shared.enter_to_write().await?;
        let mut batch: Vec<Draft> = Vec::new();
        let (mut subjects, mut bytes) = (HashSet::new(), 0);
        for record in records {
            let drafts = shared.drafts(record)?;
            let size: usize = drafts.iter().map(|draft| draft.body.len()).sum();
            let is_full = batch.len() + drafts.len() > MESSAGES || bytes + size > BYTES;
            // A batch has one message of a subject at most: the server compares what was there before it.
            let is_there = drafts.iter().any(|draft| subjects.contains(&draft.subject));
            if is_full || is_there {
                shared.place_drafts(std::mem::take(&mut batch)).await?;
                subjects.clear();
                bytes = 0;
            }
            subjects.extend(drafts.iter().map(|draft| draft.subject.clone()));
            bytes += size;
            batch.extend(drafts);
        }
        shared.place_drafts(batch).await
    }

    /// Makes the snapshots of these streams what is given: those without a snapshot lose theirs.
    ///
    /// # Errors
    /// The server does not answer in time, or a snapshot is larger than it takes. Some of them may be stored.
    ///
    /// # Cancel safety
    /// Some of them may be stored.
    pub async fn write_snapshots(
        &self,
        removed: &[StreamId],
        stored: Vec<Snapshot>,
    ) -> Result<(), StorageError> {
        let shared = &self.shared;
        let _open = shared.enter_to_write().await?;
        let removed = stream::iter(removed).map(|stream| shared.drop_snapshot(stream));
        removed.buffered(QUESTIONS).try_collect::<()>().await?;
        let stored = stream::iter(stored).map(|snapshot| shared.keep(snapshot));
        stored.buffered(QUESTIONS).try_collect::<()>().await
    }
}

impl Shared {
    fn drafts(&self, record: &Record) -> Result<Vec<Draft>, StorageError> {
        Ok(match record {
            Record::Commit(commit) => vec![self.commit_draft(commit)?],
            Record::AppendId {
                stream,
                id,
                appended,
            } => {
                let record = IdRecord::Carried {
                    version: appended.version,
                    events: appended.events,
                    position: appended.position,
                    time: appended.recorded_at.unix_micros(),
                    request: appended.request.clone(),
                };
                vec![draft(
                    self.subjects.append_id(stream, id),
                    &record,
                    Before::None,
                )?]
            }
            Record::Name {
                event,
                rules,
                walks,
            } => {
                let record = NameRecord {
                    rules: rules.clone(),
                    walks: walks.iter().cloned().collect(),
                };
                let subject = self.subjects.name_of_events(event);
                vec![draft(subject, &record, Before::Any)?]
            }
            Record::Value {
                rule,
                value,
                holder,
            } => self.value_drafts(rule, value, holder.as_ref())?,
            Record::Cursor {
                consumer,
                position,
                inputs,
            } => {
                let record = crate::commit::Cursor {
                    position: *position,
                    inputs: inputs.clone(),
                };
                vec![draft(self.subjects.cursor(consumer), &record, Before::Any)?]
            }
            Record::Work(item) => {
                // What it expects is said when it is sent.
                let message = work::record::message(&self.subjects, item, 0, EventId::new())?;
                vec![Draft {
                    subject: message.subject,
                    headers: Vec::new(),
                    body: message.body,
                    before: Before::Any,
                    events: 0,
                }]
            }
            Record::Tagged { tag, events } => {
                let body = tags::carried(events);
                vec![draft(self.subjects.tag(tag), &body, Before::Any)?]
            }
            // What a record of its own says, or follows from others.
            Record::UsedId { .. } | Record::Nothing => Vec::new(),
        })
    }

    fn value_drafts(
        &self,
        rule: &str,
        value: &str,
        holder: Option<&ValueHolder>,
    ) -> Result<Vec<Draft>, StorageError> {
        let record = ValueRecord {
            holder: holder.map(|holder| Holder {
                aggregate: holder.stream.aggregate().to_owned(),
                id: holder.stream.id().to_owned(),
            }),
            free_at: holder
                .and_then(|holder| holder.free_at)
                .map(Timestamp::unix_micros),
            position: holder.and_then(|holder| holder.position),
        };
        let mut drafts = vec![draft(
            self.subjects.value(rule, value),
            &record,
            Before::Any,
        )?];
        // What a stream has is found by its own subject, too.
        if let Some(holder) = holder.filter(|holder| holder.free_at.is_none()) {
            let record = HeldRecord {
                value: Some(value.to_owned()),
            };
            let subject = self.subjects.held(rule, &holder.stream);
            drafts.push(draft(subject, &record, Before::Any)?);
        }
        Ok(drafts)
    }

    fn commit_draft(&self, commit: &CommitRecord) -> Result<Draft, StorageError> {
        let body = record::carried_body(commit)?;
        let limit = self.wire.largest_body();
        if body.len() > limit {
            let what = format!(
                "the commit of {} from version {} on has {} bytes, and the server takes {limit}; raise its `max_payload`",
                commit.stream,
                commit.first,
                body.len()
            );
            return Err(StorageError::new(StorageErrorKind::Unsupported, what));
        }
        Ok(Draft {
            subject: self.subjects.commits(&commit.stream),
            headers: record::carried_headers(commit),
            body,
            before: Before::Version(commit.stream.clone(), commit.first),
            events: u64::try_from(commit.events.len()).unwrap_or(u64::MAX),
        })
    }

    /// The sequence that a message expects.
    async fn expected(&self, draft: &Draft) -> Result<u64, StorageError> {
        match &draft.before {
            Before::None | Before::Version(_, 1) => Ok(0),
            Before::Any => {
                let last = self.wire.last(&draft.subject).await?;
                Ok(last.map_or(0, |last| last.sequence))
            }
            Before::Version(stream, first) => {
                let head = match self.known.head(stream) {
                    Some(head) => head,
                    None => Head::of(self.last_commit(stream).await?.as_ref()),
                };
                if head.end.version.saturating_add(1) == *first {
                    return Ok(head.sequence);
                }
                let what = format!(
                    "version {first} of {stream} does not come after version {}, which the store has",
                    head.end.version
                );
                Err(StorageError::new(StorageErrorKind::Other, what))
            }
        }
    }

    async fn place_drafts(self: &Arc<Self>, drafts: Vec<Draft>) -> Result<(), StorageError> {
        if drafts.is_empty() {
            return Ok(());
        }
        let asked = stream::iter(&drafts).map(|draft| self.expected(draft));
        let expected: Vec<u64> = asked.buffered(QUESTIONS).try_collect().await?;
        let write = EventId::new();
        let count = u64::try_from(drafts.len()).unwrap_or(u64::MAX);
        let (mut messages, mut heads) = (Vec::new(), Vec::new());
        for ((draft, expected), number) in drafts.into_iter().zip(expected).zip(0_u64..) {
            let mut headers = message::expecting(expected, write);
            for (name, value) in draft.headers {
                headers.insert(name, value);
            }
            messages.push(Outgoing {
                subject: draft.subject,
                headers,
                body: draft.body,
            });
            if let Before::Version(stream, first) = draft.before {
                heads.push((stream, first, draft.events, number));
            }
        }
        let mut attempts = self.wire.attempts();
        let placed = self.place(messages, write, &mut attempts).await;
        let placed = placed.map_err(|unwritten| match unwritten.outcome {
            Outcome::Unknown => StorageError::new(
                unwritten.error.kind,
                format!(
                    "it is not known whether records were stored: {}",
                    unwritten.error
                ),
            ),
            _ => unwritten.error,
        });
        let Placed::At(last) = placed? else {
            let what = "somebody else has written to the store meanwhile";
            return Err(StorageError::new(StorageErrorKind::Busy, what));
        };
        let first = last.saturating_add(1).saturating_sub(count);
        for (stream, version, events, number) in heads {
            let sequence = first.saturating_add(number);
            let head = Head {
                sequence,
                end: StreamHead {
                    version: version.saturating_add(events).saturating_sub(1),
                    position: position(sequence, events),
                },
                append_id: None,
            };
            self.known.set_head(&stream, Some(head));
        }
        Ok(())
    }
}

fn draft(subject: String, record: &impl Serialize, before: Before) -> Result<Draft, StorageError> {
    let body = message::json("a record", record)?;
    Ok(Draft {
        subject,
        headers: Vec::new(),
        body,
        before,
        events: 0,
    })
}
