use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2)]
struct OrderPlaced {
    customer: String,
    #[event(was(name = "client", before = 2))]
    buyer: String,
}

fn main() {}
