//! Foreign code that fails outside of a handler: key functions and meters.

use crate::places::Place;
use es_projections::{
    AnyTransaction, Delivery, HandlerError, Key, Measure, Project, Projection, Projections, React,
    Subscription, WaitFor, values,
};
use es_runtime::{
    AnyStore, Envelope, EventFilter, EventStore, FeedPage, Position, ReadError, ReadLimit,
    RecordedEvent,
};
use es_testkit::{Layered, StoreLayer};
use es_tests::accounts::{Deposited, deposit};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const SOON: Duration = Duration::from_secs(20);

on_both!(
    a_key_function_that_panics_costs_its_event_alone,
    a_meter_that_panics_stops_nothing,
    a_worker_that_panics_is_started_again,
);

/// Knows no key for one account.
fn by_account(event: &RecordedEvent) -> Key<'_> {
    assert!(event.stream.id() != "bad", "on purpose");
    Key::Borrowed(event.stream.id())
}

#[derive(Projection)]
#[projection("keyed", version = 1, events(Deposited), key = by_account)]
#[projection(schema = "CREATE TABLE {keyed} (account TEXT)")]
struct Keyed;

#[derive(Projection)]
#[projection("parted", version = 1, events(Deposited), key = by_account, partitions = 3)]
#[projection(schema = "CREATE TABLE {parted} (account TEXT)")]
struct Parted;

impl Project<Deposited> for Keyed {
    async fn project(
        &self,
        deposited: &Envelope<Deposited>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        let insert = "INSERT INTO {keyed} VALUES ($1)";
        tx.run(insert, values![deposited.stream.id()]).await?;
        Ok(())
    }
}

impl Project<Deposited> for Parted {
    async fn project(
        &self,
        deposited: &Envelope<Deposited>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        let insert = "INSERT INTO {parted} VALUES ($1)";
        tx.run(insert, values![deposited.stream.id()]).await?;
        Ok(())
    }
}

#[derive(Subscription)]
#[subscription("notices", events(Deposited), key = by_account)]
struct Notices;

impl React<Deposited> for Notices {
    async fn react(&self, _: &Envelope<Deposited>, _: &Delivery) -> Result<(), HandlerError> {
        Ok(())
    }
}

async fn a_key_function_that_panics_costs_its_event_alone(place: &Place) {
    for account in ["ann", "bad", "bob", "bad", "cid", "dan"] {
        deposit(&place.store, account, 1).await.expect("stored");
    }
    let runner = place
        .runner()
        .with(Keyed)
        .with(Parted)
        .with_subscription(Notices);
    let caught_up = tokio::time::timeout(SOON, runner.catch_up()).await;
    caught_up.expect("in time").expect("caught up");
    for name in runner.names() {
        let parked = runner.parked(name).await.expect("parked");
        let of_bad: Vec<_> = parked
            .iter()
            .map(|one| (&*one.key, one.event.version))
            .collect();
        assert_eq!(of_bad, [("account/bad", 1), ("account/bad", 2)], "{name}");
        assert!(parked[0].event.reason.contains("its key"), "{parked:?}");
    }
    for table in ["keyed", "parted"] {
        let sql = format!("SELECT account FROM {table} ORDER BY account");
        let rows = place.read.select(&sql, &[]).await.expect("rows");
        let accounts: Vec<String> = rows.iter().map(|row| row.get(0).expect("a text")).collect();
        assert_eq!(accounts, ["ann", "bob", "cid", "dan"], "{table}");
    }
}

/// A store that panics at the first page of the feed.
#[derive(Clone)]
struct Panicking {
    store: AnyStore,
    is_well: Arc<AtomicBool>,
}

impl StoreLayer for Panicking {
    type Inner = AnyStore;

    fn inner(&self) -> &AnyStore {
        &self.store
    }

    async fn read_feed(
        &self,
        after: Position,
        filter: &EventFilter,
        limit: ReadLimit,
    ) -> Result<FeedPage, ReadError> {
        assert!(self.is_well.swap(true, Ordering::SeqCst), "on purpose");
        self.store.read_feed(after, filter, limit).await
    }
}

async fn a_worker_that_panics_is_started_again(place: &Place) {
    let store = Layered(Panicking {
        store: place.store.clone(),
        is_well: Arc::default(),
    });
    let (few, short) = (1, Duration::from_millis(1));
    let runner = Projections::new(store, place.read.clone()).attempts(few, short, short);
    let running = runner.with(Keyed).start().expect("started");
    let position = deposit(&place.store, "ann", 1).await.expect("stored");
    place
        .read
        .wait_for::<Keyed>(position, SOON)
        .await
        .expect("there");
    running.shutdown().await;
}

async fn a_meter_that_panics_stops_nothing(place: &Place) {
    let meter = |_: &Measure<'_>| panic!("on purpose");
    let runner = place.runner().meter(meter).with(Keyed);
    let running = runner.start().expect("started");
    for _ in 0..3 {
        let position = deposit(&place.store, "ann", 1).await.expect("stored");
        place
            .read
            .wait_for::<Keyed>(position, SOON)
            .await
            .expect("there");
    }
    assert_eq!(place.store.head().await.expect("the end").to_string(), "3");
    running.shutdown().await;
}
