use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("customer.registered", version = 2)]
struct Registered {
    #[event(was(type = char, before = 2))]
    #[unique("customer.email")]
    email: String,
}

fn main() {}
