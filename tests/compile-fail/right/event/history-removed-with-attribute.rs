use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2, removed(coupon: String, in = 2))]
struct OrderPlaced {
    customer: String,
}

fn main() {}
