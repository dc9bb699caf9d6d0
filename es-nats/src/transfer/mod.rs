//! Moving a store: what its messages say, as data, and writing the same to another stream. For tools such as `es copy`.
//!
//! Applications do not need this module. [`Transfer`] writes what it is given: it checks neither versions that an
//! application expects nor rules of unique values. What it writes is read by a [`NatsStore`](crate::NatsStore) as if it had
//! been appended there, with the times and ids that it had.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use es_nats::{NatsStore, transfer::Record};
//!
//! let options = NatsStore::options().stream("SHOP").read_only(true).one_replica().unchecked_syncs();
//! let transfer = options.open("nats://nats-1").await?.transfer();
//! let mut after = 0;
//! loop {
//!     let page = transfer.read(after).await?;
//!     for (sequence, record) in &page.records {
//!         if let Record::Commit(commit) = record {
//!             println!("{sequence}: {} has {} more events", commit.stream, commit.events.len());
//!         }
//!     }
//!     if page.is_at_end {
//!         break;
//!     }
//!     after = page.last;
//! }
//! # Ok(())
//! # }
//! ```

mod mark;
mod read;
mod write;

pub use mark::Mark;
pub(crate) use mark::tags_from;

use crate::shared::Shared;
use es_runtime::{
    AppendId, Appended, EventId, Position, StorageErrorKind, StreamId, Timestamp, WorkItem,
};
use std::{collections::BTreeSet, ops::RangeInclusive, sync::Arc};

/// Reads and writes the messages of a store: [`NatsStore::transfer`](crate::NatsStore::transfer).
#[derive(Clone, Debug)]
pub struct Transfer {
    pub(crate) shared: Arc<Shared>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record {
    /// Events of a stream.
    Commit(CommitRecord),
    /// The result of an append with an id, apart from its events.
    AppendId {
        /// The stream.
        stream: StreamId,
        /// The append id.
        id: AppendId,
        /// The result.
        appended: Appended,
    },
    /// Where an append id was used, for repetitions that come after later commits of the stream.
    UsedId {
        /// The stream.
        stream: StreamId,
        /// The append id.
        id: AppendId,
        /// The sequence of the commit.
        sequence: u64,
    },
    /// The rules of unique values and the kinds of tags that are on for the events of a name. Each name with events has one.
    Name {
        /// The name.
        event: String,
        /// The rules.
        rules: Vec<String>,
        /// The kinds of tags that were being turned on in the store that it was copied from, each with the position up to
        /// which that had come. They are kept for a copy back, and do not go on here.
        walks: Vec<(String, Position)>,
    },
    /// Who has a unique value.
    Value {
        /// The rule.
        rule: String,
        /// The value.
        value: String,
        /// `None` where nobody has it any more.
        holder: Option<ValueHolder>,
    },
    /// Up to where a consumer has read.
    Cursor {
        /// The consumer.
        consumer: String,
        /// The position.
        position: Position,
        /// What it keeps about its inputs.
        inputs: Option<String>,
    },
    /// A work item of a saga or process manager.
    Work(WorkItem),
    /// Events that have a tag. They are written after the events, those of one tag in the order of their positions.
    Tagged {
        /// The tag as it is stored, such as `customer:ada`.
        tag: String,
        /// The events, in the order of their positions.
        events: Vec<TaggedEvent>,
    },
    /// What follows from other messages, or compared something when it was written.
    Nothing,
}

/// Who has a unique value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueHolder {
    /// The stream.
    pub stream: StreamId,
    /// The position of the event that claimed it. `None` says that it is in the commit after this message.
    pub position: Option<Position>,
    /// Until when it is reserved only, `None` while the stream has it.
    pub free_at: Option<Timestamp>,
}

/// An event that has a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaggedEvent {
    /// Its position.
    pub position: Position,
    /// Its name.
    pub event: String,
    /// All of its other tags, as they are stored.
    pub others: BTreeSet<String>,
}

/// Events of a stream that were stored together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitRecord {
    /// The stream.
    pub stream: StreamId,
    /// The version of the first event.
    pub first: u64,
    /// When they were recorded.
    pub recorded_at: Timestamp,
    /// The metadata of all of them, as JSON in one line.
    pub metadata: String,
    /// The events, at least one.
    pub events: Vec<EventRecord>,
    /// The append id and the fingerprint of the request. They are read here, and written as a [`Record::AppendId`].
    pub append: Option<(AppendId, Option<String>)>,
    /// The number that the first event had in the store that it was copied from, where it is not the one after that of the
    /// event before.
    pub number: Option<u64>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord {
    /// Its id.
    pub id: EventId,
    /// Its name.
    pub name: String,
    /// The version of its fields.
    pub schema_version: u16,
    /// What the payload is.
    pub content_type: String,
    /// The payload.
    pub payload: Vec<u8>,
}

/// Some messages, in order.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Records {
    /// What they say, each with its sequence.
    pub records: Vec<(u64, Record)>,
    /// The sequence of the last one, to go on after.
    pub last: u64,
    /// Whether there is nothing after it now.
    pub is_at_end: bool,
    /// What is wrong with messages among them: [`Transfer::inspect`] goes on after them.
    pub problems: Vec<Problem>,
}

/// Messages that are missing or cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Their sequences.
    pub messages: RangeInclusive<u64>,
    /// What kind of error it is.
    pub kind: StorageErrorKind,
    /// What is wrong with them.
    pub what: String,
}
