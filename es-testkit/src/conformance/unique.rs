//! Checks of unique values. A store that does not [declare](super::Capabilities::unique) them must refuse
//! every append with a rule.

use super::{
    AnyFixture, again, append_id, erased::AnyTested, join_all, numbered, stream, version_of,
    whole_feed,
};
use es_runtime::{
    Append, AppendError, EventStore, ExpectedVersion, InvalidAppend, NewEvent, OnDuplicates,
    Outcome, Position, ReadError, StorageErrorKind, StreamId, Timestamp, UniqueChange, UniqueWalk,
    UniqueWalked, WalkedChange,
};
use std::{future::Future, pin::pin, time::Duration};

pub(super) const RULE: &str = "test.email";
const LONG: Duration = Duration::from_secs(3600);

/// A value that must be in no error.
const CANARY: &str = "canary-3f9a@example.com";

pub(super) fn claim(value: &str) -> UniqueChange {
    UniqueChange::claim(RULE, value)
}

fn event(change: UniqueChange) -> NewEvent {
    NewEvent::json("test.unique", 1, "1").with_unique(vec![change])
}

pub(super) fn append(stream: &StreamId, changes: impl IntoIterator<Item = UniqueChange>) -> Append {
    let events = changes.into_iter().map(event);
    Append::new(stream.clone(), ExpectedVersion::Any).with_events(events)
}

pub(super) async fn holder<S: EventStore>(store: &S, value: &str) -> Option<StreamId> {
    let holder = store.unique_holder(RULE, value).await;
    holder.expect("the holder can be read")
}

async fn accepted<S: EventStore>(store: &S, append: Append) {
    store.append(append).await.expect("the append is accepted");
}

/// Asserts that an append is refused because this stream has the value, and that it wrote nothing.
async fn taken<S: EventStore>(store: &S, append: Append, by: &StreamId) {
    let (before, stream) = (whole_feed(store).await, append.stream.clone());
    let error = store.append(append).await.expect_err("it is taken");
    is_taken(&error, &stream, by);
    assert_eq!(whole_feed(store).await, before);
}

pub(super) fn is_taken(error: &AppendError, of: &StreamId, by: &StreamId) {
    assert_eq!(error.outcome(), Outcome::NotApplied);
    let text = format!("{error} {error:?}");
    assert!(!text.contains(CANARY), "the error quotes the value: {text}");
    match error {
        AppendError::Taken {
            stream,
            rule,
            holder,
        } => assert_eq!((stream, &**rule, holder), (of, RULE, by)),
        wrong => panic!("the value is taken, and not {wrong:?}"),
    }
}

/// The store, when it has unique values. Otherwise it must refuse them.
async fn supported(fixture: &AnyFixture) -> Option<AnyTested> {
    let store = fixture.open().await;
    if fixture.capabilities().unique {
        return Some(store);
    }
    let one = stream("unsupported");
    for change in [claim(CANARY), UniqueChange::unchanged(RULE)] {
        match store.append(append(&one, [change])).await {
            Err(AppendError::Storage { outcome, error, .. }) => {
                assert_eq!(outcome, Outcome::NotApplied);
                assert_eq!(error.kind, StorageErrorKind::Unsupported);
            }
            wrong => panic!("unique values are not supported, and not {wrong:?}"),
        }
    }
    assert_eq!(version_of(&store, &one).await, 0);
    match store.unique_holder(RULE, CANARY).await {
        Err(ReadError::Storage(error)) => assert_eq!(error.kind, StorageErrorKind::Unsupported),
        wrong => panic!("unique values are not supported, and not {wrong:?}"),
    }
    None
}

/// The store, when it turns rules on for stored events. Otherwise it must refuse that, and say of other names that the rule
/// is on.
async fn turns_on(fixture: &AnyFixture) -> Option<AnyTested> {
    let store = supported(fixture).await?;
    if fixture.capabilities().unique_walks {
        return Some(store);
    }
    let (one, old) = (stream("one"), NewEvent::json("test.old", 1, "1"));
    accepted(
        &store,
        Append::new(one.clone(), ExpectedVersion::Any).with_event(old),
    )
    .await;
    accepted(&store, append(&one, [claim(CANARY)])).await;
    let before = whole_feed(&store).await;
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    // A name whose first event had the rule, and one without events.
    let walk = UniqueWalk::new(RULE, names(&["test.unique", "test.none"]));
    assert!(store.walk_unique(walk).await.expect("it is on").is_on);
    let of_old = UniqueWalk::new(RULE, names(&["test.unique", "test.old"]));
    let mut retired = UniqueWalk::new(RULE, names(&["test.unique"]));
    retired.retired = names(&["test.old"]);
    for walk in [of_old, retired] {
        match store.walk_unique(walk).await {
            Err(error) => assert_eq!(error.kind, StorageErrorKind::Unsupported),
            Ok(wrong) => panic!("rules are not turned on, and not {wrong:?}"),
        }
    }
    assert_eq!(whole_feed(&store).await, before);
    None
}

/// A value has one holder. The look-up names it, also after the store was opened again.
pub async fn a_unique_value_has_one_holder(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let (one, two) = (stream("one"), stream("two"));
    assert_eq!(holder(&store, CANARY).await, None);
    accepted(&store, append(&one, [claim(CANARY)])).await;
    assert_eq!(holder(&store, CANARY).await, Some(one.clone()));
    taken(&store, append(&two, [claim(CANARY)]), &one).await;
    let store = again(&fixture, store).await;
    taken(&store, append(&two, [claim(CANARY)]), &one).await;
    // The holder may claim its value again, and other rules and values are apart.
    accepted(&store, append(&one, [claim(CANARY)])).await;
    assert_eq!(holder(&store, CANARY).await, Some(one.clone()));
    let other = NewEvent::json("test.other", 1, "1")
        .with_unique(vec![UniqueChange::claim("test.other", CANARY)]);
    let other = Append::new(two.clone(), ExpectedVersion::Any).with_event(other);
    accepted(&store, other).await;
    accepted(&store, append(&two, [claim("else")])).await;
    assert_eq!(holder(&store, "else").await, Some(two));
    assert_eq!(holder(&store, CANARY).await, Some(one));
}

/// Of sixteen streams that claim one value at once, one has it and the others write nothing.
pub async fn one_of_sixteen_racing_claims_wins(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    for round in 0..8 {
        let value = format!("value-{round}");
        let tasks = (0..16).map(|number| {
            let (store, value) = (store.clone(), value.clone());
            let mut request = append(&stream(format!("racer-{round}-{number}")), [claim(&value)]);
            request.expected = ExpectedVersion::NoStream;
            super::spawn(async move {
                let stream = request.stream.clone();
                (stream, store.append(request).await)
            })
        });
        let answers = join_all(tasks.collect()).await;
        let holder = holder(&store, &value).await.expect("one has it");
        for (stream, answer) in answers {
            match answer {
                Ok(_) => assert_eq!(stream, holder, "two streams have one value"),
                Err(error) => {
                    is_taken(&error, &stream, &holder);
                    assert_eq!(version_of(&store, &stream).await, 0);
                }
            }
        }
        assert_eq!(version_of(&store, &holder).await, 1);
    }
}

/// A stream has one value by a rule: a later claim replaces the earlier one, a release gives it back, and an event
/// that leaves it as it is leaves it. Events of one append follow each other.
pub async fn a_stream_has_one_value_for_each_rule(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let (one, two) = (stream("one"), stream("two"));
    accepted(&store, append(&one, [claim("old")])).await;
    accepted(&store, append(&one, [UniqueChange::unchanged(RULE)])).await;
    assert_eq!(holder(&store, "old").await, Some(one.clone()));
    accepted(&store, append(&one, [claim("new")])).await;
    assert_eq!(holder(&store, "old").await, None);
    taken(&store, append(&two, [claim("new")]), &one).await;
    accepted(&store, append(&two, [claim("old")])).await;
    taken(&store, append(&one, [claim("old")]), &two).await;
    assert_eq!(holder(&store, "new").await, Some(one.clone()));
    accepted(&store, append(&one, [UniqueChange::release(RULE)])).await;
    accepted(&store, append(&one, [UniqueChange::release(RULE)])).await;
    assert_eq!(holder(&store, "new").await, None);
    // A batch: each event sees what the one before it did.
    let batch = [
        claim("a"),
        claim("b"),
        UniqueChange::release(RULE),
        claim("c"),
    ];
    accepted(&store, append(&one, batch)).await;
    for (value, by) in [("a", None), ("b", None), ("c", Some(one.clone()))] {
        assert_eq!(holder(&store, value).await, by, "{value}");
    }
    accepted(&store, append(&two, [claim("a"), claim("b")])).await;
    assert_eq!(holder(&store, "a").await, None);
    assert_eq!(holder(&store, "b").await, Some(two));
}

/// A value that is kept is reserved for its former holder until its time, and free afterwards.
pub async fn a_kept_value_is_reserved_until_its_time(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let (one, two) = (stream("one"), stream("two"));
    accepted(&store, append(&one, [claim("first")])).await;
    accepted(&store, append(&one, [claim("second").keeping(LONG)])).await;
    assert_eq!(holder(&store, "first").await, Some(one.clone()));
    taken(&store, append(&two, [claim("first")]), &one).await;
    let release = UniqueChange::release(RULE).keeping(LONG);
    accepted(&store, append(&one, [release])).await;
    taken(&store, append(&two, [claim("second")]), &one).await;
    let store = again(&fixture, store).await;
    taken(&store, append(&two, [claim("second")]), &one).await;
    // Only the former holder takes it meanwhile.
    accepted(&store, append(&one, [claim("first")])).await;
    accepted(&store, append(&one, [UniqueChange::release(RULE)])).await;
    accepted(&store, append(&two, [claim("first")])).await;
    // It is free once its time is over.
    let short = UniqueChange::release(RULE).keeping(Duration::from_millis(20));
    accepted(&store, append(&two, [short])).await;
    let mut tries = 0;
    while let Err(error) = store.append(append(&one, [claim("first")])).await {
        is_taken(&error, &one, &two);
        tries += 1;
        assert!(tries < 100_000, "it is never free");
        tokio::task::yield_now().await;
    }
    assert_eq!(holder(&store, "first").await, Some(one));
}

/// A repeated append returns its first result, whoever has the value now, and changes nothing.
pub async fn a_repeated_append_claims_nothing(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let (one, two) = (stream("one"), stream("two"));
    let first = append(&one, [claim("value")]).with_append_id(append_id("first"));
    accepted(&store, first.clone()).await;
    accepted(&store, append(&one, [UniqueChange::release(RULE)])).await;
    accepted(&store, append(&two, [claim("value")])).await;
    let again = store.append(first).await.expect("the first result");
    assert!(again.repeated);
    assert_eq!(again.version, 1);
    assert_eq!(holder(&store, "value").await, Some(two));
}

/// An append that is refused claims and releases nothing: for its version, or for its last event.
pub async fn a_refused_append_claims_nothing(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let (one, two) = (stream("one"), stream("two"));
    accepted(&store, append(&one, [claim("value")])).await;
    let mut stale = append(&two, [claim("value")]);
    stale.expected = ExpectedVersion::Exact(4);
    let conflict = store.append(stale).await;
    assert!(
        matches!(conflict, Err(AppendError::Conflict { actual: 0, .. })),
        "the version comes before the value: {conflict:?}"
    );
    let mut stale = append(&one, [claim("other")]);
    stale.expected = ExpectedVersion::NoStream;
    store.append(stale).await.expect_err("stale");
    assert_eq!(holder(&store, "other").await, None);
    accepted(&store, append(&two, [claim("mine")])).await;
    let batch = [claim("new"), UniqueChange::release(RULE), claim("value")];
    taken(&store, append(&two, batch), &one).await;
    assert_eq!(holder(&store, "new").await, None);
    assert_eq!(holder(&store, "mine").await, Some(two.clone()));
    assert_eq!(holder(&store, "value").await, Some(one.clone()));
    // Nor does an event whose id is known, or comes twice.
    let mut known = append(&two, [claim("another"), claim("another")]);
    known.events[0].id = whole_feed(&store).await[0].event_id;
    known.events[1].id = known.events[0].id;
    let known = store.append(known).await;
    assert!(
        matches!(known, Err(AppendError::DuplicateEventId { .. })),
        "{known:?}"
    );
    assert_eq!(holder(&store, "another").await, None);
    assert_eq!(holder(&store, "mine").await, Some(two));
}

/// Values are any text of up to 512 bytes, and are the same only where their bytes are.
pub async fn values_are_bounded_and_compared_byte_by_byte(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let longest = "é".repeat(256);
    let values = [
        "alice",
        "Alice",
        "alice ",
        "",
        " ",
        "a\0",
        "a",
        "\u{e9}",
        "e\u{301}",
        "'; --",
        "%",
        "\\",
        "\n",
        "🦀",
        &longest,
        &longest[..510],
    ];
    for (number, value) in values.iter().enumerate() {
        accepted(&store, append(&stream(number), [claim(value)])).await;
    }
    for (number, value) in values.iter().enumerate() {
        assert_eq!(
            holder(&store, value).await,
            Some(stream(number)),
            "{value:?}"
        );
        taken(
            &store,
            append(&stream("late"), [claim(value)]),
            &stream(number),
        )
        .await;
    }
    let before = whole_feed(&store).await;
    let late = stream("late");
    let refused = store.append(append(&late, [claim(&"x".repeat(513))])).await;
    match refused {
        Err(AppendError::Invalid { reason, .. }) => assert_eq!(
            reason,
            InvalidAppend::UniqueValueTooLong {
                index: 0,
                rule: RULE.to_owned(),
                bytes: 513
            }
        ),
        wrong => panic!("the value is too long, and not {wrong:?}"),
    }
    let twice = NewEvent::json("test.unique", 1, "1").with_unique(vec![claim("x"), claim("y")]);
    let unnamed = event(UniqueChange::claim("", "x"));
    let controlled = event(UniqueChange::claim("a\nb", "x"));
    for bad in [twice, unnamed, controlled] {
        let request = Append::new(late.clone(), ExpectedVersion::Any).with_event(bad);
        match store.append(request).await {
            Err(AppendError::Invalid { reason, .. }) => {
                assert_eq!(reason, InvalidAppend::BadUniqueRule { index: 0 });
            }
            wrong => panic!("the rule is unusable, and not {wrong:?}"),
        }
    }
    assert_eq!(whole_feed(&store).await, before);
}

/// A claim that is refused does not fail the appends that wait at the same time.
pub async fn a_taken_value_fails_no_neighbour(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let first = stream("first");
    accepted(&store, append(&first, [claim("value")])).await;
    let tasks = (0..60).map(|number| {
        let store = store.clone();
        let own = stream(format!("own-{number}"));
        let request = match number % 3 {
            0 => append(&own, [claim("value")]),
            1 => append(&own, [claim(&format!("own-{number}"))]),
            _ => Append::new(own, ExpectedVersion::NoStream).with_event(numbered(number)),
        };
        super::spawn(async move { (request.stream.clone(), store.append(request).await) })
    });
    for (number, (stream, answer)) in join_all(tasks.collect()).await.into_iter().enumerate() {
        match (number % 3, answer) {
            (0, Err(error)) => is_taken(&error, &stream, &first),
            (1, Ok(_)) => {
                let value = format!("own-{number}");
                assert_eq!(holder(&store, &value).await, Some(stream));
            }
            (2, Ok(_)) => {}
            (_, wrong) => panic!("append {number} was answered with {wrong:?}"),
        }
    }
}

/// A rule is on from the first event of its name. Where there are older ones it is off, and events are stored as
/// before.
pub async fn a_rule_is_on_from_the_first_event(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let (one, two) = (stream("one"), stream("two"));
    // A program that does not know the rule yet.
    let old = || NewEvent::json("test.old", 1, "1");
    let to = |stream: &StreamId, event| {
        Append::new(stream.clone(), ExpectedVersion::Any).with_event(event)
    };
    accepted(&store, to(&one, old())).await;
    for stream in [&one, &two] {
        accepted(&store, to(stream, old().with_unique(vec![claim(CANARY)]))).await;
        accepted(&store, to(stream, old())).await;
    }
    assert_eq!(holder(&store, CANARY).await, None);
    // An event without the rule comes first in an append: it is an older one.
    let mixed = ["test.mixed"; 2].map(|name| NewEvent::json(name, 1, "1"));
    let [first, second] = mixed;
    let mixed = to(&one, first).with_event(second.with_unique(vec![claim("mixed")]));
    accepted(&store, mixed).await;
    assert_eq!(holder(&store, "mixed").await, None);
    // And the other way round: the second event does not know a rule that is on.
    let mixed = to(&one, event(claim("x"))).with_event(NewEvent::json("test.unique", 1, "1"));
    let refused = store.append(mixed).await;
    assert!(
        matches!(refused, Err(AppendError::UniqueRuleUnknown { .. })),
        "{refused:?}"
    );
    assert_eq!(holder(&store, "x").await, None);
    // What was refused turned nothing on.
    accepted(&store, append(&one, [claim("x")])).await;
    assert_eq!(holder(&store, "x").await, Some(one));
}

/// A rule is turned on for older events in steps. A step of another place does nothing. The rule stays off while two
/// streams have one value, or where events came later.
pub async fn a_rule_is_turned_on_for_older_events(fixture: AnyFixture) {
    let Some(store) = turns_on(&fixture).await else {
        return;
    };
    let (one, two, three) = (stream("one"), stream("two"), stream("three"));
    let old = |stream: &StreamId| {
        let event = NewEvent::json("test.old", 1, "1");
        store.append(Append::new(stream.clone(), ExpectedVersion::Any).with_event(event))
    };
    let mut places = Vec::new();
    for stream in [&one, &two, &three, &three] {
        places.push(old(stream).await.expect("stored").position);
    }
    let walk = || UniqueWalk::new(RULE, vec!["test.old".to_owned()]);
    let did = |stream: &StreamId, position, change| {
        WalkedChange::new(stream.clone(), position, Timestamp::now(), change)
    };
    let looked = store.walk_unique(walk()).await.expect("looked");
    assert_eq!((looked.at, looked.is_on), (Position::START, false));
    let mut step = walk();
    step.to = places[1];
    step.changes = vec![
        did(&one, places[0], claim("same")),
        did(&two, places[1], claim("same")),
    ];
    for _ in 0..2 {
        // The second time the walk is elsewhere.
        let walked = store.walk_unique(step.clone()).await.expect("walked");
        assert_eq!((walked.at, walked.is_on), (places[1], false));
        let [duplicate] = &*walked.duplicates else {
            panic!("two streams have one value: {:?}", walked.duplicates);
        };
        assert_eq!((&duplicate.holder, &duplicate.stream), (&one, &two));
        assert_eq!(
            (duplicate.held_since, duplicate.position),
            (places[0], places[1])
        );
    }
    let mut step = walk();
    (step.from, step.to, step.finish) = (places[1], places[2], Some(OnDuplicates::FirstWins));
    step.changes = vec![did(&three, places[2], claim("third"))];
    let walked = store.walk_unique(step).await.expect("walked");
    assert_eq!(
        (walked.at, walked.is_on),
        (places[2], false),
        "there is a later event"
    );
    let store = again(&fixture, store).await;
    let mut step = walk();
    (step.from, step.to, step.finish) = (places[2], places[3], Some(OnDuplicates::StayOff));
    step.changes = vec![did(&three, places[3], claim("fourth"))];
    let walked = store.walk_unique(step).await.expect("walked");
    assert_eq!(
        (walked.at, walked.is_on),
        (places[3], false),
        "two have one value"
    );
    assert_eq!(walked.duplicates.len(), 1);
    // The holder takes another value: the one that waited has it.
    let last = Append::new(one.clone(), ExpectedVersion::Any);
    let last = last.with_event(NewEvent::json("test.old", 1, "1"));
    let last = store.append(last).await.expect("no rule is on").position;
    let mut step = walk();
    (step.from, step.to, step.finish) = (places[3], last, Some(OnDuplicates::StayOff));
    step.changes = vec![did(&one, last, claim("other"))];
    let walked = store.walk_unique(step).await.expect("walked");
    assert!(walked.is_on, "{walked:?}");
    assert_eq!(walked.duplicates, []);
    let looked = store.walk_unique(walk()).await.expect("looked");
    assert_eq!((looked.at, looked.is_on), (UniqueWalked::DONE, true));
    for (value, by) in [
        ("same", Some(&two)),
        ("other", Some(&one)),
        ("third", None),
        ("fourth", Some(&three)),
    ] {
        assert_eq!(holder(&store, value).await.as_ref(), by, "{value}");
    }
    // Now it is as any rule.
    let now = |stream: &StreamId, unique| {
        let event = NewEvent::json("test.old", 1, "1").with_unique(unique);
        Append::new(stream.clone(), ExpectedVersion::Any).with_event(event)
    };
    taken(&store, now(&three, vec![claim("same")]), &two).await;
    let older = store.append(now(&three, Vec::new())).await;
    assert!(
        matches!(older, Err(AppendError::UniqueRuleUnknown { .. })),
        "{older:?}"
    );
    accepted(&store, now(&two, vec![claim("fifth")])).await;
    accepted(&store, now(&three, vec![claim("same")])).await;
}

/// An event of a new name turns its rule on, while the rule is off for older events of another name. Then the rule is
/// turned on for all of them, also where such a new event has ended a duplicate, or is later than what is walked.
pub async fn a_rule_that_is_on_for_some_events_is_turned_on_for_all(fixture: AnyFixture) {
    let Some(store) = turns_on(&fixture).await else {
        return;
    };
    let [ann, bob, cyd, dan] = ["ann", "bob", "cyd", "dan"].map(stream);
    let mut old = Vec::new();
    for stream in [&ann, &bob, &cyd, &dan] {
        let event = NewEvent::json("test.old", 1, "1");
        let event = Append::new(stream.clone(), ExpectedVersion::Any).with_event(event);
        old.push(store.append(event).await.expect("stored").position);
    }
    let walk = |from, to, finish, changes: &[(&StreamId, Position, &str)]| {
        let events = vec!["test.old".to_owned(), "test.unique".to_owned()];
        let mut step = UniqueWalk::new(RULE, events);
        (step.from, step.to, step.finish) = (from, to, finish);
        let changes = changes.iter().map(|(stream, position, value)| {
            WalkedChange::new((*stream).clone(), *position, Timestamp::now(), claim(value))
        });
        step.changes = changes.collect();
        step
    };
    let stay_off = Some(OnDuplicates::StayOff);
    let values = [
        (&ann, old[0], "x"),
        (&bob, old[1], "x"),
        (&cyd, old[2], "y"),
        (&dan, old[3], "y"),
    ];
    let step = walk(Position::START, old[3], stay_off, &values);
    let walked = store.walk_unique(step).await.expect("walked");
    assert_eq!((walked.is_on, walked.duplicates.len()), (false, 2));
    // The one that waits takes another value, and the one that has it.
    let new = |stream: &StreamId, value| store.append(append(stream, [claim(value)]));
    let bob_at = new(&bob, "bob").await.expect("free").position;
    let cyd_at = new(&cyd, "cyd").await.expect("free").position;
    let store = again(&fixture, store).await;
    let step = walk(
        old[3],
        cyd_at,
        stay_off,
        &[(&bob, bob_at, "bob"), (&cyd, cyd_at, "cyd")],
    );
    let walked = store.walk_unique(step).await.expect("walked");
    assert!(walked.is_on, "{walked:?}");
    assert_eq!(walked.duplicates, []);
    for (value, by) in [("x", &ann), ("bob", &bob), ("cyd", &cyd), ("y", &dan)] {
        assert_eq!(holder(&store, value).await.as_ref(), Some(by), "{value}");
    }
    taken(&store, append(&ann, [claim("y")]), &dan).await;
    let older = Append::new(ann.clone(), ExpectedVersion::Any);
    let older = store
        .append(older.with_event(NewEvent::json("test.old", 1, "1")))
        .await;
    assert!(
        matches!(older, Err(AppendError::UniqueRuleUnknown { .. })),
        "{older:?}"
    );
}

/// A step over older events takes no value from a stream that has claimed it by a later event.
pub async fn a_later_claim_outlives_the_walk_of_older_events(fixture: AnyFixture) {
    let Some(store) = turns_on(&fixture).await else {
        return;
    };
    let [ann, bob] = ["ann", "bob"].map(stream);
    let old = Append::new(ann.clone(), ExpectedVersion::Any);
    let old = store
        .append(old.with_event(NewEvent::json("test.old", 1, "1")))
        .await;
    let old = old.expect("stored").position;
    let new = store.append(append(&ann, [claim("new")])).await;
    let new = new.expect("free").position;
    let names = || vec!["test.old".to_owned(), "test.unique".to_owned()];
    let mut step = UniqueWalk::new(RULE, names());
    step.to = old;
    step.changes = vec![WalkedChange::new(
        ann.clone(),
        old,
        Timestamp::now(),
        claim("old"),
    )];
    let walked = store.walk_unique(step).await.expect("walked");
    assert!(!walked.is_on);
    taken(&store, append(&bob, [claim("new")]), &ann).await;
    let mut step = UniqueWalk::new(RULE, names());
    (step.from, step.to, step.finish) = (old, new, Some(OnDuplicates::StayOff));
    step.changes = vec![WalkedChange::new(
        ann.clone(),
        new,
        Timestamp::now(),
        claim("new"),
    )];
    let walked = store.walk_unique(step).await.expect("walked");
    assert!(walked.is_on, "{walked:?}");
    assert_eq!(holder(&store, "new").await, Some(ann));
    accepted(&store, append(&bob, [claim("old")])).await;
}

/// Of streams with one value, the one whose event came first has it, where that is wanted.
pub async fn the_first_event_wins_where_that_is_wanted(fixture: AnyFixture) {
    let Some(store) = turns_on(&fixture).await else {
        return;
    };
    let [one, two] = ["one", "two"].map(stream);
    let mut places = Vec::new();
    for stream in [&one, &two] {
        let old = NewEvent::json("test.old", 1, "1");
        let old = Append::new(stream.clone(), ExpectedVersion::Any).with_event(old);
        places.push(store.append(old).await.expect("stored").position);
    }
    let mut step = UniqueWalk::new(RULE, vec!["test.old".to_owned()]);
    (step.to, step.finish) = (places[1], Some(OnDuplicates::FirstWins));
    let changes = [(&one, places[0]), (&two, places[1])];
    let changes = changes.map(|(stream, position)| {
        WalkedChange::new(stream.clone(), position, Timestamp::now(), claim("value"))
    });
    step.changes = changes.to_vec();
    let walked = store.walk_unique(step).await.expect("walked");
    assert_eq!((walked.is_on, walked.duplicates.len()), (true, 1));
    assert_eq!(holder(&store, "value").await, Some(one.clone()));
    let again = NewEvent::json("test.old", 1, "1").with_unique(vec![claim("value")]);
    let again = Append::new(two, ExpectedVersion::Any).with_event(again);
    taken(&store, again, &one).await;
}

/// An append whose caller goes away is there with its claim, or neither is.
pub async fn an_event_and_its_claim_are_there_or_neither_is(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let name = |number: u32| format!("dropped-{number}");
    for number in 0..60 {
        let call = store.append(append(&stream(name(number)), [claim(&name(number))]));
        let mut call = pin!(call);
        for _ in 0..number % 6 {
            let polled = std::future::poll_fn(|context| {
                std::task::Poll::Ready(call.as_mut().poll(context).is_ready())
            });
            if polled.await {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    // What was accepted before is done when this is.
    accepted(&store, append(&stream("last"), [claim("last")])).await;
    for number in 0..60 {
        let own = stream(name(number));
        let is_there = version_of(&store, &own).await == 1;
        let held = holder(&store, &name(number)).await;
        assert_eq!(held, is_there.then_some(own), "append {number}");
    }
}

/// A program that does not know a rule writes no event that the rule is about, and all others. It may have opened
/// the store before the rule was on.
pub async fn a_program_without_the_rule_is_fenced(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let older = if fixture.capabilities().reopens {
        fixture.open().await
    } else {
        store.clone()
    };
    let (one, two) = (stream("one"), stream("two"));
    let plain = |name: &'static str| {
        Append::new(two.clone(), ExpectedVersion::Any).with_event(NewEvent::json(name, 1, "1"))
    };
    let exactly = |version, name: &'static str| {
        let mut append = plain(name);
        append.expected = ExpectedVersion::at(version);
        append
    };
    accepted(&older, exactly(0, "test.counted")).await;
    accepted(&store, append(&one, [claim("value")])).await;
    let before = whole_feed(&older).await;
    let both = exactly(1, "test.counted").with_event(NewEvent::json("test.unique", 1, "1"));
    for request in [exactly(1, "test.unique"), plain("test.unique"), both] {
        let error = older
            .append(request)
            .await
            .expect_err("it does not know the rule");
        assert_eq!(error.outcome(), Outcome::NotApplied);
        match error {
            AppendError::UniqueRuleUnknown {
                stream,
                rule,
                event,
            } => assert_eq!((&stream, &*rule, &*event), (&two, RULE, "test.unique")),
            wrong => panic!("the rule is unknown to the writer, and not {wrong:?}"),
        }
    }
    assert_eq!(whole_feed(&older).await, before);
    accepted(&older, exactly(1, "test.counted")).await;
    accepted(&older, plain("test.counted")).await;
    accepted(&older, append(&two, [UniqueChange::unchanged(RULE)])).await;
    taken(&older, append(&two, [claim("value")]), &one).await;
    assert_eq!(holder(&older, "value").await, Some(one));
}
