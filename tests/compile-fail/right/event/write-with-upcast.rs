use es_runtime::Event;
use serde::{Deserialize, Serialize};

fn up(old: OrderPlacedV1) -> OrderPlaced {
    OrderPlaced {
        customer: old.customer,
    }
}

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2, upcast(1 => up))]
struct OrderPlaced {
    customer: String,
}

fn main() {}
