//! Subscriptions: at least once, in order for each key, with an id that stays the same.

use es_projections::{Delivery, HandlerError, Measure, Projections, React, Subscription};
use es_runtime::{Envelope, EventStore, ReadLimit};
use es_sqlite::{SqliteReadDatabase, SqliteStore};
use es_tests::accounts::{Deposited, Withdrawn, deposit, withdraw};
use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Notify;

const SOON: Duration = Duration::from_secs(120);

/// What arrived at the other side: the id, the account, the version.
type Arrived = Arc<Mutex<Vec<(String, String, u64)>>>;

#[derive(Subscription)]
#[subscription("mailer", events(Deposited, Withdrawn))]
struct Mailer {
    arrived: Arrived,
    broken: Arc<AtomicBool>,
    /// The effect happens and then the answer is lost.
    forgets: Arc<AtomicBool>,
}

impl Mailer {
    fn send(&self, account: &str, version: u64, delivery: &Delivery) -> Result<(), HandlerError> {
        if account == "bad" && self.broken.load(Ordering::SeqCst) {
            return Err(HandlerError::new("the address is unknown"));
        }
        self.arrived.lock().expect("the other side").push((
            delivery.id().to_owned(),
            account.to_owned(),
            version,
        ));
        if self.forgets.swap(false, Ordering::SeqCst) {
            return Err(HandlerError::new("no answer"));
        }
        Ok(())
    }
}

impl React<Deposited> for Mailer {
    async fn react(
        &self,
        event: &Envelope<Deposited>,
        delivery: &Delivery,
    ) -> Result<(), HandlerError> {
        self.send(event.stream.id(), event.version, delivery)
    }
}

impl React<Withdrawn> for Mailer {
    async fn react(
        &self,
        event: &Envelope<Withdrawn>,
        delivery: &Delivery,
    ) -> Result<(), HandlerError> {
        tokio::task::yield_now().await;
        self.send(event.stream.id(), event.version, delivery)
    }
}

#[derive(Default, Clone)]
struct Outside {
    arrived: Arrived,
    broken: Arc<AtomicBool>,
    forgets: Arc<AtomicBool>,
}

impl Outside {
    fn mailer(&self) -> Mailer {
        Mailer {
            arrived: Arc::clone(&self.arrived),
            broken: Arc::clone(&self.broken),
            forgets: Arc::clone(&self.forgets),
        }
    }

    fn arrived(&self) -> Vec<(String, String, u64)> {
        self.arrived.lock().expect("the other side").clone()
    }
}

fn runner(
    store: &SqliteStore,
    read: &SqliteReadDatabase,
    outside: &Outside,
) -> Projections<SqliteStore, SqliteReadDatabase> {
    Projections::new(store.clone(), read.clone())
        .take_over(true)
        .attempts(3, Duration::from_millis(1), Duration::from_millis(2))
        .with_subscription(outside.mailer())
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_in_order_under_ids_that_stay() {
    let folder = es_tests::tiers::folder();
    let store = SqliteStore::open(folder.path().join("events.db"))
        .await
        .expect("opens");
    let read = store.read_database();
    let outside = Outside::default();
    for number in 0..30 {
        let account = format!("a{}", number % 4);
        if number % 5 == 4 {
            withdraw(&store, &account, 1).await.expect("stored");
        } else {
            deposit(&store, &account, 1).await.expect("stored");
        }
    }
    let mut random = fastrand::Rng::with_seed(7);
    let mut rounds = 0;
    while outside.arrived().len() < 20 {
        // Dropped anywhere, like a process that is killed.
        let most = 5_000 << (rounds / 100).min(10);
        let patience = Duration::from_micros(random.u64(200..most));
        let mailer = runner(&store, &read, &outside);
        let _ = tokio::time::timeout(patience, mailer.catch_up()).await;
        rounds += 1;
        assert!(rounds < 10_000);
    }
    // One more at least is delivered whose answer is lost.
    deposit(&store, "a0", 1).await.expect("stored");
    outside.forgets.store(true, Ordering::SeqCst);
    let last = runner(&store, &read, &outside);
    last.catch_up().await.expect("caught up");
    let arrived = outside.arrived();
    let mut newest: HashMap<String, u64> = HashMap::new();
    let mut ids: HashMap<String, (String, u64)> = HashMap::new();
    for (id, account, version) in &arrived {
        let known = ids
            .entry(id.clone())
            .or_insert_with(|| (account.clone(), *version));
        assert_eq!(*known, (account.clone(), *version), "one id, one event");
        let newest = newest.entry(account.clone()).or_default();
        // After a run that was dropped it goes on behind the last checkpoint, so it may go back.
        assert!(
            *version <= *newest + 1,
            "in order, perhaps again: {arrived:?}"
        );
        *newest = (*newest).max(*version);
    }
    assert_eq!(ids.len(), 31, "every event arrived");
    assert!(arrived.len() > 31, "the one without an answer came again");
    last.catch_up().await.expect("caught up");
    assert_eq!(outside.arrived().len(), arrived.len(), "and no more");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_delivered_parks_its_key() {
    let folder = es_tests::tiers::folder();
    let store = SqliteStore::open(folder.path().join("events.db"))
        .await
        .expect("opens");
    let read = store.read_database();
    let outside = Outside::default();
    outside.broken.store(true, Ordering::SeqCst);
    let runner = runner(&store, &read, &outside);
    let running = runner.start().expect("started");
    for _ in 0..3 {
        deposit(&store, "bad", 1).await.expect("stored");
        deposit(&store, "good", 1).await.expect("stored");
    }
    let began = Instant::now();
    while runner.parked("mailer").await.map_or(0, |p| p.len()) < 3 || outside.arrived().len() < 3 {
        assert!(began.elapsed() < SOON);
        tokio::task::yield_now().await;
    }
    assert!(
        outside
            .arrived()
            .iter()
            .all(|(_, account, _)| account == "good")
    );
    outside.broken.store(false, Ordering::SeqCst);
    let retried = runner.retry("mailer", "account/bad").await;
    assert_eq!(retried.expect("tried").handled, 3);
    let bad: Vec<u64> = outside
        .arrived()
        .into_iter()
        .filter(|(_, account, _)| account == "bad")
        .map(|(_, _, version)| version)
        .collect();
    assert_eq!(bad, [1, 2, 3]);
    running.shutdown().await;
    assert!(
        runner.rebuild("mailer").await.is_err(),
        "effects are not built anew"
    );
}

/// What one run delivers of twenty events before it is dropped in the middle of the thirteenth, and then what
/// the next one delivers.
async fn delivered_by_two_runs(page: usize) -> (usize, Vec<(String, String, u64)>) {
    let folder = es_tests::tiers::folder();
    let store = SqliteStore::open(folder.path().join("events.db"))
        .await
        .expect("opens");
    for _ in 0..20 {
        deposit(&store, "alice", 1).await.expect("stored");
    }
    let arrived = Arrived::default();
    let runner = |hangs_at| {
        Projections::new(store.clone(), store.read_database())
            .take_over(true)
            .page(ReadLimit::events(page))
            .with_subscription(HangsOnce {
                arrived: Arc::clone(&arrived),
                hangs_at,
            })
    };
    let first = runner(Some(13));
    let mut first = Box::pin(first.catch_up());
    let began = Instant::now();
    while arrived.lock().expect("it").len() < 13 {
        assert!(began.elapsed() < SOON, "not delivered");
        let turn = tokio::time::timeout(Duration::from_millis(1), &mut first);
        assert!(turn.await.is_err(), "it hangs");
    }
    drop(first);
    runner(None).catch_up().await.expect("caught up");
    (13, arrived.lock().expect("it").clone())
}

#[derive(Subscription)]
#[subscription("hangs_once", events(Deposited))]
struct HangsOnce {
    arrived: Arrived,
    hangs_at: Option<u64>,
}

impl React<Deposited> for HangsOnce {
    async fn react(
        &self,
        event: &Envelope<Deposited>,
        delivery: &Delivery,
    ) -> Result<(), HandlerError> {
        let (id, stream) = (delivery.id().to_owned(), event.stream.id().to_owned());
        self.arrived
            .lock()
            .expect("the other side")
            .push((id, stream, event.version));
        if self.hangs_at == Some(event.version) {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

/// After a crash, what was delivered since the last checkpoint comes again: at most one page, under the same ids.
/// The control has pages of twenty events.
#[tokio::test]
async fn at_most_a_page_is_delivered_again() {
    for (page, again) in [(1, 1), (4, 1), (5, 3), (20, 13)] {
        let (before, arrived) = delivered_by_two_runs(page).await;
        let versions: Vec<u64> = arrived.iter().map(|(_, _, version)| *version).collect();
        let second = &versions[before..];
        let first_again = 13 - again as u64 + 1;
        assert!(second.first() >= Some(&first_again), "{page}: {versions:?}");
        assert_eq!(second.last(), Some(&20));
        let ids: HashMap<u64, String> = arrived.into_iter().map(|(id, _, v)| (v, id)).collect();
        assert_eq!(ids.len(), 20);
    }
}

/// A failure in the middle of a page does not deliver the events before it again.
#[tokio::test]
async fn a_failure_costs_only_the_event_that_failed() {
    let folder = es_tests::tiers::folder();
    let store = SqliteStore::open(folder.path().join("events.db"))
        .await
        .expect("opens");
    for account in ["a", "b", "bad", "c", "bad", "d"] {
        deposit(&store, account, 1).await.expect("stored");
    }
    let outside = Outside::default();
    outside.broken.store(true, Ordering::SeqCst);
    let runner = runner(&store, &store.read_database(), &outside);
    runner.catch_up().await.expect("caught up");
    let accounts: Vec<String> = outside.arrived().into_iter().map(|(_, a, _)| a).collect();
    assert_eq!(accounts, ["a", "b", "c", "d"]);
    assert_eq!(runner.parked("mailer").await.expect("readable").len(), 2);
}

#[derive(Subscription)]
#[subscription("from_now", events(Deposited), from = now)]
struct FromNow(Arrived);

impl React<Deposited> for FromNow {
    async fn react(
        &self,
        event: &Envelope<Deposited>,
        delivery: &Delivery,
    ) -> Result<(), HandlerError> {
        let (id, stream) = (delivery.id().to_owned(), event.stream.id().to_owned());
        let mut arrived = self.0.lock().expect("the other side");
        arrived.push((id, stream, event.version));
        Ok(())
    }
}

#[tokio::test]
async fn a_subscription_may_begin_with_its_first_start() {
    let folder = es_tests::tiers::folder();
    let store = SqliteStore::open(folder.path().join("events.db"))
        .await
        .expect("opens");
    let arrived = Arrived::default();
    let runner = |arrived: &Arrived| {
        Projections::new(store.clone(), store.read_database())
            .meter(|_: &Measure<'_>| {})
            .with_subscription(FromNow(Arc::clone(arrived)))
    };
    deposit(&store, "alice", 1).await.expect("stored");
    runner(&arrived).catch_up().await.expect("caught up");
    assert_eq!(arrived.lock().expect("it").len(), 0);
    deposit(&store, "alice", 1).await.expect("stored");
    deposit(&store, "alice", 1).await.expect("stored");
    runner(&arrived).catch_up().await.expect("caught up");
    let versions: Vec<u64> = arrived.lock().expect("it").iter().map(|a| a.2).collect();
    assert_eq!(versions, [2, 3]);
    assert_eq!(store.head().await.expect("head").to_string(), "3");
}

/// Takes longer than the lease of its partition.
#[derive(Subscription)]
#[subscription("slow", events(Deposited))]
struct Slow {
    calls: Arc<AtomicUsize>,
    takes: Duration,
    /// Whether it keeps its thread meanwhile, as a reaction must not.
    blocks: bool,
}

impl React<Deposited> for Slow {
    async fn react(&self, _: &Envelope<Deposited>, _: &Delivery) -> Result<(), HandlerError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.blocks {
            std::thread::sleep(self.takes);
        } else {
            tokio::time::sleep(self.takes).await;
        }
        Ok(())
    }
}

/// Two runners as in two processes, on one event whose reaction takes three leases.
struct SlowDelivery {
    running: Vec<Run>,
    calls: Arc<AtomicUsize>,
    /// That a page was committed.
    committed: Arc<Notify>,
}

async fn deliver_slowly(folder: &Path, blocks: bool) -> SlowDelivery {
    // A machine that does much else renews it in time, too.
    const LEASE: Duration = Duration::from_secs(5);
    let calls = Arc::new(AtomicUsize::new(0));
    let committed = Arc::new(Notify::new());
    let mut running = Vec::new();
    for number in 0..2 {
        let store = SqliteStore::open(folder.join("events.db"))
            .await
            .expect("opens");
        if number == 0 {
            deposit(&store, "alice", 1).await.expect("stored");
        }
        let notify = Arc::clone(&committed);
        let runner = Projections::new(store.clone(), store.read_database())
            .lease(LEASE)
            .meter(move |measure: &Measure<'_>| {
                if matches!(measure, Measure::Batch { events: 1, .. }) {
                    notify.notify_one();
                }
            })
            .with_subscription(Slow {
                calls: Arc::clone(&calls),
                takes: LEASE * 3,
                blocks,
            });
        running.push(runner.start().expect("started"));
    }
    SlowDelivery {
        running,
        calls,
        committed,
    }
}

type Run = es_projections::Running<SqliteStore, SqliteReadDatabase>;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reaction_that_takes_longer_than_the_lease_keeps_its_partition() {
    let folder = es_tests::tiers::folder();
    let slow = deliver_slowly(folder.path(), false).await;
    let committed = tokio::time::timeout(SOON, slow.committed.notified()).await;
    committed.expect("the page is committed");
    let status = slow.running[0].projections().status().await;
    let status = status.expect("status");
    assert!(
        status.iter().any(|partition| partition.events == 1),
        "{status:#?}"
    );
    assert_eq!(slow.calls.load(Ordering::SeqCst), 1);
    for one in slow.running {
        one.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn a_reaction_that_keeps_its_thread_cannot_keep_its_partition() {
    let folder = es_tests::tiers::folder();
    let slow = deliver_slowly(folder.path(), true).await;
    let began = Instant::now();
    while slow.calls.load(Ordering::SeqCst) < 2 {
        assert!(began.elapsed() < SOON, "the lease was kept");
        tokio::task::yield_now().await;
    }
    drop(slow);
}

/// Never ends by itself.
#[derive(Subscription)]
#[subscription("hanging", events(Deposited))]
struct Hanging(Arc<AtomicUsize>);

impl React<Deposited> for Hanging {
    async fn react(&self, _: &Envelope<Deposited>, _: &Delivery) -> Result<(), HandlerError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        std::future::pending().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reaction_that_hangs_does_not_hold_a_shutdown() {
    let folder = es_tests::tiers::folder();
    let store = SqliteStore::open(folder.path().join("events.db"))
        .await
        .expect("opens");
    deposit(&store, "alice", 1).await.expect("stored");
    let calls = Arc::new(AtomicUsize::new(0));
    let runner = Projections::new(store.clone(), store.read_database())
        .lease(Duration::from_millis(200))
        .with_subscription(Hanging(Arc::clone(&calls)));
    for round in 1..=2 {
        let running = runner.start().expect("started");
        let began = Instant::now();
        while calls.load(Ordering::SeqCst) < round {
            assert!(began.elapsed() < SOON, "not delivered");
            tokio::task::yield_now().await;
        }
        let ended = tokio::time::timeout(SOON, running.shutdown()).await;
        ended.expect("it ends all the same, and the event comes again");
        let status = runner.status().await.expect("status");
        assert_eq!((status[0].events, status[0].parked), (0, 0));
    }
}
