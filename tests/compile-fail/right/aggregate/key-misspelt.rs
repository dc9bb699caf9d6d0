use es_runtime::{Aggregate, Apply, Event, Events, Handle};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Debug, thiserror::Error)]
#[error("no")]
struct Refused;

#[derive(Clone)]
struct PlaceOrder {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = String, error = Refused, events(OrderPlaced))]
struct Order {}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

impl Handle<PlaceOrder> for Order {
    fn handle(&self, _: PlaceOrder) -> Result<Events<Self>, Refused> {
        Ok(OrderPlaced {}.into())
    }
}

fn main() {}
