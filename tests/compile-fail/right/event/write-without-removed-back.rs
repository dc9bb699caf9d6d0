use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2, write = 1)]
#[event(removed(coupon: String, in = 2, back = ""))]
struct OrderPlaced {
    customer: String,
}

fn main() {}
