use es_runtime::{Aggregate, Event};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed_and_paid")]
struct PlacedAndPaid {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u32, error = Infallible, events(ignore(OrderPlaced)))]
#[aggregate(split(PlacedAndPaid, with = split_paid))]
struct Order;

fn split_paid(_: PlacedAndPaid) -> [u8; 1] {
    [1]
}

fn main() {}
