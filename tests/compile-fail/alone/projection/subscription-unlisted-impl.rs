#![allow(unused_imports)]

use es_projections::{Delivery, HandlerError, React, Subscription};
use es_runtime::{Envelope, Event};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Event, Serialize, Deserialize)]
#[event("order.shipped")]
struct OrderShipped {}

#[derive(Subscription)]
#[subscription("mailer", events(OrderPlaced))]
struct Mailer;

impl React<OrderPlaced> for Mailer {
    async fn react(&self, _: &Envelope<OrderPlaced>, _: &Delivery) -> Result<(), HandlerError> {
        Ok(())
    }
}

impl React<OrderShipped> for Mailer {
    async fn react(&self, _: &Envelope<OrderShipped>, _: &Delivery) -> Result<(), HandlerError> {
        Ok(())
    }
}

fn main() {}
