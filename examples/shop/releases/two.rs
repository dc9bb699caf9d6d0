//! The second release of the shop, kept so that its events can be made again: prices have a currency.
//!
//! `cargo run --example shop-release-2 -- SHOP.db` sells the second hundred purchases of the sample.

#![allow(
    missing_docs,
    unreachable_pub,
    reason = "what is public in a module is public to the program"
)]

mod selling;

use es_runtime::{Aggregate, Event, Events, Handle};
use selling::{OrderPaid, OrderShipped, Sell, Step, sell};
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, error::Error};

/// A customer placed an order.
#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2)]
pub struct OrderPlaced {
    pub customer: String,
    pub placed_on: String,
    pub cds: u32,
    #[event(since = 2, default = "USD")]
    pub currency: String,
    pub total: f64,
}

#[derive(Aggregate, Default)]
#[aggregate("order", id = String, error = Infallible)]
#[aggregate(events(ignore(OrderPlaced, OrderPaid, OrderShipped)))]
pub struct Order {}

impl Handle<Sell> for Order {
    fn handle(&self, command: Sell) -> Result<Events<Self>, Infallible> {
        Ok(match command.step {
            Step::Place => OrderPlaced {
                customer: command.customer,
                placed_on: command.day,
                cds: command.cds,
                currency: "USD".to_owned(),
                total: command.dollars,
            }
            .into(),
            Step::Pay => command.paid().into(),
            Step::Ship => command.shipped().into(),
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    sell::<Order>(100..200).await
}
