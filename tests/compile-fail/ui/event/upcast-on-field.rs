use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {
    #[event(upcast(1 => up))]
    total: u64,
}

fn main() {}
