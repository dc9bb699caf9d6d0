use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 3, removed(coupon: String, since = 2, default = "", in = 3))]
struct OrderPlaced {
    customer: String,
}

fn main() {}
