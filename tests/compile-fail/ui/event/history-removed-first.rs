use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", removed(coupon: String, in = 1))]
struct OrderPlaced {
    customer: String,
}

fn main() {}
