use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 3)]
struct OrderPlaced {
    #[event(since = 4)]
    note: Option<String>,
}

fn main() {}
