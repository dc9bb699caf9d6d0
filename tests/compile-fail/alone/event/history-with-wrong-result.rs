use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2)]
struct OrderPlaced {
    #[event(was(type = f64, with = cents, before = 2))]
    total_cents: i64,
}

fn cents(old: f64) -> i32 {
    (old * 100.0) as i32
}

fn main() {}
