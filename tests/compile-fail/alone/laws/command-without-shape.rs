use es_runtime::{Aggregate, Event, Events, Handle};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Deserialize, Clone, Debug)]
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
