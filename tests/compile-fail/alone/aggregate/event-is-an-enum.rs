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
#[aggregate("order", id = String, error = Infallible, events(OrderPlaced, ReturnEvent))]
struct Order {}

#[derive(Event, Serialize, Deserialize)]
enum ReturnEvent {
    #[event("return.requested")]
    Requested,
}

impl Apply<ReturnEvent> for Order {
    fn apply(&mut self, _: &ReturnEvent) {}
}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

fn main() {}
