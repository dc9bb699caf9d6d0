use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2)]
struct OrderPlaced {
    #[event(was(type = f64, with = |old| (old * 100.0) as i64, before = 2))]
    total_cents: i64,
}

fn main() {}
