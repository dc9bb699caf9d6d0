use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2)]
struct OrderPlaced {
    #[event(was(type = f64, with = cents, before = 2))]
    total_cents: i64,
}

fn cents(old: f32) -> i64 {
    (old * 100.0) as i64
}

fn main() {}
