//! Reading messages as data.

use super::{
    CommitRecord, EventRecord, Problem, Record, Records, TaggedEvent, Transfer, ValueHolder,
};
use crate::{
    commit::Cursor,
    ids::{IdRecord, Used},
    record::StoredCommit,
    shared::Shared,
    snapshots::{self, or_none},
    subject::Subject,
    tags,
    unique::{self, NameRecord, ValueRecord},
    wire::StoredMessage,
    work,
};
use es_runtime::{ReadError, Snapshot, StorageError, StorageErrorKind, StreamId, Timestamp};
use std::ops::{ControlFlow, RangeInclusive};

/// Messages of one batch.
const MESSAGES: usize = 2_048;
/// Commits of one page of a stream.
const COMMITS: usize = 512;
/// Snapshots of one page.
const SNAPSHOTS: usize = 64;
/// Bytes of one batch. A single message may be larger.
const BYTES: usize = 8 * 1024 * 1024;

impl Transfer {
    /// Some messages after a sequence, 0 for the first ones.
    ///
    /// # Errors
    /// - [`ReadError::Corrupt`] and [`StorageErrorKind::Corrupt`] for a message that cannot be read, and for one that is missing.
    /// - [`StorageErrorKind::Version`] for one of a kind that this release does not know.
    /// - Other [`ReadError::Storage`] when the server does not answer in time.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn read(&self, after: u64) -> Result<Records, ReadError> {
        self.read_few(after, MESSAGES).await
    }

    /// At most so many messages after a sequence.
    ///
    /// # Errors
    /// As [`read`](Transfer::read).
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn read_few(&self, after: u64, at_most: usize) -> Result<Records, ReadError> {
        let page = self.page(after, at_most).await?;
        let Some(problem) = page.problems.first() else {
            return Ok(page);
        };
        let name = self.shared.subjects.name();
        let (first, last) = (problem.messages.start(), problem.messages.end());
        let what = format!(
            "messages {first} to {last} of stream {name}: {}",
            problem.what
        );
        Err(StorageError::new(problem.kind, what).into())
    }

    /// The same, but what is wrong with a message is no error: it is among the problems of the page, and the messages after it
    /// are read.
    ///
    /// # Errors
    /// The server does not answer in time.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn inspect(&self, after: u64) -> Result<Records, ReadError> {
        self.page(after, MESSAGES).await
    }

    async fn page(&self, after: u64, at_most: usize) -> Result<Records, ReadError> {
        let shared = &*self.shared;
        let _open = shared.enter().await?;
        let mut page = Records {
            last: after,
            ..Records::default()
        };
        let next = after.saturating_add(1);
        let batch = shared.wire.some_from(">", next, at_most, BYTES).await?;
        self.take(&mut page, batch.messages).await?;
        if page.last > after {
            return Ok(page);
        }
        // That replica is behind, or has lost what comes next. The leader knows.
        match shared.wire.next(">", next).await? {
            Some(message) => self.take(&mut page, vec![message]).await?,
            None => page.is_at_end = true,
        }
        Ok(page)
    }

    /// Some commits of a stream after a version, in order, each with its sequence. None at the end.
    ///
    /// # Errors
    /// As those of a read of the stream.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn commits_of(
        &self,
        stream: &StreamId,
        after: u64,
    ) -> Result<Vec<(u64, Record)>, ReadError> {
        let _open = self.shared.enter().await?;
        let mut commits = Vec::new();
        let read = self.shared.forward(stream, after, |commit| {
            if commit.first() > after {
                commits.push((commit.sequence, Record::Commit(commit_record(commit)?)));
            }
            Ok(if commits.len() < COMMITS {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            })
        });
        read.await?;
        Ok(commits)
    }

    /// The sequence of the newest message, which may be erased, 0 without any.
    ///
    /// # Errors
    /// The server does not answer in time.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn last(&self) -> Result<u64, ReadError> {
        let _open = self.shared.enter().await?;
        let seen = self.shared.identity.seen();
        // The message itself may be large.
        let last = self.shared.last_sequence().await?;
        self.shared.same_stream(last, seen).await?;
        Ok(last)
    }

    /// Some snapshots after a sequence of their stream, 0 for the first ones, and where to go on, `None` at the end.
    ///
    /// # Errors
    /// The server does not answer in time.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn snapshots(&self, after: u64) -> Result<(Vec<Snapshot>, Option<u64>), ReadError> {
        let shared = &*self.shared;
        let _open = shared.enter().await?;
        // Their stream has no reads of several messages.
        let mut messages = Vec::new();
        let mut next = after.saturating_add(1);
        while messages.len() < SNAPSHOTS {
            let Some(message) = or_none(shared.snapshots.next(">", next).await)? else {
                break;
            };
            next = message.sequence.saturating_add(1);
            messages.push(message);
        }
        let last = messages.last().map(|message| message.sequence);
        let read = messages.iter().filter_map(|message| {
            let stream = shared.subjects.stream_of_snapshot(&message.subject)?;
            // One that cannot be read is none.
            snapshots::decode(&stream, message)
        });
        Ok((read.collect(), last))
    }

    /// Which messages the stream of snapshots has: how many, and the sequence of the newest one. Both change with each change
    /// of a snapshot.
    ///
    /// # Errors
    /// The server does not answer in time.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn snapshots_seen(&self) -> Result<(u64, u64), ReadError> {
        let _open = self.shared.enter().await?;
        let info = self.shared.snapshots.info().await;
        let seen = info.map(|info| (info.state.messages, info.state.last_sequence));
        Ok(or_none(seen.map_err(StorageError::from))?)
    }

    /// How many bytes the stream of events has on each server.
    ///
    /// # Errors
    /// The server does not answer in time.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn bytes(&self) -> Result<u64, ReadError> {
        let _open = self.shared.enter().await?;
        let info = self.shared.wire.info().await;
        Ok(info.map_err(StorageError::from)?.state.bytes)
    }

    /// Whether this message may be missing, because somebody has erased it: see [`NatsOptions::erased`](crate::NatsOptions::erased).
    pub fn is_erased(&self, sequence: u64) -> bool {
        self.shared.is_erased(sequence)
    }

    /// Takes messages in order, up to one before which the leader may have others.
    async fn take(
        &self,
        page: &mut Records,
        messages: Vec<StoredMessage>,
    ) -> Result<(), ReadError> {
        for message in messages {
            let next = page.last.saturating_add(1);
            if message.sequence != next {
                match self.shared.may_skip(next, message.sequence).await {
                    Ok(true) => {}
                    Ok(false) => return Ok(()),
                    Err(error) => page
                        .problems
                        .push(problem(next..=message.sequence.saturating_sub(1), error)?),
                }
            }
            page.last = message.sequence;
            match self.shared.said(&message) {
                Ok(record) => page.records.push((message.sequence, record)),
                Err(error) => {
                    let messages = message.sequence..=message.sequence;
                    page.problems.push(problem(messages, error)?);
                }
            }
        }
        Ok(())
    }
}

/// What is wrong with messages, unless the server did not answer.
fn problem(messages: RangeInclusive<u64>, error: ReadError) -> Result<Problem, ReadError> {
    let (kind, what) = match error {
        ReadError::Storage(error)
            if matches!(
                error.kind,
                StorageErrorKind::Corrupt | StorageErrorKind::Version
            ) =>
        {
            (error.kind, error.message)
        }
        ReadError::Storage(error) => return Err(error.into()),
        other => (StorageErrorKind::Corrupt, other.to_string()),
    };
    Ok(Problem {
        messages,
        kind,
        what,
    })
}

impl Shared {
    /// What a message says.
    fn said(&self, message: &StoredMessage) -> Result<Record, ReadError> {
        let sequence = message.sequence;
        let subject = self.subjects.parse(&message.subject);
        let subject = subject.ok_or_else(|| {
            let what = format!(
                "message {sequence} of stream {} is of a kind that this release does not know; use a newer one",
                self.subjects.name()
            );
            StorageError::new(StorageErrorKind::Version, what)
        })?;
        Ok(match subject {
            Subject::Commit => {
                let commit = StoredCommit::of(message, &self.subjects)?;
                Record::Commit(commit_record(&commit)?)
            }
            Subject::AppendId(stream, id) => {
                let what = "about an append id";
                let record: IdRecord = message.json(what)?;
                match record.used().ok_or_else(|| message.damaged(what))? {
                    Used::Commit(sequence) => Record::UsedId {
                        stream,
                        id,
                        sequence,
                    },
                    Used::Append(appended) => Record::AppendId {
                        stream,
                        id,
                        appended,
                    },
                }
            }
            Subject::Name(event) => {
                let NameRecord { rules, walks } = message.json(unique::MESSAGE)?;
                Record::Name {
                    event,
                    rules,
                    walks: walks.into_iter().collect(),
                }
            }
            Subject::Value(rule, value) => {
                let record: ValueRecord = message.json(unique::MESSAGE)?;
                let damaged = || message.damaged(unique::MESSAGE);
                let free_at = record
                    .free_at
                    .map(|micros| Timestamp::from_unix_micros(micros).ok_or_else(damaged));
                let free_at = free_at.transpose()?;
                let holder = match record.holder {
                    None => None,
                    Some(holder) => Some(ValueHolder {
                        stream: StreamId::new(&holder.aggregate, &holder.id)
                            .map_err(|_| damaged())?,
                        position: record.position,
                        free_at,
                    }),
                };
                Record::Value {
                    rule,
                    value,
                    holder,
                }
            }
            Subject::Cursor(consumer) => {
                let Cursor { position, inputs } = message.json("a cursor")?;
                Record::Cursor {
                    consumer,
                    position,
                    inputs,
                }
            }
            Subject::Work => Record::Work(work::record::read(message, &self.subjects)?.item),
            // It was written anew.
            Subject::Tag(_) if sequence < self.tags_from() => Record::Nothing,
            Subject::Tag(tag) => {
                let tagged = tags::tagged(&tag, message)?.into_iter();
                let events = tagged.map(|mut tagged| {
                    tagged.tags.remove(&tag);
                    TaggedEvent {
                        position: tagged.position,
                        event: tagged.event,
                        others: tagged.tags,
                    }
                });
                Record::Tagged {
                    events: events.collect(),
                    tag,
                }
            }
            Subject::Held | Subject::Guard => Record::Nothing,
        })
    }
}

fn commit_record(commit: &StoredCommit) -> Result<CommitRecord, ReadError> {
    let mut events = Vec::new();
    let _ = commit.each(|event| {
        events.push(event.record());
        ControlFlow::Continue(())
    })?;
    Ok(CommitRecord {
        stream: commit.stream.clone(),
        first: commit.first(),
        recorded_at: commit.recorded_at,
        metadata: commit.metadata()?.to_owned(),
        events,
        append: commit
            .append_id
            .clone()
            .map(|id| (id, commit.request.clone())),
        number: commit.number,
    })
}

impl crate::record::Event<'_> {
    fn record(&self) -> EventRecord {
        let (id, schema_version, content_type, payload) = self.parts();
        EventRecord {
            id,
            name: self.name().to_owned(),
            schema_version,
            content_type: content_type.to_owned(),
            payload: payload.to_vec(),
        }
    }
}
