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
#[aggregate("order", id = String, error = Infallible, events(OrderPlaced, legacy::OrderAccepted))]
struct Order {}

mod legacy {
    #[derive(es_runtime::Event, serde::Serialize, serde::Deserialize)]
    #[event("order.placed")]
    pub struct OrderAccepted {}
}

impl Apply<legacy::OrderAccepted> for Order {
    fn apply(&mut self, _: &legacy::OrderAccepted) {}
}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

fn main() {}
