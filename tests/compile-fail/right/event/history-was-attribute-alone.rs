use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2)]
struct OrderPlaced {
    #[event(was(name = "client", before = 2))]
    customer: String,
}

fn main() {}
