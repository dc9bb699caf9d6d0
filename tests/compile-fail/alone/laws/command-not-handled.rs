use es_runtime::{Aggregate, Event, Shape};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Deserialize, Shape, Clone, Debug)]
struct PlaceOrder {}

#[derive(Aggregate, Default, Clone, Debug, PartialEq)]
#[aggregate("order", id = String, error = Infallible, events(ignore(OrderPlaced)))]
struct Order {}

es_testkit::laws!(Order, commands(PlaceOrder));

fn main() {}
