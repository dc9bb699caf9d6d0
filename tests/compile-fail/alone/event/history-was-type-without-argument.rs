use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Lines<T>(Vec<T>);

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2)]
struct OrderPlaced {
    #[event(was(type = Lines, before = 2))]
    lines: Lines<String>,
}

fn main() {}
