use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Lines<T>(Vec<T>);

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2)]
struct OrderPlaced {
    #[event(was(type = Lines<u32>, with = texts, before = 2))]
    lines: Lines<String>,
}

fn texts(old: Lines<u32>) -> Lines<String> {
    Lines(old.0.iter().map(u32::to_string).collect())
}

fn main() {}
