mod lines {
    use es_runtime::Shape;
    use serde::{Deserialize, Serialize};

    #[derive(Shape, Serialize, Deserialize)]
    pub struct Line {
        pub sku: String,
        pub qty: u32,
    }
}

use es_runtime::{Aggregate, Event};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2)]
pub struct OrderPlaced {
    lines: Vec<lines::Line>,
    #[event(since = 2)]
    note: Option<String>,
}

#[derive(Aggregate, Default)]
#[aggregate("order", id = String, error = Infallible, events(ignore(OrderPlaced)))]
pub struct Order {}

es_schema_lock::assert_schema_lock!(Order, "alone/lock/order.lock");

fn main() {}
