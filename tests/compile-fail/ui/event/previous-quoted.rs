use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2, previous = "v1::OrderPlaced")]
struct OrderPlaced {
    total: u64,
}

fn main() {}
