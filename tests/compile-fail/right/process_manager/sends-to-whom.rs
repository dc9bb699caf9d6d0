use es_runtime::{Aggregate, Apply, Envelope, Event, Events, Handle};
use es_sagas::{ProcessManager, ReactTo, Reactions};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
pub struct OrderPlaced {}

#[derive(Clone)]
pub struct CancelOrder;

#[derive(Clone)]
pub struct ShipOrder;

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, error = Infallible, events(ignore(OrderPlaced)))]
pub struct Order {}

impl Handle<CancelOrder> for Order {
    fn handle(&self, _: CancelOrder) -> Result<Events<Self>, Infallible> {
        Ok(Events::none())
    }
}

impl Handle<ShipOrder> for Order {
    fn handle(&self, _: ShipOrder) -> Result<Events<Self>, Infallible> {
        Ok(Events::none())
    }
}

#[derive(Event, Serialize, Deserialize)]
#[event("fulfilment.begun")]
pub struct Begun {}

#[derive(Aggregate, ProcessManager, Default)]
#[aggregate("fulfilment", id = u64, error = Infallible, events(Begun))]
#[process_manager(reacts(OrderPlaced), sends(Order::{CancelOrder, ShipOrder}))]
pub struct Fulfilment {}

impl Apply<Begun> for Fulfilment {
    fn apply(&mut self, _: &Begun) {}
}

impl ReactTo<OrderPlaced> for Fulfilment {
    fn correlate(_: &Envelope<OrderPlaced>) -> Option<u64> {
        Some(1)
    }

    fn react(&self, _: &Envelope<OrderPlaced>) -> Reactions<Self> {
        Reactions::none()
    }
}

fn main() {}
