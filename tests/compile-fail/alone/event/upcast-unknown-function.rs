use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2, upcast(1 => up))]
struct OrderPlaced {
    #[event(was(type = u32, before = 2))]
    total: u64,
}

fn main() {}
