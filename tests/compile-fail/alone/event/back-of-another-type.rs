use es_runtime::Event;
use serde::{Deserialize, Serialize};

fn cents(dollars: f64) -> i64 {
    dollars as i64 * 100
}

fn dollars(cents: i64) -> f64 {
    cents as f64 / 100.0
}

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2, write = 1)]
struct OrderPlaced {
    #[event(was(type = f64, with = cents, back = dollars, before = 2))]
    total: i64,
}

fn main() {}
