use es_runtime::{Aggregate, Apply, Event};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Event, Serialize, Deserialize)]
#[event("order.shipped")]
struct OrderShipped {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = String, error = Infallible, events = OrderFact)]
struct Order {}

enum OrderFact {
    Placed,
}

impl Apply<OrderFact> for Order {
    fn apply(&mut self, _: &OrderFact) {}
}

fn main() {}
