//! Subscriptions: at least once, in order for each key, with an id that stays the same.

use es_runtime::{
    Envelope, EventStore, HandlerError, Projections, React, Subscription,
    projection::{Delivery, Measure},
};
use es_sqlite::{Sqlite, SqliteStore};
use es_tests::accounts::{Deposited, Withdrawn, deposit, withdraw};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

const SOON: Duration = Duration::from_secs(20);

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
    read: &Sqlite,
    outside: &Outside,
) -> Projections<SqliteStore, Sqlite> {
    Projections::new(store.clone(), read.clone())
        .take_over(true)
        .attempts(3, Duration::from_millis(1), Duration::from_millis(2))
        .with_subscription(outside.mailer())
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_in_order_under_ids_that_stay() {
    let folder = tempfile::tempdir().expect("a folder");
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
        let patience = Duration::from_micros(random.u64(200..5_000));
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
        assert!(
            *version == *newest + 1 || *version == *newest,
            "in order, perhaps again: {arrived:?}"
        );
        *newest = *version;
    }
    assert_eq!(ids.len(), 31, "every event arrived");
    assert!(arrived.len() > 31, "the one without an answer came again");
    last.catch_up().await.expect("caught up");
    assert_eq!(outside.arrived().len(), arrived.len(), "and no more");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_delivered_parks_its_key() {
    let folder = tempfile::tempdir().expect("a folder");
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
    let folder = tempfile::tempdir().expect("a folder");
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
