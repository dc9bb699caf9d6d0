use es_runtime::{Aggregate, Apply, Event};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Aggregate, Default, Serialize, Deserialize)]
#[aggregate("order", id = String, error = Infallible, events(OrderPlaced), snapshot(every = 100))]
struct Order {
    total: u64,
}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

fn main() {}
