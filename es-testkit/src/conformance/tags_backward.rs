//! Checks of reads by tags from the end. A store that does not [declare](super::Capabilities::tags) tags must refuse them.

use super::{
    AnyFixture, again,
    erased::AnyTested,
    stream,
    tags::{
        Course, Student, accepted, append, event, has, of_course, random_tags, subscribed,
        supported, three_writers,
    },
    whole_feed,
};
use es_runtime::{EventStore, EventTag, NewEvent, Position, ReadLimit, TagQuery, TaggedBackward};
use std::{
    ops::{Bound, RangeBounds},
    sync::atomic::Ordering,
};

async fn page(
    store: &AnyTested,
    query: &TagQuery,
    after: Position,
    until: Bound<Position>,
    most: usize,
) -> TaggedBackward {
    let limit = ReadLimit::events(most);
    let page = store
        .read_tagged_backward(query, after, until, limit)
        .await
        .expect("the tags can be read");
    assert!(page.events.len() <= most, "a page is larger than asked for");
    assert!(
        page.at_start || !page.events.is_empty(),
        "the pages stand still"
    );
    page
}

/// The positions of all events of a range that a query finds, newest first, in pages of `most`.
async fn found_by(
    store: &AnyTested,
    query: &TagQuery,
    after: Position,
    until: Bound<Position>,
    most: usize,
) -> Vec<Position> {
    let (mut found, mut rest) = (Vec::new(), until);
    loop {
        let page = page(store, query, after, rest, most).await;
        found.extend(super::positions(&page.events));
        if page.at_start {
            return found;
        }
        rest = found.last().map_or(rest, |oldest| Bound::Excluded(*oldest));
    }
}

/// A read from the end finds the events of its names that have all of its tags, newest first, in any range, also after the
/// store was opened again.
pub async fn the_newest_events_are_found_first(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let one = stream("one");
    let empty = page(
        &store,
        &of_course("c1"),
        Position::START,
        Bound::Unbounded,
        1,
    )
    .await;
    assert_eq!(
        (empty.events.len(), empty.head, empty.at_start),
        (0, Position::START, true)
    );
    let mut at = Vec::new();
    for (number, new) in [
        subscribed("s1", "c1"),
        subscribed("s1", "c2"),
        event("test.defined", vec![EventTag::of(&Course("c1"))]),
        subscribed("s2", "c1"),
        NewEvent::json("test.plain", 1, "1"),
        subscribed("s1", "c1"),
        subscribed("s2", "c2"),
        event("test.defined", vec![EventTag::of(&Course("c1"))]),
    ]
    .into_iter()
    .enumerate()
    {
        at.push(accepted(&store, append(&stream(number % 2), [new])).await);
    }
    accepted(&store, append(&one, [NewEvent::json("test.plain", 1, "1")])).await;
    let store = again(&fixture, store).await;
    if !fixture.capabilities().reopens {
        at = super::positions(&whole_feed(&store).await);
    }
    let head = store.head().await.expect("a head");
    let both = TagQuery::of(&Course("c1"), ["test.subscribed", "test.defined"]).expect("names");
    let pair = of_course("c1").and(&Student("s1"));
    let student = TagQuery::of(&Student("s1"), ["test.subscribed", "test.none"]).expect("names");
    for (query, wanted) in [
        (of_course("c1"), vec![5, 3, 0]),
        (of_course("c2"), vec![6, 1]),
        (of_course("c3"), vec![]),
        (both, vec![7, 5, 3, 2, 0]),
        (pair.clone(), vec![5, 0]),
        (student.clone(), vec![5, 1, 0]),
        (student.and(&Course("c2")), vec![1]),
        (pair.and(&Course("c2")), vec![]),
    ] {
        let wanted: Vec<Position> = wanted.into_iter().map(|index: usize| at[index]).collect();
        let newest = page(&store, &query, Position::START, Bound::Unbounded, 1).await;
        assert_eq!(
            super::positions(&newest.events),
            wanted[..wanted.len().min(1)],
            "{query:?}"
        );
        assert_eq!(newest.head, head);
        for most in [1, 2, 100] {
            let found = found_by(&store, &query, Position::START, Bound::Unbounded, most).await;
            assert_eq!(found, wanted, "{query:?} by {most}");
        }
        for (after, until) in at
            .iter()
            .flat_map(|after| at.iter().map(move |end| (after, end)))
        {
            for until in [Bound::Included(*until), Bound::Excluded(*until)] {
                let found = found_by(&store, &query, *after, until, 1).await;
                let range = (Bound::Excluded(*after), until);
                let wanted = wanted.iter().filter(|place| range.contains(place));
                assert!(found.iter().eq(wanted), "{query:?} in {range:?}: {found:?}");
            }
        }
    }
    // The events are those of the feed, with all of their columns.
    let newest = page(
        &store,
        &of_course("c2"),
        Position::START,
        Bound::Unbounded,
        1,
    )
    .await;
    assert_eq!(newest.events, [whole_feed(&store).await[6].clone()]);
}

/// While others write, the first event of a page is the newest one up to its end.
pub async fn the_end_of_a_page_backward_is_that_of_its_events(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let (writing, writers) = three_writers(&store);
    let (mut pages, mut is_over) = (Vec::new(), false);
    while !is_over {
        is_over = writing.load(Ordering::SeqCst) == 0;
        let most = 1 + pages.len() % 3;
        let query = of_course("c");
        let page = page(&store, &query, Position::START, Bound::Unbounded, most).await;
        pages.push((super::positions(&page.events), page.head, most));
        tokio::task::yield_now().await;
    }
    super::join_all(writers).await;
    let all = super::positions(&whole_feed(&store).await);
    for (found, head, most) in pages {
        let known = all.iter().rev().filter(|place| **place <= head);
        let wanted: Vec<_> = known.take(most).copied().collect();
        assert_eq!(found, wanted, "the newest {most} events up to {head}");
    }
}

/// Reads from the end find what a scan of all events finds, whatever was appended.
pub async fn random_queries_find_the_newest_of_a_scan(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let mut random = fastrand::Rng::with_seed(11);
    let names = ["test.a", "test.b", "test.c"];
    let mut log: Vec<(&str, Vec<EventTag>)> = Vec::new();
    for round in 0..40 {
        let events = (0..random.usize(1..5)).map(|_| {
            let name = names[random.usize(..3)];
            let tags = random_tags(&mut random);
            log.push((name, tags.clone()));
            event(name, tags)
        });
        let events: Vec<NewEvent> = events.collect();
        accepted(&store, append(&stream(round % 4), events)).await;
    }
    let at = super::positions(&whole_feed(&store).await);
    assert_eq!(at.len(), log.len());
    for _ in 0..150 {
        let (course, student) = (
            random.usize(..4).to_string(),
            random.usize(..13).to_string(),
        );
        let listed = &names[..random.usize(1..=3)];
        let query = TagQuery::of(&Course(&course), listed.iter().copied()).expect("a name");
        let needs_both = random.bool();
        let query = if needs_both {
            query.and(&Student(&student))
        } else {
            query
        };
        let after = if random.bool() {
            Position::START
        } else {
            at[random.usize(..at.len())]
        };
        let end = at[random.usize(..at.len())];
        let until = match random.u8(..3) {
            0 => Bound::Included(end),
            1 => Bound::Excluded(end),
            _ => Bound::Unbounded,
        };
        let range = (Bound::Excluded(after), until);
        let wanted = log.iter().zip(&at).rev().filter(|((name, tags), place)| {
            let is_student = !needs_both || has(tags, "student", &student);
            range.contains(*place)
                && listed.contains(name)
                && has(tags, "course", &course)
                && is_student
        });
        let wanted: Vec<Position> = wanted.map(|(_, place)| *place).collect();
        let most = random.usize(1..20);
        let found = found_by(&store, &query, after, until, most).await;
        assert_eq!(found, wanted, "{query:?} in {range:?}");
    }
}
