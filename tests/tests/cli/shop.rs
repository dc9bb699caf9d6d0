//! A small shop: customers with unique addresses, orders, a read model that cannot handle one of them, a saga
//! that waits for an operator, and a process manager that waits for a timer.

use es_cli::App;
use es_projections::{
    AnyReadDatabase, AnyTransaction, HandlerError, Project, Projection, Projections, values,
};
use es_runtime::{
    Aggregate, AnyStore, Append, AppendId, Apply, Envelope, Event, EventStore, Events,
    ExpectedVersion, Fingerprint, Handle, Metadata, NewEvent, Repository, Snapshot, SnapshotStore,
    StreamId, Tag,
};
use es_sagas::{
    Cx, Definition, Fail, OnTimer, ProcessManager, ReactTo, Reactions, Saga, Sagas, Start,
    StepRetry,
};
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, time::Duration};

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("customer.registered")]
pub(crate) struct Registered {
    #[unique("customer.email")]
    email: String,
}

#[derive(Tag)]
#[tag("customer")]
struct CustomerId(String);

impl From<String> for CustomerId {
    fn from(id: String) -> Self {
        Self(id)
    }
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("order.placed")]
pub(crate) struct Placed {
    #[tag(as = CustomerId)]
    customer: String,
    cents: i64,
}

#[derive(Aggregate, Default)]
#[aggregate("customer", id = String, error = Infallible, events(ignore(Registered)))]
struct Customer {}

#[derive(Clone)]
struct Register(String);

impl Handle<Register> for Customer {
    fn handle(&self, Register(email): Register) -> Result<Events<Self>, Infallible> {
        Ok(Registered { email }.into())
    }
}

#[derive(Aggregate, Default)]
#[aggregate("order", id = String, error = Infallible, events(ignore(Placed)))]
struct Order {}

#[derive(Clone)]
struct Place(String, i64);

impl Handle<Place> for Order {
    fn handle(&self, Place(customer, cents): Place) -> Result<Events<Self>, Infallible> {
        Ok(Placed { customer, cents }.into())
    }
}

/// Orders of 13 cents are nothing for it, unless it is one of a later release.
#[derive(Projection)]
#[projection("order_totals", version = 1, events(Placed))]
#[projection(schema = "CREATE TABLE {order_totals} (id TEXT PRIMARY KEY, cents BIGINT)")]
pub(crate) struct OrderTotals {
    pub(crate) takes_all: bool,
}

impl Project<Placed> for OrderTotals {
    async fn project(
        &self,
        placed: &Envelope<Placed>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        if placed.event.cents == 13 && !self.takes_all {
            return Err(HandlerError::new("13 cents are no price"));
        }
        let row = values![placed.stream.id(), placed.event.cents];
        tx.run("INSERT INTO {order_totals} VALUES ($1, $2)", row)
            .await?;
        Ok(())
    }
}

/// Charges and ships. Orders of 13 cents cannot be shipped once they are charged, unless the carrier takes them.
#[derive(Serialize, Deserialize)]
pub(crate) struct FulfilOrder {
    cents: i64,
}

impl Saga for FulfilOrder {
    const NAME: &'static str = "fulfil-order";
    type Deps = bool;

    fn definition() -> Definition<Self> {
        let mut saga = Definition::new();
        saga.starts_on::<Placed>(|placed| {
            let cents = placed.event.cents;
            Some(Start::new(placed.stream.id(), Self { cents }))
        });
        saga.retry(StepRetry::times(1));
        saga.step("charge", |_: Cx<Self>| async {
            Ok::<_, Fail>("receipt".to_owned())
        })
        .pivot();
        saga.step("ship", |cx: Cx<Self>| async move {
            match cx.saga().cents {
                13 if !cx.deps() => Err(Fail::fatal("the parcel is too small")),
                _ => Ok("parcel".to_owned()),
            }
        })
        .no_undo();
        saga
    }
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("welcome.greeted")]
pub(crate) struct Greeted {}

/// Greets customers three days later.
#[derive(Aggregate, ProcessManager, Default, Debug)]
#[aggregate("welcome", id = String, error = Infallible, events(Greeted))]
#[process_manager(reacts(Registered), timers)]
pub(crate) struct Welcome {
    greeted: bool,
}

impl Apply<Greeted> for Welcome {
    fn apply(&mut self, _: &Greeted) {
        self.greeted = true;
    }
}

impl ReactTo<Registered> for Welcome {
    fn correlate(registered: &Envelope<Registered>) -> Option<String> {
        Some(registered.stream.id().to_owned())
    }

    fn react(&self, _: &Envelope<Registered>) -> Reactions<Self> {
        Reactions::none().timer("greet", Duration::from_secs(3 * 24 * 3600))
    }
}

impl OnTimer for Welcome {
    fn timer(&self, _: &str) -> Reactions<Self> {
        Reactions::none().event(Greeted {}).end()
    }
}

/// Places an order under a correlation.
pub(crate) async fn place(store: &AnyStore, id: &str, cents: i64, correlation: &str) {
    let metadata = Metadata::new()
        .with_user("ada")
        .with_correlation(correlation);
    Repository::<Order>::new(store.clone())
        .execute(id.to_owned(), Place("ada".to_owned(), cents))
        .metadata(metadata)
        .await
        .expect("placed");
}

pub(crate) fn projections(store: &AnyStore, read: AnyReadDatabase) -> Projections {
    let none = Duration::ZERO;
    let projections = Projections::new(store.clone(), read).attempts(1, none, none);
    projections.with(OrderTotals { takes_all: false })
}

/// The workers of its sagas.
pub(crate) fn sagas(store: &AnyStore) -> Sagas {
    sagas_of(store.clone(), false)
}

/// Those of a release that can ship what the first one could not, or of the first one.
pub(crate) fn sagas_of(store: AnyStore, is_fixed: bool) -> Sagas {
    Sagas::new(store)
        .from_the_beginning(true)
        .with::<FulfilOrder>(is_fixed)
        .with_process_manager::<Welcome>()
}

/// The program of a release that can do what the first one could not, or of the first one.
pub(crate) fn app(is_fixed: bool) -> App {
    App::new()
        .projections(move |store, read| {
            Projections::new(store, read).with(OrderTotals {
                takes_all: is_fixed,
            })
        })
        .sagas(move |store| sagas_of(store, is_fixed))
}

/// Registers a customer under an append id. A second request is not registered again.
pub(crate) async fn register(
    store: &AnyStore,
    id: &str,
    email: &str,
    request: &str,
) -> (u64, bool) {
    let customers = Repository::<Customer>::new(store.clone());
    let registered = customers
        .execute(id.to_owned(), Register(email.to_owned()))
        .append_id(AppendId::new(request).expect("an id"))
        .await
        .expect("registered");
    (registered.version, registered.repeated)
}

/// Registers a customer, or says why not.
pub(crate) async fn try_register(store: &AnyStore, id: &str, email: &str) -> Result<(), String> {
    let customers = Repository::<Customer>::new(store.clone());
    let registered = customers
        .execute(id.to_owned(), Register(email.to_owned()))
        .await;
    registered.map(|_| ()).map_err(|error| error.to_string())
}

/// Brings its read models up to date.
pub(crate) async fn catch_up(store: &AnyStore, read: AnyReadDatabase) {
    let caught_up = projections(store, read).catch_up().await;
    caught_up.expect("caught up");
}

/// Everything that the shop does. Positions are the same on all databases.
pub(crate) async fn fill(store: &AnyStore, read: AnyReadDatabase) {
    let customers = Repository::<Customer>::new(store.clone());
    let metadata = Metadata::new().with_user("bob");
    customers
        .execute("ada".to_owned(), Register("ada@example.org".to_owned()))
        .metadata(metadata)
        .append_id(AppendId::new("signup-1").expect("an id"))
        .await
        .expect("registered");
    place(store, "4711", 2_933, "web-1").await;
    place(store, "4712", 13, "web-2").await;

    catch_up(store, read).await;
    sagas(store).run_until_idle().await.expect("idle");

    // A payload that is not JSON, and a snapshot.
    let note = StreamId::new("note", "1/a").expect("a stream");
    let event = NewEvent::new("note.taken", 1, "application/x-postcard", vec![0, 1, 255]);
    let append = Append::new(note.clone(), ExpectedVersion::NoStream).with_event(event);
    let appended = store.append(append).await.expect("appended");
    let fingerprint = Fingerprint::from_u64(10);
    let snapshot = Snapshot::new(
        note,
        1,
        appended.position,
        fingerprint,
        "application/json",
        b"{}".to_vec(),
    );
    store.save_snapshot(snapshot).await.expect("saved");

    // One that no reader has seen.
    place(store, "4713", 700, "web-3").await;
}
