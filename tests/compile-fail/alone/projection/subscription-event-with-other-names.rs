use es_projections::{Delivery, HandlerError, React, Subscription};
use es_runtime::{Aggregate, Envelope, Event};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Event, Serialize, Deserialize)]
#[event("order.shipped")]
struct OrderShipped {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = String, error = std::convert::Infallible)]
#[aggregate(events(ignore(OrderPlaced), ignore(OrderShipped)))]
#[aggregate(split(Legacy, with = split))]
struct Order {}


#[derive(Event, Serialize, Deserialize)]
#[event("order.placed-and-shipped")]
struct Legacy {}

fn split(_: Legacy) -> [OrderEvent; 2] {
    [OrderPlaced {}.into(), OrderShipped {}.into()]
}

#[derive(Subscription)]
#[subscription("orders", events(OrderShipped))]
struct Orders;

impl React<OrderShipped> for Orders {
    async fn react(&self, _: &Envelope<OrderShipped>, _: &Delivery) -> Result<(), HandlerError> {
        Ok(())
    }
}

fn main() {}
