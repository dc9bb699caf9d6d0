use es_runtime::Event;
use serde::{Deserialize, Serialize};

fn joined(numbers: &[u64]) -> String {
    format!("{numbers:?}")
}

#[derive(Event, Serialize, Deserialize)]
#[event("customer.registered")]
struct Registered {
    #[unique("customer.number", form = joined)]
    numbers: Vec<u64>,
}

fn main() {}
