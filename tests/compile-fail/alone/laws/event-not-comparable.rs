use es_runtime::{Aggregate, Event, Events, Handle, Shape};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

#[derive(Event, Serialize, Deserialize, Debug)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Deserialize, Shape, Clone, Debug)]
struct PlaceOrder {}

#[derive(Aggregate, Default, Clone, Debug, PartialEq)]
#[aggregate("order", id = String, error = Infallible, events(ignore(OrderPlaced)))]
struct Order {}

impl Handle<PlaceOrder> for Order {
    fn handle(&self, _: PlaceOrder) -> Result<Events<Self>, Infallible> {
        Ok(OrderPlaced {}.into())
    }
}

es_testkit::laws!(Order, commands(PlaceOrder));

fn main() {}
