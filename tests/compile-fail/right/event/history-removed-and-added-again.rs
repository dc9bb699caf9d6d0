use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2)]
#[event(removed(total: u32, in = 2))]
struct OrderPlaced {
    #[event(since = 2, default = 0)]
    sum: u32,
}

fn main() {}
