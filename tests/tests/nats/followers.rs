//! What follows the events of a cluster goes on when its leader is killed and comes back: a projection in SQLite and a
//! subscription, on two machines that take over from each other.

use es_nats::NatsStore;
use es_projections::{Delivery, HandlerError, Projections, React, Subscription, WaitFor};
use es_runtime::{Envelope, Position, Repository};
use es_sqlite::SqliteReadDatabase;
use es_testkit::nats::Cluster;
use es_tests::{
    board::{self, Board},
    orders::{Confirm, Order, OrderConfirmed, OrderPlaced, Place},
    tiers,
};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

const CALLERS: u32 = 4;
const ORDERS_EACH: u32 = 25;
const PATIENCE: Duration = Duration::from_secs(90);

/// What was delivered: the order and the version.
#[derive(Subscription, Clone, Default)]
#[subscription("heard", events(OrderPlaced, OrderConfirmed))]
struct Heard(Arc<Mutex<Vec<(String, u64)>>>);

impl Heard {
    fn hear(&self, order: &str, version: u64) {
        let mut heard = self.0.lock().expect("not poisoned");
        heard.push((order.to_owned(), version));
    }
}

impl React<OrderPlaced> for Heard {
    async fn react(&self, event: &Envelope<OrderPlaced>, _: &Delivery) -> Result<(), HandlerError> {
        self.hear(event.stream.id(), event.version);
        Ok(())
    }
}

impl React<OrderConfirmed> for Heard {
    async fn react(
        &self,
        event: &Envelope<OrderConfirmed>,
        _: &Delivery,
    ) -> Result<(), HandlerError> {
        self.hear(event.stream.id(), event.version);
        Ok(())
    }
}

async fn store(cluster: &Cluster) -> NatsStore {
    let monitor = |node| cluster.monitor_url(node).expect("a node");
    let options = NatsStore::options().patience(PATIENCE);
    let options = options.monitoring((0..cluster.nodes()).map(monitor));
    options.open(&cluster.url()).await.expect("opens")
}

/// Places and confirms orders, and gives the last position.
async fn order(store: NatsStore, caller: u32, done: Arc<AtomicU32>) -> Position {
    let orders = Repository::<Order, _>::without_snapshots(store);
    let mut last = Position::START;
    for number in 0..ORDERS_EACH {
        let id = format!("{caller}-{number}");
        let placed = orders.execute(&id, Place { cents: 1 }).await;
        placed.expect("placed");
        let shipment = id.clone();
        let confirmed = orders.execute(&id, Confirm { shipment }).await;
        last = confirmed.expect("confirmed").position;
        done.fetch_add(1, Ordering::SeqCst);
    }
    last
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn projections_and_subscriptions_go_on_when_the_leader_is_killed() {
    let cluster = Arc::new(Cluster::start().expect("a cluster"));
    let folder = tiers::folder();
    let heard = Heard::default();
    let (mut stores, mut machines) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let store = store(&cluster).await;
        let read = SqliteReadDatabase::open(folder.path().join("read.db"));
        let runner = Projections::new(store.clone(), read.await.expect("opens"))
            .lease(Duration::from_millis(500))
            .with(Board(Arc::new(|_, _, _| Ok(()))))
            .with_subscription(heard.clone());
        machines.push(runner.start().expect("started"));
        stores.push(store);
    }

    let done = Arc::<AtomicU32>::default();
    let callers = (0..CALLERS).zip(stores.iter().cycle());
    let callers: Vec<_> = callers
        .map(|(caller, store)| tokio::spawn(order(store.clone(), caller, Arc::clone(&done))))
        .collect();
    let until = async |orders: u32| {
        while done.load(Ordering::SeqCst) < orders {
            tokio::task::yield_now().await;
        }
    };
    let all = CALLERS * ORDERS_EACH;
    until(all / 4).await;
    let leader = cluster.wait_leader("ES").expect("asked");
    cluster.kill(leader).expect("killed");
    until(all / 2).await;
    cluster.restart(leader).expect("back");
    // The other machine takes over.
    machines.remove(0).shutdown().await;
    let mut last = Position::START;
    for caller in callers {
        last = last.max(caller.await.expect("all were placed"));
    }

    let read = SqliteReadDatabase::open(folder.path().join("read.db"));
    let read = read.await.expect("opens");
    read.wait_for::<Board>(last, PATIENCE)
        .await
        .expect("it follows");
    let (orders, log) = board::in_sqlite(&read).await.expect("read");
    assert_eq!(orders.len(), all as usize);
    for (order, placed, confirmed, rejected) in orders {
        assert_eq!((placed, confirmed, rejected), (1, 1, 0), "{order}");
    }
    assert_eq!(log.len(), 2 * all as usize);

    // Each at least once, and in order.
    let is_whole = || {
        let heard = heard.0.lock().expect("not poisoned");
        let mut versions: HashMap<&str, Vec<u64>> = HashMap::new();
        for (order, version) in heard.iter() {
            versions.entry(order).or_default().push(*version);
        }
        for (order, versions) in &mut versions {
            versions.dedup();
            assert!(
                versions.is_sorted() || versions.len() > 2,
                "{order}: {versions:?}"
            );
        }
        versions.len() == all as usize && versions.values().all(|all| all.ends_with(&[2]))
    };
    while !is_whole() {
        tokio::task::yield_now().await;
    }
    for machine in machines {
        machine.shutdown().await;
    }
}
