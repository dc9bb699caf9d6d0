//! Process managers: each input counts once, with all that follows from it, wherever a runner dies.
//! What was done twice would be seen: the aggregates accept it.

use es_runtime::{
    Aggregate, AnyStore, Claim, Commit, CommitError, CommitStore, Committed, CursorMove, Envelope,
    Event, EventStore, MemoryStore, Position, ReadLimit, StreamId, StreamRange, WorkQueue,
    WorkStatus,
};
use es_sagas::{
    ProcessManager, ProcessState, ReactTo, Reactions, Sagas, Verb, log::ProcessOutcome,
};
use es_sqlite::SqliteStore;
use es_testkit::{
    Layered, PausingStore, StoreLayer, VirtualClock,
    saga::{CrashPoint, Fuse, MortalStore},
};
use es_tests::{
    faulty::{Fault, Faulty},
    fulfilment::{
        Cashier, Clerk, Fulfilment, Hold, Order, PaymentReceived, Ship, hold, order, pay, payment,
        place,
    },
    tries,
};
use serde::{Deserialize, Serialize};
use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};

const HOUR: Duration = Duration::from_secs(3600);
const LEASE: Duration = Duration::from_secs(60);

fn runner(store: impl WorkQueue) -> Sagas {
    Sagas::new(store)
        .from_the_beginning(true)
        .lease(LEASE)
        .with_process_manager::<Fulfilment>()
}

async fn run(sagas: &Sagas) {
    sagas.run_until_idle().await.expect("runs");
}

async fn state(sagas: &Sagas, name: &str, id: u64) -> ProcessState {
    let view = sagas.show_process(name, &id.to_string()).await;
    view.expect("shown").state
}

on_each_store! {
    two_aggregates_come_together_in_either_order
    a_timer_that_ran_out_is_one_transaction_with_what_follows
    a_rejection_parks_one_instance_and_is_tried_again
    a_process_manager_may_handle_rejections
    runners_side_by_side_take_each_input_once
    events_that_come_again_or_too_late_change_nothing
    an_input_is_decided_on_what_earlier_ones_changed
}

async fn two_aggregates_come_together_in_either_order(store: AnyStore) {
    place(&store, 1, HOUR, HOUR).await;
    pay(&store, 11, 1).await;
    pay(&store, 12, 2).await;
    place(&store, 2, HOUR, HOUR).await;
    pay(&store, 13, 0).await; // for nothing
    let sagas = runner(store.clone());
    run(&sagas).await;
    for (number, paid) in [(1, 11), (2, 12)] {
        assert_eq!(order(&store, number).await.shipped, 1, "order {number}");
        assert_eq!(payment(&store, paid).await.booked, 1, "payment {paid}");
        let state = state(&sagas, "fulfilment", number).await;
        assert!(state.ended && state.timers.is_empty());
    }
    assert_eq!(payment(&store, 13).await.booked, 0);
    let rows = sagas.list(Some("fulfilment"), None, None).await;
    let rows = rows.expect("listed");
    assert!(rows.iter().all(|row| row.status == WorkStatus::Done) && rows.len() == 2);

    // What it did is of one cause: the payment.
    let stream = StreamId::new("order", "1").expect("usable");
    let page = store.read_stream(&stream, StreamRange::forward(0), ReadLimit::default());
    let shipped = page.await.expect("reads").pop().expect("shipped");
    let paid = StreamId::new("payment", "11").expect("usable");
    let page = store.read_stream(&paid, StreamRange::forward(0), ReadLimit::default());
    let received = page.await.expect("reads").remove(0);
    assert_eq!(shipped.metadata.causation, Some(received.event_id));
}

async fn a_timer_that_ran_out_is_one_transaction_with_what_follows(store: AnyStore) {
    place(&store, 1, Duration::ZERO, HOUR).await;
    place(&store, 2, Duration::ZERO, Duration::ZERO).await;
    place(&store, 3, HOUR, HOUR).await;
    let sagas = runner(store.clone());
    run(&sagas).await;
    let one = state(&sagas, "fulfilment", 1).await;
    assert_eq!(order(&store, 1).await.reminded, 1);
    assert_eq!(one.timers.keys().collect::<Vec<_>>(), ["close"]);
    let two = order(&store, 2).await;
    assert_eq!((two.reminded, two.closed), (1, 1));
    assert!(state(&sagas, "fulfilment", 2).await.ended);
    assert_eq!(order(&store, 3).await.reminded, 0);
    let idle = sagas.run_until_idle().await.expect("runs");
    assert_eq!((idle.running, idle.parked), (2, 0));
    assert_eq!(
        idle.next_due,
        one.timers.get("close").copied().min(idle.next_due)
    );
}

async fn a_rejection_parks_one_instance_and_is_tried_again(store: AnyStore) {
    for number in [1, 2, 3] {
        place(&store, number, HOUR, HOUR).await;
    }
    for number in [1, 3] {
        hold(&store, number, true).await;
    }
    for number in [1, 2, 3] {
        pay(&store, number + 10, number).await;
    }
    let sagas = runner(store.clone());
    run(&sagas).await;
    assert_eq!(order(&store, 2).await.shipped, 1, "others flow");
    let parked = state(&sagas, "fulfilment", 1).await;
    assert_eq!(
        parked.parked.as_deref(),
        Some("order/1 rejected: the order is on hold")
    );
    assert_eq!(payment(&store, 11).await.booked, 0, "all or nothing");
    // A second payment waits after the first one.
    pay(&store, 21, 1).await;
    run(&sagas).await;
    assert_eq!(state(&sagas, "fulfilment", 1).await.waiting.len(), 2);
    let rows = sagas.list(Some("fulfilment"), Some(WorkStatus::Parked), None);
    assert_eq!(rows.await.expect("listed").len(), 2);

    // Still held: parked again at the same input, which is there once.
    let retry = |id: &'static str| sagas.repair("fulfilment", id, Verb::Retry {}, "ann", "again");
    retry("1").await.expect("repaired");
    run(&sagas).await;
    let again = state(&sagas, "fulfilment", 1).await;
    assert_eq!((again.waiting.len(), again.parked.is_some()), (2, true));

    hold(&store, 1, false).await;
    retry("1").await.expect("repaired");
    run(&sagas).await;
    assert_eq!(order(&store, 1).await.shipped, 1);
    assert_eq!(payment(&store, 11).await.booked, 1);
    assert_eq!(payment(&store, 21).await.booked, 0, "it came after the end");
    assert!(state(&sagas, "fulfilment", 1).await.ended);

    // The other one is let go without its payment, and then wholly.
    let skip = |step: &str| Verb::Skip { step: step.into() };
    let wrong = sagas
        .repair("fulfilment", "3", skip("order.placed"), "ann", "no")
        .await;
    let wrong = wrong.expect_err("it is not parked there").to_string();
    assert!(wrong.contains("parked at `payment.received`"), "{wrong}");
    let skipped = sagas.repair(
        "fulfilment",
        "3",
        skip("payment.received"),
        "ann",
        "by hand",
    );
    skipped.await.expect("repaired");
    run(&sagas).await;
    let three = state(&sagas, "fulfilment", 3).await;
    assert!(three.parked.is_none() && three.timers.contains_key("remind"));
    let retried = retry("3").await.expect_err("it is not parked");
    assert!(retried.to_string().contains("not parked"));
    let unwound = sagas
        .repair("fulfilment", "3", Verb::Unwind {}, "ann", "no")
        .await;
    assert!(unwound.is_err());
    let abandoned = sagas.repair("fulfilment", "3", Verb::Abandon {}, "ann", "no");
    abandoned.await.expect("repaired");
    assert!(state(&sagas, "fulfilment", 3).await.ended);
    let history = sagas
        .show_process("fulfilment", "3")
        .await
        .expect("shown")
        .history;
    let repairs = history
        .iter()
        .filter(|(_, step)| step.outcome == ProcessOutcome::Repaired {});
    assert_eq!(repairs.count(), 2);
}

async fn a_process_manager_may_handle_rejections(store: AnyStore) {
    for number in [1, 2] {
        place(&store, number, HOUR, HOUR).await;
        pay(&store, number + 10, number).await;
    }
    hold(&store, 1, true).await;
    let sagas = Sagas::new(store.clone())
        .from_the_beginning(true)
        .with_process_manager::<Cashier>();
    run(&sagas).await;
    assert_eq!(payment(&store, 11).await.booked, 0, "decided before the no");
    assert_eq!(payment(&store, 12).await.booked, 1);
    let history = sagas
        .show_process("cashier", "11")
        .await
        .expect("shown")
        .history;
    let rejected = history
        .first()
        .and_then(|(_, step)| step.rejected.as_deref());
    assert_eq!(rejected, Some("order/1 rejected: the order is on hold"));
    assert!(state(&sagas, "cashier", 11).await.parked.is_none());
}

async fn runners_side_by_side_take_each_input_once(store: AnyStore) {
    const ORDERS: u64 = 12;
    for number in 1..=ORDERS {
        let remind = if number % 3 == 0 {
            Duration::ZERO
        } else {
            HOUR
        };
        place(&store, number, remind, HOUR).await;
        if number % 2 == 0 {
            pay(&store, number + 100, number).await;
        }
    }
    let three = [
        runner(store.clone()),
        runner(store.clone()),
        runner(store.clone()),
    ];
    let (a, b, c) = tokio::join!(
        three[0].run_until_idle(),
        three[1].run_until_idle(),
        three[2].run_until_idle(),
    );
    for ran in [a, b, c] {
        ran.expect("runs");
    }
    // What one left to another that had ended by then.
    run(&three[0]).await;
    for number in 1..=ORDERS {
        let found = order(&store, number).await;
        assert_eq!(found.shipped, u32::from(number % 2 == 0), "order {number}");
        assert!(
            found.reminded <= u32::from(number % 3 == 0),
            "order {number}"
        );
        if number % 2 == 1 {
            assert_eq!(found.reminded, u32::from(number % 3 == 0), "order {number}");
        }
    }
}

/// Sets the place in the feed back to the start, as a restored backup would.
async fn lose_cursor(store: &impl WorkQueue) {
    let consumer = "saga:fulfilment";
    let at = store.cursor(consumer).await.expect("a cursor");
    let back = CursorMove::new(consumer, at, Position::START);
    let back = Commit::new().cursor(back);
    store.commit(back).await.expect("set back");
}

async fn count(store: &impl WorkQueue, stream: &str) -> usize {
    let (aggregate, id) = stream.split_once('/').expect("two halves");
    let stream = StreamId::new(aggregate, id).expect("usable");
    let page = store.read_stream(&stream, StreamRange::forward(0), ReadLimit::default());
    page.await.expect("reads").len()
}

async fn events_that_come_again_or_too_late_change_nothing(store: AnyStore) {
    place(&store, 1, HOUR, HOUR).await;
    place(&store, 2, HOUR, HOUR).await;
    pay(&store, 11, 1).await;
    let sagas = runner(store.clone());
    run(&sagas).await;
    let before = (
        count(&store, "saga:fulfilment/1").await,
        count(&store, "saga:fulfilment/2").await,
    );
    lose_cursor(&store).await;
    run(&sagas).await;
    let after = (
        count(&store, "saga:fulfilment/1").await,
        count(&store, "saga:fulfilment/2").await,
    );
    assert_eq!(before, after);

    // The control: a store that forgets append ids takes them again.
    let forgetful = runner(Faulty::store(store.clone(), [Fault::ForgetsAppendIds]));
    lose_cursor(&store).await;
    run(&forgetful).await;
    assert!(count(&store, "saga:fulfilment/2").await > before.1);

    // Too late: recorded, and nothing else.
    let before = count(&store, "saga:fulfilment/1").await;
    pay(&store, 12, 1).await;
    run(&sagas).await;
    assert_eq!(count(&store, "saga:fulfilment/1").await, before + 1);
    assert_eq!(order(&store, 1).await.shipped, 1);
    let history = sagas
        .show_process("fulfilment", "1")
        .await
        .expect("shown")
        .history;
    let last = history.last().map(|(_, step)| step.outcome.clone());
    assert_eq!(last, Some(ProcessOutcome::TooLate {}));
}

/// Lets an order go, and ships it.
#[derive(Aggregate, ProcessManager, Default)]
#[aggregate("warden", id = u64, error = Infallible, events(ignore(Seen)))]
#[process_manager(reacts(PaymentReceived))]
struct Warden {}

#[derive(Event, Serialize, Deserialize)]
#[event("warden.saw")]
struct Seen {}

impl ReactTo<PaymentReceived> for Warden {
    fn correlate(received: &Envelope<PaymentReceived>) -> Option<u64> {
        received.stream.id().parse().ok()
    }

    fn react(&self, received: &Envelope<PaymentReceived>) -> Reactions<Self> {
        let order = &received.event.order;
        if received.stream.id() == "1" {
            Reactions::none().command::<Order, _>(order, Hold(false))
        } else {
            Reactions::none().command::<Order, _>(order, Ship)
        }
    }
}

/// Events that come together share transactions only as far as they have nothing to do with each
/// other: here the second one would be rejected but for the first.
async fn an_input_is_decided_on_what_earlier_ones_changed(store: AnyStore) {
    place(&store, 1, HOUR, HOUR).await;
    hold(&store, 1, true).await;
    for number in [1, 2] {
        pay(&store, number, 1).await;
    }
    let sagas = Sagas::new(store.clone())
        .from_the_beginning(true)
        .with_process_manager::<Warden>();
    run(&sagas).await;
    assert_eq!(state(&sagas, "warden", 2).await.parked, None);
    assert_eq!(order(&store, 1).await.shipped, 1);
}

#[tokio::test]
async fn events_that_come_together_share_transactions() {
    const ORDERS: u64 = 200;
    let store = MemoryStore::new();
    for number in 1..=ORDERS {
        place(&store, number, HOUR, HOUR).await;
        pay(&store, number, number).await;
    }
    // One in the midst was taken before, and its group must not fail for it.
    let sagas = runner(store.clone());
    run(&sagas).await;
    pay(&store, 1_000, 1).await;
    run(&sagas).await;
    lose_cursor(&store).await;
    for number in 1..=ORDERS {
        place(&store, number + ORDERS, HOUR, HOUR).await;
    }
    let before = count(&store, "saga:fulfilment/1").await;
    let fuse = Fuse::new(None);
    run(&runner(MortalStore::new(store.clone(), fuse.clone()))).await;
    for number in 1..=ORDERS {
        assert_eq!(order(&store, number).await.shipped, 1, "order {number}");
        let begun = format!("saga:fulfilment/{}", number + ORDERS);
        assert_eq!(count(&store, &begun).await, 2, "{begun}");
    }
    assert_eq!(count(&store, "saga:fulfilment/1").await, before);
    let commits = fuse.passed();
    let begun = commits.iter().filter(|what| what.contains("begun"));
    let begun = begun.count() as u64;
    assert!(begun < ORDERS / 20, "{begun} commits for {ORDERS} events");
}

#[tokio::test]
async fn timers_keep_to_the_clock_of_the_store_and_are_cancelled_by_the_end() {
    let (store, clock) = VirtualClock::with_store();
    place(&store, 1, HOUR, HOUR).await;
    place(&store, 2, HOUR, HOUR).await;
    let sagas = runner(store.clone());
    run(&sagas).await;
    clock.pass(HOUR - Duration::from_micros(1));
    run(&sagas).await;
    assert_eq!(order(&store, 2).await.reminded, 0);
    pay(&store, 11, 1).await;
    run(&sagas).await;
    clock.pass(Duration::from_micros(1));
    run(&sagas).await;
    assert_eq!(order(&store, 1).await.reminded, 0, "cancelled");
    assert_eq!(order(&store, 2).await.reminded, 1);
    clock.pass(HOUR);
    run(&sagas).await;
    assert_eq!(order(&store, 1).await.closed, 0);
    assert_eq!(order(&store, 2).await.closed, 1);
}

/// The timer has run out, a runner has read that, and the payment is taken before it writes.
#[tokio::test]
async fn a_timer_that_is_overtaken_by_an_input_does_nothing() {
    // At each write of the runner that is at the timer.
    let mut overtaken = 0;
    for at in 1..=4 {
        let (store, clock) = VirtualClock::with_store();
        place(&store, 1, HOUR, HOUR).await;
        run(&runner(store.clone())).await;
        clock.pass(HOUR);
        pay(&store, 11, 1).await;
        let fuse = Fuse::new(Some(CrashPoint { at, after: true }));
        let died = runner(MortalStore::new(store.clone(), fuse.clone()));
        let _ = died.run_until_idle().await;
        // Another one goes on while the lease holds, and after it.
        run(&runner(store.clone())).await;
        clock.pass(LEASE);
        run(&runner(store.clone())).await;
        let found = order(&store, 1).await;
        assert_eq!((found.shipped, found.closed), (1, 0), "at {at}");
        assert_eq!(found.reminded, 0, "at {at}: the input came first");
        overtaken += u32::from(fuse.is_dead());
    }
    assert!(overtaken > 1, "{overtaken}");
}

/// A store on which another runner claims everything just before the first commit of a runner with a claim.
#[derive(Clone)]
struct Overtaken {
    inner: MemoryStore,
    clock: VirtualClock,
    is_done: Arc<AtomicBool>,
}

impl StoreLayer for Overtaken {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        let is_claimed = commit.work.iter().any(|change| change.epoch.is_some());
        if is_claimed && !self.is_done.swap(true, Ordering::SeqCst) {
            self.clock.pass(LEASE);
            let all = vec!["saga:fulfilment".to_owned()];
            let claimed = self.inner.claim(Claim::new(all, "another", LEASE, 10));
            assert_eq!(claimed.await.expect("claims").len(), 1);
        }
        self.inner.commit(commit).await
    }
}

#[tokio::test]
async fn a_runner_that_lost_its_lease_changes_nothing() {
    let (store, clock) = VirtualClock::with_store();
    place(&store, 1, HOUR, HOUR * 9).await;
    run(&runner(store.clone())).await;
    clock.pass(HOUR);
    let overtaken = Overtaken {
        inner: store.clone(),
        clock: clock.clone(),
        is_done: Arc::default(),
    };
    let before = store.len();
    run(&runner(Layered(overtaken.clone()))).await;
    assert!(overtaken.is_done.load(Ordering::SeqCst), "it wrote nothing");
    assert_eq!(store.len(), before, "its write was not refused");
    clock.pass(LEASE);
    run(&runner(store.clone())).await;
    assert_eq!(order(&store, 1).await.reminded, 1);
}

/// A reader that was paused after it read a page does not set the cursor back.
#[tokio::test]
async fn the_place_in_the_feed_never_goes_back() {
    let store = MemoryStore::new();
    place(&store, 1, HOUR, HOUR).await;
    let (other, once) = (store.clone(), Arc::new(AtomicBool::new(false)));
    let pausing = PausingStore::new(store, move || {
        let (other, once) = (other.clone(), Arc::clone(&once));
        Box::pin(async move {
            if !once.swap(true, Ordering::SeqCst) {
                place(&other, 2, HOUR, HOUR).await;
                run(&runner(other)).await;
            }
        })
    });
    run(&runner(pausing.clone())).await;
    let moves = pausing.moves();
    assert!(!moves.is_empty());
    for moved in moves {
        assert!(moved.from.is_none_or(|from| from <= moved.to), "{moved:?}");
    }
}

/// What must have come out, and did: orders 1 and 2 shipped, 3 reminded and closed, 4 parked.
async fn tally(store: &impl WorkQueue) -> Vec<(u32, u32, u32)> {
    let mut all = Vec::new();
    for number in 1..=4 {
        let found = order(store, number).await;
        all.push((found.shipped, found.reminded, found.closed));
    }
    for paid in [11, 12, 14] {
        all.push((payment(store, paid).await.booked, 0, 0));
    }
    all
}

const RIGHT: [(u32, u32, u32); 7] = [
    (1, 0, 0),
    (1, 0, 0),
    (0, 1, 1),
    (0, 0, 0),
    (1, 0, 0),
    (1, 0, 0),
    (0, 0, 0),
];

async fn inputs(store: &impl WorkQueue, short: Duration) {
    place(store, 1, HOUR * 9, HOUR).await;
    pay(store, 12, 2).await;
    place(store, 2, HOUR * 9, HOUR).await;
    place(store, 3, short, short * 2).await;
    place(store, 4, HOUR * 9, HOUR).await;
    hold(store, 4, true).await;
    pay(store, 11, 1).await;
    pay(store, 14, 4).await;
}

/// Runs until nothing is due within the hours of the test; `false` when the process died.
async fn process(store: &MemoryStore, clock: &VirtualClock, fuse: &Fuse, faults: &[Fault]) -> bool {
    let store = Faulty::store(store.clone(), faults);
    let sagas = runner(MortalStore::new(store, fuse.clone()));
    for _ in 0..3 {
        let idle = sagas.run_until_idle().await;
        if fuse.is_dead() {
            return false;
        }
        idle.expect("runs");
        clock.pass(HOUR);
    }
    true
}

/// One run that dies there, in each of these processes; each time the place in the feed is lost, too.
async fn dying(crashes: &[CrashPoint], faults: &[Fault]) -> (Vec<(u32, u32, u32)>, usize) {
    let (store, clock) = VirtualClock::with_store();
    inputs(&store, HOUR).await;
    let mut points = 0;
    for crash in crashes.iter().copied().map(Some).chain([None]) {
        let fuse = Fuse::new(crash);
        process(&store, &clock, &fuse, faults).await;
        points += fuse.passed().len();
        clock.pass(LEASE);
        if store
            .cursor("saga:fulfilment")
            .await
            .expect("read")
            .is_some()
        {
            lose_cursor(&store).await;
        }
    }
    process(&store, &clock, &Fuse::new(None), faults).await;
    (tally(&store).await, points)
}

fn points(count: usize) -> impl Iterator<Item = CrashPoint> + Clone {
    (1..=count).flat_map(|at| [false, true].map(|after| CrashPoint { at, after }))
}

#[tokio::test]
async fn wherever_it_dies_each_input_counts_once() {
    let (whole, count) = dying(&[], &[]).await;
    assert_eq!(whole, RIGHT);
    let mut runs = 0;
    for first in points(count) {
        assert_eq!(dying(&[first], &[]).await.0, RIGHT, "{first:?}");
        for second in points(count / 2).step_by(tries(1, 4)) {
            let (found, _) = dying(&[first, second], &[]).await;
            assert_eq!(found, RIGHT, "{first:?} {second:?}");
            runs += 1;
        }
        runs += 1;
    }
    println!("{count} points, {runs} runs");

    // The control: on a store that forgets append ids something is done twice.
    let faults = [Fault::ForgetsAppendIds];
    let mut red = 0;
    for first in points(count) {
        red += u32::from(dying(&[first], &faults).await.0 != RIGHT);
    }
    assert!(red > 0, "the matrix sees nothing");
}

/// Polls so often at most; `None` when it is dropped before its end.
async fn polled<F: Future>(times: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// On a real file each await is one: the runner is dropped at every one of them.
#[tokio::test]
async fn dropped_at_every_await_each_input_counts_once() {
    let mut dropped = 0;
    for times in 1.. {
        let folder = es_tests::tiers::folder();
        let store = SqliteStore::open(folder.path().join("events.db")).await;
        let store = store.expect("opens");
        inputs(&store, Duration::ZERO).await;
        let sagas = runner(store.clone()).lease(Duration::from_millis(1));
        let whole = polled(times, sagas.run_until_idle()).await;
        // Its lease runs out by the clock of the file.
        let rest = async {
            while tally(&store).await != RIGHT {
                run(&sagas).await;
            }
        };
        let rest = tokio::time::timeout(LEASE, rest).await;
        rest.unwrap_or_else(|_| panic!("dropped at poll {times}"));
        run(&sagas).await;
        assert_eq!(tally(&store).await, RIGHT, "dropped at poll {times}");
        if whole.is_some() {
            break;
        }
        dropped += 1;
    }
    assert!(dropped > 10, "{dropped} awaits only");
    println!("dropped at {dropped} awaits");
}

#[tokio::test]
async fn what_panics_or_cannot_be_parks_one_instance_with_the_reason() {
    let store = MemoryStore::new();
    pay(&store, 1, 13).await;
    pay(&store, 13, 2).await;
    pay(&store, 3, 2).await;
    pay(&store, 14, 4).await;
    pay(&store, 5, 5).await;
    let sagas = Sagas::new(store.clone())
        .from_the_beginning(true)
        .with_process_manager::<Clerk>();
    run(&sagas).await;
    for (id, reason) in [
        (13, "`react` panicked"),
        (2, "of its own stream: `apply` panicked"),
        (4, "two commands to order/4"),
    ] {
        let why = state(&sagas, "clerk", id).await.parked;
        let why = why.unwrap_or_else(|| panic!("clerk {id} is not parked"));
        assert!(why.contains(reason), "{why}");
    }
    assert!(state(&sagas, "clerk", 5).await.parked.is_none());
    let idle = sagas.run_until_idle().await.expect("runs");
    assert_eq!((idle.running, idle.parked), (1, 3));
}

#[tokio::test]
async fn two_of_one_name_are_refused() {
    let twice = runner(MemoryStore::new()).with_process_manager::<Fulfilment>();
    let refused = twice.run_until_idle().await.expect_err("refused");
    assert!(refused.to_string().contains("registered twice"));
    let shown = runner(MemoryStore::new()).show("fulfilment", "1").await;
    let shown = shown.expect_err("not so").to_string();
    assert!(shown.contains("use `show_process`"), "{shown}");
}

#[derive(Event, Serialize, Deserialize)]
#[event("process.stepped")]
struct Stepped {}

#[derive(Aggregate, ProcessManager, Default)]
#[aggregate("greedy", id = u64, error = Infallible, events(ignore(Stepped)))]
#[process_manager(reacts(PaymentReceived))]
struct Greedy {}

impl ReactTo<PaymentReceived> for Greedy {
    fn correlate(_: &Envelope<PaymentReceived>) -> Option<u64> {
        None
    }

    fn react(&self, _: &Envelope<PaymentReceived>) -> Reactions<Self> {
        Reactions::none()
    }
}

#[tokio::test]
async fn the_name_of_the_record_is_taken() {
    let greedy = Sagas::new(MemoryStore::new()).with_process_manager::<Greedy>();
    let refused = greedy.run_until_idle().await.expect_err("refused");
    assert!(
        refused.to_string().contains("`process.stepped`"),
        "{refused}"
    );
}

/// As tasks, as programs that serve run them.
#[tokio::test]
async fn it_runs_as_tasks() {
    let store = MemoryStore::new();
    let running = runner(store.clone()).start().await.expect("starts");
    place(&store, 1, Duration::ZERO, Duration::ZERO).await;
    let closed = async {
        while order(&store, 1).await.closed == 0 {
            let at = store.head().await.expect("read");
            // It gets each event, and at the latest with the runner's own next look.
            let _ = tokio::time::timeout(Duration::from_millis(100), store.changed(at)).await;
        }
    };
    tokio::time::timeout(LEASE, closed).await.expect("closed");
    running.shutdown().await;
    assert_eq!(order(&store, 1).await.reminded, 1);
}
