//! Checks of what sagas need from a store: commits over several streams, work items, cursors and claims.
//!
//! They are for stores that implement [`WorkQueue`]. [`saga_conformance!`](crate::saga_conformance!) turns
//! each check into a test.

use super::{
    AnyFixture, again, append_id, join_all, request, stream, unique, version_of, whole_feed, write,
};
use es_runtime::{
    Append, AppendError, Claim, Commit, CommitError, CommitStore, CursorMove, EventStore,
    ExpectedVersion, Outcome, Position, ReadError, StorageErrorKind, StreamId, UniqueChange,
    WorkQueue,
};
use es_runtime::{WorkChange, WorkFilter, WorkStatus};
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(600);
const SAGA: &str = "saga:conformance";

fn instance(id: &str) -> StreamId {
    StreamId::new(SAGA, id).expect("an id")
}

/// The work item of an instance that is due now.
async fn due<S: WorkQueue>(store: &S, id: &str) -> WorkChange {
    let mut row = WorkChange::new(instance(id), "1:abc");
    row.phase = "charge".into();
    row.due_at = Some(store.now().await.expect("a time"));
    row
}

async fn put<S: WorkQueue>(store: &S, row: WorkChange) {
    store.commit(Commit::new().work(row)).await.expect("put");
}

fn claim(lease: Duration, at_most: usize) -> Claim {
    Claim::new(vec![SAGA.to_owned()], "tester", lease, at_most)
}

/// The number of events, and the work items of a store that has some.
async fn everything<S: WorkQueue>(store: &S) -> (usize, Vec<es_runtime::WorkItem>) {
    let rows = match store.work_items(&WorkFilter::default()).await {
        Err(ReadError::Storage(error)) if error.kind == StorageErrorKind::Unsupported => Vec::new(),
        rows => rows.expect("rows"),
    };
    (whole_feed(store).await.len(), rows)
}

/// A commit of two appends, a work item and a cursor stores all of them.
pub async fn a_commit_writes_all_of_it(fixture: AnyFixture) {
    let store = fixture.open().await;
    let (one, two) = (instance("1"), stream("two"));
    let place = Position::from_parts([0, 0, 7]);
    let commit = Commit::new()
        .append(request(&one, ExpectedVersion::NoStream, [1, 2]))
        .append(request(&two, ExpectedVersion::NoStream, [3]))
        .work(due(&store, "1").await)
        .cursor(CursorMove::new(SAGA, None, place));
    let done = store.commit(commit).await.expect("committed");
    let versions: Vec<_> = done.appended.iter().map(|done| done.version).collect();
    assert_eq!(versions, [2, 1]);
    assert!(done.appended[0].position < done.appended[1].position);
    let store = again(&fixture, store).await;
    assert_eq!(version_of(&store, &one).await, 2);
    assert_eq!(version_of(&store, &two).await, 1);
    let cursor = store.cursor(SAGA).await.expect("a cursor");
    assert_eq!(cursor, Some(place));

    // A text about the inputs moves with the cursor, and is compared too.
    let inputs = || async { store.cursor_inputs(SAGA).await.expect("the inputs") };
    assert_eq!(inputs().await, None);
    let step = |from: Option<&str>, to: &str| {
        let inputs = from.map(ToOwned::to_owned);
        let moved = CursorMove::new(SAGA, Some(place), place).with_inputs(inputs, to.to_owned());
        store.commit(Commit::new().cursor(moved))
    };
    step(None, "one").await.expect("moved");
    for wrong in [None, Some("two")] {
        let refused = step(wrong, "three").await;
        assert!(
            matches!(refused, Err(CommitError::CursorMoved { actual, .. }) if actual == Some(place)),
            "{refused:?}"
        );
    }
    assert_eq!(inputs().await.as_deref(), Some("one"));
    step(Some("one"), "two").await.expect("moved");
    let plain = CursorMove::new(SAGA, Some(place), place);
    store
        .commit(Commit::new().cursor(plain))
        .await
        .expect("moved");
    assert_eq!(inputs().await.as_deref(), Some("two"));
    let (events, rows) = everything(&store).await;
    assert_eq!(events, 3);
    let row = &rows[0];
    assert_eq!(
        (&row.instance, &*row.definition, row.status, &*row.phase),
        (&one, "1:abc", WorkStatus::Running, "charge")
    );
    assert_eq!((row.epoch, &row.owner, row.lease_until), (0, &None, None));
}

/// When one part of a commit is rejected, no part is stored.
pub async fn a_commit_that_is_refused_writes_nothing(fixture: AnyFixture) {
    let store = fixture.open().await;
    let (one, two, three) = (instance("1"), stream("two"), stream("three"));
    let first = request(&one, ExpectedVersion::NoStream, [1]).with_append_id(append_id("input"));
    let cursor = CursorMove::new(SAGA, None, Position::from_parts([0, 0, 1]));
    let row = due(&store, "1").await;
    let commit = Commit::new().append(first.clone()).work(row).cursor(cursor);
    store.commit(commit).await.expect("committed");
    let before = everything(&store).await;

    let fresh = || request(&two, ExpectedVersion::NoStream, [2]);
    let other = due(&store, "2").await;
    let step = |from: u64| {
        let parts = |at| Position::from_parts([0, 0, at]);
        CursorMove::new(SAGA, Some(parts(from)), parts(9))
    };
    let with = |last| {
        Commit::new()
            .append(fresh())
            .work(other.clone())
            .append(last)
    };

    let conflict = with(request(&three, ExpectedVersion::Exact(4), [3])).cursor(step(1));
    match store.commit(conflict).await {
        Err(CommitError::Append(AppendError::Conflict { stream, actual, .. })) => {
            assert_eq!((&stream, actual), (&three, 0));
        }
        wrong => panic!("a conflict was to come, not {wrong:?}"),
    }
    match store.commit(with(first.clone())).await {
        Err(CommitError::Repeated { stream, first }) => {
            assert_eq!((&stream, first.version), (&one, 1));
        }
        wrong => panic!("the id was seen, and not {wrong:?}"),
    }
    let reused = request(&one, ExpectedVersion::Exact(1), [7, 8]);
    let reused = with(reused.with_append_id(append_id("input")));
    match store.commit(reused).await {
        Err(CommitError::Append(AppendError::IdReused { .. })) => {}
        wrong => panic!("the id was used for other events, and not {wrong:?}"),
    }
    if fixture.capabilities().event_ids {
        let mut known = request(&three, ExpectedVersion::NoStream, [3]);
        known.events[0].id = first.events[0].id;
        match store.commit(with(known)).await {
            Err(CommitError::Append(AppendError::DuplicateEventId { .. })) => {}
            wrong => panic!("the event id is known, and not {wrong:?}"),
        }
    }
    let second = fresh();
    let mut shared = request(&three, ExpectedVersion::NoStream, [3]);
    shared.events[0].id = second.events[0].id;
    match store
        .commit(Commit::new().append(second).append(shared))
        .await
    {
        Err(CommitError::Append(AppendError::DuplicateEventId { stream, .. })) => {
            assert_eq!(stream, three);
        }
        wrong => panic!("two events of the commit have one id, and not {wrong:?}"),
    }
    let mut fenced = due(&store, "1").await;
    fenced.epoch = Some(3);
    match store
        .commit(with(request(&three, ExpectedVersion::Any, [3])).work(fenced))
        .await
    {
        Err(CommitError::Fenced { epoch, actual, .. }) => assert_eq!((epoch, actual), (3, 0)),
        wrong => panic!("the epoch is another, and not {wrong:?}"),
    }
    for from in [0, 2] {
        let moved = with(request(&three, ExpectedVersion::Any, [3])).cursor(step(from));
        match store.commit(moved).await {
            Err(CommitError::CursorMoved { actual, .. }) => {
                assert_eq!(actual, Some(Position::from_parts([0, 0, 1])));
            }
            wrong => panic!("the cursor stands elsewhere, and not {wrong:?}"),
        }
    }
    let twice = with(request(&two, ExpectedVersion::Any, [3]));
    let same = store.commit(twice).await.expect_err("two of one stream");
    assert!(matches!(same, CommitError::SameStream { .. }));
    assert_eq!(same.outcome(), Outcome::NotApplied);
    let store = again(&fixture, store).await;
    assert_eq!(everything(&store).await, before);
    let cursor = store.cursor(SAGA).await.expect("a cursor");
    assert_eq!(cursor, Some(Position::from_parts([0, 0, 1])));
    // And what was refused did not use anything up.
    let good = with(request(&three, ExpectedVersion::NoStream, [3])).cursor(step(1));
    store.commit(good).await.expect("committed");
}

/// Of several commits to two streams at the same version, one succeeds, and the others write neither stream.
pub async fn one_of_many_racing_commits_wins(fixture: AnyFixture) {
    let store = fixture.open().await;
    let tasks = (0..16).map(|number| {
        let store = store.clone();
        super::spawn(async move {
            let commit = Commit::new()
                .append(request(
                    &stream(format!("own-{number}")),
                    ExpectedVersion::Any,
                    [1],
                ))
                .append(request(&instance("1"), ExpectedVersion::NoStream, [number]));
            store.commit(commit).await.is_ok()
        })
    });
    let won = join_all(tasks.collect()).await;
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    assert_eq!(whole_feed(&store).await.len(), 2);
}

/// An append without events guards its stream: the commit is rejected when the stream has moved, and two commits
/// that each write what the other one guards never both succeed.
pub async fn an_append_without_events_guards_its_stream(fixture: AnyFixture) {
    let store = fixture.open().await;
    let (read, written) = (stream("read"), stream("written"));
    let guarded = |version, expected| {
        Commit::new()
            .append(request(&written, ExpectedVersion::Exact(version), [1]))
            .append(Append::new(read.clone(), expected))
    };
    for expected in [ExpectedVersion::Exact(0), ExpectedVersion::NoStream] {
        let version = version_of(&store, &written).await;
        let done = store
            .commit(guarded(version, expected))
            .await
            .expect("committed");
        assert_eq!((done.appended[1].version, done.appended[1].events), (0, 0));
    }
    assert_eq!(version_of(&store, &read).await, 0);
    write(&store, &read, ExpectedVersion::NoStream, [1]).await;
    let before = everything(&store).await;
    for stale in [
        ExpectedVersion::Exact(0),
        ExpectedVersion::NoStream,
        ExpectedVersion::Exact(2),
    ] {
        match store.commit(guarded(2, stale)).await {
            Err(CommitError::Append(AppendError::Conflict { stream, actual, .. })) => {
                assert_eq!((&stream, actual), (&read, 1));
            }
            wrong => panic!("the guarded stream has moved, and not {wrong:?}"),
        }
    }
    assert_eq!(everything(&store).await, before);
    let done = store.commit(guarded(2, ExpectedVersion::Exact(1))).await;
    assert_eq!(done.expect("committed").appended[1].version, 1);

    for round in 0..8 {
        let pair = [
            stream(format!("left-{round}")),
            stream(format!("right-{round}")),
        ];
        let tasks = [0, 1].map(|mine| {
            let (store, pair) = (store.clone(), pair.clone());
            super::spawn(async move {
                let commit = Commit::new()
                    .append(request(&pair[mine], ExpectedVersion::Exact(0), [1]))
                    .append(Append::new(
                        pair[1 - mine].clone(),
                        ExpectedVersion::Exact(0),
                    ));
                store.commit(commit).await.is_ok()
            })
        });
        let won = join_all(tasks.into()).await;
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "write skew");
    }
}

/// When many workers claim concurrently, each instance goes to one of them.
pub async fn an_instance_is_claimed_by_one_of_many(fixture: AnyFixture) {
    let store = fixture.open().await;
    for number in 0..12 {
        put(&store, due(&store, &format!("{number:02}")).await).await;
    }
    let tasks = (0..8).map(|_| {
        let store = store.clone();
        super::spawn(async move { store.claim(claim(LEASE, 5)).await.expect("a claim") })
    });
    let mut claimed = join_all(tasks.collect()).await.concat();
    claimed.extend(store.claim(claim(LEASE, 50)).await.expect("a claim"));
    claimed.sort_by_key(|claimed| claimed.instance.clone());
    let ids: Vec<_> = claimed.iter().map(|c| c.instance.id().to_owned()).collect();
    let all: Vec<_> = (0..12).map(|number| format!("{number:02}")).collect();
    assert_eq!(ids, all);
    assert!(claimed.iter().all(|claimed| claimed.epoch == 1));
}

/// An expired lease is claimed again with a greater epoch, and the claim says that it had expired. Only the newest
/// epoch can write and renew.
pub async fn only_the_newest_epoch_writes_and_renews(fixture: AnyFixture) {
    let store = fixture.open().await;
    put(&store, due(&store, "1").await).await;
    let old = store
        .claim(claim(Duration::ZERO, 1))
        .await
        .expect("a claim");
    let new = store.claim(claim(LEASE, 1)).await.expect("a claim");
    assert_eq!((old[0].epoch, new[0].epoch), (1, 2));
    assert_eq!((old[0].lease_expired, new[0].lease_expired), (false, true));
    assert!(
        store
            .claim(claim(LEASE, 1))
            .await
            .expect("a claim")
            .is_empty()
    );
    assert!(!store.renew(&old[0], LEASE).await.expect("an answer"));
    assert!(store.renew(&new[0], LEASE).await.expect("an answer"));
    let row = |epoch, phase: &str| {
        let (store, phase) = (store.clone(), phase.to_owned());
        async move {
            let mut row = due(&store, "1").await;
            (row.epoch, row.phase) = (epoch, phase);
            row
        }
    };
    let late = Commit::new().work(row(Some(1), "late").await);
    assert!(matches!(
        store.commit(late).await,
        Err(CommitError::Fenced {
            epoch: 1,
            actual: 2,
            ..
        })
    ));
    put(&store, row(Some(2), "mine").await).await;
    // Who has no epoch, such as an input, writes, and the lease stays.
    put(&store, row(None, "input").await).await;
    let rows = store
        .work_items(&WorkFilter::default())
        .await
        .expect("rows");
    assert_eq!((&*rows[0].phase, rows[0].epoch), ("input", 2));
    assert_eq!(rows[0].owner.as_deref(), Some("tester"));
    assert!(rows[0].lease_until.is_some());
    let mut release = row(Some(2), "released").await;
    release.release = true;
    put(&store, release).await;
    let third = store.claim(claim(LEASE, 1)).await.expect("a claim");
    assert_eq!(
        (third[0].epoch, third[0].lease_expired),
        (3, false),
        "it was given back"
    );
}

/// A claim takes only running, due instances of the requested sagas, the longest due first.
pub async fn only_what_is_due_and_running_is_claimed(fixture: AnyFixture) {
    let store = fixture.open().await;
    let now = store.now().await.expect("a time");
    let hour = Duration::from_secs(3600);
    let place = |id: &str, change: &dyn Fn(&mut WorkChange)| {
        let mut row = WorkChange::new(instance(id), "1:abc");
        row.due_at = Some(now);
        change(&mut row);
        row
    };
    let micros = |back: i64| {
        es_runtime::Timestamp::from_unix_micros(now.unix_micros() - back).expect("a time")
    };
    let rows = [
        place("due", &|_| {}),
        place("longer", &|row| row.due_at = Some(micros(5))),
        place("longest", &|row| row.due_at = Some(micros(9))),
        place("later", &|row| row.due_at = Some(now.after(hour))),
        place("never", &|row| row.due_at = None),
        place("parked", &|row| row.status = WorkStatus::Parked),
        place("done", &|row| row.status = WorkStatus::Done),
        place("other", &|row| {
            row.instance = StreamId::new("saga:other", "1").expect("an id");
        }),
    ];
    for row in rows {
        put(&store, row).await;
    }
    let ids = |claimed: Vec<es_runtime::Claimed>| -> Vec<String> {
        let ids = claimed.iter().map(|c| c.instance.id().to_owned());
        ids.collect()
    };
    let first = store.claim(claim(LEASE, 2)).await.expect("a claim");
    assert_eq!(ids(first), ["longest", "longer"]);
    let rest = store.claim(claim(LEASE, 9)).await.expect("a claim");
    assert_eq!(ids(rest), ["due"]);
    assert!(store.claim(claim(LEASE, 0)).await.expect("none").is_empty());
}

/// A work item that is made anew has the epoch that the change names, and its next claim a greater one. One that is
/// there keeps its own.
pub async fn a_work_item_that_was_lost_begins_above_its_epochs(fixture: AnyFixture) {
    let store = fixture.open().await;
    let mut lost = due(&store, "lost").await;
    lost.first_epoch = 1_800_000_000_000_000;
    put(&store, lost.clone()).await;
    let store = again(&fixture, store).await;
    let epoch = || async {
        let rows = store.work_items(&WorkFilter::default()).await;
        rows.expect("rows")
            .iter()
            .map(|row| row.epoch)
            .collect::<Vec<_>>()
    };
    assert_eq!(epoch().await, [1_800_000_000_000_000]);
    // Whoever had it before is fenced.
    let mut former = lost.clone();
    former.epoch = Some(1);
    let refused = store.commit(Commit::new().work(former)).await;
    assert!(
        matches!(refused, Err(CommitError::Fenced { .. })),
        "{refused:?}"
    );
    lost.first_epoch += 100;
    put(&store, lost).await;
    let claimed = store.claim(claim(LEASE, 9)).await.expect("a claim");
    assert_eq!(claimed[0].epoch, 1_800_000_000_000_001);
    assert_eq!(epoch().await, [1_800_000_000_000_001]);
}

/// Work items come in order and as filtered, also after the store was reopened.
pub async fn rows_are_listed_in_order_and_by_filter(fixture: AnyFixture) {
    let store = fixture.open().await;
    let names = ["a", "B", "\u{fc}", "a b", "0", "'--"];
    for (number, id) in names.into_iter().enumerate() {
        let mut row = due(&store, id).await;
        if number % 2 == 0 {
            row.status = WorkStatus::Parked;
            row.reason = Some(format!("because of {id}"));
        }
        put(&store, row).await;
    }
    let mut foreign = due(&store, "a").await;
    foreign.instance = StreamId::new("saga:another", "a").expect("an id");
    put(&store, foreign).await;
    let store = again(&fixture, store).await;
    let ids = |filter: WorkFilter| {
        let store = store.clone();
        async move {
            let rows = store.work_items(&filter).await.expect("rows");
            let ids = rows.iter().map(|row| row.instance.to_string());
            ids.collect::<Vec<_>>()
        }
    };
    let mut counts = store
        .work_counts(vec![SAGA.to_owned()])
        .await
        .expect("counts");
    counts.sort_by_key(|count| count.2);
    assert!(
        counts
            .iter()
            .all(|(kind, _, count)| kind == SAGA && *count == 3)
    );
    assert_eq!(counts.len(), 2);
    let everything = store.work_counts(Vec::new()).await.expect("counts");
    assert_eq!(everything.iter().map(|count| count.2).sum::<u64>(), 7);
    let mut changed = WorkFilter::default();
    let now = store.now().await.expect("a time");
    changed.changed_after = Some(now.after(Duration::from_secs(60)));
    assert!(ids(changed.clone()).await.is_empty());
    changed.changed_after = es_runtime::Timestamp::from_unix_micros(0);
    assert_eq!(ids(changed).await.len(), 7);
    let mut soon = WorkFilter::of(vec![SAGA.to_owned()]);
    soon.due_before = Some(now.after(Duration::from_secs(60)));
    assert_eq!(ids(soon.clone()).await.len(), 3, "parked ones are not due");
    soon.due_before = es_runtime::Timestamp::from_unix_micros(0);
    assert!(ids(soon).await.is_empty(), "due later");
    let mut all: Vec<_> = names.iter().map(|id| instance(id).to_string()).collect();
    all.push("saga:another/a".to_owned());
    all.sort_unstable();
    assert_eq!(ids(WorkFilter::default()).await, all);
    let mut one_by_one = Vec::new();
    let mut filter = WorkFilter::default();
    filter.at_most = 1;
    while let Some(row) = store.work_items(&filter).await.expect("rows").pop() {
        one_by_one.push(row.instance.to_string());
        filter.after = Some(row.instance);
    }
    assert_eq!(one_by_one, all);
    let mut filter = WorkFilter::default();
    filter.aggregates = vec![SAGA.to_owned()];
    filter.status = Some(WorkStatus::Parked);
    assert_eq!(ids(filter.clone()).await.len(), 3);
    filter.id = Some("a".to_owned());
    assert_eq!(ids(filter.clone()).await, ["saga:conformance/a"]);
    let row = store.work_items(&filter).await.expect("rows").remove(0);
    assert_eq!(row.reason.as_deref(), Some("because of a"));
}

/// The id of a store never changes.
pub async fn the_space_of_a_store_stays(fixture: AnyFixture) {
    let store = fixture.open().await;
    let space = store.store_id().await.expect("a space");
    assert!(space.len() >= 16, "{space:?} may be another store's too");
    if fixture.capabilities().reopens {
        let store = again(&fixture, store).await;
        assert_eq!(store.store_id().await.expect("a space"), space);
    }
}

/// A commit wakes readers that wait for new events.
pub async fn a_commit_wakes_readers(fixture: AnyFixture) {
    let store = fixture.open().await;
    let head = store.head().await.expect("a head");
    let waiting = store.clone();
    let woken = super::spawn(async move { waiting.changed(head).await });
    let commit = Commit::new().append(request(&instance("1"), ExpectedVersion::Any, [1]));
    store.commit(commit).await.expect("committed");
    woken.await.expect("woken");
}

/// The appends of a commit claim and release in their order, and a commit that is refused changes no value. Two
/// streams can exchange theirs.
pub async fn claims_of_a_commit_follow_its_order(fixture: AnyFixture) {
    if !fixture.capabilities().unique {
        return;
    }
    let store = fixture.open().await;
    let (one, two, three) = (stream("one"), stream("two"), stream("three"));
    let claim = |stream, value| unique::append(stream, [unique::claim(value)]);
    let release = |stream| unique::append(stream, [UniqueChange::release(unique::RULE)]);
    let commit = |appends: Vec<Append>| {
        store.commit(appends.into_iter().fold(Commit::new(), Commit::append))
    };
    commit(vec![claim(&one, "x"), claim(&two, "y")])
        .await
        .expect("committed");
    let before = everything(&store).await;
    for refused in [
        // The one that releases comes too late.
        vec![claim(&three, "x"), release(&one)],
        // What was right about it is undone.
        vec![release(&one), claim(&three, "x"), claim(&two, "x")],
        vec![claim(&three, "z"), claim(&two, "x")],
    ] {
        match commit(refused).await {
            Err(CommitError::Append(error @ AppendError::Taken { .. })) => {
                assert_eq!(error.outcome(), Outcome::NotApplied);
            }
            wrong => panic!("the value is taken, and not {wrong:?}"),
        }
        assert_eq!(everything(&store).await, before);
        for (value, by) in [("x", Some(&one)), ("y", Some(&two)), ("z", None)] {
            assert_eq!(unique::holder(&store, value).await.as_ref(), by, "{value}");
        }
    }
    // A commit that is refused for another reason claims nothing either.
    let stale = request(&three, ExpectedVersion::Exact(7), [1]);
    commit(vec![claim(&one, "z"), stale])
        .await
        .expect_err("stale");
    assert_eq!(unique::holder(&store, "z").await, None);
    assert_eq!(unique::holder(&store, "x").await, Some(one.clone()));
    // The right order.
    commit(vec![release(&one), claim(&three, "x")])
        .await
        .expect("committed");
    assert_eq!(unique::holder(&store, "x").await, Some(three.clone()));
    // An exchange: each stream may have one append in a commit, with several events.
    let exchange = unique::append(&two, ["mean while", "x"].map(unique::claim));
    commit(vec![release(&three), exchange])
        .await
        .expect("committed");
    commit(vec![claim(&three, "y")]).await.expect("committed");
    let store = again(&fixture, store).await;
    if fixture.capabilities().reopens {
        for (value, by) in [("x", Some(&two)), ("y", Some(&three)), ("mean while", None)] {
            assert_eq!(unique::holder(&store, value).await.as_ref(), by, "{value}");
        }
    }
}

/// When commits race for one value, one of them gets it. Commits that share its transaction do not fail.
pub async fn a_taken_value_fails_no_commit_beside_it(fixture: AnyFixture) {
    if !fixture.capabilities().unique {
        return;
    }
    let store = fixture.open().await;
    let tasks = (0..32).map(|number| {
        let store = store.clone();
        super::spawn(async move {
            let own = format!("own-{number}");
            let value = if number % 2 == 0 { "value" } else { &own };
            let commit = Commit::new()
                .append(request(
                    &stream(format!("beside-{number}")),
                    ExpectedVersion::Any,
                    [1],
                ))
                .append(unique::append(&stream(&own), [unique::claim(value)]));
            store.commit(commit).await
        })
    });
    let answers = join_all(tasks.collect()).await;
    let holder = unique::holder(&store, "value").await.expect("one has it");
    let mut won = 0;
    for (number, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(_) if number % 2 == 0 => won += 1,
            Ok(_) => {}
            Err(CommitError::Append(error)) if number % 2 == 0 => {
                unique::is_taken(&error, &stream(format!("own-{number}")), &holder);
                assert_eq!(
                    version_of(&store, &stream(format!("beside-{number}"))).await,
                    0
                );
            }
            Err(wrong) => panic!("commit {number} failed: {wrong:?}"),
        }
    }
    assert_eq!(won, 1);
}
