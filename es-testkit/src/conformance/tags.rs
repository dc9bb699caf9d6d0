//! Checks of tags: what is recorded and found. A store that does not [declare](super::Capabilities::tags) them must
//! refuse every append with a tag.

use super::{AnyFixture, again, append_id, erased::AnyTested, stream, version_of, whole_feed};
use es_runtime::{
    Append, AppendError, EventStore, EventTag, ExpectedVersion, InvalidAppend, InvalidTags,
    NewEvent, Outcome, Position, ReadError, ReadLimit, RecordedEvent, StorageErrorKind, StreamId,
    Tag, TagQuery, TagWalk, TaggedPage, UniqueChange,
};
use std::{
    borrow::Cow,
    future::Future,
    ops::Bound,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::task::JoinHandle;

/// A value that must be in no error.
const CANARY: &str = "canary-71cf";

pub(super) struct Course<'a>(pub(super) &'a str);
pub(super) struct Student<'a>(pub(super) &'a str);

impl Tag for Course<'_> {
    const KIND: &'static str = "course";

    fn value(&self) -> Cow<'_, str> {
        self.0.into()
    }
}

impl Tag for Student<'_> {
    const KIND: &'static str = "student";

    fn value(&self) -> Cow<'_, str> {
        self.0.into()
    }
}

pub(super) fn event(name: &'static str, tags: Vec<EventTag>) -> NewEvent {
    NewEvent::json(name, 1, "1").with_tags(tags)
}

/// One student in one course.
pub(super) fn subscribed(student: &str, course: &str) -> NewEvent {
    let tags = vec![
        EventTag::of(&Student(student)),
        EventTag::of(&Course(course)),
    ];
    event("test.subscribed", tags)
}

pub(super) fn append(stream: &StreamId, events: impl IntoIterator<Item = NewEvent>) -> Append {
    Append::new(stream.clone(), ExpectedVersion::Any).with_events(events)
}

pub(super) fn of_course(course: &str) -> TagQuery {
    TagQuery::of(&Course(course), ["test.subscribed"]).expect("a name")
}

pub(super) async fn accepted<S: EventStore>(store: &S, append: Append) -> Position {
    let done = store.append(append).await;
    done.expect("the append is accepted").position
}

async fn page<S: EventStore>(
    store: &S,
    query: &TagQuery,
    after: Position,
    most: usize,
) -> TaggedPage {
    let page = store
        .read_tagged(query, after, ReadLimit::events(most))
        .await;
    page.expect("the tags can be read")
}

/// All events that a query finds, in pages of `most`, and the position up to which they are all.
async fn found_by(
    store: &AnyTested,
    query: &TagQuery,
    after: Position,
    most: usize,
) -> (Vec<RecordedEvent>, Position) {
    let (mut found, mut next) = (Vec::new(), after);
    loop {
        let page = page(store, query, next, most).await;
        assert!(page.events.len() <= most, "a page is larger than asked for");
        assert!(page.at_end || page.next > next, "the pages stand still");
        found.extend(page.events);
        next = page.next;
        if page.at_end {
            return (found, next);
        }
    }
}

/// The positions of the events that a query finds.
pub(super) async fn places(store: &AnyTested, query: &TagQuery) -> Vec<Position> {
    let (found, _) = found_by(store, query, Position::START, 100).await;
    super::positions(&found)
}

/// The store, when it has tags. Otherwise it must refuse them.
pub(super) async fn supported(fixture: &AnyFixture) -> Option<AnyTested> {
    let store = fixture.open().await;
    if fixture.capabilities().tags {
        return Some(store);
    }
    let one = stream("unsupported");
    for tag in [
        EventTag::new("course").with(CANARY),
        EventTag::new("course"),
    ] {
        match store
            .append(append(&one, [event("test.tagged", vec![tag])]))
            .await
        {
            Err(AppendError::Storage { outcome, error, .. }) => {
                assert_eq!(outcome, Outcome::NotApplied);
                assert_eq!(error.kind, StorageErrorKind::Unsupported);
            }
            wrong => panic!("tags are not supported, and not {wrong:?}"),
        }
    }
    assert_eq!(version_of(&store, &one).await, 0);
    let found = store
        .read_tagged(&of_course("c"), Position::START, ReadLimit::default())
        .await;
    match found {
        Err(ReadError::Storage(error)) => assert_eq!(error.kind, StorageErrorKind::Unsupported),
        wrong => panic!("tags are not supported, and not {wrong:?}"),
    }
    let newest = ReadLimit::events(1);
    let found = store
        .read_tagged_backward(&of_course("c"), Position::START, Bound::Unbounded, newest)
        .await;
    match found {
        Err(ReadError::Storage(error)) => assert_eq!(error.kind, StorageErrorKind::Unsupported),
        wrong => panic!("tags are not supported, and not {wrong:?}"),
    }
    None
}

/// The store, when it records tags for stored events. Otherwise it must refuse that, and turn a kind on for a name
/// without events only.
async fn walks(fixture: &AnyFixture) -> Option<AnyTested> {
    let store = supported(fixture).await?;
    if fixture.capabilities().tag_walks {
        return Some(store);
    }
    let one = stream("one");
    let pair = |event: &str| (event.to_owned(), "course".to_owned());
    accepted(&store, append(&one, [NewEvent::json("test.old", 1, "1")])).await;
    let place = accepted(&store, append(&one, [subscribed("s1", "c1")])).await;
    let before = whole_feed(&store).await;
    for missing in [pair("test.old"), pair("test.subscribed")] {
        let has_all = missing.0 == "test.subscribed";
        for walk in [
            TagWalk::new(vec![missing.clone()]),
            TagWalk::new(vec![pair("test.none"), missing]),
        ] {
            match store.walk_tags(walk).await {
                Ok(walked) if has_all => assert_eq!(walked.missing, []),
                Err(error) if !has_all => assert_eq!(error.kind, StorageErrorKind::Unsupported),
                wrong => panic!("tags are not recorded for stored events, and not {wrong:?}"),
            }
        }
    }
    assert_eq!(whole_feed(&store).await, before);
    assert_eq!(places(&store, &of_course("c1")).await, [place]);
    // A name without events is as before: its first event says which kinds it has.
    let fresh = event("test.none", vec![EventTag::of(&Course("c1"))]);
    let fresh = accepted(&store, append(&one, [fresh])).await;
    let query = TagQuery::of(&Course("c1"), ["test.none"]).expect("a name");
    assert_eq!(places(&store, &query).await, [fresh]);
    None
}

/// A query finds the events of its names that have all of its tags, in order, also after the store was opened again.
pub async fn a_query_finds_the_events_with_its_tags(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let one = stream("one");
    let defined = || event("test.defined", vec![EventTag::of(&Course("c1"))]);
    // A name without an event is ready, and so is an empty store.
    let empty = page(&store, &of_course("c1"), Position::START, 5).await;
    assert_eq!(
        (empty.events.len(), empty.next, empty.at_end),
        (0, Position::START, true)
    );
    let mut at = Vec::new();
    for (number, new) in [
        subscribed("s1", "c1"),
        subscribed("s1", "c2"),
        defined(),
        subscribed("s2", "c1"),
        NewEvent::json("test.plain", 1, "1"),
        subscribed("s1", "c1"),
    ]
    .into_iter()
    .enumerate()
    {
        at.push(accepted(&store, append(&stream(number % 2), [new])).await);
    }
    accepted(&store, append(&one, [NewEvent::json("test.plain", 1, "1")])).await;
    let head = store.head().await.expect("a head");
    let store = again(&fixture, store).await;
    let head = if fixture.capabilities().reopens {
        store.head().await.expect("a head")
    } else {
        head
    };
    let both = TagQuery::of(&Course("c1"), ["test.subscribed", "test.defined"]).expect("names");
    let pair = of_course("c1").and(&Student("s1"));
    let student = TagQuery::of(&Student("s1"), ["test.subscribed", "test.none"]).expect("names");
    for (query, wanted) in [
        (of_course("c1"), vec![0, 3, 5]),
        (of_course("c2"), vec![1]),
        (of_course("c3"), vec![]),
        (both, vec![0, 2, 3, 5]),
        (pair.clone(), vec![0, 5]),
        (student.clone(), vec![0, 1, 5]),
        (student.and(&Course("c2")), vec![1]),
        (pair.and(&Course("c2")), vec![]),
    ] {
        let wanted: Vec<Position> = wanted.into_iter().map(|index: usize| at[index]).collect();
        for most in [1, 2, 100] {
            let (found, next) = found_by(&store, &query, Position::START, most).await;
            assert_eq!(super::positions(&found), wanted, "{query:?} by {most}");
            assert_eq!(next, head);
        }
        for after in &at {
            let (found, _) = found_by(&store, &query, *after, 100).await;
            let later = wanted.iter().filter(|place| *place > after);
            assert!(found.iter().map(|event| &event.position).eq(later));
        }
    }
    // The events are those of the feed, with all of their columns.
    let (found, _) = found_by(&store, &of_course("c2"), Position::START, 100).await;
    assert_eq!(found, [whole_feed(&store).await[1].clone()]);
}

/// Each event of an append has its own tags.
pub async fn events_of_one_append_have_their_own_tags(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let events =
        (0..40).map(|number| subscribed(&format!("s{number}"), &format!("c{}", number % 3)));
    accepted(&store, append(&stream("one"), events)).await;
    let all = super::positions(&whole_feed(&store).await);
    for course in 0..3 {
        let wanted: Vec<_> = all.iter().copied().skip(course).step_by(3).collect();
        assert_eq!(
            places(&store, &of_course(&format!("c{course}"))).await,
            wanted
        );
    }
    for (number, place) in all.iter().enumerate() {
        let name = format!("s{number}");
        let query = TagQuery::of(&Student(&name), ["test.subscribed"]).expect("a name");
        assert_eq!(places(&store, &query).await, [*place], "{name}");
    }
    // Of appends that wait together, too, whose streams are at the versions that they expect.
    let tasks = (0..30).map(|number| {
        let store = store.clone();
        let (own, course) = (format!("together-{number}"), format!("d{}", number % 3));
        let events = (0..=number % 2).map(|_| subscribed(&own, &course));
        let mut request = append(&stream(&own), events);
        request.expected = ExpectedVersion::NoStream;
        super::spawn(async move { store.append(request).await.expect("accepted") })
    });
    super::join_all(tasks.collect()).await;
    let all = whole_feed(&store).await;
    for number in 0..30 {
        let own = format!("together-{number}");
        let query = TagQuery::of(&Student(&own), ["test.subscribed"]).expect("a name");
        let query = query.and(&Course(&format!("d{}", number % 3)));
        let of_stream = all.iter().filter(|event| event.stream.id() == own);
        let wanted: Vec<_> = of_stream.map(|event| event.position).collect();
        assert_eq!(places(&store, &query).await, wanted, "{own}");
    }
}

/// An event may have several tags of one kind, or none. A repeated one counts once.
pub async fn an_event_may_have_several_tags_of_one_kind(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let students = |names: &[&str]| {
        let tag = names
            .iter()
            .fold(EventTag::new("student"), |tag, name| tag.with(*name));
        event("test.merged", vec![tag])
    };
    let one = stream("one");
    let both = accepted(&store, append(&one, [students(&["s1", "s2", "s1"])])).await;
    accepted(&store, append(&one, [students(&[])])).await;
    let second = accepted(&store, append(&one, [students(&["s2"])])).await;
    // In two entries of one kind, too.
    let split = ["s3", "s4"].map(|name| EventTag::of(&Student(name)));
    let split = accepted(&store, append(&one, [event("test.merged", split.to_vec())])).await;
    let of = |name| TagQuery::of(&Student(name), ["test.merged"]).expect("a name");
    for (query, wanted) in [
        (of("s1"), vec![both]),
        (of("s2"), vec![both, second]),
        (of("s1").and(&Student("s2")), vec![both]),
        (of("s3"), vec![split]),
        (of("s4"), vec![split]),
        (of("s1").and(&Student("s3")), vec![]),
    ] {
        assert_eq!(places(&store, &query).await, wanted);
    }
}

/// Tags are any text of 1 to 256 bytes, and are the same only where their bytes are.
pub async fn tags_are_compared_byte_by_byte(fixture: AnyFixture) {
    struct Odd;
    impl Tag for Odd {
        const KIND: &'static str = "course:a";

        fn value(&self) -> Cow<'_, str> {
            "b".into()
        }
    }
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let longest = "é".repeat(128);
    let values = [
        "a",
        "A",
        "a ",
        " a",
        "a:b",
        ":",
        ":a",
        "a:",
        "\u{e9}",
        "e\u{301}",
        "'; --",
        "%",
        "_",
        "\\",
        "\"",
        "{a,b}",
        "🦀",
        "NULL",
        &longest,
        &longest[..254],
    ];
    let mut at = Vec::new();
    for value in &values {
        at.push(accepted(&store, append(&stream("one"), [subscribed("s", value)])).await);
    }
    for (value, place) in values.iter().zip(&at) {
        assert_eq!(
            places(&store, &of_course(value)).await,
            [*place],
            "{value:?}"
        );
    }
    // A kind ends at its first colon, so this is not the tag `a:b` of the kind `course`. It is never a kind.
    let odd = TagQuery::of(&Odd, ["test.subscribed"]).expect("a name");
    match store
        .read_tagged(&odd, Position::START, ReadLimit::default())
        .await
    {
        Err(ReadError::TagsNotReady { kind, .. }) => assert_eq!(kind, "course:a"),
        wrong => panic!("it is no kind, and not {wrong:?}"),
    }
}

/// A tag out of its bounds, and more than sixteen of them, are refused with their append.
pub async fn tags_out_of_bounds_are_refused(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    accepted(&store, append(&stream("one"), [subscribed("s", "c")])).await;
    let before = whole_feed(&store).await;
    let tag = |kind: &'static str, value: &str| vec![EventTag::new(kind).with(value)];
    let many = (0..17).fold(EventTag::new("course"), |tag, number| {
        tag.with(number.to_string())
    });
    let bad_value = || InvalidTags::BadValue {
        kind: "course".to_owned(),
    };
    let long_kind: &'static str =
        "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";
    for (tags, wanted) in [
        (tag("course", ""), bad_value()),
        (tag("course", &"x".repeat(257)), bad_value()),
        (tag("course", "a\nb"), bad_value()),
        (tag("course", "a\0"), bad_value()),
        (tag("", "a"), InvalidTags::BadKind),
        (tag("course:a", "b"), InvalidTags::BadKind),
        (tag("a\tb", "b"), InvalidTags::BadKind),
        (tag(long_kind, "b"), InvalidTags::BadKind),
        (vec![many], InvalidTags::TooMany { tags: 17 }),
    ] {
        match store
            .append(append(&stream("one"), [event("test.bad", tags)]))
            .await
        {
            Err(error @ AppendError::Invalid { .. }) => {
                assert_eq!(error.outcome(), Outcome::NotApplied);
                let AppendError::Invalid { reason, .. } = error else {
                    unreachable!()
                };
                assert_eq!(
                    reason,
                    InvalidAppend::Tags {
                        index: 0,
                        reason: wanted
                    }
                );
            }
            wrong => panic!("a bound is broken, and not {wrong:?}"),
        }
    }
    // No unique value has the rule that says whether a kind is on.
    let claim = UniqueChange::claim("tag:course", "x");
    let claim = NewEvent::json("test.bad", 1, "1").with_unique(vec![claim]);
    match store.append(append(&stream("one"), [claim])).await {
        Err(AppendError::Invalid { reason, .. }) => {
            assert_eq!(reason, InvalidAppend::BadUniqueRule { index: 0 });
        }
        wrong => panic!("the rule is unusable, and not {wrong:?}"),
    }
    assert_eq!(whole_feed(&store).await, before);
    // As many as there may be.
    let most = (0..16).fold(EventTag::new("course"), |tag, number| {
        tag.with(format!("most-{number}"))
    });
    let place = accepted(
        &store,
        append(
            &stream("one"),
            [event(
                "test.subscribed",
                vec![most, EventTag::new("student")],
            )],
        ),
    )
    .await;
    assert_eq!(places(&store, &of_course("most-15")).await, [place]);
}

/// An append that is refused, or repeats an earlier one, adds no tags.
pub async fn a_refused_or_repeated_append_adds_no_tags(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let one = stream("one");
    let first = append(&one, [subscribed("s1", "c1")]).with_append_id(append_id("first"));
    let place = accepted(&store, first.clone()).await;
    let mut stale = append(&one, [subscribed("s2", "c1")]);
    stale.expected = ExpectedVersion::Exact(7);
    store.append(stale).await.expect_err("stale");
    if fixture.capabilities().event_ids {
        let mut known = append(&stream("two"), [subscribed("s3", "c1")]);
        known.events[0].id = whole_feed(&store).await[0].event_id;
        store.append(known).await.expect_err("its id is known");
    }
    // The same request again, whatever its program says of tags now.
    let again = store.append(first.clone()).await.expect("the first result");
    assert!(again.repeated);
    let mut untagged = first;
    untagged.events[0].tags.clear();
    assert!(
        store
            .append(untagged)
            .await
            .expect("the first result")
            .repeated
    );
    assert_eq!(places(&store, &of_course("c1")).await, [place]);
    let next = accepted(&store, append(&stream("two"), [subscribed("s4", "c1")])).await;
    assert_eq!(places(&store, &of_course("c1")).await, [place, next]);
}

/// Where tags of a kind are not recorded for all events of a name, a query says so.
pub async fn an_answer_is_never_a_part(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let one = stream("one");
    // Stored by a program that knew no kind, and by one that knew one of two.
    accepted(
        &store,
        append(&one, [NewEvent::json("test.subscribed", 1, "1")]),
    )
    .await;
    let half = event("test.half", vec![EventTag::of(&Course("c1"))]);
    accepted(&store, append(&one, [half])).await;
    // Other programs have the tags now. Their appends go through.
    let head = accepted(&store, append(&one, [subscribed("s1", "c1")])).await;
    let not_ready = async |store: &AnyTested, query: &TagQuery, of: (&str, &str)| {
        let (start, limit) = (Position::START, ReadLimit::default());
        let forward = store.read_tagged(query, start, limit).await;
        let backward = store.read_tagged_backward(query, start, Bound::Unbounded, limit);
        for refused in [forward.err(), backward.await.err()] {
            match refused {
                Some(ReadError::TagsNotReady {
                    event,
                    kind,
                    reached,
                    head: end,
                }) => {
                    assert_eq!((event.as_str(), kind.as_str()), of);
                    assert_eq!((reached, end), (start, head));
                }
                wrong => panic!("the tags are not all there, and not {wrong:?}"),
            }
        }
    };
    not_ready(&store, &of_course("c1"), ("test.subscribed", "course")).await;
    let names = ["test.half", "test.subscribed"];
    let several = TagQuery::of(&Course("c1"), names).expect("names");
    not_ready(&store, &several, ("test.subscribed", "course")).await;
    let of_half = TagQuery::of(&Course("c1"), ["test.half", "test.none"]).expect("names");
    assert_eq!(places(&store, &of_half).await.len(), 1);
    not_ready(
        &store,
        &of_half.and(&Student("s1")),
        ("test.half", "student"),
    )
    .await;
    let store = again(&fixture, store).await;
    if fixture.capabilities().reopens {
        not_ready(&store, &of_course("c1"), ("test.subscribed", "course")).await;
    }
    // A name whose first event has the kind is ready, and stays so.
    let fresh = || event("test.fresh", vec![EventTag::of(&Course("c1"))]);
    let of_fresh = TagQuery::of(&Course("c1"), ["test.fresh"]).expect("a name");
    assert_eq!(places(&store, &of_fresh).await, []);
    accepted(&store, append(&one, [NewEvent::json("test.other", 1, "1")])).await;
    assert_eq!(places(&store, &of_fresh).await, []);
    let both = append(&one, [fresh(), fresh()]);
    accepted(&store, both).await;
    assert_eq!(places(&store, &of_fresh).await.len(), 2);
    // Looking did not make it so: somebody else may write the first event of a name without the kind.
    let late = TagQuery::of(&Course("c1"), ["test.late"]).expect("a name");
    assert_eq!(places(&store, &late).await, []);
    accepted(&store, append(&one, [NewEvent::json("test.late", 1, "1")])).await;
    let found = store
        .read_tagged(&late, Position::START, ReadLimit::default())
        .await;
    assert!(
        matches!(found, Err(ReadError::TagsNotReady { .. })),
        "{found:?}"
    );
}

/// A program that does not know a kind writes no event of a name for which it is on, and all others. It may have opened
/// the store before the kind was on.
pub async fn a_program_without_the_kind_is_fenced(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let older = if fixture.capabilities().reopens {
        fixture.open().await
    } else {
        store.clone()
    };
    let two = stream("two");
    let exactly = |version, name: &'static str| {
        let mut append = append(&two, [NewEvent::json(name, 1, "1")]);
        append.expected = ExpectedVersion::at(version);
        append
    };
    accepted(&older, exactly(0, "test.counted")).await;
    let place = accepted(&store, append(&stream("one"), [subscribed(CANARY, "c1")])).await;
    let before = whole_feed(&older).await;
    let both = exactly(1, "test.counted").with_event(NewEvent::json("test.subscribed", 1, "1"));
    let mut half = exactly(1, "test.subscribed");
    half.events[0].tags = vec![EventTag::of(&Course("c1"))];
    for (request, unknown) in [
        (exactly(1, "test.subscribed"), "course"),
        (
            append(&two, [NewEvent::json("test.subscribed", 1, "1")]),
            "course",
        ),
        (both, "course"),
        (half, "student"),
    ] {
        let error = older
            .append(request)
            .await
            .expect_err("it does not know the kind");
        assert_eq!(error.outcome(), Outcome::NotApplied);
        match error {
            AppendError::TagKindUnknown {
                stream,
                kind,
                event,
            } => {
                assert_eq!(
                    (&stream, &*kind, &*event),
                    (&two, unknown, "test.subscribed")
                );
            }
            wrong => panic!("the kind is unknown to the writer, and not {wrong:?}"),
        }
    }
    assert_eq!(whole_feed(&older).await, before);
    accepted(&older, exactly(1, "test.counted")).await;
    let none = ["student", "course", "newer"].map(EventTag::new);
    accepted(
        &older,
        append(&two, [event("test.subscribed", none.to_vec())]),
    )
    .await;
    assert_eq!(places(&older, &of_course("c1")).await, [place]);
}

/// A kind is turned on for older events in steps. Steps that come late or twice do no harm, and events that come meanwhile
/// are in.
pub async fn a_kind_is_turned_on_for_older_events(fixture: AnyFixture) {
    let Some(store) = walks(&fixture).await else {
        return;
    };
    let one = stream("one");
    let old = |name: &'static str| append(&one, [NewEvent::json(name, 1, "1")]);
    let mut at = Vec::new();
    for name in [
        "test.subscribed",
        "test.joined",
        "test.counted",
        "test.subscribed",
    ] {
        at.push(accepted(&store, old(name)).await);
    }
    // `test.joined` is a retired name of the same event.
    let pair = |event: &str, kind: &str| (event.to_owned(), kind.to_owned());
    let all = || {
        let names = ["test.subscribed", "test.joined"];
        let pairs = names.map(|name| ["course", "student"].map(|kind| pair(name, kind)));
        TagWalk::new(pairs.into_iter().flatten().collect())
    };
    let tagged = |place: Position, name: &str, student: &str| {
        (place, name.to_owned(), subscribed(student, "c1").tags)
    };
    let query = TagQuery::of(&Course("c1"), ["test.subscribed", "test.joined"]).expect("names");
    let walked = store.walk_tags(all()).await.expect("looked");
    assert_eq!((walked.at, walked.missing.len()), (Position::START, 4));
    let mut first = all();
    (first.from, first.to) = (Position::START, at[1]);
    first.tags = vec![
        tagged(at[0], "test.subscribed", "s1"),
        tagged(at[1], "test.joined", "s2"),
    ];
    for _ in 0..2 {
        let walked = store.walk_tags(first.clone()).await.expect("walked");
        assert_eq!((walked.at, walked.missing.len()), (at[1], 4));
    }
    match store
        .read_tagged(&query, Position::START, ReadLimit::default())
        .await
    {
        Err(ReadError::TagsNotReady { reached, head, .. }) => {
            assert_eq!((reached, head), (at[1], at[3]));
        }
        wrong => panic!("the tags are not all there, and not {wrong:?}"),
    }
    let store = again(&fixture, store).await;
    let looked = store.walk_tags(all()).await.expect("looked");
    assert_eq!(looked.at, at[1]);
    // A step that would leave some out is not done.
    let mut gap = all();
    (gap.from, gap.to) = (at[2], at[3]);
    let walked = store.walk_tags(gap).await.expect("walked");
    assert_eq!((walked.at, walked.missing.len()), (at[1], 4));
    // An event comes meanwhile, of a program with other tags. They are not recorded yet: the walk says which it has.
    let meanwhile = accepted(&store, append(&one, [subscribed("s4", "other")])).await;
    let mut last = all();
    (last.from, last.to) = (at[1], at[3]);
    last.tags = vec![tagged(at[3], "test.subscribed", "s3")];
    let walked = store.walk_tags(last.clone()).await.expect("walked");
    assert_eq!((walked.at, walked.missing.len()), (at[3], 4));
    // The first step of another caller comes late.
    let walked = store.walk_tags(first.clone()).await.expect("walked");
    assert_eq!((walked.at, walked.missing.len()), (at[3], 4));
    let mut rest = all();
    (rest.from, rest.to) = (at[3], meanwhile);
    rest.tags = vec![tagged(meanwhile, "test.subscribed", "s4")];
    let walked = store.walk_tags(rest).await.expect("walked");
    assert_eq!(walked.missing, []);
    assert_eq!(places(&store, &of_course("other")).await, []);
    let wanted = [at[0], at[1], at[3], meanwhile];
    assert_eq!(places(&store, &query).await, wanted);
    assert_eq!(
        places(&store, &query.clone().and(&Student("s2"))).await,
        [at[1]]
    );
    // Steps of another caller come late.
    for late in [first, last] {
        let walked = store.walk_tags(late).await.expect("walked");
        assert_eq!(walked.missing, []);
    }
    assert_eq!(places(&store, &query).await, wanted);
    // Now they are as any kinds.
    for name in ["test.subscribed", "test.joined"] {
        let older = store.append(old(name)).await;
        assert!(
            matches!(older, Err(AppendError::TagKindUnknown { .. })),
            "{older:?}"
        );
    }
    let next = accepted(&store, append(&one, [subscribed("s5", "c1")])).await;
    assert_eq!(places(&store, &query).await[4..], [next]);
    // A later release has one more kind.
    let mut more = TagWalk::new(vec![
        pair("test.subscribed", "room"),
        pair("test.subscribed", "course"),
    ]);
    let walked = store.walk_tags(more.clone()).await.expect("looked");
    assert_eq!(walked.missing, [pair("test.subscribed", "room")]);
    more.to = next;
    assert_eq!(store.walk_tags(more).await.expect("walked").missing, []);
    // What cannot be a kind is never on.
    let mut odd = TagWalk::new(vec![pair("test.subscribed", "a:b")]);
    odd.to = next;
    assert_eq!(store.walk_tags(odd).await.expect("walked").missing.len(), 1);
}

/// An append whose caller goes away is there with its tags, or neither is.
pub async fn an_event_and_its_tags_are_there_or_neither_is(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let name = |number: u32| format!("dropped-{number}");
    for number in 0..60 {
        let own = name(number);
        let call = store.append(append(&stream(&own), [subscribed("s", &own)]));
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
    accepted(&store, append(&stream("last"), [subscribed("s", "last")])).await;
    for number in 0..60 {
        let is_there = version_of(&store, &stream(name(number))).await == 1;
        let found = places(&store, &of_course(&name(number))).await.len();
        assert_eq!(found, usize::from(is_there), "append {number}");
    }
}

/// Three tasks that append to streams of their own, and how many of them still do.
pub(super) fn three_writers(store: &AnyTested) -> (Arc<AtomicUsize>, Vec<JoinHandle<()>>) {
    let writing = Arc::new(AtomicUsize::new(3));
    let writers = (0..3).map(|number| {
        let (store, writing) = (store.clone(), Arc::clone(&writing));
        super::spawn(async move {
            for count in 0..300 {
                let events = (0..=count % 3).map(|_| subscribed("s", "c"));
                accepted(&store, append(&stream(number), events)).await;
                tokio::task::yield_now().await;
            }
            writing.fetch_sub(1, Ordering::SeqCst);
        })
    });
    let writers = writers.collect();
    (writing, writers)
}

/// Up to two of three courses, and up to two of twelve students.
pub(super) fn random_tags(random: &mut fastrand::Rng) -> Vec<EventTag> {
    let mut tag = |kind, most: usize| {
        let count = random.usize(..=2);
        (0..count).fold(EventTag::new(kind), |tag, _| {
            tag.with(random.usize(..most).to_string())
        })
    };
    vec![tag("course", 3), tag("student", 12)]
}

/// Whether one of the tags has this value.
pub(super) fn has(tags: &[EventTag], kind: &str, value: &String) -> bool {
    let mut of_kind = tags.iter().filter(|tag| tag.kind == kind);
    of_kind.any(|tag| tag.values.contains(value))
}

/// Where a page is the last one, no event up to its end is missing, while others write.
pub async fn the_end_of_a_page_is_that_of_its_events(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let (writing, writers) = three_writers(&store);
    let (mut ends, mut count, mut next) = (Vec::new(), 0, Position::START);
    let mut is_over = false;
    while !is_over {
        is_over = writing.load(Ordering::SeqCst) == 0;
        let (found, end) = found_by(&store, &of_course("c"), next, 64).await;
        count += found.len();
        next = end;
        ends.push((count, next));
        tokio::task::yield_now().await;
    }
    super::join_all(writers).await;
    let all = whole_feed(&store).await;
    for (count, next) in ends {
        let wanted = all.iter().filter(|event| event.position <= next).count();
        assert_eq!(count, wanted, "events up to {next} are missing");
    }
}

/// Queries find what a scan of all events finds, whatever was appended.
pub async fn random_queries_find_what_a_scan_finds(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let mut random = fastrand::Rng::with_seed(7);
    let names = ["test.a", "test.b", "test.c"];
    let mut log: Vec<(Position, &str, Vec<EventTag>)> = Vec::new();
    for round in 0..60 {
        let events = (0..random.usize(1..5)).map(|_| {
            let name = names[random.usize(..3)];
            event(name, random_tags(&mut random))
        });
        let events: Vec<NewEvent> = events.collect();
        let mut request = append(&stream(round % 4), events.clone());
        if random.u8(..8) == 0 {
            request.expected = ExpectedVersion::Exact(1_000);
        }
        let Ok(done) = store.append(request).await else {
            continue;
        };
        let feed = whole_feed(&store).await;
        let places = feed
            .iter()
            .rev()
            .take(events.len())
            .rev()
            .map(|event| event.position);
        assert_eq!(feed.last().map(|event| event.position), Some(done.position));
        for (place, new) in places.zip(events) {
            let name = names.iter().find(|name| **name == new.name).expect("known");
            log.push((place, name, new.tags));
        }
    }
    for _ in 0..200 {
        let (course, student) = (
            random.usize(..4).to_string(),
            random.usize(..13).to_string(),
        );
        let listed = &names[..random.usize(1..=3)];
        let query = TagQuery::of(&Course(&course), listed.iter().copied()).expect("a name");
        let (query, needs_both) = match random.u8(..3) {
            0 => (query, false),
            1 => (query.and(&Student(&student)), true),
            _ => {
                let query = TagQuery::of(&Student(&student), listed.iter().copied());
                (query.expect("a name").and(&Course(&course)), true)
            }
        };
        let after = log[random.usize(..log.len())].0;
        let after = if random.bool() {
            Position::START
        } else {
            after
        };
        let wanted = log.iter().filter(|(place, name, tags)| {
            let is_student = !needs_both || has(tags, "student", &student);
            *place > after && listed.contains(name) && has(tags, "course", &course) && is_student
        });
        let wanted: Vec<Position> = wanted.map(|(place, _, _)| *place).collect();
        let most = random.usize(1..20);
        let (found, _) = found_by(&store, &query, after, most).await;
        assert_eq!(super::positions(&found), wanted, "{query:?} after {after}");
    }
}
