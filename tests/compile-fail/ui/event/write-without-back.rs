use es_runtime::Event;
use serde::{Deserialize, Serialize};

fn cents(dollars: f64) -> i64 {
    dollars as i64 * 100
}

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2, write = 1)]
struct OrderPlaced {
    #[event(was(type = f64, with = cents, before = 2))]
    total: i64,
}

fn main() {}
