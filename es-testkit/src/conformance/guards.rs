//! Checks of guards: commits that hold only while a query by tags finds nothing new. They are for stores that implement
//! [`CommitStore`]. A store that does not [declare](super::Capabilities::tags) tags must refuse every guard.

use super::{
    AnyFixture, append_id,
    erased::AnyTested,
    join_all, request, stream,
    tags::{self, accepted, append, event, of_course, places, subscribed},
    version_of, whole_feed,
};
use es_runtime::{
    AppendError, Commit, CommitError, CommitStore, Committed, EventStore, EventTag,
    ExpectedVersion, NewEvent, Outcome, Position, StorageErrorKind, TagQuery,
};

/// The store, when it has tags. Otherwise it must refuse guards.
async fn supported(fixture: &AnyFixture) -> Option<AnyTested> {
    let Some(store) = tags::supported(fixture).await else {
        let store = fixture.open().await;
        let commit =
            Commit::new().append(append(&stream("one"), [NewEvent::json("test.a", 1, "1")]));
        match store
            .commit(commit.guard(of_course("c"), Position::START))
            .await
        {
            Err(CommitError::Storage { outcome, error }) => {
                assert_eq!(outcome, Outcome::NotApplied);
                assert_eq!(error.kind, StorageErrorKind::Unsupported);
            }
            wrong => panic!("guards are not supported, and not {wrong:?}"),
        }
        return None;
    };
    Some(store)
}

/// A commit that subscribes a student to a course that nobody joined after this position.
fn subscribe(student: &str, course: &str, after: Position) -> Commit {
    let own = append(
        &stream(format!("{course}-{student}")),
        [subscribed(student, course)],
    );
    Commit::new().append(own).guard(of_course(course), after)
}

/// The position of the event that a guard excludes.
fn guarded(done: Result<Committed, CommitError>, index: usize) -> Position {
    match done {
        Err(error @ CommitError::Guarded { .. }) => {
            assert_eq!(error.outcome(), Outcome::NotApplied);
            let CommitError::Guarded { guard, by } = error else {
                unreachable!()
            };
            assert_eq!(guard, index);
            by
        }
        wrong => panic!("a guard excludes an event, and not {wrong:?}"),
    }
}

/// A guard passes while its query finds nothing after its position, and refuses the whole commit otherwise.
pub async fn a_guard_refuses_what_came_after_its_position(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    // Of an empty store, and of names without events.
    store
        .commit(subscribe("s1", "c1", Position::START))
        .await
        .expect("nobody was there");
    let first = store.head().await.expect("a head");
    accepted(&store, append(&stream("one"), [subscribed("s1", "c2")])).await;
    accepted(
        &store,
        append(
            &stream("one"),
            [event(
                "test.defined",
                vec![EventTag::new("course").with("c1")],
            )],
        ),
    )
    .await;
    accepted(
        &store,
        append(&stream("one"), [NewEvent::json("test.plain", 1, "1")]),
    )
    .await;
    // Others came, and none that it is about. A position of another event does as well.
    let before = whole_feed(&store).await;
    assert_eq!(
        guarded(
            store.commit(subscribe("s2", "c1", Position::START)).await,
            0
        ),
        first
    );
    assert_eq!(whole_feed(&store).await, before);
    store
        .commit(subscribe("s2", "c1", first))
        .await
        .expect("nothing came");
    let second = store.head().await.expect("a head");
    assert_eq!(
        guarded(store.commit(subscribe("s3", "c1", first)).await, 0),
        second
    );
    // The second of two, both tags, one of two names.
    let both =
        TagQuery::of(&tags::Course("c1"), ["test.subscribed", "test.defined"]).expect("names");
    let commit = subscribe("s3", "c1", second).guard(both.clone(), second);
    store.commit(commit).await.expect("nothing came");
    let third = store.head().await.expect("a head");
    let defined = event("test.defined", vec![EventTag::new("course").with("c1")]);
    let defined = accepted(&store, append(&stream("one"), [defined])).await;
    let commit = subscribe("s4", "c1", third).guard(both, third);
    assert_eq!(guarded(store.commit(commit).await, 1), defined);
    assert_eq!(version_of(&store, &stream("c1-s4")).await, 0);
    // Guards alone are a look.
    let head = store.head().await.expect("a head");
    let look = Commit::new().guard(of_course("c1"), third);
    assert_eq!(store.commit(look).await.expect("nothing came").appended, []);
    guarded(
        store
            .commit(Commit::new().guard(of_course("c1"), second))
            .await,
        0,
    );
    assert_eq!(store.head().await.expect("a head"), head);
}

/// Of sixteen commits that each say that nothing came, one is written.
pub async fn one_of_sixteen_racing_guards_wins(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    for round in 0..8 {
        let course = format!("c{round}");
        let after = store.head().await.expect("a head");
        // While this one is written, the others wait and come together.
        let first = store.clone();
        let first = super::spawn(async move {
            let plain = NewEvent::json("test.plain", 1, "1");
            accepted(&first, append(&stream("first"), [plain])).await
        });
        let tasks = (0..16).map(|number| {
            let (store, course) = (store.clone(), course.clone());
            super::spawn(async move {
                store
                    .commit(subscribe(&format!("s{number}"), &course, after))
                    .await
            })
        });
        let answers = join_all(tasks.collect()).await;
        first.await.expect("ends");
        let found = places(&store, &of_course(&course)).await;
        assert_eq!(found.len(), 1, "two were written");
        let refused = answers.into_iter().filter(Result::is_err);
        let by: Vec<Position> = refused.map(|answer| guarded(answer, 0)).collect();
        assert_eq!(by, [found[0]; 15]);
    }
}

/// Commits about other tags are all written, however many wait at once.
pub async fn guards_of_other_tags_do_not_collide(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let after = store.head().await.expect("a head");
    let tasks = (0..32).map(|number| {
        let store = store.clone();
        super::spawn(async move {
            store
                .commit(subscribe("s", &format!("c{number}"), after))
                .await
        })
    });
    for answer in join_all(tasks.collect()).await {
        answer.expect("nobody else is about this course");
    }
}

/// A guard sees neither the events of its own commit nor those of a refused commit in the same group.
pub async fn a_guard_sees_neither_its_own_commit_nor_a_refused_one(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let after = store.head().await.expect("a head");
    let own =
        subscribe("s", "own", after).append(append(&stream("more"), [subscribed("t", "own")]));
    store.commit(own).await.expect("it does not see itself");
    for round in 0..4 {
        let after = store.head().await.expect("a head");
        // Half of them are refused by their versions, after their guards passed.
        let tasks = (0..32).map(|number| {
            let store = store.clone();
            let (student, course) = (format!("s{number}"), format!("c{round}-{}", number / 2));
            super::spawn(async move {
                let mut commit = subscribe(&student, &course, after);
                if number % 2 == 0 {
                    let stale = request(
                        &stream(format!("stale-{number}")),
                        ExpectedVersion::Exact(9),
                        [1],
                    );
                    commit = commit.append(stale);
                }
                store.commit(commit).await
            })
        });
        for (number, answer) in join_all(tasks.collect()).await.into_iter().enumerate() {
            match answer {
                Ok(_) => assert_eq!(number % 2, 1),
                Err(CommitError::Append(AppendError::Conflict { .. })) => assert_eq!(number % 2, 0),
                Err(CommitError::Guarded { .. }) if number % 2 == 0 => {}
                Err(wrong) => panic!("commit {number} failed: {wrong:?}"),
            }
        }
        for number in 0..16 {
            let found = places(&store, &of_course(&format!("c{round}-{number}"))).await;
            assert_eq!(found.len(), 1);
        }
    }
}

/// A guard of a position that the store has not reached is refused: it is of another store, or of this one before a backup
/// was restored.
pub async fn a_guard_ahead_of_the_store_is_refused(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    for _ in 0..2 {
        let head = store.head().await.expect("a head");
        let [high, middle, low] = head.to_parts();
        let ahead = [[high, middle, low + 1], [high + 1, middle, low]];
        for ahead in ahead.map(Position::from_parts) {
            let done = store.commit(subscribe("s", "c", ahead)).await;
            match done {
                Err(CommitError::GuardAhead {
                    guard,
                    after,
                    head: end,
                }) => {
                    assert_eq!((guard, after, end), (0, ahead, head));
                }
                wrong => panic!("the guard is ahead, and not {wrong:?}"),
            }
        }
        assert_eq!(store.head().await.expect("a head"), head);
        store
            .commit(subscribe("s", "other", head))
            .await
            .expect("at the end");
        accepted(&store, append(&stream("one"), [subscribed("s", "other")])).await;
    }
}

/// A commit whose append id was seen says so, whatever came since.
pub async fn a_repeated_commit_comes_before_its_guards(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let mut commit = subscribe("s1", "c1", Position::START);
    commit.appends[0].append_id = Some(append_id("first"));
    let done = store.commit(commit.clone()).await.expect("committed");
    let before = whole_feed(&store).await;
    match store.commit(commit.clone()).await {
        Err(CommitError::Repeated { first, .. }) => {
            assert_eq!(first.version, done.appended[0].version);
        }
        wrong => panic!("it was done before, and not {wrong:?}"),
    }
    commit.appends[0].events = vec![subscribed("s1", "c1").with_id(es_runtime::EventId::new())];
    commit.appends[0].events[0].payload = b"2".to_vec();
    match store.commit(commit.clone()).await {
        Err(CommitError::Append(AppendError::IdReused { .. })) => {}
        wrong => panic!("the id was used before, and not {wrong:?}"),
    }
    commit.appends[0].append_id = Some(append_id("second"));
    guarded(store.commit(commit).await, 0);
    assert_eq!(whole_feed(&store).await, before);
}

/// A guard is refused while tags are not recorded for all events that it is about, also where that is so only since it was
/// read.
pub async fn a_guard_needs_the_tags_of_all_events(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    assert_eq!(places(&store, &of_course("c1")).await, []);
    // Meanwhile a program without tags writes the first event of the name.
    accepted(
        &store,
        append(&stream("old"), [NewEvent::json("test.subscribed", 1, "1")]),
    )
    .await;
    let before = whole_feed(&store).await;
    match store
        .commit(subscribe("s1", "c1", before[0].position))
        .await
    {
        Err(CommitError::TagsNotReady { event, kind }) => {
            assert_eq!((&*event, &*kind), ("test.subscribed", "course"));
        }
        wrong => panic!("the tags are not all there, and not {wrong:?}"),
    }
    assert_eq!(whole_feed(&store).await, before);
}

/// A commit that is refused leaves no tags, and its kinds are not on.
pub async fn tags_of_a_refused_commit_are_not_there(fixture: AnyFixture) {
    let Some(store) = supported(&fixture).await else {
        return;
    };
    let stale = request(&stream("stale"), ExpectedVersion::Exact(9), [1]);
    let own = append(&stream("one"), [subscribed("s", "c"), subscribed("t", "c")]);
    let refused = store.commit(Commit::new().append(own).append(stale)).await;
    assert!(
        matches!(
            refused,
            Err(CommitError::Append(AppendError::Conflict { .. }))
        ),
        "{refused:?}"
    );
    assert_eq!(places(&store, &of_course("c")).await, []);
    // So the first event of the name may come from a program without tags.
    accepted(
        &store,
        append(&stream("old"), [NewEvent::json("test.subscribed", 1, "1")]),
    )
    .await;
    // And what is written is found, from all appends of a commit.
    let course = |name: &'static str| event(name, vec![EventTag::new("course").with("c")]);
    let commit = Commit::new()
        .append(append(&stream("two"), [course("test.a"), course("test.b")]))
        .append(append(&stream("three"), [course("test.a")]));
    store.commit(commit).await.expect("committed");
    let query = TagQuery::of(&tags::Course("c"), ["test.a", "test.b"]).expect("names");
    assert_eq!(places(&store, &query).await.len(), 3);
}
