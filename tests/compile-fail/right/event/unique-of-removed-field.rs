use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("customer.registered", version = 2, removed(email: String, in = 2))]
struct Registered {
    name: String,
}

fn main() {}
