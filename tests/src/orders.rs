//! Orders and the saga that fulfils them: charge, reserve, schedule, then confirm; or all of it back.

use crate::clients::client;
use es_runtime::{Aggregate, Apply, Event, Events, Handle, Metadata, WorkQueue};
use es_sagas::{AggregateCommand, Cx, Definition, Effect, Fail, Key, Saga, Start, StepRetry};
use serde::{Deserialize, Serialize};
use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

/// An order was placed.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("order.placed")]
pub struct OrderPlaced {
    pub cents: u64,
}

/// The customer does not want it any more.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("order.cancelled")]
pub struct OrderCancelled {}

/// Everything was done for it.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("order.confirmed")]
pub struct OrderConfirmed {
    pub shipment: String,
}

/// Everything was taken back.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("order.rejected")]
pub struct OrderRejected {
    pub reason: String,
}

/// What confirms this order where everything outside is [`Calm`].
pub fn confirmed(order: &str) -> OrderConfirmed {
    OrderConfirmed {
        shipment: format!("shipping-{order} from inventory-{order}"),
    }
}

pub fn rejected(reason: &str) -> OrderRejected {
    OrderRejected {
        reason: reason.to_owned(),
    }
}

#[derive(Clone)]
pub struct Place {
    pub cents: u64,
}

#[derive(Clone)]
pub struct Cancel;

#[derive(Clone)]
pub struct Confirm {
    pub shipment: String,
}

#[derive(Clone)]
pub struct Reject {
    pub reason: String,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum OrderError {
    #[error("the order was placed before")]
    Placed,
    #[error("the order is settled")]
    Settled,
}

#[derive(Aggregate, Clone, Default, Debug)]
#[aggregate("order", id = String, error = OrderError)]
#[aggregate(events(OrderPlaced, ignore(OrderCancelled), OrderConfirmed, OrderRejected))]
pub struct Order {
    pub placed: bool,
    pub settled: Option<bool>,
}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {
        self.placed = true;
    }
}

impl Apply<OrderConfirmed> for Order {
    fn apply(&mut self, _: &OrderConfirmed) {
        self.settled = Some(true);
    }
}

impl Apply<OrderRejected> for Order {
    fn apply(&mut self, _: &OrderRejected) {
        self.settled = Some(false);
    }
}

impl Order {
    fn open(&self) -> Result<(), OrderError> {
        match self.settled {
            None => Ok(()),
            Some(_) => Err(OrderError::Settled),
        }
    }
}

impl Handle<Place> for Order {
    fn handle(&self, command: Place) -> Result<Events<Self>, OrderError> {
        if self.placed {
            return Err(OrderError::Placed);
        }
        Ok(OrderPlaced {
            cents: command.cents,
        }
        .into())
    }
}

impl Handle<Cancel> for Order {
    fn handle(&self, _: Cancel) -> Result<Events<Self>, OrderError> {
        self.open()?;
        Ok(OrderCancelled {}.into())
    }
}

impl Handle<Confirm> for Order {
    fn handle(&self, command: Confirm) -> Result<Events<Self>, OrderError> {
        self.open()?;
        Ok(OrderConfirmed {
            shipment: command.shipment,
        }
        .into())
    }
}

impl Handle<Reject> for Order {
    fn handle(&self, command: Reject) -> Result<Events<Self>, OrderError> {
        self.open()?;
        Ok(OrderRejected {
            reason: command.reason,
        }
        .into())
    }
}

/// Places an order.
pub async fn place<S: WorkQueue>(store: &S, id: &str, cents: u64) {
    let orders = client::<Order, _>(store).await;
    orders
        .execute(id.to_owned(), Place { cents })
        .metadata(Metadata::new().with_user("customer"))
        .await
        .expect("placed");
}

/// Cancels an order; `false` when it was settled before.
pub async fn cancel<S: WorkQueue>(store: &S, id: &str) -> bool {
    let orders = client::<Order, _>(store).await;
    orders.execute(id.to_owned(), Cancel).await.is_ok()
}

pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, Fail>> + Send>>;

/// The services outside.
pub trait Outside: Send + Sync {
    /// Does something once for each key; gives its reference.
    fn act(&self, service: &'static str, order: &str, key: Key, cents: u64) -> Answer<String>;
    /// Takes back what was done, or will be, under `did`.
    fn undo(&self, service: &'static str, order: &str, key: Key, did: Key) -> Answer<()>;
}

/// Services that always work and remember nothing.
pub struct Calm;

impl Outside for Calm {
    fn act(&self, service: &'static str, order: &str, _: Key, _: u64) -> Answer<String> {
        let reference = format!("{service}-{order}");
        Box::pin(async move { Ok(reference) })
    }

    fn undo(&self, _: &'static str, _: &str, _: Key, _: Key) -> Answer<()> {
        Box::pin(async { Ok(()) })
    }
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Charge {
    pub receipt: String,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Reservation {
    pub shelf: String,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Shipment {
    pub tracking: String,
}

/// What one saga is about.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct OrderSaga {
    pub order: String,
    pub cents: u64,
}

impl OrderSaga {
    pub fn start(order: &str) -> Start<Self> {
        let saga = Self {
            order: order.to_owned(),
            cents: 2_973,
        };
        Start::new(order, saga)
    }
}

impl Saga for OrderSaga {
    const NAME: &'static str = "order";
    type Deps = Arc<dyn Outside>;

    fn definition() -> Definition<Self> {
        let mut saga = Definition::new();
        saga.starts_on::<OrderPlaced>(|placed| {
            let order = placed.stream.id().to_owned();
            let cents = placed.event.cents;
            Some(Start::new(placed.stream.id(), Self { order, cents }))
        });
        saga.cancels_on::<OrderCancelled>(|cancelled| Some(cancelled.stream.id().to_owned()));
        saga.retry(StepRetry::times(3).first(Duration::from_millis(20)));
        saga.undo_retry(StepRetry::times(4).first(Duration::from_millis(20)));
        saga.deadline(Duration::from_secs(2 * 3600));
        saga.step("charge", |cx: Cx<Self>| async move {
            let order = &cx.saga().order;
            let receipt = cx.deps().act("payment", order, cx.key(), cx.saga().cents);
            let receipt = receipt.await?;
            Ok(Charge { receipt })
        })
        .undo(|cx, charge: Effect<Charge>| async move {
            let order = &cx.saga().order;
            cx.deps()
                .undo("payment", order, cx.key(), charge.key())
                .await
        });
        let reserve = saga
            .step("reserve", |cx: Cx<Self>| async move {
                let order = &cx.saga().order;
                let shelf = cx.deps().act("inventory", order, cx.key(), 0).await?;
                Ok(Reservation { shelf })
            })
            .undo(|cx, reserved: Effect<Reservation>| async move {
                let order = &cx.saga().order;
                cx.deps()
                    .undo("inventory", order, cx.key(), reserved.key())
                    .await
            });
        let schedule = saga
            .step("schedule", move |cx: Cx<Self>| async move {
                let Reservation { shelf } = cx.output(reserve)?;
                let order = &cx.saga().order;
                let tracking = cx.deps().act("shipping", order, cx.key(), 0).await?;
                Ok(Shipment {
                    tracking: format!("{tracking} from {shelf}"),
                })
            })
            .needs(reserve)
            .undo(|cx, shipment: Effect<Shipment>| async move {
                let order = &cx.saga().order;
                cx.deps()
                    .undo("shipping", order, cx.key(), shipment.key())
                    .await
            });
        saga.on_completed(move |cx| {
            let shipment = cx.output(schedule)?.tracking;
            Ok(AggregateCommand::new::<Order, _>(
                &cx.saga().order,
                Confirm { shipment },
            ))
        });
        saga.on_compensated(|cx, why| {
            let reason = why.message.clone();
            Ok(AggregateCommand::new::<Order, _>(
                &cx.saga().order,
                Reject { reason },
            ))
        });
        saga
    }
}
