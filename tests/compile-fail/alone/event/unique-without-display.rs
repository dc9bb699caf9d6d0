use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("customer.registered")]
struct Registered {
    #[unique("customer.number")]
    numbers: Vec<u64>,
}

fn main() {}
