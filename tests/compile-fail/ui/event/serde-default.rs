use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize, Default)]
#[event("order.placed")]
#[serde(default)]
struct OrderPlaced {
    customer: String,
}

fn main() {}
