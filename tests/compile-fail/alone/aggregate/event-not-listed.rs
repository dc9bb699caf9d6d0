use es_runtime::{Aggregate, Apply, Event, Events, Handle, events};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Event, Serialize, Deserialize)]
#[event("order.shipped")]
struct OrderShipped {}

#[derive(Clone)]
struct PlaceOrder {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = String, error = Infallible, events(OrderPlaced))]
struct Order {}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

impl Handle<PlaceOrder> for Order {
    fn handle(&self, _: PlaceOrder) -> Result<Events<Self>, Infallible> {
        Ok(events![OrderPlaced {}, OrderShipped {}])
    }
}

fn main() {}
