use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("customer.registered", version = 2)]
struct Registered {
    #[event(was(#[unique("customer.email")] type = char, before = 2))]
    email: String,
}

fn main() {}
