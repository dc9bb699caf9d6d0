//! Checks with faults that the fixture injects. Errors must say what happened and whether it took effect. No
//! acknowledged event is lost, none is stored twice, and the store works again afterwards.
//!
//! A fault that is not declared must have no effect.

use super::{
    AnyFixture, AnyTested, Fault, again, all_of, append_id, feed_from, folded, join_all, request,
    stream, version_of, versions, whole_feed, write,
};
use es_runtime::{
    Append, AppendError, EventFilter, EventStore, ExpectedVersion, NewEvent, Outcome, Position,
    ReadError, ReadLimit, StorageErrorKind, StreamId, StreamRange,
};
use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

/// Injects the fault, and asserts that the fixture did so exactly if the fault is declared.
pub(super) async fn injected(fixture: &AnyFixture, store: &AnyTested, fault: Fault) -> bool {
    let declared = fixture.capabilities().faults.contains(&fault);
    let done = fixture.inject(store, fault).await;
    assert_eq!(
        done, declared,
        "a fixture makes the faults that it declares: {fault:?}"
    );
    done
}

/// The error of an append that the database rejected. It must say that nothing was written.
fn refused(error: AppendError) -> StorageErrorKind {
    assert_eq!(error.outcome(), Outcome::NotApplied, "{error}");
    match error {
        AppendError::Storage { error, .. } => error.kind,
        error => panic!("the database refused it, not: {error}"),
    }
}

async fn goes_on<S: EventStore>(store: &S) {
    let order = stream("goes-on");
    let before = version_of(store, &order).await;
    write(store, &order, ExpectedVersion::Exact(before), [1]).await;
    assert_eq!(version_of(store, &order).await, before + 1);
}

/// Without space an append fails as [`Full`](StorageErrorKind::Full) and stores nothing. Reads work. With space
/// again, appends work too.
pub async fn a_full_disk_refuses_and_recovers(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("full");
    write(&store, &order, ExpectedVersion::NoStream, 0..3).await;
    if !injected(&fixture, &store, Fault::DiskFull).await {
        return goes_on(&store).await;
    }
    let store = again(&fixture, store).await;
    let mut version = 3;
    let large = |expected| {
        let event = NewEvent::new("test.large", 1, "x", vec![7_u8; 256 * 1024]);
        Append::new(order.clone(), ExpectedVersion::Exact(expected)).with_event(event)
    };
    let mut refusals = 0;
    for _ in 0..100 {
        match store.append(large(version)).await {
            Ok(done) => version = done.version,
            Err(error) => {
                assert_eq!(refused(error), StorageErrorKind::Full);
                refusals += 1;
                let found = versions(&all_of(&store, &order).await);
                assert_eq!(found, (1..=version).collect::<Vec<_>>());
            }
        }
        if refusals == 3 {
            break;
        }
    }
    assert_eq!(refusals, 3, "it was never full");
    fixture.heal(&store, Fault::DiskFull).await;
    let store = again(&fixture, store).await;
    let done = store.append(large(version)).await.expect("there is room");
    assert_eq!(done.version, version + 1);
    assert_eq!(whole_feed(&store).await.len() as u64, version + 1);
}

/// While connections are closed repeatedly, each request is repeated with its id until it succeeds. It is stored
/// once and completely.
pub async fn lost_connections_lose_and_double_nothing(fixture: AnyFixture) {
    const WRITERS: u64 = 4;
    const EACH: u64 = 40;
    let store = fixture.open().await;
    let fixture = Arc::new(fixture);
    if !injected(&fixture, &store, Fault::ConnectionsLost).await {
        return goes_on(&store).await;
    }
    let done = Arc::new(AtomicBool::new(false));
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        super::spawn(async move {
            let mine = stream(format!("lost-{writer}"));
            for number in 0..EACH {
                let id = append_id(format!("{writer}-{number}"));
                let ask = || {
                    request(&mine, ExpectedVersion::Exact(number * 2), 0..2)
                        .with_append_id(id.clone())
                };
                let mut tries = 0;
                loop {
                    match store.append(ask()).await {
                        Ok(answer) => {
                            assert_eq!(answer.version, number * 2 + 2);
                            break;
                        }
                        Err(AppendError::Storage { error, .. }) if tries < 100 => {
                            assert_eq!(error.kind, StorageErrorKind::Unreachable, "{error}");
                            tries += 1;
                        }
                        Err(error) => panic!("after {tries} tries: {error}"),
                    }
                }
            }
        })
    });
    let writers = writers.collect();
    let killer = {
        let (fixture, store, done) = (Arc::clone(&fixture), store.clone(), Arc::clone(&done));
        super::spawn(async move {
            let mut kills = 0;
            while kills < 3 || !done.load(Ordering::SeqCst) {
                assert!(fixture.inject(&store, Fault::ConnectionsLost).await);
                kills += 1;
                // Without a pause a fault that costs nothing would leave no room for an append.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
    };
    join_all(writers).await;
    done.store(true, Ordering::SeqCst);
    killer.await.expect("it kills");
    // The last one may just have happened.
    let store = again(&fixture, store).await;
    for writer in 0..WRITERS {
        let mine = stream(format!("lost-{writer}"));
        assert_eq!(version_of(&store, &mine).await, EACH * 2);
    }
    assert_eq!(whole_feed(&store).await.len() as u64, WRITERS * EACH * 2);
}

/// An append that waits for a foreign lock fails within a minute as [`Busy`](StorageErrorKind::Busy), and is not
/// written later. Reads do not wait. Afterwards the store works again.
pub async fn a_blocked_writer_is_busy_in_time(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("blocked");
    write(&store, &order, ExpectedVersion::NoStream, [1]).await;
    if !injected(&fixture, &store, Fault::WriterBlocked).await {
        return goes_on(&store).await;
    }
    let began = Instant::now();
    let waiting = (0..10).map(|number| {
        let (store, order) = (store.clone(), order.clone());
        super::spawn(async move {
            store
                .append(request(&order, ExpectedVersion::Any, [number]))
                .await
        })
    });
    let waiting = waiting.collect();
    assert_eq!(version_of(&store, &order).await, 1);
    assert_eq!(whole_feed(&store).await.len(), 1);
    for answer in join_all(waiting).await {
        assert_eq!(
            refused(answer.expect_err("it is blocked")),
            StorageErrorKind::Busy
        );
    }
    assert!(began.elapsed() < Duration::from_secs(60));
    fixture.heal(&store, Fault::WriterBlocked).await;
    write(&store, &order, ExpectedVersion::Exact(1), [2]).await;
    assert_eq!(version_of(&store, &order).await, 2);
}

/// The error for a damaged row names stream, version and position. All other rows can be read.
pub async fn a_damaged_row_leaves_the_others(fixture: AnyFixture) {
    let store = fixture.open().await;
    let orders: Vec<StreamId> = (0..3)
        .map(|number| stream(format!("damage-{number}")))
        .collect();
    for order in &orders {
        write(&store, order, ExpectedVersion::NoStream, 0..4).await;
    }
    let feed = whole_feed(&store).await;
    let bad = &orders[1];
    let done = fixture.damage(&store, bad, 2).await;
    assert_eq!(done, fixture.capabilities().damage);
    if !done {
        assert_eq!(whole_feed(&store).await, feed);
        return goes_on(&store).await;
    }
    let place = feed
        .iter()
        .position(|event| event.stream == *bad && event.version == 2);
    let place = place.expect("it was there");
    let read = store.read_stream(bad, StreamRange::forward(1), ReadLimit::events(1));
    match read.await.expect_err("it is damaged") {
        ReadError::Corrupt {
            stream,
            version,
            position,
            ..
        } => {
            assert_eq!((&stream, version, position), (bad, 2, feed[place].position));
        }
        ReadError::Storage(error) => panic!("the row is to be named, not: {error}"),
        other => panic!("the row is to be named, not: {other:?}"),
    }
    let all = EventFilter::all();
    let before = store
        .read_feed(Position::START, &all, ReadLimit::events(place))
        .await;
    assert_eq!(before.expect("before it").events, feed[..place]);
    let behind = feed_from(&store, feed[place].position, &all, 100).await;
    assert_eq!(behind, feed[place + 1..]);
    for order in [&orders[0], &orders[2]] {
        assert_eq!(all_of(&store, order).await.len(), 4);
        write(&store, order, ExpectedVersion::Exact(4), [1]).await;
    }
}

/// A call that is dropped after this many polls.
struct Dropped<F> {
    call: F,
    polls: u32,
}

impl<F: Future + Unpin> Future for Dropped<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            return Poll::Ready(None);
        }
        self.polls -= 1;
        Pin::new(&mut self.call).poll(context).map(Some)
    }
}

pub(super) async fn dropped_after<F: Future>(polls: u32, call: F) -> Option<F::Output> {
    let call = pin!(call);
    Dropped { call, polls }.await
}

/// Every call may be dropped after any of its polls. A write is then complete or absent, and the store works
/// on.
pub async fn calls_can_be_dropped_at_every_poll(fixture: AnyFixture) {
    const POLLS: u32 = 8;
    const ROUNDS: u64 = 5;
    let store = fixture.open().await;
    let filled = stream("filled");
    let last = write(&store, &filled, ExpectedVersion::NoStream, 0..100).await;
    for polls in 0..POLLS {
        for round in 0..ROUNDS {
            let order = stream(format!("dropped-{polls}-{round}"));
            let id = append_id("one");
            let ask =
                || request(&order, ExpectedVersion::NoStream, 0..3).with_append_id(id.clone());
            let ended = dropped_after(polls, store.append(ask())).await;
            if let Some(answer) = ended {
                assert_eq!(answer.expect("accepted").version, 3);
            }
            let limit = ReadLimit::default();
            let all = EventFilter::all();
            let range = StreamRange::forward(0);
            let _ = dropped_after(polls, store.read_stream(&filled, range, limit)).await;
            let _ = dropped_after(polls, store.read_feed(Position::START, &all, limit)).await;
            let fold = super::Collect::up_to(usize::MAX);
            let _ = dropped_after(polls, store.fold_stream(&filled, 0, fold)).await;
            let _ = dropped_after(polls, store.find_append(&order, &id)).await;
            let _ = dropped_after(polls, store.head()).await;
            let _ = dropped_after(polls, store.changed(last.position)).await;

            let seen = version_of(&store, &order).await;
            assert!(seen == 0 || seen == 3, "half an append is there: {seen}");
            // Under its id it is done, whether the first one came through or not.
            let answer = store.append(ask()).await.expect("accepted or known");
            assert_eq!(answer.version, 3);
            assert_eq!(version_of(&store, &order).await, 3);
            assert_eq!(folded(&store, &filled, 0).await.len(), 100);
        }
    }
    let all = 100 + u64::from(POLLS) * ROUNDS * 3;
    assert_eq!(whole_feed(&store).await.len() as u64, all);
}

/// Without write permission, appends fail with an error that is no conflict, and reads work. With the permission
/// again, appends work too.
pub async fn a_store_without_rights_says_so(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("rights");
    write(&store, &order, ExpectedVersion::NoStream, [1]).await;
    if !injected(&fixture, &store, Fault::PermissionRevoked).await {
        return goes_on(&store).await;
    }
    let error = store
        .append(request(&order, ExpectedVersion::Any, [2]))
        .await;
    let kind = refused(error.expect_err("it may not write"));
    let fits = matches!(
        kind,
        StorageErrorKind::CannotOpen | StorageErrorKind::ReadOnly
    );
    assert!(fits, "{kind:?}");
    assert_eq!(version_of(&store, &order).await, 1);
    fixture.heal(&store, Fault::PermissionRevoked).await;
    write(&store, &order, ExpectedVersion::Exact(1), [2]).await;
    assert_eq!(version_of(&store, &order).await, 2);
}
