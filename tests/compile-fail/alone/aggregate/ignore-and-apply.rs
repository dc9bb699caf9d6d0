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
#[aggregate("order", id = String, error = Infallible, events(OrderPlaced, ignore(OrderShipped)))]
struct Order {}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

impl Apply<OrderShipped> for Order {
    fn apply(&mut self, _: &OrderShipped) {}
}

fn main() {}
