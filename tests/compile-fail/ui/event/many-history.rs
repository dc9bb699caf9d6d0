use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 3)]
#[event(removed(coupon: String, in = 1))]
struct OrderPlaced {
    #[event(since = 2)]
    currency: String,
    #[event(was(name = "total", before = 4))]
    total_cents: i64,
    #[event(was(nam = "x"))]
    other: i64,
}

fn main() {}
