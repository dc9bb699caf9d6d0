//! What an append and a commit are allowed to do: the rules that every store keeps.
//!
//! The functions do no I/O and know no database. A store reads what they ask for, calls them while it
//! holds the lock or the transaction that it writes in, and writes what they accept.

use super::{
    Append, AppendError, Appended, CommitError, CursorMove, Limits, StorageError, StorageErrorKind,
    StoredEvent, WorkChange,
};
use crate::{AppendId, EventId, Position, Timestamp};
use std::collections::HashSet;

/// Where a stream ends.
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

/// What an earlier append under the same id did, compared with what is asked for now.
/// [`Comparison`] makes it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Earlier {
    /// It wrote the same events. This is the answer to the repeated request.
    Same(Appended),
    /// It wrote other events.
    Different {
        /// The version of the stream after it.
        version: u64,
    },
    /// Its record or its events are damaged.
    Unreadable(StorageError),
}

/// Compares an append with the events that an earlier one under the same id wrote.
///
/// Event ids do not count, since a client that repeats a request makes new ones.
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
/// let payload = StoredPayload { schema_version: 1, content_type: "application/json", bytes: b"{}" };
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
    /// Whether each event so far had the version after the one before it.
    is_whole: bool,
}

impl<'a> Comparison<'a> {
    /// Of `append` with what the first append under its id did.
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

    /// The version behind which the events of the first append begin.
    pub const fn after(&self) -> u64 {
        self.first.version.saturating_sub(self.first.events)
    }

    /// How many events the first append wrote.
    pub const fn count(&self) -> u64 {
        self.first.events
    }

    /// The next of those events, in the order of the stream.
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

    /// What they have in common, after the last of them.
    pub fn finish(self) -> Earlier {
        if !self.is_whole || u64::try_from(self.seen) != Ok(self.first.events) {
            let id = self.append.append_id.as_ref().map_or("", AppendId::as_str);
            let what = format!("events of the first append `{id}` are missing");
            return Earlier::Unreadable(StorageError::new(StorageErrorKind::Corrupt, what));
        }
        if self.same {
            Earlier::Same(self.first.as_repeated())
        } else {
            Earlier::Different {
                version: self.first.version,
            }
        }
    }
}

/// What to do with an append that keeps to the rules.
#[derive(Debug)]
pub enum Decision {
    /// It was done before. Write nothing, and answer with this.
    Answer(Appended),
    /// Write it.
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

    /// How many events it writes.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Whether there is something to write: events, or an id to remember.
    pub const fn writes(&self) -> bool {
        self.count > 0 || self.is_remembered
    }

    /// The end of the stream before it.
    pub const fn before(&self) -> StreamHead {
        self.head
    }

    /// The end of the stream after it, where `last` is the position of its last event. Without events
    /// the stream ends where it ended, whatever `last` is.
    pub const fn after(&self, last: Position) -> StreamHead {
        if self.count == 0 {
            return self.head;
        }
        StreamHead {
            version: self.head.version.saturating_add(self.count),
            position: last,
        }
    }

    /// Its result, where `last` is the position of its last event.
    pub fn appended(&self, last: Position, recorded_at: Timestamp) -> Appended {
        let StreamHead { version, position } = self.after(last);
        Appended::new(version, self.count, position, recorded_at)
    }
}

/// Decides about one append.
///
/// `earlier` is what an append under the same id did, `None` where its stream has not seen the id. It
/// is looked at before the expected version, so that a request can be repeated. `head` is where the
/// stream ends.
///
/// # Errors
/// [`AppendError::IdReused`], [`AppendError::Conflict`], and [`AppendError::Storage`] where the earlier
/// append cannot be read.
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
    let stream = || append.stream.clone();
    match (earlier, &append.append_id) {
        (Some(Earlier::Same(first)), _) => return Ok(Decision::Answer(first)),
        (Some(Earlier::Different { version }), Some(append_id)) => {
            return Err(AppendError::IdReused {
                stream: stream(),
                append_id: append_id.clone(),
                version,
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

/// Checks the bounds of an append, before anything is read for it.
///
/// # Errors
/// [`AppendError::Invalid`] for the first bound that is broken.
pub fn check_bounds(append: &Append, limits: &Limits) -> Result<(), AppendError> {
    append.check(limits).map_err(|reason| AppendError::Invalid {
        stream: append.stream.clone(),
        reason,
    })
}

/// Checks that no event has the id of another one, in this append or among those that `is_known`.
///
/// # Errors
/// [`AppendError::DuplicateEventId`] for the first that has.
pub fn check_event_ids(
    append: &Append,
    mut is_known: impl FnMut(EventId) -> bool,
) -> Result<(), AppendError> {
    let mut own = HashSet::with_capacity(append.events.len());
    for event in &append.events {
        if is_known(event.id) || !own.insert(event.id) {
            return Err(AppendError::DuplicateEventId {
                stream: append.stream.clone(),
                event_id: event.id,
            });
        }
    }
    Ok(())
}

/// The error for an append that the store could not do and did not do.
pub fn not_applied(append: &Append, error: StorageError) -> AppendError {
    AppendError::Storage {
        stream: append.stream.clone(),
        outcome: super::Outcome::NotApplied,
        error,
    }
}

/// In a commit, an append that was done before refuses the whole.
///
/// # Errors
/// [`CommitError::Repeated`] where the result is that of an earlier append.
pub fn check_first_time(append: &Append, appended: Appended) -> Result<Appended, CommitError> {
    if appended.repeated {
        return Err(CommitError::Repeated {
            stream: append.stream.clone(),
            first: appended,
        });
    }
    Ok(appended)
}

/// Checks the epoch of a claimer against that of the row, which is 0 where there is no row.
///
/// # Errors
/// [`CommitError::Fenced`] where somebody claimed the row since.
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

/// Checks that a cursor stands where its move begins; `actual` is `None` where it has not begun.
///
/// # Errors
/// [`CommitError::CursorMoved`] where it stands elsewhere.
pub fn check_cursor(moved: &CursorMove, actual: Option<Position>) -> Result<(), CommitError> {
    if actual == moved.from {
        return Ok(());
    }
    Err(CommitError::CursorMoved {
        consumer: moved.consumer.clone(),
        actual,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ExpectedVersion, NewEvent, Outcome, StoredPayload, StreamId};

    fn at(number: u64) -> Position {
        Position::from_parts([0, 0, number])
    }

    fn stream() -> StreamId {
        StreamId::new("order", "4711").expect("usable")
    }

    fn append(expected: ExpectedVersion, events: &[&'static str]) -> Append {
        let events = events.iter().map(|name| NewEvent::json(*name, 1, "{}"));
        Append::new(stream(), expected).with_events(events)
    }

    fn named(append: Append) -> Append {
        append.with_append_id(AppendId::new("request").expect("usable"))
    }

    const HEAD: StreamHead = StreamHead {
        version: 2,
        position: Position::from_parts([0, 0, 7]),
    };

    fn accepted(append: &Append, head: StreamHead) -> Accepted {
        match decide(append, None, head).expect("accepted") {
            Decision::Write(accepted) => accepted,
            Decision::Answer(first) => panic!("answered with {first:?}"),
        }
    }

    #[test]
    fn the_stream_must_be_where_it_is_expected() {
        use ExpectedVersion::{Any, Exact, NoStream, StreamExists};
        let table = [
            (Any, 0, true),
            (Any, 2, true),
            (NoStream, 0, true),
            (NoStream, 1, false),
            (StreamExists, 0, false),
            (StreamExists, 1, true),
            (Exact(0), 0, true),
            (Exact(2), 2, true),
            (Exact(2), 1, false),
            (Exact(2), 3, false),
        ];
        for (expected, version, fits) in table {
            // Whether there are events does not matter.
            for events in [&["a"][..], &[]] {
                let append = append(expected, events);
                let decided = decide(&append, None, StreamHead { version, ..HEAD });
                match decided {
                    Ok(Decision::Write(_)) if fits => {}
                    Err(AppendError::Conflict {
                        stream: of,
                        expected: wanted,
                        actual,
                    }) if !fits => {
                        assert_eq!((of, wanted, actual), (stream(), expected, version));
                    }
                    other => panic!("{expected} at {version}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn events_follow_the_end_of_the_stream() {
        let append = append(ExpectedVersion::Exact(2), &["a", "b"]);
        let accepted = accepted(&append, HEAD);
        assert_eq!(accepted.versions().collect::<Vec<_>>(), [3, 4]);
        assert_eq!((accepted.before(), accepted.count()), (HEAD, 2));
        assert!(accepted.writes());
        let now = Timestamp::now();
        let done = accepted.appended(at(9), now);
        assert_eq!(done, Appended::new(4, 2, at(9), now));
        let after = StreamHead {
            version: 4,
            position: at(9),
        };
        assert_eq!(accepted.after(at(9)), after);
    }

    #[test]
    fn an_append_without_events_changes_no_stream() {
        let nothing = append(ExpectedVersion::Any, &[]);
        for head in [HEAD, StreamHead::EMPTY] {
            let accepted = accepted(&nothing, head);
            assert!(!accepted.writes(), "there is no id to remember either");
            let now = Timestamp::now();
            let done = accepted.appended(at(99), now);
            assert_eq!(done, Appended::new(head.version, 0, head.position, now));
        }
        let remembered = named(nothing);
        assert!(accepted(&remembered, HEAD).writes());
    }

    fn compare(append: &Append, first: Appended, stored: &[(&str, u16, &str, &str)]) -> Earlier {
        let mut comparison = Comparison::new(append, first);
        let after = comparison.after();
        for (version, (name, schema_version, content_type, bytes)) in (after + 1..).zip(stored) {
            let payload = StoredPayload {
                schema_version: *schema_version,
                content_type,
                bytes: bytes.as_bytes(),
            };
            comparison.event(&StoredEvent::new(version, at(1), name, payload));
        }
        comparison.finish()
    }

    #[test]
    fn a_repeated_request_is_one_with_the_same_events() {
        const JSON: &str = "application/json";
        let again = named(append(ExpectedVersion::Exact(1), &["a", "b"]));
        let first = Appended::new(3, 2, at(7), Timestamp::now());
        let a = ("a", 1, JSON, "{}");
        let b = ("b", 1, JSON, "{}");
        assert_eq!(Comparison::new(&again, first.clone()).after(), 1);
        match compare(&again, first.clone(), &[a, b]) {
            Earlier::Same(answer) => assert_eq!(answer, first.clone().as_repeated()),
            other => panic!("{other:?}"),
        }
        let others = [
            [b, a],
            [a, ("c", 1, JSON, "{}")],
            [a, ("b", 2, JSON, "{}")],
            [a, ("b", 1, "text/plain", "{}")],
            [a, ("b", 1, JSON, "[]")],
        ];
        for other in others {
            let found = compare(&again, first.clone(), &other);
            assert!(
                matches!(found, Earlier::Different { version: 3 }),
                "{found:?}"
            );
        }
        // More or fewer of them are others, too.
        let three = Appended::new(3, 3, at(7), Timestamp::now());
        let found = compare(&again, three, &[a, b, b]);
        assert!(matches!(found, Earlier::Different { .. }), "{found:?}");
        let one = Appended::new(3, 1, at(7), Timestamp::now());
        let found = compare(&again, one, &[a]);
        assert!(matches!(found, Earlier::Different { .. }), "{found:?}");
        // A row that is missing is damage, whatever the others say.
        let mut with_a_gap = Comparison::new(&again, first.clone());
        for version in [2, 4] {
            let payload = StoredPayload {
                schema_version: 1,
                content_type: JSON,
                bytes: b"{}",
            };
            with_a_gap.event(&StoredEvent::new(version, at(version), "a", payload));
        }
        for found in [compare(&again, first, &[a]), with_a_gap.finish()] {
            assert!(
                matches!(&found, Earlier::Unreadable(error) if error.kind == StorageErrorKind::Corrupt),
                "{found:?}"
            );
        }
    }

    #[test]
    fn the_id_is_looked_at_before_the_version() {
        // The first request was written at version 0: the repeated one does not fit any more.
        let again = named(append(ExpectedVersion::NoStream, &["a"]));
        let first = Appended::new(1, 1, at(1), Timestamp::now()).as_repeated();
        match decide(&again, Some(Earlier::Same(first.clone())), HEAD) {
            Ok(Decision::Answer(answer)) => assert_eq!(answer, first),
            other => panic!("{other:?}"),
        }
        match decide(&again, Some(Earlier::Different { version: 1 }), HEAD) {
            Err(AppendError::IdReused { version: 1, .. }) => {}
            other => panic!("{other:?}"),
        }
        let damaged = StorageError::new(StorageErrorKind::Corrupt, "a row is damaged");
        match decide(&again, Some(Earlier::Unreadable(damaged)), HEAD) {
            Err(error @ AppendError::Storage { .. }) => {
                assert_eq!(error.outcome(), Outcome::NotApplied);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn no_two_events_have_one_id() {
        let mut append = append(ExpectedVersion::Any, &["a", "b", "c"]);
        let ids: Vec<_> = append.events.iter().map(|event| event.id).collect();
        let found = |append: &Append, known: &[EventId]| match check_event_ids(append, |id| {
            known.contains(&id)
        }) {
            Ok(()) => None,
            Err(AppendError::DuplicateEventId { event_id, .. }) => Some(event_id),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(found(&append, &[]), None);
        assert_eq!(found(&append, &[EventId::new()]), None);
        // The first of them is named.
        let (Some(second), Some(third)) = (ids.get(1), ids.get(2)) else {
            panic!("three ids")
        };
        assert_eq!(found(&append, &[*third, *second]), Some(*second));
        if let Some(last) = append.events.last_mut() {
            last.id = *second;
        }
        assert_eq!(found(&append, &[]), Some(*second));
    }

    #[test]
    fn bounds_are_checked() {
        let limits = Limits {
            events: 1,
            ..Limits::default()
        };
        let one = append(ExpectedVersion::Any, &["a"]);
        assert!(check_bounds(&one, &limits).is_ok());
        let two = append(ExpectedVersion::Any, &["a", "b"]);
        let refused = check_bounds(&two, &limits);
        assert!(matches!(refused, Err(AppendError::Invalid { .. })));
    }

    #[test]
    fn a_commit_does_nothing_twice() {
        let append = append(ExpectedVersion::Any, &["a"]);
        let first = Appended::new(1, 1, at(1), Timestamp::now());
        assert!(check_first_time(&append, first.clone()).is_ok());
        let again = check_first_time(&append, first.as_repeated());
        assert!(matches!(again, Err(CommitError::Repeated { .. })));
    }

    #[test]
    fn the_newest_claimer_changes_a_row() {
        let mut change = WorkChange::new(stream(), "1");
        assert!(check_epoch(&change, 5).is_ok(), "whoever has no epoch may");
        change.epoch = Some(4);
        assert!(check_epoch(&change, 4).is_ok());
        for actual in [0, 3, 5] {
            match check_epoch(&change, actual) {
                Err(CommitError::Fenced {
                    epoch: 4,
                    actual: found,
                    ..
                }) => assert_eq!(found, actual),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_cursor_moves_from_where_it_stands() {
        let table = [
            (None, None, true),
            (Some(3), Some(3), true),
            (None, Some(3), false),
            (Some(3), None, false),
            (Some(3), Some(2), false),
            (Some(3), Some(4), false),
        ];
        for (from, actual, fits) in table {
            let moved = CursorMove::new("saga", from.map(at), at(9));
            match check_cursor(&moved, actual.map(at)) {
                Ok(()) => assert!(fits),
                Err(CommitError::CursorMoved { actual: found, .. }) => {
                    assert!(!fits);
                    assert_eq!(found, actual.map(at));
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
}
