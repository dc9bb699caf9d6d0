use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2)]
struct OrderPlaced {
    customer: String,
    #[event(since = 2, default = 7)]
    currency: String,
}

fn main() {}
