//! Checks of commits over several streams, for stores that implement [`CommitStore`] and not
//! [`WorkQueue`](es_runtime::WorkQueue). Those with a work queue run the checks of [`sagas`], which have all
//! of this too.

use super::{
    AnyFixture, again, all_of, append_id, faults::dropped_after, request, sagas, stream,
    version_of, versions, whole_feed, write,
};
use es_runtime::{
    Append, AppendError, Commit, CommitError, CommitStore, CursorMove, EventStore, ExpectedVersion,
    Outcome, Position, StorageErrorKind, WorkChange,
};

/// A commit stores all of its appends, in their order, with the results that are read later.
pub async fn appends_of_a_commit_are_all_there(fixture: AnyFixture) {
    let store = fixture.open().await;
    let streams = ["one", "two", "three"].map(stream);
    for round in 0..5_u64 {
        let commit = streams
            .iter()
            .zip(1..)
            .fold(Commit::new(), |commit, (stream, size)| {
                let expected = ExpectedVersion::Exact(round * size);
                commit.append(request(stream, expected, 0..size))
            });
        let done = store.commit(commit).await.expect("committed").appended;
        let head = store.head().await.expect("a head");
        assert_eq!(done.last().map(|done| done.position), Some(head));
        assert!(
            done.windows(2)
                .all(|pair| pair[0].position < pair[1].position)
        );
        for ((stream, done), size) in streams.iter().zip(&done).zip(1..) {
            assert_eq!((done.version, done.events), ((round + 1) * size, size));
            let events = all_of(&store, stream).await;
            let newest = events.last().expect("it has events");
            assert_eq!(
                (newest.version, newest.position),
                (done.version, done.position)
            );
            assert_eq!(newest.recorded_at, done.recorded_at);
        }
    }
    let store = again(&fixture, store).await;
    for (stream, size) in streams.iter().zip(1..) {
        let found = versions(&all_of(&store, stream).await);
        assert_eq!(found, (1..=size * 5).collect::<Vec<_>>());
    }
    assert_eq!(whole_feed(&store).await.len(), 30);
    assert_eq!(
        store
            .commit(Commit::new())
            .await
            .expect("nothing to do")
            .appended,
        []
    );
}

/// A commit that is refused stores no event, no append id and no cursor, whichever of its appends is the reason.
pub async fn a_refused_commit_leaves_nothing(fixture: AnyFixture) {
    let store = fixture.open().await;
    let (one, two) = (stream("one"), stream("two"));
    let first = request(&one, ExpectedVersion::NoStream, [1]).with_append_id(append_id("first"));
    store
        .commit(Commit::new().append(first.clone()))
        .await
        .expect("committed");
    let before = whole_feed(&store).await;
    let with = |other: Append| {
        let own = request(&two, ExpectedVersion::NoStream, [2]).with_append_id(append_id("own"));
        let cursor = CursorMove::new("consumer", None, Position::from_parts([0, 0, 1]));
        Commit::new().append(own).append(other).cursor(cursor)
    };
    let stale = with(request(&one, ExpectedVersion::Exact(7), [3]));
    match store.commit(stale).await {
        Err(CommitError::Append(AppendError::Conflict { stream, actual, .. })) => {
            assert_eq!((&stream, actual), (&one, 1));
        }
        wrong => panic!("a conflict was to come, not {wrong:?}"),
    }
    match store.commit(with(first.clone())).await {
        Err(CommitError::Repeated { stream, first }) => {
            assert_eq!((&stream, first.version), (&one, 1));
        }
        wrong => panic!("the id was seen, and not {wrong:?}"),
    }
    let reused = request(&one, ExpectedVersion::Any, [7, 8]).with_append_id(append_id("first"));
    match store.commit(with(reused)).await {
        Err(CommitError::Append(AppendError::IdReused { .. })) => {}
        wrong => panic!("the id was used for other events, and not {wrong:?}"),
    }
    let mut twin = with(request(&one, ExpectedVersion::Any, [3]));
    twin.appends[1].events[0].id = twin.appends[0].events[0].id;
    match store.commit(twin).await {
        Err(CommitError::Append(AppendError::DuplicateEventId { stream, .. })) => {
            assert_eq!(stream, one);
        }
        wrong => panic!("two events of the commit have one id, and not {wrong:?}"),
    }
    let same = store
        .commit(with(request(&two, ExpectedVersion::Any, [3])))
        .await;
    let same = same.expect_err("two of one stream");
    assert!(matches!(same, CommitError::SameStream { .. }));
    assert_eq!(same.outcome(), Outcome::NotApplied);
    let store = again(&fixture, store).await;
    assert_eq!(whole_feed(&store).await, before);
    let own = store.find_append(&two, &append_id("own")).await;
    assert_eq!(own.expect("read"), None);
    assert_eq!(store.cursor("consumer").await.expect("read"), None);
    // And what was refused did not use anything up.
    let good = with(request(&one, ExpectedVersion::Exact(1), [3]));
    store.commit(good).await.expect("committed");
    assert_eq!(version_of(&store, &two).await, 1);
    let known = store
        .find_append(&two, &append_id("own"))
        .await
        .expect("read");
    assert_eq!(known.map(|known| known.version), Some(1));
}

/// Of several commits to two streams at the same version, one succeeds.
pub async fn one_of_many_racing_commits_wins(fixture: AnyFixture) {
    sagas::one_of_many_racing_commits_wins(fixture).await;
}

/// An append without events guards its stream, also against a commit that guards the stream of this one. With an id it
/// is remembered.
pub async fn an_append_without_events_guards_its_stream(fixture: AnyFixture) {
    let store = fixture.open().await;
    let (quiet, other) = (stream("quiet"), stream("other"));
    let ask = |number: u64| {
        let nothing = Append::new(quiet.clone(), ExpectedVersion::Exact(0));
        Commit::new()
            .append(nothing.with_append_id(append_id("nothing")))
            .append(request(&other, ExpectedVersion::Any, [number]))
    };
    let done = store.commit(ask(1)).await.expect("committed");
    assert_eq!((done.appended[0].version, done.appended[0].events), (0, 0));
    match store.commit(ask(2)).await {
        Err(CommitError::Repeated { stream, first }) => {
            assert_eq!((&stream, first.version), (&quiet, 0));
        }
        wrong => panic!("the id was seen, and not {wrong:?}"),
    }
    assert_eq!(version_of(&store, &other).await, 1);
    assert_eq!(version_of(&store, &quiet).await, 0);
    drop(store);
    sagas::an_append_without_events_guards_its_stream(fixture).await;
}

/// A cursor moves with the appends of its commit, from where the consumer expects it, and its text with it.
pub async fn a_cursor_moves_with_its_commit(fixture: AnyFixture) {
    let store = fixture.open().await;
    let at = |number| Position::from_parts([0, number, 3]);
    let step = |consumer: &str, from: Option<u64>, to: u64| {
        let moved = CursorMove::new(consumer, from.map(at), at(to));
        let own = request(&stream("own"), ExpectedVersion::Any, [to]);
        Commit::new().append(own).cursor(moved)
    };
    for consumer in ["", "a consumer.of > * 7 \u{e9}", "plain"] {
        assert_eq!(store.cursor(consumer).await.expect("read"), None);
        let before = version_of(&store, &stream("own")).await;
        store.commit(step(consumer, None, 1)).await.expect("moved");
        for from in [None, Some(2)] {
            match store.commit(step(consumer, from, 5)).await {
                Err(CommitError::CursorMoved { actual, .. }) => assert_eq!(actual, Some(at(1))),
                wrong => panic!("the cursor stands elsewhere, and not {wrong:?}"),
            }
        }
        let inputs = CursorMove::new(consumer, Some(at(1)), at(2)).with_inputs(None, "text".into());
        store
            .commit(Commit::new().cursor(inputs))
            .await
            .expect("moved");
        assert_eq!(store.cursor(consumer).await.expect("read"), Some(at(2)));
        let inputs = store.cursor_inputs(consumer).await.expect("read");
        assert_eq!(inputs.as_deref(), Some("text"));
        assert_eq!(version_of(&store, &stream("own")).await, before + 1);
    }
    let store = again(&fixture, store).await;
    assert_eq!(store.cursor("plain").await.expect("read"), Some(at(2)));
    let head = store.head().await.expect("a head");
    assert_eq!(
        whole_feed(&store).await.last().map(|event| event.position),
        Some(head)
    );
}

/// A change of a work item is stored with its commit, or refused before anything is written, as the store declares.
pub async fn work_items_are_as_declared(fixture: AnyFixture) {
    let store = fixture.open().await;
    let one = stream("one");
    let commit = Commit::new().append(request(&one, ExpectedVersion::Any, [1]));
    let has_work = fixture.capabilities().work_items;
    match store
        .commit(commit.work(WorkChange::new(one.clone(), "1:abc")))
        .await
    {
        Ok(_) if has_work => return,
        Err(CommitError::Storage { outcome, error }) if !has_work => {
            assert_eq!(outcome, Outcome::NotApplied);
            assert_eq!(error.kind, StorageErrorKind::Unsupported);
        }
        wrong => panic!("work items: {has_work}, and not {wrong:?}"),
    }
    assert_eq!(version_of(&store, &one).await, 0);
    write(&store, &one, ExpectedVersion::NoStream, [1]).await;
}

/// A commit wakes readers of a store that declares wakes.
pub async fn a_commit_wakes_readers(fixture: AnyFixture) {
    if fixture.capabilities().wakes {
        sagas::a_commit_wakes_readers(fixture).await;
    }
}

/// A commit that is dropped after any of its polls is there in whole or not at all.
pub async fn dropped_commits_are_there_or_not(fixture: AnyFixture) {
    let store = fixture.open().await;
    for polls in 0..12_u32 {
        for round in 0..3 {
            let pair = [
                stream(format!("left-{polls}-{round}")),
                stream(format!("right-{polls}-{round}")),
            ];
            let ask = || {
                let commit = pair.iter().fold(Commit::new(), |commit, stream| {
                    commit.append(request(stream, ExpectedVersion::NoStream, 0..2))
                });
                store.commit(commit)
            };
            let ended = dropped_after(polls, ask()).await;
            if let Some(answer) = ended {
                answer.expect("committed");
            }
            // The second one waits for the first one, or is refused because of it.
            if let Err(error) = ask().await {
                let is_conflict =
                    matches!(error, CommitError::Append(AppendError::Conflict { .. }));
                assert!(is_conflict, "{error:?}");
            }
            for stream in &pair {
                assert_eq!(version_of(&store, stream).await, 2, "{stream}");
            }
        }
    }
    assert_eq!(whole_feed(&store).await.len(), 12 * 3 * 4);
}

/// Appends without events to several streams guard each of them, whatever their names and versions have in common.
pub async fn each_of_several_guarded_streams_is_compared(fixture: AnyFixture) {
    let store = fixture.open().await;
    let guarded = ["aaaa", "bbbb", "cccc", "dddd"].map(stream);
    let written = stream("written");
    let with = |versions: [u64; 4], at: u64| {
        let own = request(&written, ExpectedVersion::Exact(at), [at]);
        let guards = guarded.iter().zip(versions);
        guards.fold(Commit::new().append(own), |commit, (stream, version)| {
            commit.append(Append::new(stream.clone(), ExpectedVersion::Exact(version)))
        })
    };
    for round in 0..3 {
        let before = version_of(&store, &written).await;
        let now = [round; 4];
        store
            .commit(with(now, before))
            .await
            .expect("none has moved");
        for (index, moved) in guarded.iter().enumerate() {
            // Only one of them has moved, and the commit still expects all of them where they were.
            let mut known = now;
            known[..index].fill(round + 1);
            write(&store, moved, ExpectedVersion::Exact(round), [1]).await;
            match store.commit(with(known, before + 1)).await {
                Err(CommitError::Append(AppendError::Conflict { stream, actual, .. })) => {
                    assert_eq!((&stream, actual), (moved, round + 1));
                }
                wrong => panic!("{moved} has moved, and not {wrong:?}"),
            }
        }
        assert_eq!(version_of(&store, &written).await, before + 1);
    }
    // Two commits that each write one of four streams and guard the others: one is stored.
    for round in 0..8 {
        let streams = ["p", "q", "r", "s"].map(|name| stream(format!("{name}-{round}")));
        let tasks = (0..4).map(|mine| {
            let (store, streams) = (store.clone(), streams.clone());
            super::spawn(async move {
                let parts = streams.iter().enumerate().map(|(index, stream)| {
                    let numbers = (index == mine).then_some(1);
                    request(stream, ExpectedVersion::Exact(0), numbers)
                });
                let commit = parts.fold(Commit::new(), Commit::append);
                store.commit(commit).await.is_ok()
            })
        });
        let won = super::join_all(tasks.collect()).await;
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "write skew");
    }
}

/// The appends of a commit claim and release in their order.
pub async fn claims_of_a_commit_follow_its_order(fixture: AnyFixture) {
    sagas::claims_of_a_commit_follow_its_order(fixture).await;
}

/// When commits race for one value, one of them gets it, and no other commit fails.
pub async fn a_taken_value_fails_no_commit_beside_it(fixture: AnyFixture) {
    sagas::a_taken_value_fails_no_commit_beside_it(fixture).await;
}
