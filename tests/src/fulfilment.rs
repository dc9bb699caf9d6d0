//! Orders, payments, and the process managers between them: what is paid is shipped, what is not is
//! reminded of and closed.

use crate::clients::client;
use es_runtime::{Aggregate, Apply, Envelope, Event, Events, Handle, WorkQueue};
use es_sagas::{OnRejected, OnTimer, ProcessManager, ReactTo, Reactions, Rejected};
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, time::Duration};

/// An order was placed.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("order.placed")]
pub struct OrderPlaced {
    pub remind_after: Duration,
    pub close_after: Duration,
}

/// The customer was reminded.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("order.reminded")]
pub struct OrderReminded {}

/// It must not be shipped for now.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("order.held")]
pub struct OrderHeld {
    pub held: bool,
}

/// It was shipped.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("order.shipped")]
pub struct OrderShipped {}

/// Nobody paid.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("order.closed")]
pub struct OrderClosed {}

#[derive(Clone)]
pub struct Place {
    pub remind_after: Duration,
    pub close_after: Duration,
}
#[derive(Clone)]
pub struct Hold(pub bool);
#[derive(Clone)]
pub struct Remind;
#[derive(Clone)]
pub struct Ship;
#[derive(Clone)]
pub struct Close;

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum OrderError {
    #[error("the order is on hold")]
    Held,
    #[error("the order is over")]
    Over,
}

#[derive(Aggregate, Clone, Default, Debug)]
#[aggregate(
    "order",
    id = u64,
    error = OrderError,
    events(OrderPlaced, OrderReminded, OrderHeld, OrderShipped, OrderClosed)
)]
pub struct Order {
    pub reminded: u32,
    pub held: bool,
    pub shipped: u32,
    pub closed: u32,
}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

impl Apply<OrderReminded> for Order {
    fn apply(&mut self, _: &OrderReminded) {
        self.reminded += 1;
    }
}

impl Apply<OrderHeld> for Order {
    fn apply(&mut self, event: &OrderHeld) {
        self.held = event.held;
    }
}

impl Apply<OrderShipped> for Order {
    fn apply(&mut self, _: &OrderShipped) {
        self.shipped += 1;
    }
}

impl Apply<OrderClosed> for Order {
    fn apply(&mut self, _: &OrderClosed) {
        self.closed += 1;
    }
}

impl Handle<Place> for Order {
    fn handle(&self, place: Place) -> Result<Events<Self>, OrderError> {
        let Place {
            remind_after,
            close_after,
        } = place;
        Ok(OrderPlaced {
            remind_after,
            close_after,
        }
        .into())
    }
}

impl Handle<Hold> for Order {
    fn handle(&self, Hold(held): Hold) -> Result<Events<Self>, OrderError> {
        Ok(OrderHeld { held }.into())
    }
}

impl Handle<Remind> for Order {
    fn handle(&self, _: Remind) -> Result<Events<Self>, OrderError> {
        Ok(OrderReminded {}.into())
    }
}

// It accepts a second shipment, so that doing it twice is seen.
impl Handle<Ship> for Order {
    fn handle(&self, _: Ship) -> Result<Events<Self>, OrderError> {
        if self.held {
            return Err(OrderError::Held);
        }
        if self.closed > 0 {
            return Err(OrderError::Over);
        }
        Ok(OrderShipped {}.into())
    }
}

impl Handle<Close> for Order {
    fn handle(&self, _: Close) -> Result<Events<Self>, OrderError> {
        Ok(OrderClosed {}.into())
    }
}

/// Money came for an order.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("payment.received")]
pub struct PaymentReceived {
    pub order: u64,
}

/// It is ours.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("payment.booked")]
pub struct PaymentBooked {}

/// It went back.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("payment.refunded")]
pub struct PaymentRefunded {}

#[derive(Clone)]
pub struct Receive {
    pub order: u64,
}
#[derive(Clone)]
pub struct Book;
#[derive(Clone)]
pub struct Refund;

#[derive(Aggregate, Clone, Default, Debug)]
#[aggregate(
    "payment",
    id = u64,
    error = Infallible,
    events(PaymentReceived, PaymentBooked, PaymentRefunded)
)]
pub struct Payment {
    pub booked: u32,
    pub refunded: u32,
}

impl Apply<PaymentReceived> for Payment {
    fn apply(&mut self, _: &PaymentReceived) {}
}

impl Apply<PaymentBooked> for Payment {
    fn apply(&mut self, _: &PaymentBooked) {
        self.booked += 1;
    }
}

impl Apply<PaymentRefunded> for Payment {
    fn apply(&mut self, _: &PaymentRefunded) {
        self.refunded += 1;
    }
}

impl Handle<Receive> for Payment {
    fn handle(&self, Receive { order }: Receive) -> Result<Events<Self>, Infallible> {
        Ok(PaymentReceived { order }.into())
    }
}

impl Handle<Book> for Payment {
    fn handle(&self, _: Book) -> Result<Events<Self>, Infallible> {
        Ok(PaymentBooked {}.into())
    }
}

impl Handle<Refund> for Payment {
    fn handle(&self, _: Refund) -> Result<Events<Self>, Infallible> {
        Ok(PaymentRefunded {}.into())
    }
}

/// The order is known.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("fulfilment.begun")]
pub struct Begun {
    pub order: u64,
    pub close_after: Duration,
}

/// The payment is known.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("fulfilment.paid")]
pub struct Paid {
    pub payment: u64,
}

/// Ships what is paid, whichever comes first; reminds, and closes what is not.
#[derive(Aggregate, ProcessManager, Default, Debug)]
#[aggregate("fulfilment", id = u64, error = Infallible, events(Begun, Paid))]
#[process_manager(reacts(OrderPlaced, PaymentReceived), timers)]
pub struct Fulfilment {
    order: Option<u64>,
    payment: Option<u64>,
    close_after: Duration,
}

impl Apply<Begun> for Fulfilment {
    fn apply(&mut self, event: &Begun) {
        self.order = Some(event.order);
        self.close_after = event.close_after;
    }
}

impl Apply<Paid> for Fulfilment {
    fn apply(&mut self, event: &Paid) {
        self.payment = Some(event.payment);
    }
}

fn number<E>(event: &Envelope<E>) -> Option<u64> {
    event.stream.id().parse().ok()
}

impl Fulfilment {
    /// Two aggregates in one transaction.
    fn through(order: u64, payment: u64) -> Reactions<Self> {
        Reactions::none()
            .command::<Order, _>(&order, Ship)
            .command::<Payment, _>(&payment, Book)
            .end()
    }
}

impl ReactTo<OrderPlaced> for Fulfilment {
    fn correlate(placed: &Envelope<OrderPlaced>) -> Option<u64> {
        number(placed)
    }

    fn react(&self, placed: &Envelope<OrderPlaced>) -> Reactions<Self> {
        let order = number(placed).unwrap_or_default();
        let begun = Begun {
            order,
            close_after: placed.event.close_after,
        };
        match self.payment {
            Some(payment) => Self::through(order, payment).event(begun),
            None => Reactions::none()
                .event(begun)
                .timer("remind", placed.event.remind_after),
        }
    }
}

impl ReactTo<PaymentReceived> for Fulfilment {
    fn correlate(received: &Envelope<PaymentReceived>) -> Option<u64> {
        // Payments of order 0 are for nothing.
        Some(received.event.order).filter(|order| *order > 0)
    }

    fn react(&self, received: &Envelope<PaymentReceived>) -> Reactions<Self> {
        let payment = number(received).unwrap_or_default();
        let paid = Paid { payment };
        match self.order {
            Some(order) => Self::through(order, payment).event(paid),
            None => Reactions::none().event(paid),
        }
    }
}

impl OnTimer for Fulfilment {
    fn timer(&self, name: &str) -> Reactions<Self> {
        let Some(order) = self.order else {
            return Reactions::none();
        };
        match name {
            "remind" => Reactions::none()
                .command::<Order, _>(&order, Remind)
                .timer("close", self.close_after),
            _ => Reactions::none().command::<Order, _>(&order, Close).end(),
        }
    }
}

/// The payment was dealt with.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("cashier.done")]
pub struct CashierDone {
    pub rejected: Option<String>,
}

/// Ships for a payment, or gives it back.
#[derive(Aggregate, ProcessManager, Default, Debug)]
#[aggregate("cashier", id = u64, error = Infallible, events(CashierDone))]
#[process_manager(reacts(PaymentReceived), rejections)]
pub struct Cashier {}

impl Apply<CashierDone> for Cashier {
    fn apply(&mut self, _: &CashierDone) {}
}

impl ReactTo<PaymentReceived> for Cashier {
    fn correlate(received: &Envelope<PaymentReceived>) -> Option<u64> {
        number(received)
    }

    fn react(&self, received: &Envelope<PaymentReceived>) -> Reactions<Self> {
        let payment = number(received).unwrap_or_default();
        Reactions::none()
            .event(CashierDone { rejected: None })
            .command::<Payment, _>(&payment, Book)
            .command::<Order, _>(&received.event.order, Ship)
    }
}

impl OnRejected for Cashier {
    fn rejected(&self, rejected: &Rejected) -> Reactions<Self> {
        let rejected = Some(rejected.reason.clone());
        Reactions::none().event(CashierDone { rejected })
    }
}

/// What a clerk saw.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("clerk.saw")]
pub struct ClerkSaw {
    pub payment: u64,
}

/// Panics where it should not: at order 13 when it reacts, at payment 13 when it replays, and has two
/// commands for one order at payment 14.
#[derive(Aggregate, ProcessManager, Default, Debug)]
#[aggregate("clerk", id = u64, error = Infallible, events(ClerkSaw))]
#[process_manager(reacts(PaymentReceived))]
pub struct Clerk {}

impl Apply<ClerkSaw> for Clerk {
    fn apply(&mut self, event: &ClerkSaw) {
        assert!(event.payment != 13, "unlucky");
    }
}

impl ReactTo<PaymentReceived> for Clerk {
    fn correlate(received: &Envelope<PaymentReceived>) -> Option<u64> {
        Some(received.event.order)
    }

    fn react(&self, received: &Envelope<PaymentReceived>) -> Reactions<Self> {
        assert!(received.event.order != 13, "unlucky");
        let payment = number(received).unwrap_or_default();
        let saw = Reactions::none().event(ClerkSaw { payment });
        if payment == 14 {
            let order = &received.event.order;
            return saw
                .command::<Order, _>(order, Ship)
                .command::<Order, _>(order, Remind);
        }
        saw
    }
}

/// Places an order.
pub async fn place(store: &impl WorkQueue, order: u64, remind: Duration, close: Duration) {
    let place = Place {
        remind_after: remind,
        close_after: close,
    };
    let orders = client::<Order, _>(store).await;
    orders.execute(order, place).await.expect("placed");
}

/// Pays for an order.
pub async fn pay(store: &impl WorkQueue, payment: u64, order: u64) {
    let payments = client::<Payment, _>(store).await;
    let receive = Receive { order };
    payments.execute(payment, receive).await.expect("received");
}

/// Holds an order back, or not.
pub async fn hold(store: &impl WorkQueue, order: u64, held: bool) {
    let orders = client::<Order, _>(store).await;
    orders.execute(order, Hold(held)).await.expect("held");
}

/// The order.
pub async fn order(store: &impl WorkQueue, order: u64) -> Order {
    let orders = client::<Order, _>(store).await;
    orders.load(&order).await.expect("loads").state
}

/// The payment.
pub async fn payment(store: &impl WorkQueue, payment: u64) -> Payment {
    let payments = client::<Payment, _>(store).await;
    payments.load(&payment).await.expect("loads").state
}
