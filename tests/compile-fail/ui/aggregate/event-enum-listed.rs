use es_runtime::{Aggregate, Apply, Event};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

#[derive(Event, Serialize, Deserialize)]
enum OrderEvent {
    #[event("order.placed")]
    Placed { customer: String },
}

#[derive(Aggregate, Default)]
#[aggregate("order", id = String, error = Infallible, events(OrderEvent))]
struct Order {}

impl Apply<OrderEvent> for Order {
    fn apply(&mut self, _: &OrderEvent) {}
}

fn main() {}
