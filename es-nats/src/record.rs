//! A commit of one stream as a message: what is in its headers and its body.
//!
//! The body is a line of JSON with the metadata, and for each event a line of JSON, its payload and a newline. So a
//! payload may be any bytes, and a person can read a message that has JSON in it.

use crate::{
    message,
    subject::{Subjects, decode, encode},
    transfer::CommitRecord,
    wire::{BATCH_COMMIT, BATCH_SEQUENCE, EXPECTED, MESSAGE_ID, StoredMessage},
};
use async_nats::HeaderMap;
use bytes::Bytes;
use es_runtime::{
    Append, AppendId, Appended, EventId, Metadata, Position, ReadError, RecordedEvent,
    StorageError, StorageErrorKind, StoredEvent, StoredPayload, StreamId, Timestamp,
    store::author::{Accepted, EventRow, Repeated, RowLocation, StreamHead},
};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, ops::ControlFlow};

const VERSION: &str = "Es-Version";
const COUNT: &str = "Es-Count";
const TIME: &str = "Es-Time";
const APPEND_ID: &str = "Es-Append-Id";
const REQUEST: &str = "Es-Request";
/// The number that the first event had in the store that it was copied from.
const NUMBER: &str = "Es-Number";

/// The position of an event: the sequence of its message, and its number in it, from 1.
pub(crate) const fn position(sequence: u64, number: u64) -> Position {
    Position::from_parts([0, sequence, number])
}

/// The line before a payload.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    id: EventId,
    #[serde(borrow)]
    name: Cow<'a, str>,
    version: u16,
    #[serde(borrow, rename = "type")]
    content_type: Cow<'a, str>,
    bytes: usize,
}

/// One event of a commit, borrowed from its message.
pub(crate) struct Event<'a> {
    line: Line<'a>,
    version: u64,
    position: Position,
    payload: &'a [u8],
}

impl Event<'_> {
    pub(crate) fn stored(&self) -> StoredEvent<'_> {
        let line = &self.line;
        let payload = StoredPayload::new(line.version, &line.content_type, self.payload);
        StoredEvent::new(self.version, self.position, &line.name, payload)
    }

    pub(crate) const fn version(&self) -> u64 {
        self.version
    }

    pub(crate) const fn position(&self) -> Position {
        self.position
    }

    pub(crate) fn name(&self) -> &str {
        &self.line.name
    }

    /// Its id, the version of its fields, the type of its payload, and that.
    pub(crate) fn parts(&self) -> (EventId, u16, &str, &[u8]) {
        let line = &self.line;
        (line.id, line.version, &line.content_type, self.payload)
    }
}

/// The headers of a commit. `previous` is the sequence of the last commit of its stream, 0 for none.
pub(crate) fn headers(
    append: &Append,
    accepted: &Accepted,
    previous: u64,
    commit: EventId,
    now: Timestamp,
) -> HeaderMap {
    let mut headers = message::expecting(previous, commit);
    let StreamHead { version, .. } = accepted.after(Position::START);
    headers.insert(VERSION, version.to_string());
    headers.insert(COUNT, accepted.count().to_string());
    headers.insert(TIME, now.unix_micros().to_string());
    if let Some(id) = &append.append_id {
        headers.insert(APPEND_ID, encode(id.as_str()));
    }
    if let Some(request) = &append.request {
        headers.insert(REQUEST, encode(request));
    }
    headers
}

/// Lets the server recognise the same commit for some minutes. What a commit in doubt has become is decided by its id.
pub(crate) fn recognised(headers: &mut HeaderMap, commit: EventId) {
    headers.insert(MESSAGE_ID, commit.to_string());
}

/// The body of a commit.
///
/// # Errors
/// The names of an event cannot be written as JSON, which does not happen.
pub(crate) fn body(append: &Append) -> Result<Bytes, StorageError> {
    let events = append.events.iter().map(|event| {
        let (name, content_type) = (&event.name, &event.content_type);
        line(
            event.id,
            name,
            event.schema_version,
            content_type,
            &event.payload,
        )
    });
    body_of(append.metadata.to_json(), events)
}

/// The line of an event, before its payload.
const fn line<'a>(
    id: EventId,
    name: &'a str,
    version: u16,
    content_type: &'a str,
    payload: &'a [u8],
) -> (Line<'a>, &'a [u8]) {
    let line = Line {
        id,
        name: Cow::Borrowed(name),
        version,
        content_type: Cow::Borrowed(content_type),
        bytes: payload.len(),
    };
    (line, payload)
}

/// The body of a commit that is copied from another store.
///
/// # Errors
/// As for [`body`], and for metadata of several lines.
pub(crate) fn carried_body(commit: &CommitRecord) -> Result<Bytes, StorageError> {
    if commit.metadata.contains('\n') {
        let (stream, version) = (&commit.stream, commit.first);
        let what = format!("the metadata of version {version} of {stream} has a line break");
        return Err(StorageError::new(StorageErrorKind::Unsupported, what));
    }
    let events = commit.events.iter().map(|event| {
        let (name, content_type) = (&event.name, &event.content_type);
        line(
            event.id,
            name,
            event.schema_version,
            content_type,
            &event.payload,
        )
    });
    body_of(commit.metadata.clone(), events)
}

/// The headers of a commit that is copied from another store, besides those that every message has.
pub(crate) fn carried_headers(commit: &CommitRecord) -> Vec<(&'static str, String)> {
    let count = u64::try_from(commit.events.len()).unwrap_or(u64::MAX);
    let version = commit.first.saturating_add(count).saturating_sub(1);
    let mut headers = vec![
        (VERSION, version.to_string()),
        (COUNT, count.to_string()),
        (TIME, commit.recorded_at.unix_micros().to_string()),
    ];
    headers.extend(commit.number.map(|number| (NUMBER, number.to_string())));
    headers
}

fn body_of<'a>(
    metadata: String,
    events: impl Iterator<Item = (Line<'a>, &'a [u8])>,
) -> Result<Bytes, StorageError> {
    let mut body = metadata.into_bytes();
    body.push(b'\n');
    for (line, payload) in events {
        serde_json::to_writer(&mut body, &line).map_err(|error| {
            StorageError::new(
                StorageErrorKind::Other,
                format!("an event cannot be written: {error}"),
            )
        })?;
        body.push(b'\n');
        body.extend_from_slice(payload);
        body.push(b'\n');
    }
    Ok(body.into())
}

/// A commit of one stream.
#[derive(Clone, Debug)]
pub(crate) struct StoredCommit {
    pub(crate) stream: StreamId,
    pub(crate) sequence: u64,
    /// The sequence of the commit of the stream before it, 0 for none.
    pub(crate) previous: u64,
    /// The version of the stream after it.
    pub(crate) version: u64,
    /// How many events it has, at least one.
    pub(crate) count: u64,
    pub(crate) recorded_at: Timestamp,
    pub(crate) append_id: Option<AppendId>,
    pub(crate) request: Option<String>,
    /// The number that the first event had in the store that it was copied from, where it had to be kept.
    pub(crate) number: Option<u64>,
    /// The sequence of the first message of its batch, which is its own where it was written alone.
    pub(crate) batch: u64,
    /// Whether no message of its batch comes after it.
    pub(crate) ends_batch: bool,
    body: Bytes,
}

/// The headers of a commit as they are stored.
#[derive(Default)]
struct Headers<'m> {
    previous: Option<&'m str>,
    version: Option<&'m str>,
    count: Option<&'m str>,
    time: Option<&'m str>,
    append_id: Option<&'m str>,
    request: Option<&'m str>,
    number: Option<&'m str>,
    in_batch: Option<&'m str>,
    ends_batch: Option<&'m str>,
}

impl<'m> Headers<'m> {
    /// One pass: a look for each header would make its name anew.
    fn of(message: &'m StoredMessage) -> Self {
        let mut headers = Self::default();
        for (name, values) in message.headers.iter() {
            let place = match name.as_ref() {
                EXPECTED => &mut headers.previous,
                VERSION => &mut headers.version,
                COUNT => &mut headers.count,
                TIME => &mut headers.time,
                APPEND_ID => &mut headers.append_id,
                REQUEST => &mut headers.request,
                NUMBER => &mut headers.number,
                BATCH_SEQUENCE => &mut headers.in_batch,
                BATCH_COMMIT => &mut headers.ends_batch,
                _ => continue,
            };
            *place = values.first().map(async_nats::HeaderValue::as_str);
        }
        headers
    }
}

impl StoredCommit {
    /// Reads the headers of a message.
    ///
    /// # Errors
    /// [`StorageErrorKind::Corrupt`]: the message is no commit that this store wrote.
    pub(crate) fn of(message: &StoredMessage, subjects: &Subjects) -> Result<Self, StorageError> {
        let sequence = message.sequence;
        let read = || {
            let headers = Headers::of(message);
            let number = |text: Option<&str>| text?.parse::<u64>().ok();
            let optional = |token: Option<&str>| match token {
                Some(token) => decode(token).map(Some),
                None => Some(None),
            };
            let time: i64 = headers.time?.parse().ok()?;
            let append_id = match optional(headers.append_id)? {
                Some(id) => Some(AppendId::new(id).ok()?),
                None => None,
            };
            let (version, count) = (number(headers.version)?, number(headers.count)?);
            (count > 0 && count <= version).then_some(())?;
            // The server keeps the headers of batches.
            let in_batch = number(headers.in_batch);
            Some(Self {
                stream: subjects.stream(&message.subject)?,
                sequence,
                previous: number(headers.previous)?,
                version,
                count,
                recorded_at: Timestamp::from_unix_micros(time)?,
                append_id,
                request: optional(headers.request)?,
                number: match headers.number {
                    Some(text) => Some(number(Some(text))?),
                    None => None,
                },
                batch: sequence.saturating_sub(in_batch.unwrap_or(1).saturating_sub(1)),
                ends_batch: in_batch.is_none() || headers.ends_batch.is_some(),
                body: message.payload.clone(),
            })
        };
        read().ok_or_else(|| {
            let what = format!(
                "message {sequence} of stream {} is no commit of this store: another program has published to its subjects",
                subjects.name()
            );
            StorageError::new(StorageErrorKind::Corrupt, what)
        })
    }

    /// The version of its first event.
    pub(crate) const fn first(&self) -> u64 {
        self.version.saturating_sub(self.count).saturating_add(1)
    }

    /// The end of the stream after it.
    pub(crate) const fn head(&self) -> StreamHead {
        StreamHead {
            version: self.version,
            position: position(self.sequence, self.count),
        }
    }

    /// The result of its append.
    pub(crate) fn appended(&self) -> Appended {
        let StreamHead { version, position } = self.head();
        let appended = Appended::new(version, self.count, position, self.recorded_at);
        appended.with_request(self.request.clone())
    }

    fn damaged(&self, number: u64, what: &str) -> ReadError {
        let location = RowLocation {
            version: self.first().saturating_add(number).saturating_sub(1),
            position: position(self.sequence, number),
        };
        location.damaged(&self.stream, what)
    }

    /// Passes its events to `take`, in order, until it breaks.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`] for the first event that cannot be read.
    pub(crate) fn each(
        &self,
        mut take: impl FnMut(&Event<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ReadError> {
        let (_, mut rest) = self.split_line(&self.body, 1)?;
        for number in 1..=self.count {
            let (line, after) = self.split_line(rest, number)?;
            let line: Line<'_> = serde_json::from_slice(line).map_err(|_| {
                self.damaged(number, "the line of the event is no JSON as it should be")
            })?;
            let cut = || self.damaged(number, "the payload is shorter than its line says");
            let (payload, after) = after.split_at_checked(line.bytes).ok_or_else(cut)?;
            rest = after.strip_prefix(b"\n").ok_or_else(cut)?;
            let event = Event {
                line,
                version: self.first().saturating_add(number).saturating_sub(1),
                position: position(self.sequence, number),
                payload,
            };
            if take(&event).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        if rest.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        Err(self.damaged(self.count, "the message has more than its events"))
    }

    fn split_line<'b>(
        &self,
        bytes: &'b [u8],
        number: u64,
    ) -> Result<(&'b [u8], &'b [u8]), ReadError> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let parts = end.and_then(|end| bytes.split_at_checked(end));
        let (line, rest) = parts.ok_or_else(|| self.damaged(number, "the message is too short"))?;
        Ok((line, rest.strip_prefix(b"\n").unwrap_or_default()))
    }

    /// The metadata of its events, as JSON.
    ///
    /// # Errors
    /// It is no text.
    pub(crate) fn metadata(&self) -> Result<&str, ReadError> {
        let (metadata, _) = self.split_line(&self.body, 1)?;
        let metadata = std::str::from_utf8(metadata);
        metadata.map_err(|_| self.damaged(1, "the metadata cannot be read"))
    }

    /// Its events with all of their columns.
    ///
    /// # Errors
    /// As [`each`](StoredCommit::each). The events before the damaged one are passed to `take` first.
    pub(crate) fn each_recorded(
        &self,
        texts: &mut Repeated,
        mut take: impl FnMut(&Event<'_>, &mut dyn FnMut() -> RecordedEvent) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ReadError> {
        let metadata = Metadata::from_json(self.metadata()?);
        let metadata = metadata.map_err(|_| self.damaged(1, "the metadata cannot be read"))?;
        self.each(|event| {
            take(event, &mut || {
                RecordedEvent::from(EventRow {
                    position: event.position,
                    stream: self.stream.clone(),
                    version: event.version,
                    event_id: event.line.id,
                    name: texts.text(&event.line.name),
                    schema_version: event.line.version,
                    content_type: texts.text(&event.line.content_type),
                    payload: event.payload.to_vec(),
                    metadata: metadata.clone(),
                    recorded_at: self.recorded_at,
                })
            })
        })
    }
}
