use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 4)]
#[event(removed(coupon: String, in = 2))]
struct OrderPlaced {
    customer: String,
    #[event(since = 3)]
    note: Option<String>,
}

fn main() {}
