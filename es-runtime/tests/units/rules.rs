//! The rules of an append and of a commit, without a store.

use es_runtime::{
    Append, AppendError, AppendId, Appended, CommitError, CursorMove, EventId, ExpectedVersion,
    Limits, NewEvent, Outcome, Position, StorageError, StorageErrorKind, StoredEvent,
    StoredPayload, StreamId, Timestamp, WorkChange,
    store::author::{
        Accepted, Comparison, Decision, Earlier, StreamHead, check_bounds, check_cursor,
        check_epoch, check_event_ids, check_first_time, decide,
    },
};

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
        let payload = StoredPayload::new(*schema_version, content_type, bytes.as_bytes());
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
            matches!(found, Earlier::Different { version: 3, .. }),
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
        let payload = StoredPayload::new(1, JSON, b"{}");
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
    match decide(
        &again,
        Some(Earlier::Different {
            version: 1,
            is_other_request: false,
        }),
        HEAD,
    ) {
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
    let mut limits = Limits::default();
    limits.events = 1;
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
