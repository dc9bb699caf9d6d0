use es_runtime::{Aggregate, Event};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

#[derive(Serialize, Deserialize)]
struct Currency(String);

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {
    total: u64,
    currency: Currency,
}

#[derive(Event, Serialize, Deserialize)]
#[event("order.shipped")]
struct OrderShipped {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = String, error = Infallible, events(ignore(OrderPlaced, OrderShipped)))]
struct Order {}

es_schema_lock::assert_schema_lock!(Order, "alone/lock/open.lock");

fn main() {}
