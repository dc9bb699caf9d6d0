//! The rules of appends and commits that every store keeps.
//!
//! The functions do no I/O and know no database. A store reads their arguments and calls them in the
//! transaction, or under the lock, in which it then writes.

use super::{
    Append, AppendError, Appended, CommitError, CursorMove, Limits, StorageError, StorageErrorKind,
    StoredEvent, WorkChange,
};
use crate::{AppendId, EventId, Position, Timestamp};
use std::collections::HashSet;

/// The end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamHead {
    /// The version of its newest event, 0 without events.
    pub version: u64,
    /// The position of its newest event, [`Position::START`] without events.
    pub position: Position,
}

impl StreamHead {
    /// A stream without events.
    pub const EMPTY: Self = Self {
        version: 0,
        position: Position::START,
    };
}

/// An earlier append with the same id, compared with the new one. [`Comparison`] creates it.
///
/// It may get new cases, so it is not exhaustive. Stores pass it to [`decide`] and do not match it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Earlier {
    /// It wrote the same events. This is the result for the repeated request.
    Same(Appended),
    /// It wrote other events, or its request had another fingerprint.
    Different {
        /// The version of the stream after it.
        version: u64,
        /// Whether the fingerprints differ.
        is_other_request: bool,
    },
    /// Its record or its events are damaged.
    Unreadable(StorageError),
}

/// Compares an append with the events of an earlier append with the same id.
///
/// Event ids are not compared, because a client that repeats a request creates new ones.
///
/// ```
/// use es_runtime::store::author::{Comparison, Earlier};
/// use es_runtime::{
///     Append, AppendId, Appended, ExpectedVersion, NewEvent, Position, StoredEvent, StoredPayload,
///     StreamId, Timestamp,
/// };
///
/// let again = Append::new(StreamId::new("order", "4711")?, ExpectedVersion::NoStream)
///     .with_append_id(AppendId::new("request-1")?)
///     .with_event(NewEvent::json("order.placed", 1, "{}"));
/// let position = Position::from_parts([0, 0, 9]);
/// let first = Appended::new(1, 1, position, Timestamp::now());
///
/// let mut comparison = Comparison::new(&again, first);
/// // The store reads the events after version 0, one in number.
/// assert_eq!((comparison.after(), comparison.count()), (0, 1));
/// let payload = StoredPayload::new(1, "application/json", b"{}");
/// comparison.event(&StoredEvent::new(1, position, "order.placed", payload));
/// assert!(matches!(comparison.finish(), Earlier::Same(first) if first.repeated));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Comparison<'a> {
    append: &'a Append,
    first: Appended,
    seen: usize,
    same: bool,
    /// Whether each event so far has the version after the previous one.
    is_whole: bool,
}

impl<'a> Comparison<'a> {
    /// Compares `append` with the result of the first append with its id.
    pub fn new(append: &'a Append, first: Appended) -> Self {
        let same = u64::try_from(append.events.len()) == Ok(first.events);
        Self {
            append,
            first,
            seen: 0,
            same,
            is_whole: true,
        }
    }

    /// The version before the first event of the first append.
    pub const fn after(&self) -> u64 {
        self.first.version.saturating_sub(self.first.events)
    }

    /// The number of events of the first append.
    pub const fn count(&self) -> u64 {
        self.first.events
    }

    /// Compares the next of those events, in the order of the stream.
    pub fn event(&mut self, stored: &StoredEvent<'_>) {
        let payload = stored.payload;
        let before = u64::try_from(self.seen).unwrap_or(u64::MAX);
        let version = self.after().saturating_add(before).saturating_add(1);
        self.is_whole = self.is_whole && stored.version == version;
        self.same = self.same
            && self.append.events.get(self.seen).is_some_and(|event| {
                event.same_content(
                    stored.name,
                    payload.schema_version,
                    payload.content_type,
                    payload.bytes,
                )
            });
        self.seen = self.seen.saturating_add(1);
    }

    /// The result, after the last of those events.
    pub fn finish(self) -> Earlier {
        if !self.is_whole || u64::try_from(self.seen) != Ok(self.first.events) {
            let id = self.append.append_id.as_ref().map_or("", AppendId::as_str);
            let what = format!("events of the first append `{id}` are missing");
            return Earlier::Unreadable(StorageError::new(StorageErrorKind::Corrupt, what));
        }
        let is_other_request = !self.first.is_of(self.append.request.as_deref());
        if self.same && !is_other_request {
            Earlier::Same(self.first.as_repeated())
        } else {
            Earlier::Different {
                version: self.first.version,
                is_other_request,
            }
        }
    }
}

/// What a store does with a valid append.
///
/// The enum is exhaustive on purpose: a store must do both.
#[derive(Debug)]
pub enum Decision {
    /// Write nothing and return this. The append was done before.
    Answer(Appended),
    /// Write the append.
    Write(Accepted),
}

/// An append that may be written at the end of its stream.
#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    head: StreamHead,
    count: u64,
    is_remembered: bool,
}

impl Accepted {
    /// The versions of its events, in their order.
    pub fn versions(&self) -> impl Iterator<Item = u64> + use<> {
        let end = self.head.version;
        (1..=self.count).map(move |number| end.saturating_add(number))
    }

    /// The number of events to write.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Whether there is something to write: events, or the id of the append.
    pub const fn writes(&self) -> bool {
        self.count > 0 || self.is_remembered
    }

    /// The end of the stream before the append.
    pub const fn before(&self) -> StreamHead {
        self.head
    }

    /// The end of the stream after the append, where `last` is the position of the last event. An append
    /// without events does not change the end, and `last` is ignored.
    pub const fn after(&self, last: Position) -> StreamHead {
        if self.count == 0 {
            return self.head;
        }
        StreamHead {
            version: self.head.version.saturating_add(self.count),
            position: last,
        }
    }

    /// The result of the append, where `last` is the position of the last event.
    pub fn appended(&self, last: Position, recorded_at: Timestamp) -> Appended {
        let StreamHead { version, position } = self.after(last);
        Appended::new(version, self.count, position, recorded_at)
    }
}

/// Decides about one append, for a store without unique values. Others call
/// [`RuleState::decide`](super::author::RuleState::decide).
///
/// `earlier` is an earlier append with the same id, `None` where the stream has not seen the id. It is
/// checked before the expected version, so that a request can be repeated. `head` is the end of the
/// stream.
///
/// # Errors
/// [`AppendError::IdReused`], [`AppendError::OtherRequest`], [`AppendError::Conflict`], and [`AppendError::Storage`] when the earlier
/// append cannot be read, or an event has a rule of unique values or a tag
/// ([`Unsupported`](StorageErrorKind::Unsupported)).
///
/// ```
/// use es_runtime::store::author::{Decision, StreamHead, decide};
/// use es_runtime::{
///     Append, AppendError, ExpectedVersion, NewEvent, Position, StreamId, Timestamp,
/// };
///
/// let order = StreamId::new("order", "4711")?;
/// let append = Append::new(order, ExpectedVersion::Exact(2))
///     .with_event(NewEvent::json("order.confirmed", 1, "{}"));
///
/// let head = StreamHead { version: 2, position: Position::from_parts([0, 0, 7]) };
/// let Decision::Write(accepted) = decide(&append, None, head)? else { panic!() };
/// assert_eq!(accepted.versions().collect::<Vec<_>>(), [3]);
/// let appended = accepted.appended(Position::from_parts([0, 0, 8]), Timestamp::now());
/// assert_eq!((appended.version, appended.events), (3, 1));
///
/// let late = decide(&append, None, StreamHead { version: 3, ..head });
/// assert!(matches!(late, Err(AppendError::Conflict { actual: 3, .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decide(
    append: &Append,
    earlier: Option<Earlier>,
    head: StreamHead,
) -> Result<Decision, AppendError> {
    let decision = decide_version(append, earlier, head)?;
    if let Decision::Write(_) = decision {
        let has_rules = append.events.iter().any(|event| !event.unique.is_empty());
        let has_tags = append.events.iter().any(|event| !event.tags.is_empty());
        if has_rules || has_tags {
            let what = if has_rules { "unique values" } else { "tags" };
            return Err(not_applied(append, unsupported(what)));
        }
    }
    Ok(decision)
}

/// What a store without unique values or tags says of them.
pub(super) fn unsupported(what: &str) -> StorageError {
    let what = format!("this store has no {what}; use a store that has them");
    StorageError::new(StorageErrorKind::Unsupported, what)
}

/// What [`decide`] does without regard to unique values.
pub(super) fn decide_version(
    append: &Append,
    earlier: Option<Earlier>,
    head: StreamHead,
) -> Result<Decision, AppendError> {
    let stream = || append.stream.clone();
    match (earlier, &append.append_id) {
        (Some(Earlier::Same(first)), _) => return Ok(Decision::Answer(first)),
        (
            Some(Earlier::Different {
                version,
                is_other_request,
            }),
            Some(append_id),
        ) => {
            let (stream, append_id) = (stream(), append_id.clone());
            return Err(if is_other_request {
                AppendError::OtherRequest {
                    stream,
                    append_id,
                    version,
                }
            } else {
                AppendError::IdReused {
                    stream,
                    append_id,
                    version,
                }
            });
        }
        (Some(Earlier::Unreadable(error)), _) => return Err(not_applied(append, error)),
        // Without an id there is nothing that an earlier append could share with it.
        (Some(Earlier::Different { .. }), None) | (None, _) => {}
    }
    if !append.expected.accepts(head.version) {
        return Err(AppendError::Conflict {
            stream: stream(),
            expected: append.expected,
            actual: head.version,
        });
    }
    Ok(Decision::Write(Accepted {
        head,
        count: u64::try_from(append.events.len()).unwrap_or(u64::MAX),
        is_remembered: append.append_id.is_some(),
    }))
}

/// Checks the bounds of an append. Call it before you read anything for the append.
///
/// # Errors
/// [`AppendError::Invalid`] for the first bound that is broken.
pub fn check_bounds(append: &Append, limits: &Limits) -> Result<(), AppendError> {
    append.check(limits).map_err(|reason| AppendError::Invalid {
        stream: append.stream.clone(),
        reason,
    })
}

/// Checks that each event has an id of its own, in this append and among the stored ids (`is_known`).
///
/// # Errors
/// [`AppendError::DuplicateEventId`] for the first event with the id of another one.
pub fn check_event_ids(
    append: &Append,
    mut is_known: impl FnMut(EventId) -> bool,
) -> Result<(), AppendError> {
    // New ids ascend.
    let distinct = append.events.is_sorted_by(|one, next| one.id < next.id);
    let mut own = HashSet::new();
    for event in &append.events {
        if is_known(event.id) || (!distinct && !own.insert(event.id)) {
            return Err(AppendError::DuplicateEventId {
                stream: append.stream.clone(),
                event_id: event.id,
            });
        }
    }
    Ok(())
}

/// The error for an append that failed and wrote nothing.
pub fn not_applied(append: &Append, error: StorageError) -> AppendError {
    AppendError::Storage {
        stream: append.stream.clone(),
        outcome: super::Outcome::NotApplied,
        error,
    }
}

/// Checks that an append of a commit was not done before.
///
/// # Errors
/// [`CommitError::Repeated`] when the result belongs to an earlier append.
pub fn check_first_time(append: &Append, appended: Appended) -> Result<Appended, CommitError> {
    if appended.repeated {
        return Err(CommitError::Repeated {
            stream: append.stream.clone(),
            first: appended,
        });
    }
    Ok(appended)
}

/// For a commit that a guard refuses: an append whose id its stream has seen says so instead.
///
/// # Errors
/// [`CommitError::Repeated`], and [`CommitError::Append`] as [`decide`] says it.
pub fn check_repeated(append: &Append, earlier: Earlier) -> Result<(), CommitError> {
    let decision = decide_version(append, Some(earlier), StreamHead::EMPTY);
    match decision.map_err(CommitError::Append)? {
        Decision::Answer(first) => check_first_time(append, first).map(|_| ()),
        Decision::Write(_) => Ok(()),
    }
}

/// Compares the epoch of a change with the epoch of the work item, 0 where there is none.
///
/// # Errors
/// [`CommitError::Fenced`] when another worker has claimed the instance since.
pub fn check_epoch(change: &WorkChange, actual: u64) -> Result<(), CommitError> {
    match change.epoch {
        Some(epoch) if change.is_fenced_by(actual) => Err(CommitError::Fenced {
            instance: change.instance.clone(),
            epoch,
            actual,
        }),
        _ => Ok(()),
    }
}

/// Checks that a cursor is at the start of its move. `actual` is `None` when the consumer has not begun.
///
/// # Errors
/// [`CommitError::CursorMoved`] when it is at another position.
pub fn check_cursor(moved: &CursorMove, actual: Option<Position>) -> Result<(), CommitError> {
    if actual == moved.from {
        return Ok(());
    }
    Err(cursor_moved(moved, actual))
}

/// Checks that the text about the inputs is the one that the move expects.
///
/// # Errors
/// [`CommitError::CursorMoved`] when it is another one.
pub fn check_inputs(
    moved: &CursorMove,
    actual: Option<Position>,
    inputs: Option<&str>,
) -> Result<(), CommitError> {
    match &moved.inputs {
        Some((expected, _)) if expected.as_deref() != inputs => Err(cursor_moved(moved, actual)),
        _ => Ok(()),
    }
}

fn cursor_moved(moved: &CursorMove, actual: Option<Position>) -> CommitError {
    let consumer = moved.consumer.clone();
    CommitError::CursorMoved { consumer, actual }
}
