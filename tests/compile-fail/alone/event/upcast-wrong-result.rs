use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 3, upcast(1 => up))]
struct OrderPlaced {
    #[event(was(type = u32, before = 2))]
    #[event(was(name = "sum", before = 3))]
    total: u64,
}

fn up(old: OrderPlacedV1) -> OrderPlaced {
    OrderPlaced { total: old.sum.into() }
}

fn main() {}
