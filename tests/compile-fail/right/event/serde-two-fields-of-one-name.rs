use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {
    #[serde(rename = "sum")]
    sum: u32,
    total: u32,
}

fn main() {}
