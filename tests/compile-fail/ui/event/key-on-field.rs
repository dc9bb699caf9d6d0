use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {
    #[event(version = 2)]
    customer: String,
}

fn main() {}
