use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2)]
struct OrderPlaced {
    #[event(was(type = u16, before = 2))]
    total: u32,
}

fn main() {}
