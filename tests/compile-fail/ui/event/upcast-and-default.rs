use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2, upcast(1 => up))]
struct OrderPlaced {
    total: u64,
    #[event(since = 2, default = 1)]
    count: u64,
}

fn main() {}
