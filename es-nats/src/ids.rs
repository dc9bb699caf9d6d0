//! Append ids. The last commit of a stream has its own in a header. Those of all commits before it are records, which are
//! subjects of their own: whoever writes the next commit stores the record of the last one first.

use crate::{
    errors::Unwritten,
    failure::Refusal,
    known::Head,
    message,
    record::StoredCommit,
    shared::Shared,
    wire::{Attempts, Outgoing},
};
use es_runtime::{
    Append, AppendId, Appended, EventId, Position, ReadError, StorageError, StorageErrorKind,
    StreamId, Timestamp,
    store::author::{Comparison, Earlier, StreamHead},
};
use serde::{Deserialize, Serialize};
use std::{ops::ControlFlow, sync::Arc};

/// What was done with an append id.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IdRecord {
    /// The commit with this sequence.
    Commit(u64),
    /// An append without events, when the stream ended there.
    Nothing {
        version: u64,
        position: Position,
        time: i64,
        request: Option<String>,
    },
    /// An append that was copied from another store. Its events may be in several commits, or in one with others.
    Carried {
        version: u64,
        events: u64,
        position: Position,
        time: i64,
        request: Option<String>,
    },
}

/// The append that used an id.
pub(crate) enum Used {
    /// The commit with this sequence.
    Commit(u64),
    /// What the record itself says.
    Append(Appended),
}

impl IdRecord {
    /// Returns `None` where its time is none.
    pub(crate) fn used(self) -> Option<Used> {
        let (version, events, position, time, request) = match self {
            Self::Commit(sequence) => return Some(Used::Commit(sequence)),
            Self::Nothing {
                version,
                position,
                time,
                request,
            } => (version, 0, position, time, request),
            Self::Carried {
                version,
                events,
                position,
                time,
                request,
            } => (version, events, position, time, request),
        };
        let time = Timestamp::from_unix_micros(time)?;
        let appended = Appended::new(version, events, position, time);
        Some(Used::Append(appended.with_request(request)))
    }
}

/// An earlier append, with its events where it has some.
#[derive(Debug)]
pub(crate) struct First {
    pub(crate) appended: Appended,
    /// The commits with its events.
    commits: Vec<StoredCommit>,
}

impl First {
    pub(crate) fn of(commit: StoredCommit) -> Self {
        Self {
            appended: commit.appended(),
            commits: vec![commit],
        }
    }

    /// Compares a new append with it.
    pub(crate) fn compared(self, append: &Append) -> Earlier {
        let last = self.appended.version;
        let before = last.saturating_sub(self.appended.events);
        let mut comparison = Comparison::new(append, self.appended);
        for commit in &self.commits {
            let read = commit.each(|event| {
                if event.version() > before && event.version() <= last {
                    comparison.event(&event.stored());
                }
                ControlFlow::Continue(())
            });
            if let Err(error) = read {
                return Earlier::Unreadable(error.into());
            }
        }
        comparison.finish()
    }
}

impl Shared {
    /// The message with the record of an append id. It must be the first one about that id.
    fn id_record(
        &self,
        stream: &StreamId,
        id: &AppendId,
        record: &IdRecord,
        write: EventId,
    ) -> Result<Outgoing, StorageError> {
        let subject = self.subjects.append_id(stream, id);
        message::of_record("the record of an append id", record, subject, 0, write)
    }

    /// The message with the record of an append without events, where it has an id.
    pub(crate) fn record_of_nothing(
        &self,
        append: &Append,
        end: StreamHead,
        now: Timestamp,
        write: EventId,
    ) -> Result<Option<Outgoing>, StorageError> {
        let Some(id) = &append.append_id else {
            return Ok(None);
        };
        let record = IdRecord::Nothing {
            version: end.version,
            position: end.position,
            time: now.unix_micros(),
            request: append.request.clone(),
        };
        self.id_record(&append.stream, id, &record, write).map(Some)
    }

    /// Stores the record of the append id of a commit, if it has one. It is there when this returns.
    pub(crate) async fn record_id(
        self: &Arc<Self>,
        stream: &StreamId,
        head: &Head,
        attempts: &mut Attempts,
    ) -> Result<(), Unwritten> {
        let Some(id) = &head.append_id else {
            return Ok(());
        };
        let record = IdRecord::Commit(head.sequence);
        let message = self.id_record(stream, id, &record, EventId::new())?;
        loop {
            match self.wire.publish(message.clone()).await {
                Ok(_) => return Ok(()),
                // Another writer was first.
                Err(failure) if failure.code() == Some(Refusal::WRONG_LAST_SEQUENCE) => {
                    return Ok(());
                }
                Err(failure) => {
                    let again = failure.is_for_now() && attempts.again().await;
                    if !again {
                        // The commit itself was not sent.
                        return Err(StorageError::from(failure).into());
                    }
                }
            }
        }
    }

    /// The earlier append with an id, where it is not the last commit of the stream.
    pub(crate) async fn recorded(
        &self,
        stream: &StreamId,
        id: &AppendId,
    ) -> Result<Option<First>, StorageError> {
        let Some(message) = self.wire.last(&self.subjects.append_id(stream, id)).await? else {
            return Ok(None);
        };
        let damaged = |what: &str| {
            let what = format!("the record of append id `{id}` of stream {stream} {what}");
            StorageError::new(StorageErrorKind::Corrupt, what)
        };
        let record = serde_json::from_slice(&message.payload);
        let record: IdRecord = record.map_err(|_| damaged("cannot be read"))?;
        match record.used().ok_or_else(|| damaged("has no time"))? {
            Used::Commit(sequence) => {
                let commit = self.commit_at(stream, sequence).await?;
                let commit = commit.filter(|commit| commit.append_id.as_ref() == Some(id));
                let commit = commit.ok_or_else(|| damaged("names a commit that is not there"))?;
                Ok(Some(First::of(commit)))
            }
            Used::Append(appended) => {
                let commits = self.commits_of(stream, &appended).await?;
                Ok(Some(First { appended, commits }))
            }
        }
    }

    /// The commits with the events of an append.
    async fn commits_of(
        &self,
        stream: &StreamId,
        appended: &Appended,
    ) -> Result<Vec<StoredCommit>, StorageError> {
        let mut commits = Vec::new();
        if appended.events == 0 {
            return Ok(commits);
        }
        let after = appended.version.saturating_sub(appended.events);
        let read = self.forward(stream, after, |commit| {
            commits.push(commit.clone());
            Ok(if commit.version < appended.version {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            })
        });
        match read.await {
            Ok(()) => Ok(commits),
            Err(ReadError::Storage(error)) => Err(error),
            Err(other) => Err(StorageError::new(
                StorageErrorKind::Corrupt,
                other.to_string(),
            )),
        }
    }

    /// The earlier append with an id.
    pub(crate) async fn first_with(
        &self,
        stream: &StreamId,
        id: &AppendId,
    ) -> Result<Option<First>, StorageError> {
        // The last commit comes first: one that is written meanwhile has recorded it before.
        match self.last_commit(stream).await? {
            Some(last) if last.append_id.as_ref() == Some(id) => Ok(Some(First::of(last))),
            _ => self.recorded(stream, id).await,
        }
    }
}
