//! Checks of repeated requests: an append id has one effect for as long as the stream exists.

use super::{
    AnyFixture, again, all_of, append_id, expect_conflict, join_all, numbered, request, stream,
    version_of, whole_feed, write,
};
use es_runtime::{
    Append, AppendError, EventId, EventStore, ExpectedVersion, NewEvent, Outcome, Position,
};
use std::sync::Arc;
use tokio::sync::Barrier;

/// A repeated request returns the first result and writes nothing, whatever the version of the stream and the
/// new event ids are.
pub async fn the_same_request_twice_has_one_effect(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("twice");
    let id = append_id("request-1");
    // The ids of the events differ between the two, as they do when a request is built again.
    let ask = || request(&order, ExpectedVersion::NoStream, 0..3).with_append_id(id.clone());
    let first = store.append(ask()).await.expect("accepted");
    assert_eq!((first.version, first.events, first.repeated), (3, 3, false));
    write(&store, &order, ExpectedVersion::Exact(3), 3..5).await;
    for _ in 0..2 {
        let second = store.append(ask()).await.expect("known");
        assert_eq!(second, first.clone().as_repeated());
    }
    assert_eq!(version_of(&store, &order).await, 5);
    assert_eq!(whole_feed(&store).await.len(), 5);
}

/// A store remembers a request after ten thousand others and a restart.
pub async fn a_request_is_known_after_ten_thousand_others(fixture: AnyFixture) {
    const TASKS: u64 = 100;
    const EACH: u64 = 100;
    let store = fixture.open().await;
    let order = stream("remembered");
    let id = append_id("first");
    let ask = || request(&order, ExpectedVersion::NoStream, [7]).with_append_id(id.clone());
    let first = store.append(ask()).await.expect("accepted");
    let others = (0..TASKS).map(|task| {
        let (store, order) = (store.clone(), order.clone());
        super::spawn(async move {
            let mine = stream(format!("other-{task}"));
            for number in 0..EACH {
                let target = if number % 2 == 0 { &order } else { &mine };
                let append = request(target, ExpectedVersion::Any, [number])
                    .with_append_id(append_id(format!("{task}-{number}")));
                store.append(append).await.expect("accepted");
            }
        })
    });
    join_all(others.collect()).await;
    let store = again(&fixture, store).await;
    let second = store.append(ask()).await.expect("known");
    assert_eq!(second, first.as_repeated());
    assert_eq!(version_of(&store, &order).await, 1 + TASKS * EACH / 2);
    if !fixture.capabilities().reopens {
        let fresh = fixture.open().await;
        let empty = fresh.head().await.expect("head") == Position::START;
        assert!(empty, "a store that does not reopen has kept events");
    }
}

/// An append id that was used for other events is rejected with the typed error, and nothing is written.
pub async fn other_content_under_a_known_id_is_refused(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("mismatch");
    let id = append_id("used");
    let first = || NewEvent::new("test.a", 1, "text/x", b"one".as_slice());
    let second = || NewEvent::new("test.b", 2, "text/y", b"two".as_slice());
    let ask = |events: Vec<NewEvent>| {
        Append::new(order.clone(), ExpectedVersion::Any)
            .with_events(events)
            .with_append_id(id.clone())
    };
    store
        .append(ask(vec![first(), second()]))
        .await
        .expect("accepted");
    write(&store, &order, ExpectedVersion::Any, [1]).await;
    let others = [
        vec![],
        vec![first()],
        vec![second(), first()],
        vec![first(), second(), second()],
        vec![
            first(),
            NewEvent::new("test.c", 2, "text/y", b"two".as_slice()),
        ],
        vec![
            first(),
            NewEvent::new("test.b", 3, "text/y", b"two".as_slice()),
        ],
        vec![
            first(),
            NewEvent::new("test.b", 2, "text/z", b"two".as_slice()),
        ],
        vec![
            first(),
            NewEvent::new("test.b", 2, "text/y", b"TWO".as_slice()),
        ],
        vec![first(), NewEvent::new("test.b", 2, "text/y", Vec::new())],
    ];
    for (index, events) in others.into_iter().enumerate() {
        let error = store
            .append(ask(events))
            .await
            .expect_err("other content is refused");
        assert_eq!(error.outcome(), Outcome::NotApplied, "case {index}");
        match error {
            AppendError::IdReused {
                stream,
                append_id,
                version,
            } => assert_eq!((stream, append_id, version), (order.clone(), id.clone(), 2)),
            other => panic!("case {index}: the id was used before, not {other:?}"),
        }
    }
    assert_eq!(version_of(&store, &order).await, 3);
    let same = store.append(ask(vec![first(), second()])).await;
    assert!(same.expect("the same content").repeated);
}

/// The same append id with another fingerprint of the request is an error of its own, before the events and the
/// version are compared. Where one of both has no fingerprint they are not compared.
pub async fn an_id_of_another_request_is_refused(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("fingerprint");
    let id = append_id("request");
    let ask = |events: &[u64], expected| {
        let append = request(&order, expected, events.iter().copied());
        append.with_append_id(id.clone())
    };
    let none = ExpectedVersion::NoStream;
    let first = store.append(ask(&[1], none).with_request("body one")).await;
    assert!(!first.expect("accepted").repeated);
    let store = again(&fixture, store).await;
    for (events, expected) in [
        (&[1][..], none),
        (&[2, 3], none),
        (&[], ExpectedVersion::Exact(1)),
    ] {
        match store
            .append(ask(events, expected).with_request("body two"))
            .await
        {
            Err(AppendError::OtherRequest {
                stream,
                append_id,
                version,
            }) => assert_eq!((stream, append_id, version), (order.clone(), id.clone(), 1)),
            other => panic!("another request has this id, and not {other:?}"),
        }
    }
    for same in [ask(&[1], none), ask(&[1], none).with_request("body one")] {
        assert!(store.append(same).await.expect("known").repeated);
    }
    let found = store.find_append(&order, &id).await.expect("read");
    assert_eq!(
        found.and_then(|first| first.request).as_deref(),
        Some("body one")
    );
    let long = ask(&[1], none).with_request("x".repeat(257));
    let refused = store.append(long).await;
    assert!(
        matches!(refused, Err(AppendError::Invalid { .. })),
        "{refused:?}"
    );
    assert_eq!(version_of(&store, &order).await, 1);
}

/// The same append id on another stream is another request.
pub async fn an_id_belongs_to_its_stream(fixture: AnyFixture) {
    let store = fixture.open().await;
    let id = append_id("shared");
    for (number, name) in ["a", "b"].into_iter().enumerate() {
        let order = stream(name);
        let append =
            request(&order, ExpectedVersion::NoStream, [number as u64]).with_append_id(id.clone());
        let done = store.append(append).await.expect("accepted");
        assert_eq!((done.version, done.repeated), (1, false));
    }
    assert_eq!(whole_feed(&store).await.len(), 2);
}

/// An event id that is already stored, or occurs twice in one append, is rejected with the typed error. A store that
/// does not declare that it compares ids accepts one that is stored.
pub async fn a_known_event_id_is_refused(fixture: AnyFixture) {
    let store = fixture.open().await;
    let (one, two) = (stream("one"), stream("two"));
    let event = numbered(1);
    let first = Append::new(one.clone(), ExpectedVersion::Any).with_event(event.clone());
    store.append(first).await.expect("accepted");
    let twice = EventId::new();
    let cases = [
        (&one, vec![event.clone()], event.id),
        (&two, vec![event.clone()], event.id),
        (&two, vec![numbered(2), event.clone()], event.id),
        (
            &two,
            vec![
                numbered(1).with_id(twice),
                numbered(2),
                numbered(3).with_id(twice),
            ],
            twice,
        ),
    ];
    let stored = if fixture.capabilities().event_ids {
        0
    } else {
        3
    };
    for (order, events, _) in &cases[..stored] {
        let append =
            Append::new((*order).clone(), ExpectedVersion::Any).with_events(events.clone());
        store.append(append).await.expect("ids are not compared");
    }
    let before = whole_feed(&store).await.len();
    let version = version_of(&store, &two).await;
    for (order, events, id) in cases.into_iter().skip(stored) {
        let append = Append::new(order.clone(), ExpectedVersion::Any).with_events(events);
        let error = store.append(append).await.expect_err("the id is taken");
        assert_eq!(error.outcome(), Outcome::NotApplied);
        match error {
            AppendError::DuplicateEventId { stream, event_id } => {
                assert_eq!((&stream, event_id), (order, id));
            }
            other => panic!("a duplicate event id was to come, not {other:?}"),
        }
    }
    assert_eq!(whole_feed(&store).await.len(), before);
    let append = Append::new(two.clone(), ExpectedVersion::at(version))
        .with_event(numbered(1).with_id(twice));
    let done = store.append(append).await.expect("that id is still free");
    assert_eq!(done.version, version + 1);
}

/// An append with an id and without events is remembered like any other.
pub async fn an_append_id_without_events_is_remembered(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("decided-nothing");
    let none = [0_u64; 0];
    for before in 0..2_u64 {
        let id = append_id(format!("nothing-{before}"));
        let expected = ExpectedVersion::Exact(before);
        let ask = || request(&order, expected, none).with_append_id(id.clone());
        let first = store.append(ask()).await.expect("accepted");
        let answer = (first.version, first.events, first.repeated);
        assert_eq!(answer, (before, 0, false));
        assert_eq!(first.position == Position::START, before == 0);
        write(&store, &order, expected, [1]).await;
        let second = store.append(ask()).await.expect("known");
        assert_eq!(second, first.clone().as_repeated());
        let found = store.find_append(&order, &id).await.expect("read");
        assert_eq!(found, Some(first.as_repeated()));
        let other = request(&order, ExpectedVersion::Any, [9]).with_append_id(id.clone());
        let refused = store.append(other).await;
        assert!(matches!(refused, Err(AppendError::IdReused { .. })));
    }
    assert_eq!(version_of(&store, &order).await, 2);
    let store = again(&fixture, store).await;
    let ask = request(&order, ExpectedVersion::Exact(1), none);
    let known = store
        .append(ask.with_append_id(append_id("nothing-1")))
        .await;
    assert!(known.expect("known").repeated);
}

/// A rejected request may be repeated with its id.
pub async fn a_refused_append_leaves_its_id_free(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("refused");
    let id = append_id("again");
    let stale = ExpectedVersion::Exact(1);
    let append = request(&order, stale, [1]).with_append_id(id.clone());
    expect_conflict(store.append(append).await, &order, stale, 0);
    let append = request(&order, ExpectedVersion::Exact(0), [1, 2]).with_append_id(id.clone());
    let done = store.append(append).await.expect("accepted");
    assert_eq!((done.version, done.repeated), (2, false));
}

/// Of twenty concurrent copies of a request, one writes, and all get the same result.
pub async fn racing_repeats_have_one_effect(fixture: AnyFixture) {
    let store = fixture.open().await;
    for round in 0..10 {
        let order = stream(format!("repeats-{round}"));
        let start = Arc::new(Barrier::new(20));
        let tasks = (0..20).map(|_| {
            let (store, order, start) = (store.clone(), order.clone(), Arc::clone(&start));
            super::spawn(async move {
                let append = request(&order, ExpectedVersion::NoStream, 0..3)
                    .with_append_id(append_id("one"));
                start.wait().await;
                store.append(append).await.expect("accepted or known")
            })
        });
        let answers = join_all(tasks.collect()).await;
        let first = answers.iter().filter(|answer| !answer.repeated).count();
        assert_eq!(first, 1, "round {round}");
        for answer in &answers {
            assert_eq!(
                answer.clone().as_repeated(),
                answers[0].clone().as_repeated()
            );
        }
        assert_eq!(all_of(&store, &order).await.len(), 3);
    }
}

/// `find_append` returns the result of the first append with an id, and nothing for other ids.
pub async fn find_append_finds_what_was_done(fixture: AnyFixture) {
    let store = fixture.open().await;
    let (order, other) = (stream("found"), stream("not-found"));
    let id = append_id("known");
    assert_eq!(store.find_append(&order, &id).await.expect("read"), None);
    let append = request(&order, ExpectedVersion::Any, 0..4).with_append_id(id.clone());
    let done = store.append(append).await.expect("accepted");
    write(&store, &order, ExpectedVersion::Any, [5]).await;
    let store = again(&fixture, store).await;
    let found = store.find_append(&order, &id).await.expect("read");
    assert_eq!(found, Some(done.as_repeated()));
    assert_eq!(store.find_append(&other, &id).await.expect("read"), None);
    for near in ["Known", "known ", "kno", "known%", "_nown"] {
        let near = append_id(near);
        let found = store.find_append(&order, &near).await.expect("read");
        assert_eq!(found, None, "{near:?}");
    }
}

/// An append that was dropped and then repeated with its id is stored once, and all results agree.
pub async fn a_dropped_append_is_resolved_by_its_id(fixture: AnyFixture) {
    let store = fixture.open().await;
    for number in 0..60 {
        let order = stream(format!("dropped-{number}"));
        let id = append_id("one");
        let ask = || request(&order, ExpectedVersion::NoStream, 0..2).with_append_id(id.clone());
        let task = {
            let (store, append) = (store.clone(), ask());
            super::spawn(async move { store.append(append).await })
        };
        for _ in 0..number % 6 {
            tokio::task::yield_now().await;
        }
        task.abort();
        let ended = task.await.ok().map(|answer| answer.expect("accepted"));
        let second = store.append(ask()).await.expect("accepted or known");
        assert_eq!((second.version, second.events), (2, 2));
        if let Some(first) = ended {
            assert_eq!(second, first.as_repeated());
        }
        let found = store.find_append(&order, &id).await.expect("read");
        assert_eq!(found, Some(second.as_repeated()));
        assert_eq!(version_of(&store, &order).await, 2);
    }
    assert_eq!(whole_feed(&store).await.len(), 120);
}

/// A batch of forty requests is sent again after some were stored. Each is stored once, in order.
pub async fn a_batch_of_requests_can_be_sent_again(fixture: AnyFixture) {
    const REQUESTS: u64 = 40;
    let store = fixture.open().await;
    let order = stream("batch-again");
    let ask = |number: u64| {
        request(&order, ExpectedVersion::Exact(number * 2), [number, number])
            .with_append_id(append_id(format!("request-{number}")))
    };
    for sent in [7, 7, 23, REQUESTS] {
        for number in 0..sent {
            let done = store.append(ask(number)).await.expect("accepted or known");
            assert_eq!(done.version, number * 2 + 2);
        }
    }
    let store = again(&fixture, store).await;
    for number in 0..REQUESTS {
        assert!(store.append(ask(number)).await.expect("known").repeated);
    }
    let events = all_of(&store, &order).await;
    assert_eq!(events.len() as u64, REQUESTS * 2);
    for (event, number) in events
        .iter()
        .zip((0..REQUESTS).flat_map(|number| [number; 2]))
    {
        assert_eq!(event.payload, numbered(number).payload);
    }
}
