use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 3, write = 2)]
struct OrderPlaced {
    customer: String,
    #[event(since = 2, default = "USD")]
    currency: String,
    #[event(since = 3, default = 1)]
    lines: u32,
}

fn main() {}
