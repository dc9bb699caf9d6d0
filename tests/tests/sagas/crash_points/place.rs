//! Where one test happens: a store, a ledger of the services outside, and processes that work there.

use super::{
    audit::{Rest, audit},
    worker::Worker,
};
use es_runtime::{AnyStore, EventStore, Timestamp, WorkQueue};
use es_sagas::{Saga, SagaView, Sagas, Verb, log::SagaEvent};
use es_testkit::{nats::Cluster, postgres::Database};
use es_tests::{
    ledger::{Behaviour, Entry, FileLedger},
    orders::{self, OrderSaga, Outside},
    places::Place as At,
};
use std::{net::SocketAddr, path::Path, sync::Arc};

/// A store, what belongs to it, and the order that it is about.
pub struct Place {
    at: Arc<At>,
    order: String,
}

impl Place {
    pub fn sqlite() -> Self {
        Self::of(At::sqlite())
    }

    pub fn postgres() -> Self {
        let database = es_tests::server::database();
        let folder = es_tests::tiers::folder();
        Self::of(At::Postgres(folder, database))
    }

    pub fn jetstream() -> Self {
        Self::of(At::nats())
    }

    /// A stream on these servers of JetStream.
    pub fn on(cluster: &Cluster) -> Self {
        Self::of(At::nats_on(cluster, "PLACE"))
    }

    fn of(at: At) -> Self {
        Self {
            at: Arc::new(at),
            order: "order-0".to_owned(),
        }
    }

    /// The same store, with another order.
    pub fn of_order(&self, number: usize) -> Self {
        Self {
            at: Arc::clone(&self.at),
            order: format!("order-{number}"),
        }
    }

    /// Another one on the same kind of database.
    pub fn another(&self) -> Self {
        match &*self.at {
            At::Sqlite(_) => Self::sqlite(),
            At::Postgres(..) => Self::postgres(),
            At::Nats(..) => Self::jetstream(),
        }
    }

    /// The database, where it is one of PostgreSQL.
    pub fn database(&self) -> Option<&Database<'static>> {
        match &*self.at {
            At::Sqlite(_) | At::Nats(..) => None,
            At::Postgres(_, database) => Some(database),
        }
    }

    /// What its store is.
    pub fn kind(&self) -> &'static str {
        match &*self.at {
            At::Sqlite(_) => "SQLite",
            At::Postgres(..) => "PostgreSQL",
            At::Nats(..) => "JetStream",
        }
    }

    pub fn pace(&self) -> u64 {
        self.at.pace()
    }

    pub fn folder(&self) -> &Path {
        self.at.folder()
    }

    /// How a process opens the store.
    pub fn store(&self) -> String {
        self.at.address()
    }

    /// Where the server of this place listens, for proxies.
    pub fn server_address() -> SocketAddr {
        es_tests::server::shared()
            .tcp_address()
            .expect("it listens")
    }

    /// The services, which behave well when this process asks them.
    pub fn ledger(&self) -> FileLedger {
        FileLedger::open(&self.folder().join("ledger.db"), Behaviour::default())
    }

    /// What a service knows of the order.
    pub fn entry(&self, service: &str) -> Entry {
        self.ledger().entry(service, &self.order)
    }

    /// A process that runs sagas here until they rest, unless the arguments say otherwise.
    pub fn worker(&self, args: &[&str]) -> Worker {
        let at = self.store();
        self.worker_through(&at, args)
    }

    /// The same, with another way to the store.
    pub fn worker_through(&self, store: &str, args: &[&str]) -> Worker {
        let ledger = self.folder().join("ledger.db");
        let mut all = vec![
            "mode=rest".to_owned(),
            format!("store={store}"),
            format!("ledger={}", ledger.display()),
        ];
        all.extend(args.iter().map(|&arg| arg.to_owned()));
        Worker::start("saga_worker", &all)
    }

    /// One process waits at the point and is killed there.
    pub fn kill_at(&self, point: &str, args: &[&str]) {
        let at = format!("at={point}");
        let mut worker = self.worker(&[&[&*at], args].concat());
        worker.is_at(point);
        worker.kill();
    }

    /// One process brings everything to its rest.
    pub fn finish(&self, args: &[&str]) {
        self.worker(args).comes_to_its_end();
    }

    pub async fn place_order(&self) {
        with_store!(self, |store| orders::place(&store, &self.order, 100).await);
    }

    /// The customer does not want it any more.
    pub async fn cancel_order(&self) {
        let cancelled = with_store!(self, |store| orders::cancel(&store, &self.order).await);
        assert!(cancelled, "the order is not settled");
    }

    /// How the saga of the order rests.
    pub async fn rest(&self) -> Result<Rest, String> {
        let ledger = self.ledger();
        let rests = with_store!(self, |store| {
            let sagas = self.sagas(store.clone());
            audit(&sagas, &ledger, [self.order.clone()]).await
        });
        rests.map(|rests| rests[0])
    }

    /// The saga of the order.
    pub async fn saga(&self) -> SagaView {
        with_store!(self, |store| self.shown(&store).await)
    }

    async fn shown(&self, store: &AnyStore) -> SagaView {
        let view = self.sagas(store.clone()).show("order", &self.order).await;
        view.expect("it has begun")
    }

    /// How often such an event is in the stream of the saga.
    pub async fn count(&self, is: impl Fn(&SagaEvent) -> bool) -> usize {
        let saga = self.saga().await;
        saga.history.iter().filter(|(_, event)| is(event)).count()
    }

    /// A runner that only looks and repairs.
    pub fn sagas(&self, store: AnyStore) -> Sagas {
        Sagas::new(store).with::<OrderSaga>(Arc::new(self.ledger()))
    }

    /// An operator has the order's saga tried again.
    pub async fn retry<T: Saga<Deps = Arc<dyn Outside>>>(&self) {
        with_store!(self, |store| {
            let sagas = Sagas::new(store.clone()).with::<T>(Arc::new(self.ledger()));
            let retried = sagas.repair(
                "order",
                &self.order,
                Verb::Retry {},
                "ada",
                "it works again",
            );
            retried.await.expect("retried");
        });
    }

    /// The time of the store.
    pub async fn now(&self) -> Timestamp {
        with_store!(self, |store| store.now().await.expect("a time"))
    }

    /// How many events there are.
    pub async fn head(&self) -> es_runtime::Position {
        with_store!(self, |store| store.head().await.expect("a head"))
    }
}
