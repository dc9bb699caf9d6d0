use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2, try_upcast(1 => up))]
struct OrderPlaced {
    #[event(was(type = u32, before = 2))]
    total: u64,
}

fn up(old: OrderPlacedV1) -> Result<OrderPlaced, String> {
    Ok(OrderPlaced { total: old.total.into() })
}

fn main() {}
