use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2)]
struct OrderPlaced {
    #[event(was(name = "total", type = u32, with = doubled, before = 2))]
    doubled: u32,
}

fn doubled(total: u32) -> u32 {
    2 * total
}

fn main() {}
