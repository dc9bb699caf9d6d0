use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("customer.registered")]
#[unique("customer.email")]
struct Registered {
    email: String,
}

fn main() {}
