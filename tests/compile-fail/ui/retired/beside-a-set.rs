use es_runtime::{Aggregate, Event, Apply};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

#[derive(Event, Serialize, Deserialize)]
enum OrderEvent {
    #[event("order.placed")]
    Placed,
}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u32, error = Infallible, events = OrderEvent)]
#[aggregate(drop("order.blinked"))]
struct Order;

impl Apply<OrderEvent> for Order {
    fn apply(&mut self, _: &OrderEvent) {}
}

fn main() {}
