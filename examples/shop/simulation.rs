//! The shop in thousands of histories in which processes die, stores do not answer and clocks jump. No customer and no
//! service may gain or lose a cent, and no CD.

use crate::{
    credit::MoveCredit,
    domain::{
        Cents, CustomerId, OrderId,
        customer::{Customer, CustomerEvent, GiveCredit, Register, SetEmail},
        order::{
            CancelOrder, Order, OrderCancelled, OrderPaid, OrderPlaced, OrderShipped, PlaceOrder,
        },
    },
    read::{Customers, OrderSummaries, SalesByMonth},
    saga::{
        fulfil::{FulfilOrder, WEB},
        services::{Service, Services},
        settle::Settlement,
    },
};
use es_projections::{AnyTransaction, HandlerError, Project, Projection, values};
use es_runtime::{AppendId, Envelope, Event, EventSet, ExecuteError, RecordedEvent};
use es_testkit::sim::{Process, Sim, histories};
use jiff::civil::{Date, date};
use std::{
    collections::{BTreeMap, BTreeSet},
    panic::catch_unwind,
    sync::{Arc, Mutex},
    time::Duration,
};

const DAY: Date = date(2026, 11, 29);
const CUSTOMERS: [&str; 3] = ["ada", "bob", "eve"];

/// What the shop does wrong, where it does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// A request that is sent again is a new one.
    CreditWithoutIds,
    /// A customer sends credit by two commands.
    CreditInTwoSteps,
    /// The services do not know what they did before the worker died.
    ForgetsServices,
    /// A read model counts outside of its transaction.
    CountsInMemory,
}

/// The requests for a gift of store credit.
type Gifts = Arc<Mutex<BTreeSet<String>>>;

fn client(process: &Process, seed: u64, gifts: &Gifts, fault: Fault) {
    let gifts = gifts.clone();
    let customers = process.repository::<Customer>().cached(2);
    let orders = process.repository::<Order>();
    let decisions = process.decisions();
    // A client that starts again sends the same requests.
    let mut random = fastrand::Rng::with_seed(seed);
    process.spawn(async move {
        for name in CUSTOMERS {
            // A shop without customers would have nothing to do.
            let register = || customers.execute(CustomerId(name.into()), Register { on: DAY });
            while !matches!(register().await, Ok(_) | Err(ExecuteError::Rejected(_))) {}
        }
        for request in 0..8 {
            let request = format!("{seed}-{request}");
            let id = match fault {
                Fault::CreditWithoutIds => AppendId::new(es_runtime::EventId::new().to_string()),
                _ => AppendId::new(&request),
            };
            let id = id.expect("an id");
            let mut customer = || CustomerId(CUSTOMERS[random.usize(..3)].into());
            let (one, other) = (customer(), customer());
            let amount = Cents(random.i64(1..200));
            match random.u8(..5) {
                0 => {
                    gifts.lock().expect("not poisoned").insert(request);
                    let given = customers.execute(one, GiveCredit { amount });
                    let _ = given.append_id(id).await;
                }
                1 if one != other && fault == Fault::CreditInTwoSteps => {
                    use crate::domain::customer::{ReceiveCredit, SendCredit};
                    let gone = SendCredit {
                        to: other.clone(),
                        amount,
                    };
                    let sent = customers.execute(one.clone(), gone).append_id(id.clone());
                    if sent.await.is_ok() {
                        let receive = ReceiveCredit { from: one, amount };
                        let _ = customers.execute(other, receive).append_id(id).await;
                    }
                }
                1 if one != other => {
                    let (from, to) = (one, other);
                    let moved = decisions.execute(MoveCredit { from, to, amount });
                    let _ = moved.append_id(id).await;
                }
                2 => {
                    let email = format!("{}@example.org", random.u8(..2));
                    let set = customers.execute(one, SetEmail { email });
                    let _ = set.append_id(id).await;
                }
                _ => {
                    let order = OrderId(format!("{WEB}{request}"));
                    let place = PlaceOrder {
                        customer: one,
                        placed_on: DAY,
                        cds: random.u32(1..4),
                        total: amount,
                    };
                    let _ = orders.execute(order.clone(), place).append_id(id).await;
                    if random.u8(..4) == 0 {
                        let cancel = CancelOrder {
                            cancelled_on: DAY,
                            reason: "changed my mind".into(),
                        };
                        let _ = orders.execute(order, cancel).await;
                    }
                }
            }
        }
    });
}

/// The events of one kind with their streams.
fn of<E: Event>(events: &[RecordedEvent]) -> BTreeMap<String, E> {
    let of_name = events.iter().filter(|event| *event.name == *E::NAME);
    let mut found = BTreeMap::new();
    for event in of_name {
        let decoded = E::from_payload(event.stored_payload()).expect("decodes");
        let twice = found.insert(event.stream.id().to_owned(), decoded);
        assert!(twice.is_none(), "{} twice on {}", E::NAME, event.stream);
    }
    found
}

fn shop(sim: &Sim, fault: Fault) {
    let names = ["payment", "inventory", "shipping"];
    let services = move || names.map(|name| Service::new(name, 0.0, Duration::ZERO));
    let (ours, gifts) = (services(), Gifts::default());
    for number in 0..2 {
        let (seed, gifts) = (2 * sim.seed() + number, gifts.clone());
        sim.process(move |process| client(process, seed, &gifts, fault));
    }
    for _ in 0..2 {
        let ours = ours.clone();
        sim.process(move |process| {
            let forgets = fault == Fault::ForgetsServices;
            let services = if forgets { services() } else { ours.clone() };
            let sagas = process
                .sagas()
                .from_the_beginning(true)
                .with::<FulfilOrder>(Services::here(services));
            process.run_sagas(sagas.with_process_manager::<Settlement>());
        });
    }
    let in_memory = (fault == Fault::CountsInMemory).then(SoldCds::default);
    // A history with read models takes ten times as long as one without.
    let reads = sim.seed().is_multiple_of(8);
    for _ in 0..if reads { 2 } else { 0 } {
        let in_memory = in_memory.clone();
        sim.process(move |process| {
            process.project(OrderSummaries);
            process.project(SalesByMonth);
            process.project(Customers);
            if let Some(sold) = in_memory.clone() {
                process.project(sold);
            }
        });
    }
    // Each read model is rebuilt at the end, and must have the rows that it had.
    sim.run();
    let events = sim.events();
    let shipped = check_orders(&events, &ours);
    check_customers(sim, &events, &shipped, &gifts);
    if reads {
        check_read_models(sim, &events);
    }
}

/// Each order has one end. Who got no parcel was not charged, and the shelf has every CD that was not shipped.
fn check_orders(events: &[RecordedEvent], services: &[Service; 3]) -> BTreeSet<String> {
    let placed = of::<OrderPlaced>(events);
    let (paid, shipped) = (of::<OrderPaid>(events), of::<OrderShipped>(events));
    let cancelled = of::<OrderCancelled>(events);
    for order in placed.keys() {
        let ends = [shipped.contains_key(order), cancelled.contains_key(order)];
        let ends = ends.iter().filter(|end| **end).count();
        assert_eq!(ends, 1, "{order} has no end, or two");
    }
    let (mut cents, mut cds, mut parcels) = (0, 0, 0);
    for order in shipped.keys() {
        cents += paid[order].amount_cents.0;
        cds += i64::from(placed[order].cds);
        parcels += 1;
    }
    let kept = services
        .each_ref()
        .map(|service| service.sums().done - service.sums().undone);
    assert_eq!(kept, [cents, cds, parcels], "cents, CDs and parcels");
    shipped.into_keys().collect()
}

/// Store credit comes from the shop alone, what was shipped is credited once, and no two customers have one address.
fn check_customers(sim: &Sim, events: &[RecordedEvent], shipped: &BTreeSet<String>, gifts: &Gifts) {
    let (mut given, mut requests) = (0, 0);
    let (mut credited, mut addresses) = (BTreeSet::new(), BTreeMap::new());
    let of_customers = events
        .iter()
        .filter(|event| event.stream.aggregate() == "customer");
    for event in of_customers {
        let decoded = CustomerEvent::decode(&event.name, event.stored_payload());
        for decoded in decoded.expect("decodes") {
            match decoded {
                CustomerEvent::CreditGiven { cents } => {
                    given += cents.0;
                    requests += 1;
                }
                CustomerEvent::Credited { order, .. } => {
                    assert!(credited.insert(order.0), "an order is credited twice");
                }
                CustomerEvent::EmailSet { email } => {
                    addresses.insert(event.stream.id().to_owned(), email);
                }
                _ => {}
            }
        }
    }
    let asked = gifts.lock().expect("not poisoned").len();
    assert!(requests <= asked, "{requests} gifts of {asked}");
    let customers = CUSTOMERS.map(|name| sim.load::<Customer>(CustomerId(name.into())));
    let credit: i64 = customers.iter().map(|one| one.state.store_credit().0).sum();
    assert_eq!(credit, given, "store credit");
    assert_eq!(&credited, shipped, "credits of orders");
    let distinct: BTreeSet<_> = addresses.values().collect();
    assert_eq!(
        distinct.len(),
        addresses.len(),
        "one address of two customers"
    );
}

/// The read models add up to what the events say.
fn check_read_models(sim: &Sim, events: &[RecordedEvent]) {
    let (placed, cancelled) = (of::<OrderPlaced>(events), of::<OrderCancelled>(events));
    let kept = placed.iter().filter(|(id, _)| !cancelled.contains_key(*id));
    let (mut orders, mut cents) = (0, 0);
    for (_, order) in kept {
        orders += 1;
        cents += order.total_cents.0;
    }
    for sums in [
        "SELECT count(*), sum(total_cents) FROM order_summaries WHERE status = 'shipped'",
        "SELECT sum(orders), sum(cents) FROM sales_by_month",
        "SELECT sum(orders), sum(spent_cents) FROM customers",
    ] {
        let row = &sim.select(sums, &[])[0];
        let found = [0, 1].map(|column| row.get::<Option<i64>>(column).expect("a number"));
        assert_eq!(
            found.map(Option::unwrap_or_default),
            [orders, cents],
            "{sums}"
        );
    }
    let credit = sim.select("SELECT customer_id, store_credit_cents FROM customers", &[]);
    for row in credit {
        let customer = CustomerId(row.get(0).expect("a text"));
        let stored = sim.load::<Customer>(customer).state.store_credit().0;
        assert_eq!(row.get(1), Ok(stored), "store credit");
    }
}

/// How many CDs were sold, by a read model that counts in memory: what is rolled back counts too.
#[derive(Projection, Clone, Default)]
#[projection("sold_cds", events(OrderPlaced))]
#[projection(schema = "CREATE TABLE {sold_cds} (id BIGINT PRIMARY KEY, cds BIGINT NOT NULL)")]
struct SoldCds(Arc<Mutex<u32>>);

impl Project<OrderPlaced> for SoldCds {
    async fn project(
        &self,
        placed: &Envelope<OrderPlaced>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        let cds = {
            let mut cds = self.0.lock().map_err(|_| HandlerError::new("poisoned"))?;
            *cds += placed.event.cds;
            *cds
        };
        let set = "INSERT INTO {sold_cds} VALUES (1, $1)
                   ON CONFLICT (id) DO UPDATE SET cds = excluded.cds";
        tx.run(set, values![cds]).await?;
        Ok(())
    }
}

/// Whether one of a hundred histories fails.
fn is_found(fault: Fault) -> bool {
    catch_unwind(|| histories(0..100, |sim| shop(sim, fault))).is_err()
}

#[test]
fn ten_thousand_histories_are_right() {
    let all = std::env::var_os("ES_LONG_TESTS").is_some();
    histories(0..if all { 10_000 } else { 200 }, |sim| {
        shop(sim, Fault::None);
    });
}

#[test]
fn each_fault_of_a_shop_is_found_within_a_hundred_seeds() {
    for fault in [
        Fault::CreditWithoutIds,
        Fault::CreditInTwoSteps,
        Fault::ForgetsServices,
        Fault::CountsInMemory,
    ] {
        assert!(is_found(fault));
    }
}
